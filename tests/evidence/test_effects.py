"""Effect sizes against metafor's escalc, RevMan's rules and arithmetic by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from bayesmeta.evidence import evidence_from_table
from bayesmeta.evidence.effects import (
    effect_of_arms,
    effect_of_counts,
    hedges_correction,
    mean_change,
    se_of_interval,
    se_of_p,
)

REFERENCES = Path(__file__).parents[1] / "references"
METAFOR = json.loads((REFERENCES / "metafor.json").read_text())
DATASETS = [name for name in METAFOR if name != "origin"]

sizes = st.integers(1, 400)
tables = st.tuples(sizes, sizes, st.floats(0, 1), st.floats(0, 1)).map(
    lambda t: [round(t[2] * t[0]), t[0], round(t[3] * t[1]), t[1]]
)
means, sds = st.floats(-100, 100), st.floats(0.01, 100)
arms = st.tuples(means, sds, st.integers(3, 500))


def exchanged(counts):
    return [*counts[2:], *counts[:2]]


# The reference is printed to 13 significant digits, so 1e-12 relative is all that it can say.
@pytest.mark.parametrize("name", DATASETS)
def test_effects_are_escalcs(name):
    reference = METAFOR[name]
    pool = evidence_from_table(REFERENCES / f"{name}.csv", measure=reference["measure"]).pools[0]
    np.testing.assert_allclose(pool.y, reference["yi"], rtol=1e-12)
    np.testing.assert_allclose(pool.se**2, reference["vi"], rtol=1e-12)


def test_hedges_g_is_escalcs():
    reference = METAFOR["stroke_length_of_stay"]["smd"]
    pool = evidence_from_table(REFERENCES / "stroke_length_of_stay.csv", measure="SMD").pools[0]
    np.testing.assert_allclose(pool.y, reference["yi"], rtol=1e-12)
    np.testing.assert_allclose(pool.se**2, reference["vi"], rtol=1e-12)


def test_exact_correction_by_its_recurrence():
    # J(m) J(m + 1) = sqrt(m / (m + 1)) (m - 1) / m, from Gamma(x + 1) = x Gamma(x).
    m = np.arange(2.0, 300.0)
    product = hedges_correction(m) * hedges_correction(m + 1)
    np.testing.assert_allclose(product, (m - 1) / np.sqrt(m * (m + 1)), rtol=1e-12)


def test_revman_hedges_g_has_the_approximate_correction():
    y, se = effect_of_arms((10.0, 2.0, 12), (8.0, 2.0, 6), "SMD", "revman5")
    g = (1 - 3 / (4 * 18 - 9)) * 1.0
    assert y == pytest.approx(g, rel=1e-15)
    assert se**2 == pytest.approx(18 / 72 + g**2 / (2 * (18 - 3.94)), rel=1e-15)


def test_ratio_of_means_by_hand():
    y, se = effect_of_arms((6.0, 1.0, 10), (3.0, 2.0, 20), "ROM")
    assert y == pytest.approx(np.log(2), rel=1e-15)
    assert se**2 == pytest.approx(1 / 360 + 4 / 180, rel=1e-15)


def test_tables_without_events_stay_in_metafor_and_not_in_revman():
    for measure in ("OR", "RR"):
        assert np.isfinite(effect_of_counts([0, 10, 0, 20], measure)[0])
        assert np.isnan(effect_of_counts([0, 10, 0, 20], measure, "revman5")[0])
    assert np.isfinite(effect_of_counts([0, 10, 0, 20], "RD", "revman5")[0])


def test_everybody_with_an_event_in_revman_has_no_odds_ratio_and_a_risk_ratio_of_1():
    assert np.isnan(effect_of_counts([10, 10, 20, 20], "OR", "revman5")[0])
    y, se = effect_of_counts([10, 10, 20, 20], "RR", "revman5")
    assert y == 0.0
    assert se**2 == pytest.approx(1 / 10.5 - 1 / 11 + 1 / 20.5 - 1 / 21, rel=1e-12)


def test_counts_are_batched_over_leading_dimensions():
    counts = np.array([[[1, 10, 2, 20], [0, 10, 2, 20]], [[3, 10, 2, 20], [4, 10, 5, 20]]])
    y, se = effect_of_counts(counts, "OR")
    assert y.shape == se.shape == (2, 2)
    assert y[1, 0] == effect_of_counts(counts[1, 0], "OR")[0]


@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
@pytest.mark.parametrize("convention", ["metafor", "revman5"])
@given(counts=tables)
def test_exchanging_arms_turns_the_sign_of_counts(measure, convention, counts):
    y, se = effect_of_counts(counts, measure, convention)
    z, sz = effect_of_counts(exchanged(counts), measure, convention)
    np.testing.assert_allclose([z, sz], [-y, se], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("measure", ["MD", "SMD"])
@given(one=arms, two=arms)
def test_exchanging_arms_turns_the_sign_of_means(measure, one, two):
    y, se = effect_of_arms(one, two, measure)
    z, sz = effect_of_arms(two, one, measure)
    np.testing.assert_allclose([z, sz], [-y, se], rtol=1e-9, atol=1e-12)


@given(one=arms, two=arms, scale=st.floats(0.01, 100))
def test_hedges_g_does_not_know_the_unit(one, two, scale):
    def scaled(arm):
        return arm[0] * scale, arm[1] * scale, arm[2]

    plain, other = effect_of_arms(one, two, "SMD"), effect_of_arms(scaled(one), scaled(two), "SMD")
    np.testing.assert_allclose(other, plain, rtol=1e-9, atol=1e-12)


@given(y=st.floats(-50, 50), se=st.floats(0.01, 50), level=st.floats(0.5, 0.999))
def test_an_interval_gives_back_its_standard_error(y, se, level):
    low, high = norm.interval(level, y, se)
    assert se_of_interval(low, high, level) == pytest.approx(se, rel=1e-9)


@given(z=st.floats(0.01, 8), se=st.floats(0.01, 50), sign=st.sampled_from([-1, 1]))
def test_a_p_value_gives_back_its_standard_error(z, se, sign):
    assert se_of_p(sign * z * se, 2 * norm.sf(z)) == pytest.approx(se, rel=1e-9)


def test_change_from_baseline_is_the_paired_standard_error():
    # Isolates the covariance term: for simulated pairs it must be the SE of the differences.
    rng = np.random.default_rng(1)
    before, after = rng.multivariate_normal([5, 3], [[4, 1.5], [1.5, 1]], 50).T
    r = np.corrcoef(before, after)[0, 1]
    y, se = mean_change(
        (before.mean(), before.std(ddof=1)), (after.mean(), after.std(ddof=1)), 50, r
    )
    assert y == pytest.approx((after - before).mean(), rel=1e-12)
    assert se == pytest.approx((after - before).std(ddof=1) / np.sqrt(50), rel=1e-12)
