"""A review: RevMan's stored numbers recomputed, posteriors as `fit` gives them, nothing lost."""

import json
import math

import pytest

import bayesmeta as bm
from bayesmeta.appraisal.reanalysis.record import COLUMNS, flat
from bayesmeta.evidence import import_review
from tests.evidence.revman import make

# As RevMan 5 stored it, in the Fleiss1993.rm5 of the R package meta.
ASPIRIN = {"estimate": 0.8968655609130709, "ci_low": 0.8405144008917793} | {
    "ci_high": 0.9569947088336491, "q": 9.946055983220074, "i2": 39.67458045558399,
    "tau2": 0.0, "z": 3.287633061337987,
}  # fmt: skip


def write(folder, text, name="review.rm5"):
    path = folder / name
    path.write_bytes(text.encode("latin-1"))
    return path


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    return folder, bm.reanalyse(write(folder, make.full()))


def test_aspirin(tmp_path):
    (found,) = bm.reanalyse(make.write(tmp_path, make.dich(make.aspirin()))).outcomes
    assert (found.id, found.name, found.k) == ("CMP-001.01", "Death", 7)
    for name, value in ASPIRIN.items():
        assert getattr(found.recomputed, name) == pytest.approx(value, rel=1e-13, abs=1e-13)
    printed = [found.recomputed.estimate, found.recomputed.ci_low, found.recomputed.ci_high]
    assert [round(x, 4) for x in printed] == [0.8969, 0.8405, 0.9570]
    stored = [found.stored.estimate, found.stored.ci_low, found.stored.ci_high]
    assert stored == [0.8969, 0.8405, 0.9570]
    assert found.difference == pytest.approx(1 - ASPIRIN["z"] / 3.29)  # the file rounds z most


def test_subtotals_alone_weigh_rows_within_their_subgroup(tmp_path):
    """Walsh 2019 (CD007868), CMP-004.01: as RevMan 5 stored it, totals SUB, random effects."""
    early = [
        ("Winter 1989", 2.29, 4.827, 428, 2.52, 4.827, 477),
        ("Vilhena 2010", 2.07, 2.53, 803, 2.05, 2.79, 250),
    ]
    late = [
        ("Lima 2008", -0.6, 2.3, 21, 2.5, 3.3, 22),
        ("Cardoso 2014", -0.48, 2.64, 31, -0.1342, 2.0017, 66),
        ("Cardoso 2014", 0.1, 0.5, 40, 0.085, 0.5366, 58),
        ("Lima 2008", 0.52, 0.99, 23, 0.33, 0.22, 24),
    ]
    parts = [
        make.subgroup(
            [make.means(*row) for row in rows], ID=f"CMP-002.01.0{i}", name=f"{i}", kind="CONT"
        )
        for i, rows in enumerate((early, late), 1)
    ]
    total = {"EFFECT_SIZE": "-0.10528099740904133", "ESTIMABLE": "YES"}
    outcome = make.cont(parts, RANDOM="YES", TOTALS="SUB", stored=total)
    (found,) = bm.reanalyse(write(tmp_path, make.review(make.comparison(outcome)))).outcomes
    first, second = found.subgroups
    assert first.recomputed.estimate == pytest.approx(-0.04866118267324703, rel=1e-13)
    assert second.recomputed.tau2 == pytest.approx(0.25440681883776217, rel=1e-13)
    for name, value in (
        ("estimate", -0.10528099740904133),
        ("ci_low", -0.3967697125557406),
        ("ci_high", 0.18620771773765793),
        ("q", 14.622074394205907),
        ("tau2", 0.1058379930687886),
        ("i2", 65.80512542063606),
        ("z", 0.7079072103162769),
    ):
        assert getattr(found.recomputed, name) == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize("totals", ["NO", "SUB"])
def test_no_total_where_the_review_shows_none(tmp_path, totals):
    outcome = make.dich(make.aspirin(), stored=make.NOTHING, TOTALS=totals)
    (found,) = bm.reanalyse(make.write(tmp_path, outcome)).outcomes
    assert (found.stored, found.recomputed, found.changed) == (None, None, ())
    assert "shows no totals" in found.reasons["recomputed"]
    assert found.posterior is not None


def test_everything_passes_through(full):
    _, found = full
    by_id = {one.id: one for one in found.every}
    nested, empty = by_id["CMP-001.02.02.01"], by_id["CMP-001.02.03"]
    assert (nested.k, by_id["CMP-001.02.02"].k, by_id["CMP-001.02.01"].k) == (2, 3, 4)
    assert nested.posterior is not None
    assert (empty.k, empty.posterior, empty.recomputed) == (0, None, None)
    assert empty.reasons["posterior"] == "it has no studies"
    assert by_id["CMP-001.04"].reasons["recomputed"] == "no study can be estimated"
    assert by_id["CMP-001.06"].reasons["posterior"] == "text, without numbers to pool"
    assert by_id["CMP-001.02"].default_priors == {"mu", "tau"}


