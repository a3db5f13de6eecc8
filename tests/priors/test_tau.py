"""Every family on tau against scipy and PreliZ, and its own parts against one another."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from bayesmeta.priors import (
    Exponential,
    Fixed,
    Flat,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    LogNormal,
    Normal,
    Uniform,
    mu_prior,
    tau_prior,
)


class Folded:
    """scipy has no half-Student-t: |t|, by symmetry."""

    def __init__(self, df, scale):
        self.t = stats.t(df, scale=scale)

    def pdf(self, x):
        return 2 * self.t.pdf(x)

    def cdf(self, x):
        return 1 - 2 * self.t.sf(x)

    def ppf(self, p):
        return self.t.isf((1 - p) / 2)


# Ours, scipy's, and PreliZ's name and parameters.
FAMILIES = [
    (HalfNormal(0.7), stats.halfnorm(scale=0.7), "HalfNormal", (0.7,)),
    (HalfCauchy(2.5), stats.halfcauchy(scale=2.5), "HalfCauchy", (2.5,)),
    (HalfStudentT(4, 1.3), Folded(4, 1.3), "HalfStudentT", (4, 1.3)),
    (HalfStudentT(1.5, 20), Folded(1.5, 20), "HalfStudentT", (1.5, 20)),
    (Exponential(3), stats.expon(scale=1 / 3), "Exponential", (3,)),
    (
        LogNormal(-1.28, 0.87),
        stats.lognorm(0.87, scale=math.exp(-1.28)),
        "LogNormal",
        (-1.28, 0.87),
    ),
    (Uniform(0, 4), stats.uniform(0, 4), "Uniform", (0, 4)),
    (Uniform(0.5, 2), stats.uniform(0.5, 1.5), "Uniform", (0.5, 2)),
]
IDS = [str(family[0]) for family in FAMILIES]
PROBABILITIES = np.array([1e-6, 0.01, 0.025, 0.25, 0.5, 0.75, 0.975, 0.99, 1 - 1e-6])

positive = st.floats(1e-6, 1e6)
priors = st.one_of(
    positive.map(HalfNormal),
    positive.map(HalfCauchy),
    st.builds(HalfStudentT, st.floats(0.5, 200), positive),
    positive.map(Exponential),
    st.builds(LogNormal, st.floats(-10, 10), st.floats(0.05, 3)),
    st.tuples(st.floats(0, 1e3), positive).map(lambda t: Uniform(t[0], t[0] + t[1])),
)


@pytest.mark.parametrize(("ours", "scipys", "name", "parameters"), FAMILIES, ids=IDS)
def test_density_distribution_and_quantiles(ours, scipys, name, parameters):
    # Isolates the formulas. scipy's are closed forms as ours: 1e-12 relative is a few hundred
    # roundings. The CDF of the half-t is one minus a tail here, so it is absolute: 1e-15.
    x = np.concatenate([scipys.ppf(PROBABILITIES), [1e-12, 0.3, 1.0, 50.0]])
    np.testing.assert_allclose(ours.pdf(x), scipys.pdf(x), rtol=1e-12)
    np.testing.assert_allclose(ours.cdf(x), scipys.cdf(x), rtol=1e-12, atol=2e-15)
    # A tail of 1e-6 is known to 1e-10 of itself from p next to 1.
    np.testing.assert_allclose(ours.ppf(PROBABILITIES), scipys.ppf(PROBABILITIES), rtol=2e-10)
    # PreliZ by its own formulas (slow to import, so here): its half-t CDF is good to 3e-11.
    import preliz

    prelizs = getattr(preliz, name)(*parameters)
    np.testing.assert_allclose(ours.pdf(x), prelizs.pdf(x), rtol=1e-10, atol=1e-300)
    np.testing.assert_allclose(ours.cdf(x), prelizs.cdf(x), rtol=1e-8, atol=1e-9)
    p = PROBABILITIES[1:-1]
    np.testing.assert_allclose(ours.ppf(p), prelizs.ppf(p), rtol=1e-8)


@pytest.mark.parametrize("prior", [family[0] for family in FAMILIES], ids=IDS)
def test_nothing_outside_the_support(prior):
    # Isolates the guards of pdf and cdf: below the support no density and no probability.
    assert prior.pdf(-0.1) == 0
    assert prior.cdf(-0.1) == 0
    assert prior.cdf(np.inf) == 1
    low, high = prior.support
    assert prior.ppf(0.0) == low
    if high < math.inf:
        assert prior.ppf(1.0) == high
        assert prior.pdf(high + 0.1) == 0


@given(priors, st.floats(0.001, 0.999))
def test_quantile_inverts_distribution(prior, p):
    # Isolates ppf against cdf, at p and at x. p is known to 1e-12 or to x rounded; near 0 and 1
    # the CDF keeps 1e-16 / p of x.
    x = float(prior.ppf(p))
    rounding = 4 * np.finfo(float).eps * x * float(prior.pdf(x))
    assert prior.cdf(x) == pytest.approx(p, abs=1e-12 + rounding)
    assert prior.ppf(prior.cdf(x)) == pytest.approx(x, rel=1e-9)


@given(priors, st.floats(0.01, 0.99))
def test_complex_step_is_the_derivative(prior, p):
    # Isolates that log_density is analytic, which the engine's complex step by log tau needs:
    # against a central difference, whose error is h^2 f''' / 6 + 1e-16 |f| / h = 1e-9 at h = 1e-5.
    tau = float(prior.ppf(p))
    assume(tau > 1e-6)
    h = 1e-5

    def at(step):
        return prior.log_density(np.array(tau * np.exp(step)), np.array(np.log(tau) + step))

    aside = np.array(tau * (1 + 1e-30j)), np.array(np.log(tau) + 1e-30j)
    by_complex_step = float(np.imag(prior.log_density(*aside))) / 1e-30
    by_difference = float(at(h) - at(-h)) / (2 * h)
    assert by_complex_step == pytest.approx(by_difference, rel=1e-6, abs=1e-6)


@given(priors)
def test_distribution_is_the_integral_of_the_density(prior):
    # Isolates the constant of the density: Gauss-Legendre in tau over the central half, where
    # every family here is smooth; 60 nodes leave 1e-12.
    low, high = (float(prior.ppf(p)) for p in (0.25, 0.75))
    node, weight = np.polynomial.legendre.leggauss(60)
    x = (low + high) / 2 + (high - low) / 2 * node
    assert (high - low) / 2 * float(weight @ prior.pdf(x)) == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize(
    ("prior", "power"),
    [
        (HalfCauchy(0.5), 2),
        (HalfStudentT(1, 2), 2),
        (HalfStudentT(4, 3), 5),
        (HalfStudentT(0.5, 1), 1.5),
    ],
    ids=str,
)
def test_tail_power(prior, power):
    # Isolates the a of "falls as tau^-a", which decides what moments exist: the slope of the log
    # density by log tau between 1e7 and 1e8, off by (scale / tau)^2.
    slope = -(prior.logpdf(1e8) - prior.logpdf(1e7)) / math.log(10)
    assert slope == pytest.approx(power, abs=1e-9)
    assert prior.tail_power == power


@pytest.mark.parametrize("prior", [HalfNormal(1), Exponential(1), LogNormal(0, 1)], ids=str)
def test_light_tails_fall_faster_than_any_power(prior):
    # Isolates tail_power = inf: the same slope goes on growing.
    x = 10.0 ** np.arange(0, 100, 20)
    fall = -np.diff(prior.log_density(x, np.log(x))) / np.diff(np.log(x))
    assert np.all(np.diff(fall) > 1)
    assert prior.tail_power == math.inf


def test_fixed():
    # A point mass: no scipy counterpart.
    prior = Fixed(0.3)
    np.testing.assert_array_equal(prior.cdf([0.2, 0.3, 0.4]), [0, 1, 1])
    np.testing.assert_array_equal(prior.ppf([0.0, 0.5, 1.0]), [0.3, 0.3, 0.3])
    assert prior.support == (0.3, 0.3)


@pytest.mark.parametrize("prior", [family[0] for family in FAMILIES], ids=IDS)
def test_draws_follow_the_distribution(prior):
    # Kolmogorov-Smirnov at 1e-4 with a fixed seed: a wrong family fails by many orders.
    draws = prior.rvs((50, 100), np.random.default_rng(1))
    assert draws.shape == (50, 100)
    assert stats.kstest(draws.ravel(), prior.cdf).pvalue > 1e-4
    np.testing.assert_array_equal(draws, prior.rvs((50, 100), np.random.default_rng(1)))


@given(st.one_of(priors, st.floats(0, 1e6).map(Fixed)))
def test_text_form_round_trip(prior):
    assert tau_prior(str(prior)) == prior


@given(st.one_of(st.just(Flat()), st.builds(Normal, st.floats(-1e6, 1e6), positive)))
def test_text_form_round_trip_of_mu(prior):
    assert mu_prior(str(prior)) == prior
