"""What must not change when a table says the same in other words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesmeta as bm

arms = st.tuples(st.integers(2, 200), st.floats(0, 1)).map(lambda t: (round(t[0] * t[1]), t[0]))
tables = st.lists(st.tuples(arms, arms), min_size=1, max_size=5)
NAMES = ("events_treatment", "n_treatment", "events_control", "n_control")


def table(rows):
    columns = np.array([(*treatment, *control) for treatment, control in rows]).T
    return {"study": [f"S{i}" for i in range(len(rows))], **dict(zip(NAMES, columns, strict=True))}


@settings(max_examples=25)
@given(tables)
def test_exchanging_arms_flips_the_log_odds_ratio(rows):
    # Isolates direction, from counts to every number of mu: y turns its sign, se stays, so under
    # a prior that is symmetric about 0 mu does too. 1e-9: both fits are good to 1e-10.
    counts = np.array([(*treatment, *control) for treatment, control in rows])
    events, n = counts[:, ::2].sum(1), counts[:, 1::2].sum(1)
    if not np.any((events > 0) & (events < n)):
        return  # nothing estimable: an error of the table, tested there
    options = {"measure": "OR", "tau": "half-normal(0.5)", "mu": "normal(0, 3)"}
    one = bm.fit(table(rows), **options).rows[0].exact
    two = bm.fit(table([row[::-1] for row in rows]), **options).rows[0].exact
    scale = one.mu.sd * 1e-9
    for name, mirrored in (("mean", "mean"), ("median", "median"), ("ci_low", "ci_high")):
        for quantity in ("mu", "theta_new"):
            got, want = getattr(two, quantity), getattr(one, quantity)
            assert getattr(got, name) == pytest.approx(-getattr(want, mirrored), abs=10 * scale)
    assert two.tau.median == pytest.approx(one.tau.median, rel=1e-9)
    assert two.prob_below_zero == pytest.approx(1 - one.prob_below_zero, abs=1e-9)
    assert two.log_marginal_likelihood == pytest.approx(one.log_marginal_likelihood, abs=1e-9)
    for a, b in zip(one.studies, two.studies, strict=True):
        assert b.estimate == pytest.approx(-a.estimate, abs=1e-12)
        assert b.se == pytest.approx(a.se, rel=1e-12)
        assert b.shrunk.median == pytest.approx(-a.shrunk.median, abs=10 * scale)


@settings(max_examples=15)
@given(st.sampled_from([1e-8, 1e-3, 1e5, 1e8]), st.randoms(use_true_random=False))
def test_units_of_a_mean_difference(factor, random):
    # Isolates the whole way of a number in other units: grams or tonnes, the same review; the
    # default prior, which comes from the SDs, follows to the two digits that it is rounded to,
    # so it is given. P and I2 have no unit.
    rows = [(random.uniform(-5, 5), random.uniform(1, 4), random.randint(5, 80)) for _ in range(4)]
    mean, sd, n = (np.array(column) for column in zip(*rows, strict=True))

    def fitted(unit):
        arms = {
            "study": list("ABCD"),
            "mean_treatment": mean * unit,
            "sd_treatment": sd * unit,
            "n_treatment": n,
            "mean_control": mean[::-1] * unit,
            "sd_control": sd * unit,
            "n_control": n,
        }
        return bm.fit(arms, measure="MD", tau=bm.HalfNormal(1.5 * unit)).rows[0].exact

    one, two = fitted(1.0), fitted(factor)
    for quantity in ("mu", "tau", "theta_new"):
        for name in ("mean", "sd", "median", "mode", "ci_low", "ci_high"):
            got, want = getattr(getattr(two, quantity), name), getattr(getattr(one, quantity), name)
            assert got / factor == pytest.approx(want, rel=1e-9, abs=1e-9 * one.mu.sd)
    assert two.prob_below_zero == pytest.approx(one.prob_below_zero, abs=1e-10)
    assert two.i2.median == pytest.approx(one.i2.median, abs=1e-9)


def test_order_of_rows_and_columns():
    # Isolates labels: whatever the order, a study's numbers stay beside its name.
    names = list("ABCD")
    y, se = [1.0, 3.0, -0.5, 2.0], [0.5, 0.7, 0.4, 1.2]
    one = bm.fit({"study": names, "estimate": y, "se": se}, tau="half-normal(1)").shrinkage()
    two = bm.fit(
        {"se": se[::-1], "study": names[::-1], "estimate": y[::-1]}, tau="half-normal(1)"
    ).shrinkage()
    a, b = one.set_index("study").sort_index(), two.set_index("study").sort_index()
    for column in ("estimate", "se", "shrunk", "ci_low", "ci_high", "weight"):
        np.testing.assert_allclose(a[column], b[column], rtol=1e-9, atol=1e-9)
