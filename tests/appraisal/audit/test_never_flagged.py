"""What rounding can explain is never an error or a warning: tables printed from true pools.

Every pool is computed in floating point from unrounded studies, then printed; the audit sees the
printed digits alone. So each error or warning would be a false one.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesmeta.appraisal.audit import read_printed
from bayesmeta.appraisal.audit.against import check_against
from bayesmeta.appraisal.audit.alone import check_alone
from bayesmeta.appraisal.audit.apart import check_counts, check_split
from bayesmeta.evidence.table import table_of_columns
from bayesmeta.frequentist import COMMON_EFFECT, INFERENCES, METHODS, PROFILES, Studies, pool
from tests.appraisal.audit.true_tables import (
    data,
    pooled,
    pooled_counts,
    rounded,
    significant,
    table,
    without_zeros,
)

MEASURES = ("MD", "SMD", "OR", "HR")


def flagged(columns, studies=None):
    (row,) = read_printed(table_of_columns(columns, "the table"))
    found = [*check_alone(row), *check_split(row, studies)]
    if studies is not None:
        found += check_against(row, studies)
        found += check_counts(row, studies, studies.sizes())
    return [finding for finding in found if finding.severity != "note"]


def random_case(rng):
    k = int(rng.choice([1, 2, 2, 2, 3, 5, 12]))
    measure, model = str(rng.choice(MEASURES)), str(rng.choice(["fixed", "random"]))
    scale = 1.0 if measure != "MD" else 10.0 ** rng.uniform(-1, 2)
    se = scale * 10.0 ** rng.uniform(-1.3, 0.2, k)
    y = scale * rng.normal(0, 1) + rng.normal(0, scale * rng.choice([0, 0.3, 2]), k)
    y += rng.normal(0, se)
    return y, se, measure, model


@pytest.mark.parametrize("seed", range(8))
def test_pools_printed_with_one_to_three_digits(seed):
    rng = np.random.default_rng(seed)
    for _ in range(150):
        y, se, measure, model = random_case(rng)
        digits, p_digits = (int(x) for x in rng.integers(1, [4, 6]))
        columns = table(pooled(y, se, model), measure, model, len(y), digits, p_digits)
        assert not flagged(columns)
        assert not flagged({name: [without_zeros(cell)] for name, (cell,) in columns.items()})


@pytest.mark.parametrize("layout", ["se", "variance", "interval"])
@pytest.mark.parametrize("seed", range(2))
def test_pools_and_their_studies_both_printed(seed, layout):
    rng = np.random.default_rng(100 + seed)
    for _ in range(100):
        y, se, measure, model = random_case(rng)
        digits, p_digits, study_digits = (int(x) for x in rng.integers(1, [4, 6, 5]))
        columns = table(pooled(y, se, model), measure, model, len(y), digits, p_digits)
        if layout == "interval":
            numbers = np.stack([y, y - 1.959963985 * se, y + 1.959963985 * se])
            numbers = np.exp(numbers) if measure in ("OR", "HR") else numbers
            cells = [[rounded(x, study_digits) for x in row] for row in numbers]
            if not all(float(a) < float(b) for a, b in zip(cells[1], cells[2], strict=True)):
                continue
            if measure in ("OR", "HR") and any(float(x) <= 0 for row in cells for x in row):
                continue
            studies = dict(zip(("estimate", "ci_low", "ci_high"), cells, strict=True))
        else:
            spread = [rounded(x, study_digits) for x in (se if layout == "se" else se**2)]
            if any(float(x) <= 0 for x in spread):
                continue
            studies = {"estimate": [rounded(x, study_digits) for x in y], layout: spread}
        studies["study"] = [f"study {i}" for i in range(len(y))]
        assert not flagged(columns, data(studies, measure))


@pytest.mark.parametrize("measure", ["MD", "SMD", "ROM"])
@pytest.mark.parametrize("seed", range(2))
def test_pools_of_arms_that_were_rounded(seed, measure):
    from bayesmeta.evidence.effects import effect_of_arms

    rng = np.random.default_rng(200 + seed)
    for _ in range(60):
        k, model = int(rng.integers(1, 6)), str(rng.choice(["fixed", "random"]))
        means, sds = rng.uniform(5, 20, (2, k)), rng.uniform(1, 6, (2, k))
        n = rng.integers(3, 60, (2, k))
        y, se = effect_of_arms(
            (means[0], sds[0], n[0]), (means[1], sds[1], n[1]), measure, "revman5"
        )
        columns = table(pooled(y, se, model), measure, model, k, 2, 3)
        studies = {"study": [f"study {i}" for i in range(k)]}
        for j, arm in enumerate(("treatment", "control")):
            studies[f"mean_{arm}"] = [rounded(x, 1) for x in means[j]]
            studies[f"sd_{arm}"] = [rounded(x, 1) for x in sds[j]]
            studies[f"n_{arm}"] = [str(x) for x in n[j]]
        assert not flagged(columns, data(studies, measure))


@pytest.mark.parametrize("seed", range(3))
def test_mantel_haenszel_pools_of_counts(seed):
    rng = np.random.default_rng(300 + seed)
    for _ in range(60):
        k = int(rng.integers(1, 4))
        n = rng.integers(2, 12, (k, 2))
        events = rng.binomial(n, rng.uniform(0.1, 0.9))
        counts = np.stack([events[:, 0], n[:, 0], events[:, 1], n[:, 1]], axis=1)
        names = ("events_treatment", "n_treatment", "events_control", "n_control")
        studies = {name: [str(x) for x in counts[:, j]] for j, name in enumerate(names)}
        studies |= {"study": [f"study {i}" for i in range(k)]}
        try:
            known = data(studies, "OR")
        except ValueError:  # nobody has an event in any trial
            continue
        used = len(known.evidence.pools[0].studies)
        columns = table(pooled_counts(counts), "OR", "fixed", used, int(rng.integers(1, 4)), 3)
        assert not flagged(columns, known)
        # The search sees the arm sizes alone: what was printed came from whole patients.
        hidden = {"study": studies["study"], "status": ["reconstructed"] * k}
        assert not flagged(columns, data(studies | hidden, "OR"))


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("method", [name for name in METHODS if name not in COMMON_EFFECT])
def test_pools_of_every_method_named_or_not(method, named):
    """With P and I2 as metafor, RevMan 5 and RevMan Web print them."""
    rng = np.random.default_rng(500)
    for ci in INFERENCES:
        for profile in PROFILES:
            for _ in range(8):
                y, se, measure, _ = random_case(rng)
                how = {"ci": ci, "profile": profile}
                found = pool(Studies.of_effects(y, se), method, **how)
                digits, p_digits, study_digits = (int(x) for x in rng.integers(1, [4, 6, 4]))
                label = f"random, {METHODS[method]}, {INFERENCES[ci]}" if named else "random"
                columns = table(found, measure, label, len(y), digits, p_digits)
                rows = {
                    "study": [f"study {i}" for i in range(len(y))],
                    "estimate": [rounded(x, study_digits) for x in y],
                    "se": [rounded(x, study_digits) for x in se],
                }
                if not named:  # P of RevMan Web beside t, I2 of tau2: explained by a name alone
                    columns.pop("p"), columns.pop("i2", None)
                if all(float(x) > 0 for x in rows["se"]):
                    assert not flagged(columns, data(rows, measure)), (ci, profile)


@pytest.mark.parametrize("seed", range(2))
def test_petos_pools_of_counts(seed):
    rng = np.random.default_rng(600 + seed)
    for _ in range(30):
        k = int(rng.integers(1, 4))
        n = rng.integers(5, 40, (k, 2))
        events = rng.binomial(n, rng.uniform(0.1, 0.9))
        counts = np.stack([events[:, 0], n[:, 0], events[:, 1], n[:, 1]], axis=1)
        names = ("events_treatment", "n_treatment", "events_control", "n_control")
        studies = {name: [str(x) for x in counts[:, j]] for j, name in enumerate(names)}
        studies |= {"study": [f"study {i}" for i in range(k)]}
        try:
            known = data(studies, "OR")
        except ValueError:  # nobody has an event in any trial
            continue
        used = known.evidence.pools[0].counts
        found = pool(Studies.of_counts(used, "OR", "revman5"), "Peto", profile="revman5")
        for label in ("fixed", "Peto"):
            columns = table(found, "OR", label, len(used), int(rng.integers(1, 4)), 3)
            assert not flagged(columns, known)


@pytest.mark.parametrize("seed", range(2))
def test_significant_digits_are_a_style_of_printing(seed):
    rng = np.random.default_rng(400 + seed)
    for _ in range(200):
        y, se, measure, model = random_case(rng)
        columns = table(pooled(y, se, model), measure, model, len(y), 2, 2, show=significant)
        assert not flagged(columns)


finite = st.floats(-50, 50, allow_subnormal=False)
positive = st.floats(0.01, 20)


@given(
    st.lists(st.tuples(finite, positive), min_size=1, max_size=6),
    st.sampled_from(["fixed", "random"]),
    st.integers(1, 3),
    st.integers(1, 5),
    st.integers(1, 3),
)
@settings(max_examples=300, deadline=None)
def test_no_table_that_hypothesis_finds(studies, model, digits, p_digits, study_digits):
    y, se = np.array(studies).T
    columns = table(pooled(y, se, model), "MD", model, len(y), digits, p_digits)
    rows = {
        "study": [f"study {i}" for i in range(len(y))],
        "estimate": [rounded(x, study_digits) for x in y],
        "se": [rounded(x, study_digits) for x in se],
    }
    if all(float(x) > 0 for x in rows["se"]):
        assert not flagged(columns, data(rows, "MD"))
    assert not flagged({name: [without_zeros(cell)] for name, (cell,) in columns.items()})
