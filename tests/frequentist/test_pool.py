"""Every method and inference against metafor, and what a pool must obey whatever the data."""

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t

from bayesmeta.errors import InputError
from bayesmeta.frequentist import INFERENCES, Studies, inverse_variance, pool, pool_batch
from tests.frequentist.metafor import DATASETS, METAFOR, RANDOM, studies_of

CLOSED = ("IV wald", "DL wald", "DL hksj", "SJ wald", "SJ hksj", "HE wald", "HE hksj", "HS wald")
ITERATED = ("PM", "EB", "REML", "ML")

estimates = st.lists(st.tuples(st.floats(-10, 10), st.floats(0.1, 10)), min_size=1, max_size=8)
several = st.lists(st.tuples(st.floats(-10, 10), st.floats(0.1, 10)), min_size=2, max_size=8)


def of(data):
    return Studies.of_effects(*np.array(data).T)


def check(found, reference, within):
    close = {"rel": within, "abs": within}
    for mine, theirs in (
        (found.estimate, reference["estimate"]),
        (found.se, reference["se"]),
        (found.ci_low, reference["ci"][0]),
        (found.ci_high, reference["ci"][1]),
        (found.q, reference["Q"]),
        (found.i2, reference["I2"] / 100),
        (found.h2, reference["H2"]),
        (found.tau2 or 0.0, reference["tau2"]),
    ):
        assert mine == pytest.approx(theirs, **close)
    # Far in the tail the relative error of P is that of z times z^2.
    assert found.p == pytest.approx(reference["p"], rel=within * (1 + found.z**2))
    assert found.p_heterogeneity == pytest.approx(reference["Qp"], rel=1e-8)
    if reference["pi"] is not None:
        limits = found.prediction["hksj-t" if found.ci == "hksj" else "normal"]
        assert (limits.ci_low, limits.ci_high) == pytest.approx(tuple(reference["pi"]), **close)


# Closed forms on both sides, the reference to 13 digits.
@pytest.mark.parametrize("how", [*CLOSED, "HS hksj"])
@pytest.mark.parametrize("name", DATASETS)
def test_closed_forms_are_metafors(name, how):
    method, ci = how.split()
    check(pool(studies_of(name), method, ci=ci), METAFOR[name]["pools"][how], 1e-8)


# metafor stops when tau2 moves by less than 1e-5 (its Fisher scoring, whose last step leaves an
# error of 2e-6 at most in these data); its Paule-Mandel root has R's default tolerance of
# eps^(1/4) = 1.2e-4. Ours are exact (test_tau2): so the difference is metafor's.
@pytest.mark.parametrize("ci", ["wald", "hksj"])
@pytest.mark.parametrize("method", ITERATED)
@pytest.mark.parametrize("name", DATASETS)
def test_iterated_estimates_are_as_near_to_metafors_as_metafor_iterates(name, method, ci):
    reference = METAFOR[name]["pools"][f"{method} {ci}"]
    found = pool(studies_of(name), method, ci=ci)
    within = 1.3e-4 if method == "PM" else 2e-6
    assert found.tau2 == pytest.approx(reference["tau2"], rel=within, abs=within)
    assert found.estimate == pytest.approx(reference["estimate"], rel=within / 2)
    assert (found.ci_low, found.ci_high) == pytest.approx(tuple(reference["ci"]), rel=within)
    assert found.i2 == pytest.approx(reference["I2"] / 100, rel=50 * within, abs=within)


# Given metafor's tau2 the rest is a closed form again, so that no error of the rest can hide.
@pytest.mark.parametrize("method", ITERATED)
@pytest.mark.parametrize("name", DATASETS)
def test_iterated_pools_are_metafors_given_its_tau2(name, method):
    reference = METAFOR[name]["pools"][f"{method} wald"]
    studies = studies_of(name)
    given_tau2 = inverse_variance(studies.y, np.sqrt(studies.v + reference["tau2"]))
    for mine, theirs in (
        (given_tau2.estimate, reference["estimate"]),
        (given_tau2.se, reference["se"]),
        (given_tau2.ci_low, reference["ci"][0]),
        (given_tau2.ci_high, reference["ci"][1]),
    ):
        assert mine == pytest.approx(theirs, rel=1e-8, abs=1e-8)


# metafor's own test suite, confint() of rma() on dat.bcg with DL: four decimals of roots found to
# 1.2e-4 in tau2, which is up to 0.016 in I2 (per cent).
def test_intervals_of_tau2_and_i2_are_metafors():
    found = pool(studies_of("bcg_vaccine"), "DL")
    ends = found.tau2_ci_low, found.tau2_ci_high
    assert ends == pytest.approx((0.1197, 1.1115), abs=1.3e-4)
    i2 = found.i2, found.i2_ci_low, found.i2_ci_high
    assert [100 * x for x in i2] == pytest.approx([92.1173, 81.9177, 97.6781], abs=0.02)
    assert found.h2 == pytest.approx(12.6861, abs=5e-5)


def test_hartung_knapp_by_hand():
    # Equal variances: the mean, its ordinary standard error and Student's t, whatever tau2 is.
    y = [1.0, 2.0, 6.0]
    found = pool(Studies.of_effects(y, [0.5, 0.5, 0.5]), "DL", ci="hksj")
    se = math.sqrt(7 / 3)
    assert found.se == pytest.approx(se, rel=1e-14)
    assert (found.ci_low, found.ci_high) == pytest.approx(t.interval(0.95, 2, 3, se), rel=1e-12)
    assert found.p == pytest.approx(2 * t.sf(3 / se, 2), rel=1e-12)


