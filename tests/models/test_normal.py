"""The normal-normal model given tau: against scipy's multivariate normal, and by its identities."""

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from bayesmeta.engines import exact
from bayesmeta.models import NormalNormal
from bayesmeta.priors import Flat, HalfCauchy, HalfNormal, HalfStudentT, Normal

Y = np.array([28.39, 7.94, -2.75, 6.82, -0.64])
SE = np.array([14.9, 10.2, 16.3, 11.0, 9.4])
TAU = np.array([0.0, 0.5, 3.0, 40.0])

ks = st.integers(1, 6)
data = ks.flatmap(
    lambda k: st.tuples(
        st.lists(st.floats(-50, 50), min_size=k, max_size=k).map(np.array),
        st.lists(st.floats(0.1, 20), min_size=k, max_size=k).map(np.array),
    )
)


@given(data, st.floats(-20, 20), st.floats(0.5, 100), st.floats(0, 50))
def test_log_likelihood_is_the_multivariate_normals(pair, m, s, tau):
    # Isolates mu integrated out under normal(m, s): y ~ N(m, diag(se^2 + tau^2) + s^2 11').
    # scipy works from eigenvalues: 1e-9 allows for a covariance of condition 1e6.
    y, se = pair
    covariance = np.diag(se**2 + tau**2) + s**2
    expected = stats.multivariate_normal(np.full(len(y), m), covariance).logpdf(y)
    found = NormalNormal(y, se, Normal(m, s), HalfNormal(1)).given(np.array([tau]))
    assert found.log_likelihood[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("tau", TAU)
def test_log_likelihood_under_flat_mu(tau):
    # Isolates the constant under a flat prior: the likelihood integrated against density 1 by
    # adaptive quadrature (1e-10).
    def likelihood(mu):
        return math.exp(stats.norm.logpdf(Y, mu, np.hypot(SE, tau)).sum() + 20)

    area, _ = integrate.quad(likelihood, -400, 400, points=[0, 10], epsabs=0, epsrel=1e-11)
    found = NormalNormal(Y, SE, Flat(), HalfNormal(1)).given(np.array([tau]))
    assert found.log_likelihood[0] == pytest.approx(math.log(area) - 20, abs=1e-9)


@given(data, st.sampled_from([Flat(), Normal(1.0, 7.0)]), st.floats(0.01, 50))
def test_slope_is_the_derivative(pair, mu, tau):
    # Isolates the slope: a complex step through the log likelihood itself, exact to rounding.
    model = NormalNormal(*pair, mu, HalfNormal(1))
    by_complex_step = model.given(np.array([tau + 1e-30j])).log_likelihood.imag / 1e-30
    slope = model.given(np.array([tau])).slope
    size = tau * (1 / (pair[1] ** 2 + tau**2)).sum()
    np.testing.assert_allclose(slope, by_complex_step, rtol=1e-10, atol=1e-12 * size)


@given(data, st.floats(-20, 20), st.floats(0.5, 100), st.floats(0, 50))
def test_mu_and_study_effects_given_tau(pair, m, s, tau):
    # Isolates the conditional moments: the joint normal of (theta, mu) conditioned on y by the
    # textbook formula, with the full covariance matrix.
    y, se = pair
    k = len(y)
    joint = np.full((k + 1, k + 1), s**2)
    joint[:k, :k] += tau**2 * np.eye(k)
    gain = joint[:, :k] @ np.linalg.inv(joint[:k, :k] + np.diag(se**2))
    mean = m + gain @ (y - m)
    variance = np.diag(joint - gain @ joint[:k, :])
    model = NormalNormal(y, se, Normal(m, s), HalfNormal(1))
    given_tau = model.given(np.array([tau]))
    effects, spreads = model.study_effects(np.array([tau]), given_tau)
    np.testing.assert_allclose(np.append(effects[:, 0], given_tau.mean), mean, atol=1e-8)
    np.testing.assert_allclose(
        np.append(spreads[:, 0], given_tau.variance), variance, atol=1e-9 * (s**2 + tau**2)
    )


@given(data)
def test_standardising_changes_nothing(pair):
    # Isolates location and unit: the same evidence, and mu the same after it is put back.
    model = NormalNormal(*(part[None] for part in pair), Normal(3.0, 20.0), HalfNormal(2.0))
    inner = model.standardised()
    tau = np.array([[0.7, 5.0]])
    raw, found = model.given(tau), inner.given(tau / inner.unit)
    np.testing.assert_allclose(found.log_likelihood, raw.log_likelihood, rtol=1e-11, atol=1e-10)
    back = inner.location[:, None] + inner.unit * found.mean
    np.testing.assert_allclose(back, raw.mean, rtol=1e-11, atol=1e-11)
    assert math.frexp(inner.unit)[0] == 0.5  # a power of two: no digit lost
    # The density of tau in the inner unit is that of the data's times the unit.
    inside = inner.log_prior(tau / inner.unit, np.log(tau / inner.unit))
    outside = model.tau.log_density(tau, np.log(tau)) + math.log(inner.unit)
    np.testing.assert_allclose(inside, outside, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mu", [Flat(), Normal(2.0, 30.0)], ids=str)
def test_an_absent_study_is_no_study(mu):
    # Isolates the mask: whatever stands in a masked place, the answer is that without the study.
    present = np.array([True, False, True, True, False])
    y, se = np.where(present, Y, 1e6), np.where(present, SE, 1e-3)
    masked = NormalNormal(y, se, mu, HalfNormal(5), present)
    dropped = NormalNormal(Y[present], SE[present], mu, HalfNormal(5))
    a, b = masked.given(TAU), dropped.given(TAU)
    for field in fields(a):
        found, expected = getattr(a, field.name), getattr(b, field.name)
        if field.name == "weights":
            np.testing.assert_array_equal(found[~present], 0)
            found = found[present]
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15, err_msg=field.name)
    assert masked.k == 3
    assert masked.typical_variance() == pytest.approx(dropped.typical_variance(), rel=1e-14)
    for inner, outer in zip(
        masked.study_effects(TAU, a), dropped.study_effects(TAU, b), strict=True
    ):
        np.testing.assert_allclose(inner[present], outer, rtol=1e-13)
    assert masked.standardised().location == pytest.approx(dropped.standardised().location)


def test_typical_variance():
    # Higgins and Thompson's, by hand: equal SEs give their variance; one study its own.
    assert NormalNormal(Y[:3], np.full(3, 2.0), Flat(), HalfNormal(1)).typical_variance() == 4
    assert NormalNormal(Y[:1], SE[:1], Flat(), HalfNormal(1)).typical_variance() == SE[0] ** 2
    w = SE**-2.0
    expected = 4 * w.sum() / (w.sum() ** 2 - (w**2).sum())
    found = NormalNormal(Y, SE, Flat(), HalfNormal(1)).typical_variance()
    assert found == pytest.approx(expected, rel=1e-14)


@given(data, st.floats(-20, 20), st.floats(0.5, 100))
def test_weights_times_data_is_the_mean(pair, m, s):
    # DESIGN.md: weights and prior weight sum to 1, sum weight_i y_i + prior_weight m = E(mu),
    # exactly: both sides are sums over the same nodes, so rounding alone is left (1e-12).
    y, se = pair
    for mu in (Normal(m, s), Flat()):
        _, found = exact.fit(NormalNormal(y[None], se[None], mu, HalfNormal(3.0)))
        weights, prior_weight = found.weights[0], found.prior_weight[0]
        assert weights.sum() + prior_weight == pytest.approx(1, abs=1e-13)
        size = np.abs(y).max() + abs(m) + 1
        mean = weights @ y + prior_weight * (m if mu.proper else 0)
        assert mean == pytest.approx(found.of["mu"].mean[0], abs=1e-12 * size)
        assert mu.proper or prior_weight == 0


# DESIGN.md: with a density that falls as tau^-a the moment of order r of tau and theta_new
# exists when a + k - 1 - r > 1 under flat mu, a + k - r > 1 under a normal one.
RULE = [
    # prior, mu, k, mean of tau, SD of tau, mean of mu, SD of mu
    (HalfCauchy(1), Flat(), 1, False, False, False, False),
    (HalfCauchy(1), Flat(), 2, True, False, True, False),
    (HalfCauchy(1), Flat(), 3, True, True, True, True),
    (HalfCauchy(1), Normal(0, 1), 1, True, False, True, True),
    (HalfCauchy(1), Normal(0, 1), 2, True, True, True, True),
    (HalfStudentT(2, 1), Flat(), 1, True, False, True, False),
    (HalfStudentT(3, 1), Flat(), 1, True, True, True, True),
    (HalfStudentT(0.5, 1), Flat(), 2, True, False, True, False),
    (HalfNormal(1), Flat(), 1, True, True, True, True),
]


@pytest.mark.parametrize("case", RULE, ids=[f"{c[0]}, {c[1]}, k = {c[2]}" for c in RULE])
def test_which_moments_exist(case):
    # Isolates the rule. It is derived here again from the tail itself: tau^r p(tau | y) can be
    # integrated when its slope on the log-log scale ends below -1.
    prior, mu, k, *expected = case
    model = NormalNormal(Y[:k], SE[:k], mu, prior)
    rule = [bool(model.moment_exists(r)) for r in (1, 2)]
    assert rule + [bool(model.moment_exists(r, of_mu=True)) for r in (1, 2)] == expected
    tau = np.array([1e7, 1e8])
    given_tau = model.given(tau)
    log_posterior = given_tau.log_likelihood + prior.log_density(tau, np.log(tau))
    for order, exists in zip((1, 2), rule, strict=True):
        slope = np.diff(log_posterior + order * np.log(tau))[0] / math.log(10)
        assert (slope < -1 - 1e-6) == exists
        # E|mu|^r given tau grows like the SD of mu to the power r: tau^r under flat mu.
        growth = order * np.diff(np.log(given_tau.variance))[0] / 2 / math.log(10)
        of_mu = slope - order + growth
        assert (of_mu < -1 - 1e-6) == bool(model.moment_exists(order, of_mu=True)) or mu.proper


@pytest.mark.parametrize("case", RULE, ids=[f"{c[0]}, {c[1]}, k = {c[2]}" for c in RULE])
def test_moments_that_do_not_exist_are_not_numbers(case):
    # Isolates the engine's use of the rule: nan where there is none, quantiles always.
    prior, mu, k, mean, sd, mu_mean, mu_sd = case
    _, found = exact.fit(NormalNormal(Y[None, :k], SE[None, :k], mu, prior))
    for quantity, moments in (
        ("tau", (mean, sd)),
        ("theta_new", (mean, sd)),
        ("mu", (mu_mean, mu_sd)),
        ("theta", (True, True)),
        ("i2", (True, True)),
    ):
        of = found.of[quantity]
        assert np.all(np.isfinite(of.mean) == moments[0]), quantity
        assert np.all(np.isfinite(of.sd) == moments[1]), quantity
        for bound in (of.median, of.low, of.high, of.mode):
            assert np.all(np.isfinite(bound)), quantity
