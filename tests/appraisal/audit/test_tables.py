"""The search for whole patients, against every combination tried one by one."""

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from bayesmeta.appraisal.audit import possible_tables, read_printed, tables_of
from bayesmeta.appraisal.audit.region import on_scale
from bayesmeta.errors import InputError
from bayesmeta.evidence.effects import effect_of_counts
from bayesmeta.evidence.table import table_of_columns
from tests.appraisal.audit.true_tables import pooled_counts

REFERENCES = Path(__file__).parents[2] / "references"


def printed(measure, estimate, low, high, **cells):
    columns = {"outcome": "x", "measure": measure, "estimate": estimate, "ci_low": low}
    columns |= {"ci_high": high, **cells}
    return read_printed(table_of_columns({n: [c] for n, c in columns.items()}, "t.csv"))[0]


def one_by_one(row, trials):
    """Return what fits of all combinations, by pools that know nothing of the search."""
    found = []
    for combination in product(*trials):
        pool = pooled_counts(combination, row.measure.name, row.model)
        if pool is None:
            continue
        pairs = [(pool.estimate, row.estimate), (pool.ci_low, row.ci_low)]
        pairs += [(pool.ci_high, row.ci_high)]
        inside = [on_scale(cell.range, row.measure) for _, cell in pairs]
        inside = [
            r.low - 1e-9 <= x <= r.high + 1e-9 for (x, _), r in zip(pairs, inside, strict=True)
        ]
        for x, cell in ((pool.p, row.p), (pool.p_heterogeneity, row.p_heterogeneity)):
            if cell is not None:
                inside.append(
                    x is not None and cell.range.low - 1e-9 <= x <= cell.range.high + 1e-9
                )
        if all(inside):
            found.append(np.array(combination).tolist())
    return sorted(found)


@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
@pytest.mark.parametrize("model", ["fixed", "random"])
@pytest.mark.parametrize("digits", [1, 2])
def test_two_trials_one_by_one(measure, model, digits):
    rng = np.random.default_rng(3)
    trials = [tables_of(4, 3), tables_of(3, 5)]
    for _ in range(3):
        while True:
            truth = [trial[rng.integers(len(trial))] for trial in trials]
            pool = pooled_counts(truth, measure, model)
            if pool is not None and pool.p_heterogeneity is not None:
                break
        numbers = np.array([pool.estimate, pool.ci_low, pool.ci_high])
        numbers = numbers if measure == "RD" else np.exp(numbers)
        cells = [f"{x:.{digits}f}" for x in numbers]
        row = printed(
            measure,
            *cells,
            model=model,
            p=f"{pool.p:.2f}",
            p_heterogeneity=f"{pool.p_heterogeneity:.2f}",
        )
        found = possible_tables(row, trials)
        assert found.tolist() == one_by_one(row, trials)
        assert np.array(truth).tolist() in found.tolist()


@pytest.mark.parametrize(
    ("trials", "truth"),
    [
        ([tables_of((2, 5), (3, 4))], [[1, 4, 2, 3]]),
        (
            [tables_of(2, 2), tables_of(3, 1), tables_of(1, 2)],
            [[1, 2, 1, 2], [2, 3, 0, 1], [1, 1, 1, 2]],
        ),
    ],
)
def test_bounded_arms_and_three_trials_one_by_one(trials, truth):
    pool = pooled_counts(truth)
    limits = np.exp([pool.estimate, pool.ci_low, pool.ci_high])
    row = printed("OR", *(f"{x:.2f}" for x in limits), model="fixed", p=f"{pool.p:.1f}")
    found = possible_tables(row, trials).tolist()
    assert found == one_by_one(row, trials)
    assert truth in found


@pytest.mark.parametrize(("n1", "n2"), [(5, 3), (8, 12)])
def test_everybody_has_an_event(n1, n2):
    """RevMan's risk ratio is then exactly 1, whatever the corrected cells of a pool say."""
    truth = [[n1, n1, n2, n2]]
    pool = pooled_counts(truth, "RR", "random")
    limits = np.exp([pool.estimate, pool.ci_low, pool.ci_high])
    row = printed("RR", *(f"{x:.2f}" for x in limits), model="random")
    assert truth in possible_tables(row, [tables_of(n1, n2)]).tolist()