@given(data=several)
def test_the_floor_keeps_hartung_knapp_from_being_surer_than_wald(data):
    wald, plain, floor = (pool(of(data), "DL", ci=ci) for ci in INFERENCES)
    assert floor.se == max(wald.se, plain.se)
    assert floor.ci_high - floor.ci_low >= wald.ci_high - wald.ci_low


@pytest.mark.parametrize("method", [*RANDOM, "IV"])
@pytest.mark.parametrize("ci", INFERENCES)
def test_one_study_is_its_own_pool_and_tells_nothing_of_heterogeneity(method, ci):
    found = pool(Studies.of_effects([2.0], [0.5]), method, ci=ci, level=0.9)
    assert (found.ci_low, found.ci_high) == pytest.approx(norm.interval(0.9, 2.0, 0.5))
    assert found.ci == ("wald" if method == "IV" else ci)
    assert found.weights == (1.0,)
    assert found.tau2 == (None if method == "IV" else 0)
    for name in ("i2", "i2_ci_low", "h2", "p_heterogeneity", "tau2_ci_low", "tau2_ci_high"):
        assert getattr(found, name) is None
        assert found.reasons[name] == "one study"
    if method != "IV":
        assert set(found.prediction.values()) == {None}
        assert ("ci" in found.reasons) == (ci != "wald")


@settings(max_examples=25)
@given(data=estimates)
def test_every_null_has_its_reason(data):
    for method in ("IV", *RANDOM):
        found = pool(of(data), method, ci="hksj" if method in RANDOM else "wald")
        for one in fields(found):
            if getattr(found, one.name) is None:
                assert found.reasons[one.name]
        for name, limits in (found.prediction or {}).items():
            assert (limits is None) == (f"prediction.{name}" in found.reasons)


@pytest.mark.parametrize("method", RANDOM)
def test_studies_that_agree_have_no_heterogeneity(method):
    found = pool(Studies.of_effects([1.5] * 4, [0.1, 0.2, 0.3, 0.4]), method, ci="hksj")
    assert found.tau2 == 0
    assert found.q == pytest.approx(0, abs=1e-25)
    assert (found.ci_low, found.ci_high) == pytest.approx((1.5, 1.5), rel=1e-12)
    assert found.p <= 1e-30
    assert pool(Studies.of_effects([0.0] * 3, [1.0, 2.0, 3.0]), method, ci="hksj").p == 1


@pytest.mark.parametrize("method", ["IV", *RANDOM])
@settings(max_examples=25)
@given(data=estimates, shift=st.floats(-100, 100), scale=st.floats(0.1, 10))
def test_pools_shift_and_scale_with_the_data(method, data, shift, scale):
    y, se = np.array(data).T
    plain, moved = (
        pool(of(data), method),
        pool(Studies.of_effects(shift + scale * y, scale * se), method),
    )
    # y is known to 100 eps, tau2 as a difference to 1e-13 of the variances: its root to 1e-6.
    for name in ("estimate", "ci_low", "ci_high"):
        expected = shift + scale * getattr(plain, name)
        assert getattr(moved, name) == pytest.approx(expected, rel=1e-6, abs=1e-5)
    assert moved.q == pytest.approx(plain.q, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("method", ["IV", *RANDOM])
@settings(max_examples=25)
@given(data=estimates, seed=st.integers(0, 10))
def test_pools_do_not_know_the_order_of_studies(method, data, seed):
    order = np.random.default_rng(seed).permutation(len(data))
    one, other = pool(of(data), method), pool(of(np.array(data)[order]), method)
    assert one.estimate == pytest.approx(other.estimate, rel=1e-7, abs=1e-7)
    assert one.q == pytest.approx(other.q, rel=1e-9, abs=1e-9)
    assert np.array(one.weights)[order] == pytest.approx(other.weights, rel=1e-6, abs=1e-7)
    assert sum(one.weights) == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize("method", ["IV", *RANDOM])
@pytest.mark.parametrize("ci", ["wald", "hksj"])
def test_a_batch_with_a_mask_is_the_pools_one_by_one(method, ci):
    random = np.random.default_rng(1)
    y, se = random.normal(0, 2, (40, 7)), random.uniform(0.2, 3, (40, 7))
    mask = np.arange(7) < random.integers(0, 8, (40, 1))
    batch = pool_batch(Studies.of_effects(y, se, mask), method, ci=ci)
    for at in range(40):
        if not mask[at].any():
            assert batch[at] is None
            continue
        alone = pool(Studies.of_effects(y[at][mask[at]], se[at][mask[at]]), method, ci=ci)
        for one in fields(alone):
            mine, theirs = getattr(batch[at], one.name), getattr(alone, one.name)
            if isinstance(theirs, float):
                assert mine == pytest.approx(theirs, rel=1e-10, abs=1e-12)
            elif one.name == "weights":
                assert np.array(mine)[mask[at]] == pytest.approx(theirs, rel=1e-10)
            elif one.name != "prediction":
                assert mine == theirs


def test_no_study_is_no_pool():
    assert pool(Studies.of_effects([], []), "IV") is None
    assert pool(Studies.of_effects([np.nan], [1.0]), "REML") is None


@pytest.mark.parametrize("method", ["MH", "Peto"])
def test_methods_for_tables_refuse_effects(method):
    with pytest.raises(InputError, match="2x2 tables"):
        pool(Studies.of_effects([1.0], [1.0]), method)


def test_peto_is_for_odds_ratios():
    with pytest.raises(InputError, match="not RR"):
        pool(Studies.of_counts([[1, 10, 2, 10]], "RR"), "Peto")
