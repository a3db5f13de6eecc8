"""Predictive distributions and P values against closed forms and other quadrature."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

from bayesmeta.appraisal import (
    estimate_of,
    posterior_predictive,
    predictive_p,
    prior_predictive,
    se_of_size,
)
from bayesmeta.engines import exact
from bayesmeta.errors import InputError
from bayesmeta.fit.hypotheses import MuKnown, settled
from bayesmeta.models import NormalNormal
from bayesmeta.priors import mu_prior, tau_prior

SCHOOLS = np.genfromtxt(
    Path(__file__).parents[1] / "references" / "eight_schools.csv",
    delimiter=",",
    names=True,
    dtype=None,
)
Y, SE = SCHOOLS["estimate"].astype(float), SCHOOLS["se"].astype(float)
TAUS = [
    "half-normal(0.5)",
    "half-normal(1e-3)",
    "half-cauchy(0.5)",
    "half-cauchy(1000)",
    "half-student-t(4, 0.3)",
    "exponential(2)",
    "log-normal(-1, 0.8)",
    "uniform(0.2, 3)",
    "gamma(0.2, 1)",
    "lomax(1, 1)",
]


def schools(mu="normal(0, 20)", tau="half-normal(10)"):
    return NormalNormal(Y[None], SE[None], mu_prior(mu), tau_prior(tau))


@pytest.mark.parametrize("tau", TAUS)
def test_prior_predictive_against_adaptive_quadrature(tau):
    # In log tau, so that densities unbounded at zero and heavy tails are smooth.
    prior = tau_prior(tau)
    found = prior_predictive(mu_prior("normal(0.3, 1)"), prior)
    low, high = prior.support
    ends = np.log([max(low, 1e-60), min(high, 1e14)])
    cuts = np.linspace(*ends, 60)

    def piece(a, b, x):
        def f(v):
            tau = np.exp(v)
            return stats.norm.cdf((x - 0.3) / np.hypot(1, tau)) * prior.pdf(tau) * tau

        return integrate.quad(f, a, b, epsabs=1e-13, epsrel=1e-11)[0]

    for x in (-1.0, 0.0, 2.0, 10.0):
        expected = sum(piece(a, b, x) for a, b in pairwise(cuts))
        # Half of what lies beyond 1e14 is below any x.
        expected += 0.5 * (1 - float(prior.cdf(1e14))) if np.isinf(high) else 0.0
        expected += stats.norm.cdf(x - 0.3) * float(prior.cdf(1e-60)) if low == 0 else 0.0
        assert float(found.cdf(x)) == pytest.approx(expected, abs=1e-10)


def test_prior_predictive_in_closed_form():
    # tau fixed: normal; a mixture on mu: its mixture; half-normal: variance s^2 + scale^2.
    fixed = prior_predictive(mu_prior("normal(1, 3)"), tau_prior("fixed(4)"))
    assert float(fixed.cdf(2.0)) == pytest.approx(stats.norm.cdf(2, 1, 5), abs=1e-14)
    two = prior_predictive(
        mu_prior("mixture(0.25 normal(0, 3), 0.75 normal(2, 1))"), tau_prior("fixed(4)")
    )
    expected = 0.25 * stats.norm.cdf(1, 0, 5) + 0.75 * stats.norm.cdf(1, 2, np.sqrt(17))
    assert float(two.cdf(1.0)) == pytest.approx(expected, abs=1e-14)
    half_normal = prior_predictive(mu_prior("normal(0, 2)"), tau_prior("half-normal(1.5)"))
    assert float(half_normal.sd()) == pytest.approx(2.5, rel=1e-9)


@pytest.mark.parametrize(("mu", "tau"), [("flat", "half-normal(1)"), ("normal(0, 1)", "flat")])
def test_an_improper_prior_predicts_nothing(mu, tau):
    with pytest.raises(InputError, match="improper"):
        prior_predictive(mu_prior(mu), tau_prior(tau))


def test_posterior_predictive_is_theta_new_of_the_fit():
    posterior, found = exact.fit(schools())
    new = posterior_predictive(posterior)
    assert new.shape == ()
    of = found.of["theta_new"]
    for quantile, value in ((0.025, of.low), (0.5, of.median), (0.975, of.high)):
        assert float(new.quantile(quantile)) == pytest.approx(value[0], abs=1e-9)


def test_what_a_new_study_estimates_adds_its_sampling_error():
    posterior, _ = exact.fit(schools())
    new = posterior_predictive(posterior)
    sizes = np.array([0.0, 3.0, 10.0])
    estimates = estimate_of(new, sizes)
    np.testing.assert_allclose(estimates.sd(), np.hypot(new.sd(), sizes), rtol=1e-12)
    np.testing.assert_allclose(estimates.mean(), new.mean(), rtol=1e-12)
    # Convolution of the density of the effect with the error's normal.
    expected = integrate.quad(
        lambda x: float(new.pdf(x)) * stats.norm.cdf((2 - x) / 3), -150, 150, limit=500
    )[0]
    assert float(estimates.cdf(2.0)[1]) == pytest.approx(expected, abs=1e-8)
    with pytest.raises(InputError, match="standard error"):
        estimate_of(new, -1.0)


def test_size_of_a_new_study():
    assert se_of_size(100, [100, 100], [0.4, 0.4]) == pytest.approx(0.4)
    with pytest.raises(InputError, match="patients"):
        se_of_size(0, [100], [0.4])


def test_homogeneity_has_the_p_value_of_cochran():
    # Under tau = 0, Q is chi-squared with k - 1 degrees of freedom whatever mu is.
    found = predictive_p(schools(), "Q", "tau", draws=200_000)
    expected = stats.chi2.sf(found.observed, len(Y) - 1)
    assert abs(found.p - expected) < 4 * found.mcse
    assert found.mcse == pytest.approx(np.sqrt(found.p * (1 - found.p) / 200_000), rel=1e-3)


@pytest.mark.parametrize("prior", [False, True])
def test_mu_has_the_p_value_of_its_integral_over_tau(prior):
    # Given tau the pooled estimate is normal with variance sum w^2 (se^2 + tau^2) / (sum w)^2.
    case, w = schools(), SE**-2.0
    found = predictive_p(case, "chi-squared", "mu", draws=200_000, prior=prior)
    pooled = w @ Y / w.sum()
    assert found.observed == pytest.approx(pooled**2 * w.sum())

    def given(tau):
        sd = np.sqrt((w**2 * (SE**2 + np.reshape(tau, (-1, 1)) ** 2)).sum(-1)) / w.sum()
        return 2 * stats.norm.sf(abs(pooled) / sd)

    def posterior(tau):
        likelihood = 1.0 if prior else np.exp(stats.norm.logpdf(Y, 0, np.hypot(SE, tau)).sum() + 33)
        return likelihood * float(case.tau.pdf(tau))

    top = integrate.quad(lambda t: posterior(t) * given(t)[0], 0, 80, limit=200)[0]
    expected = top / integrate.quad(posterior, 0, 80, limit=200)[0]
    assert abs(found.p - expected) < 4 * found.mcse
    if not prior:
        nodes = settled(MuKnown.of(case, 0.0))
        unit = MuKnown.of(case, 0.0).standardised().unit
        assert nodes.weights[0] @ given(unit * nodes.tau[0]) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    "mu", ["flat", "normal(0, 20)", "student-t(4, 0, 10)", "mixture(1 normal(0, 20))"]
)
def test_the_whole_model_replicates_theta_new(mu):
    # With one study the replicate is N(theta_new, se^2): its P value by the mixture.
    case = NormalNormal(np.array([[3.0]]), np.array([[2.0]]), mu_prior(mu), tau_prior("fixed(1)"))
    found = predictive_p(case, "chi-squared", draws=200_000)
    if mu.startswith("student"):
        spread = np.sqrt(5)

        def posterior(x):
            return stats.t.pdf(x / 10, 4) * stats.norm.pdf(3, x, spread)

        def tail(x):
            return stats.norm.sf(3, x, spread) + stats.norm.cdf(-3, x, spread)

        top = integrate.quad(lambda x: posterior(x) * tail(x), -40, 40)[0]
        expected = top / integrate.quad(posterior, -40, 40)[0]
    else:
        precision = 1 / 5 + (0 if mu == "flat" else 1 / 400)
        new = stats.norm(3 / 5 / precision, np.sqrt(1 / precision + 5))
        expected = new.sf(3) + new.cdf(-3)
    assert abs(found.p - expected) < 4 * found.mcse


def test_prior_predictive_p_values_of_data_from_the_priors_are_uniform():
    # Box: by construction, up to the 400 replicates of each of 300 data sets.
    rng = np.random.default_rng(3)
    mu, tau = mu_prior("normal(0, 1)"), tau_prior("half-normal(0.5)")
    se = np.array([0.2, 0.3, 0.4, 0.5])
    for statistic in ("Q", "chi-squared"):
        found = []
        for seed in range(300):
            sds = np.hypot(se, float(tau.rvs(1, rng)[0]))
            y = float(mu.rvs(1, rng)[0]) + sds * rng.standard_normal(4)
            case = NormalNormal(y[None], se[None], mu, tau)
            found.append(predictive_p(case, statistic, prior=True, draws=400, seed=seed).p)
        assert stats.kstest(found, "uniform").pvalue > 0.01


def test_seeds_and_errors():
    first, again, other = (predictive_p(schools(), draws=1000, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first.p != other.p
    extreme = NormalNormal(
        np.array([[-9.0, 9.0]]), np.array([[1.0, 1.0]]), mu_prior("flat"), tau_prior("fixed(0)")
    )
    none = predictive_p(extreme, "Q", "tau", draws=1000)
    assert none.p == 0
    assert none.mcse > 0
    with pytest.raises(InputError, match="not negative"):
        predictive_p(schools(), "Q", "tau", -1.0)
    with pytest.raises(InputError, match="statistic"):
        predictive_p(schools(), "R")
    with pytest.raises(InputError, match="improper"):
        predictive_p(schools(mu="flat"), prior=True)
