"""Inverse variance and DerSimonian-Laird against metafor."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from bayesmeta.evidence import evidence_from_table
from bayesmeta.frequentist import dersimonian_laird, frequentist_pools, inverse_variance

REFERENCES = Path(__file__).parents[1] / "references"
METAFOR = json.loads((REFERENCES / "metafor.json").read_text())
DATASETS = [name for name in METAFOR if name != "origin"]

estimates = st.lists(st.tuples(st.floats(-10, 10), st.floats(0.1, 10)), min_size=1, max_size=8)


def check(pool, reference, with_tau2):
    # Closed forms on both sides, the reference to 13 digits: 1e-8 leaves room for P values far
    # in the tail, where the relative error of Q grows with Q.
    close = {"rel": 1e-8, "abs": 1e-12}
    assert pool.estimate == pytest.approx(reference["estimate"], **close)
    assert (pool.ci_low, pool.ci_high) == pytest.approx(tuple(reference["ci"]), **close)
    assert pool.p == pytest.approx(reference["p"], rel=1e-8)
    assert pool.q == pytest.approx(reference["Q"], **close)
    if "I2" in reference:
        assert pool.i2 == pytest.approx(reference["I2"] / 100, rel=1e-8, abs=1e-12)
        assert pool.p_heterogeneity == pytest.approx(reference["Qp"], rel=1e-8)
    assert (pool.tau2 is not None) == with_tau2
    if with_tau2:
        assert pool.tau2 == pytest.approx(reference["tau2"], **close)


@pytest.mark.parametrize("name", DATASETS)
def test_pools_are_metafors(name):
    reference = METAFOR[name]
    data = evidence_from_table(REFERENCES / f"{name}.csv", measure=reference["measure"])
    pools = {pool.method: pool for pool in frequentist_pools(data.pools[0], data.measure)}
    check(pools["IV"], reference["FE"], with_tau2=False)
    check(pools["DL"], reference["DL"], with_tau2=True)
    assert list(pools) == (["MH", "IV", "DL"] if "MH" in reference else ["IV", "DL"])


def test_pools_of_hedges_g_are_metafors():
    reference = METAFOR["stroke_length_of_stay"]["smd"]
    data = evidence_from_table(REFERENCES / "stroke_length_of_stay.csv", measure="SMD")
    check(inverse_variance(data.pools[0].y, data.pools[0].se), reference["FE"], with_tau2=False)
    check(dersimonian_laird(data.pools[0].y, data.pools[0].se), reference["DL"], with_tau2=True)


def test_one_study_is_its_own_pool_and_tells_nothing_of_heterogeneity():
    for pool in (inverse_variance([2.0], [0.5], 0.9), dersimonian_laird([2.0], [0.5], 0.9)):
        assert (pool.ci_low, pool.ci_high) == pytest.approx(norm.interval(0.9, 2.0, 0.5))
        assert pool.i2 is None
        assert pool.p_heterogeneity is None


@given(data=estimates, shift=st.floats(-100, 100), scale=st.floats(0.1, 10))
def test_pools_shift_and_scale_with_the_data(data, shift, scale):
    y, se = np.array(data).T
    for pooled in (inverse_variance, dersimonian_laird):
        plain, moved = pooled(y, se), pooled(shift + scale * y, scale * se)
        for name in ("estimate", "ci_low", "ci_high"):
            expected = shift + scale * getattr(plain, name)
            assert getattr(moved, name) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(data=estimates, seed=st.integers(0, 10))
def test_pools_do_not_know_the_order_of_studies(data, seed):
    y, se = np.array(data).T
    order = np.random.default_rng(seed).permutation(len(y))
    for pooled in (inverse_variance, dersimonian_laird):
        one, other = pooled(y, se), pooled(y[order], se[order])
        assert one.estimate == pytest.approx(other.estimate, rel=1e-9, abs=1e-9)
        assert one.q == pytest.approx(other.q, rel=1e-9, abs=1e-9)
