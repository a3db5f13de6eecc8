"""Prediction intervals by their names, and the bootstrap of Nagashima, Noma and Furukawa."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, norm, t

from bayesmeta.frequentist import PREDICTIONS, Studies, pool
from bayesmeta.frequentist.bootstrap import (
    DRAWS,
    bootstrap_interval,
    confidence_quantile,
    probability_below,
)
from tests.frequentist.metafor import studies_of

Y, SE = np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


@pytest.mark.parametrize("ci", ["wald", "hksj"])
def test_each_name_has_its_formula(ci):
    studies = studies_of("bcg_vaccine")
    found = pool(studies, "REML", ci=ci, level=0.9)
    wald, hksj = (pool(studies, "REML", ci=one).se for one in ("wald", "hksj"))
    forms = {
        "hts": (t.ppf(0.95, 11), wald),
        "t": (t.ppf(0.95, 12), wald),
        "hksj-hts": (t.ppf(0.95, 11), hksj),
        "hksj-t": (t.ppf(0.95, 12), hksj),
        "normal": (norm.ppf(0.95), wald),
    }
    for name, (quantile, se) in forms.items():
        half = quantile * math.sqrt(found.tau2 + se**2)
        limits = found.prediction[name]
        expected = found.estimate - half, found.estimate + half
        assert (limits.ci_low, limits.ci_high) == pytest.approx(expected, rel=1e-12)
    assert found.prediction["bootstrap"] is None
    assert set(found.prediction) == set(PREDICTIONS)


def test_without_degrees_of_freedom_there_is_no_interval_and_a_reason():
    two = pool(Studies.of_effects([1.0, 2.0], [0.5, 0.5]), "DL")
    none = {name for name, limits in two.prediction.items() if limits is None}
    assert none == {"hts", "hksj-hts", "bootstrap"}
    assert "degrees of freedom" in two.reasons["prediction.hts"]
    common = pool(Studies.of_effects([1.0, 2.0], [0.5, 0.5]), "IV")
    assert common.prediction is None
    assert common.reasons["prediction"]


# With equal variances v, Q / (1 + tau2 / v) is chi2(k - 1); the rule is good to 1e-9.
@pytest.mark.parametrize("k", [2, 3, 8, 40, 300])
def test_the_distribution_of_q_with_equal_variances(k):
    tau2 = np.array([0.0, 0.01, 0.3, 2.0, 50.0, 1e6])
    for q in (1e-3, 0.2 * k, k - 1.0, 1.0 * k, 3.0 * k, 1e4 * k):
        exact = chi2.cdf(q / (1 + tau2 / 2), k - 1)
        assert probability_below(q, np.full(k, 2.0), tau2) == pytest.approx(exact, abs=1e-9)


# Two studies: Q = (y1 - y2)^2 / (v1 + v2), so it is chi2(1) times 1 + 2 tau2 / (v1 + v2).
@given(v=st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)), q=st.floats(1e-3, 1e3))
def test_the_distribution_of_q_of_two_studies(v, q):
    tau2 = np.array([0.0, 0.1, 1.0, 100.0])
    exact = chi2.cdf(q / (1 + 2 * tau2 / sum(v)), 1)
    assert probability_below(q, np.array(v), tau2) == pytest.approx(exact, abs=1e-8)


def test_the_distribution_of_q_by_simulation():
    random, tau2 = np.random.default_rng(0), 1.3
    v = np.exp(random.normal(0, 1.5, 6))
    y, w = random.normal(size=(400_000, 6)) * np.sqrt(v + tau2), 1 / v
    q = (w * (y - ((y @ w) / w.sum())[:, None]) ** 2).sum(axis=1)
    for bound in (1.0, 10.0, 60.0):
        p = float(probability_below(bound, v, np.array([tau2]))[0])
        assert (q < bound).mean() == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / len(q)))


@pytest.mark.parametrize("k", [2, 5, 60])
def test_quantiles_of_tau2_have_their_probability(k):
    random = np.random.default_rng(k)
    v = np.exp(random.normal(0, 1, k))
    y = random.normal(size=k) * np.sqrt(v + 2)
    u = random.random(500)
    tau2 = confidence_quantile(y, v, u)
    w = 1 / v
    q = float((w * (y - (w @ y) / w.sum()) ** 2).sum())
    above = 1 - probability_below(q, v, tau2)
    # Between the nodes H is interpolated to 1e-5, a hundredth of the Monte Carlo error.
    assert above[tau2 > 0] == pytest.approx(u[tau2 > 0], abs=2e-5)
    assert (u[tau2 == 0] <= 1 - probability_below(q, v, np.zeros(1)) + 1e-9).all()


def test_the_bootstrap_covers_what_it_should():
    # P(theta_new < x) of the distribution that is drawn from, by quadrature over u and t: at the
    # ends it must be 0.025 and 0.975 to four Monte Carlo standard errors of a quantile.
    v = SE**2
    low, high = bootstrap_interval(Y, v, 0.95, seed=11)
    u = (np.arange(400) + 0.5) / 400
    tau2 = confidence_quantile(Y, v, u)
    w = 1 / (v + tau2[:, None])
    mean = (w @ Y) / w.sum(axis=1)
    q = (w * (Y - mean[:, None]) ** 2).sum(axis=1)
    se = np.sqrt(q / 7 / w.sum(axis=1))
    students = t.ppf((np.arange(400) + 0.5) / 400, 7)
    centre, tau = (mean[:, None] - se[:, None] * students), np.sqrt(tau2)[:, None]
    error = 4 * math.sqrt(0.025 * 0.975 / DRAWS)
    for end, p in ((low, 0.025), (high, 0.975)):
        z = np.where(tau > 0, (end - centre) / np.maximum(tau, 1e-300), np.inf * (end - centre))
        assert norm.cdf(z).mean() == pytest.approx(p, abs=error)


def test_the_bootstrap_has_a_seed():
    v = SE**2
    assert bootstrap_interval(Y, v, 0.95, 5) == bootstrap_interval(Y, v, 0.95, 5)
    assert bootstrap_interval(Y, v, 0.95, 5) != bootstrap_interval(Y, v, 0.95, 6)


@settings(max_examples=10, deadline=None)
@given(
    data=st.lists(st.tuples(st.floats(-10, 10), st.floats(0.1, 10)), min_size=2, max_size=6),
    scale=st.floats(0.1, 10),
)
def test_the_bootstrap_scales_with_the_data(data, scale):
    y, se = np.array(data).T
    plain = np.array(bootstrap_interval(y, se**2, 0.95, 1))
    moved = np.array(bootstrap_interval(scale * y, (scale * se) ** 2, 0.95, 1))
    assert moved == pytest.approx(scale * plain, rel=1e-4, abs=1e-6)


def test_studies_that_agree_predict_their_mean_and_its_error():
    assert bootstrap_interval(np.ones(4), np.ones(4), 0.95, 1) == pytest.approx((1, 1))