def test_chunks_make_no_difference(monkeypatch):
    row = printed("OR", "0.8", "0.3", "2.3", model="fixed")
    trials = [tables_of(12, 10), tables_of(8, 11)]
    whole = possible_tables(row, trials)
    monkeypatch.setattr("bayesmeta.appraisal.audit.tables._CHUNK", 100)
    np.testing.assert_array_equal(possible_tables(row, trials), whole)
    assert len(whole) > 10


def test_adverse_events_of_the_review():
    """Zhou 2020: over all pairs of arm sizes two tables give OR 0.26 (0.07, 0.89), P 0.03, 0.66."""
    row = printed("OR", "0.26", "0.07", "0.89", model="fixed", p="0.03", p_heterogeneity="0.66")
    sizes = {"Deng": (12, 6), "Tang": (8, 4), "Yang": (20, 20), "Zeng": (7, 8)}
    found = {
        (a, b): events
        for a, b in product(sizes, sizes)
        if a < b
        for events in [possible_tables(row, [tables_of(*sizes[a]), tables_of(*sizes[b])])]
        if len(events)
    }
    assert list(found) == [("Deng", "Yang")]
    events = found["Deng", "Yang"][..., [0, 2]]
    assert events.tolist() == [[[2, 2], [3, 9]], [[2, 2], [11, 17]]]
    known = np.array([[2, 12, 2, 6]])
    assert possible_tables(row, [known, tables_of(20, 20)])[:, 1, [0, 2]].tolist() == [
        [3, 9],
        [11, 17],
    ]


def test_no_table_of_28_and_28_patients_has_a_risk_difference_of_0_19():
    """Brown and Heathers (2017), Soc Psychol Personal Sci 8:363: 0.19 is no multiple of 1/28.

    Their example is a mean of 5.19 in 28 people who each scored a whole number; the difference of
    two proportions of 28 is as granular: 5/28 prints as 0.18, 6/28 as 0.21.
    """
    for estimate, differences in (("0.18", {5}), ("0.19", set()), ("0.20", set()), ("0.21", {6})):
        row = printed("RD", estimate, "0", "0")  # limits of which 0 leaves nearly all possible
        found = possible_tables(row, [tables_of(28, 28)])
        assert set((found[:, 0, 0] - found[:, 0, 2]).tolist()) == differences


def test_every_trial_of_bcg_is_among_the_tables_that_print_as_it_does():
    """Colditz et al. (1994), JAMA 271:698: risk ratios of tuberculosis after BCG."""
    with (REFERENCES / "bcg_vaccine.csv").open() as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    names = ("events_treatment", "n_treatment", "events_control", "n_control")
    checked = 0
    for row in rows:
        counts = [int(float(row[name])) for name in names]
        if (counts[1] + 1) * (counts[3] + 1) > 1_000_000:
            continue
        y, se = effect_of_counts([counts], "RR", "revman5")
        limits = np.exp([y[0], y[0] - 1.959964 * se[0], y[0] + 1.959964 * se[0]])
        cells = [f"{x:.2f}" for x in limits]
        found = possible_tables(printed("RR", *cells), [tables_of(counts[1], counts[3])])
        assert counts in found[:, 0].tolist()
        checked += 1
    assert checked == 3


def test_too_large_a_search_is_refused_in_one_line():
    row = printed("OR", "0.8", "0.3", "2.3", model="fixed")
    with pytest.raises(InputError, match="fewer trials, smaller arms or known tables"):
        possible_tables(row, [tables_of(60, 60)] * 4)
    with pytest.raises(InputError, match="4e\\+06 tables of one trial"):
        tables_of(1999, 1999)
    with pytest.raises(InputError, match="1 or more"):
        tables_of(0, 4)