def test_no_default_without_numbers_of_patients(full):
    _, found = full
    coaching = next(one for one in found.every if one.id == "CMP-003.02")
    assert coaching.posterior is None
    assert "how many patients" in coaching.reasons["posterior"]
    again = bm.reanalyse(found.review.source, tau="half-normal(10)")
    coaching = next(one for one in again.every if one.id == "CMP-003.02")
    assert coaching.posterior is not None
    assert (str(coaching.ask.tau), coaching.default_priors) == ("half-normal(10)", {"mu"})


def test_posteriors_are_those_of_fit(full):
    folder, found = full
    project = folder / "project"
    names = {
        one.outcome.id: one.name for one in import_review(found.review.source, project).written
    }
    compared = 0
    for one in found.outcomes:
        if one.posterior is None or one.outcome.method == "Peto":
            continue  # fit takes log odds ratios of the counts there
        fit = bm.fit(names[one.id], project=project)
        assert (str(one.ask.mu), str(one.ask.tau)) == (str(fit.ask.mu), str(fit.ask.tau))
        theirs = fit.rows[0].exact
        for quantity in ("mu", "tau", "theta_new", "i2"):
            for name in ("mean", "sd", "median", "mode", "ci_low", "ci_high"):
                value = getattr(getattr(theirs, quantity), name)
                mine = getattr(getattr(one.posterior, quantity), name)
                assert mine == (value and pytest.approx(value, rel=1e-9, abs=1e-9))
        assert [s.study for s in one.posterior.studies] == [s.study for s in theirs.studies]
        compared += 1
    assert compared == 6


def test_json(full):
    _, found = full
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    first, parts = told["outcomes"][0], told["outcomes"][1]
    assert (first["type"], first["measure"], first["method"], first["model"], first["k"]) == (
        "dichotomous", "OR", "MH", "fixed", 7,
    )  # fmt: skip
    assert set(first["stored"]) == set(first["recomputed"]) == {"scale", *ASPIRIN}
    assert first["recomputed"]["scale"] == "ratio"
    assert first["posterior"]["scale"] == "log"
    assert first["posterior"]["priors"]["tau"]["text"] == "half-normal(0.5)"
    assert first["posterior"]["priors"]["mu"]["default"] is True
    assert len(first["posterior"]["studies"]) == 7
    assert [part["id"] for part in parts["subgroups"]] == [
        "CMP-001.02.01", "CMP-001.02.02", "CMP-001.02.03",
    ]  # fmt: skip
    assert set(parts["subgroups"][0]) == set(first)
    assert parts["subgroups"][1]["subgroups"][0]["id"] == "CMP-001.02.02.01"
    assert told["outcomes"][3]["stored"] is None
    days = told["outcomes"][6]
    assert days["recomputed"]["scale"] == days["posterior"]["scale"] == "natural"


def test_table(full):
    _, found = full
    for one in found.every:
        assert tuple(flat(one)) == COLUMNS
    table = found.table()
    assert len(table) == 15
    assert table["recomputed_estimate"][0] == pytest.approx(ASPIRIN["estimate"], rel=1e-13)
    assert math.exp(table["mu_median"][0]) == pytest.approx(0.87, abs=0.005)


EXTREME = {
    "the same twice": [(0.0, 0.2), (0.0, 0.2)],
    "one exact study": [(0.1, 1e12), (0.2, 1e-12)],
    "contradiction": [(1e10, 1e-3), (-1e10, 1e-3)],
    "all magnitudes": [(0.0, 1e-58), (1.0, 1e58)],
    "a ratio beyond doubles": [(800.0, 1.0), (801.0, 1.0)],
    "a limit beyond doubles": [(300.0, 400.0), (1.0, 1e4)],
}


@pytest.mark.parametrize("tau", [None, "half-cauchy(1)", "jeffreys", "uniform(0, 2)", "fixed(0)"])
def test_extreme_numbers_are_numbers_or_null(tmp_path, tau):
    outcomes = [
        make.generic([make.given(f"S{j}", *row) for j, row in enumerate(rows)], ID=f"CMP-003.0{i}")
        for i, rows in enumerate(EXTREME.values())
    ]
    path = write(tmp_path, make.review(make.comparison(*outcomes)))
    told = bm.reanalyse(path, tau=tau).to_dict()
    json.dumps(told, allow_nan=False)
    for name, one in zip(EXTREME, told["outcomes"], strict=True):
        assert (one["recomputed"] is None) == (name == "a ratio beyond doubles")
        assert one["posterior"] is not None or one["reasons"]["posterior"]


def test_a_prior_that_does_not_suit_is_a_reason(full):
    _, found = full
    again = bm.reanalyse(found.review.source, tau="turner")
    by_id = {one.id: one for one in again.every}
    assert by_id["CMP-001.01"].posterior is not None
    assert "the measure is MD" in by_id["CMP-002.01"].reasons["posterior"]
    one = bm.reanalyse(found.review.source, tau="flat")
    (lonely,) = [part for part in one.every if part.id == "CMP-003.01"]
    assert "improper" in lonely.reasons["posterior"]
    with pytest.raises(bm.InputError, match="half-normal"):
        bm.reanalyse(found.review.source, tau="half-norml(1)")
