"""Bayes factors against integrals in mpmath that share no code with them, and by other routes."""

from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy import integrate, optimize, stats

from bayesmeta.appraisal import bayes_factors
from bayesmeta.engines import exact
from bayesmeta.models import NormalNormal
from bayesmeta.priors import mu_prior, tau_prior
from tests.oracle import Oracle

SCHOOLS = np.genfromtxt(
    Path(__file__).parents[1] / "references" / "eight_schools.csv",
    delimiter=",",
    names=True,
    dtype=None,
)
DATA = {
    "schools": (SCHOOLS["estimate"], SCHOOLS["se"]),
    "one": ([1.3], [0.5]),
    "contradicting": ([-3.0, 3.0], [0.1, 0.1]),
    "far": ([50.0, 51.0, 49.0, 50.5], [1.0, 0.8, 1.2, 1.0]),
    "dominated": ([0.2, -1.0, 2.0, 0.5], [0.01, 0.4, 0.5, 0.3]),
}
PRIORS = [
    ("normal(0, 10)", "half-normal(5)"),
    ("normal(1, 2)", "half-cauchy(0.5)"),
    ("normal(0, 4)", "uniform(0, 3)"),
    ("normal(0, 1)", "log-normal(-1, 0.8)"),
]
CASES = [(data, *priors) for data in DATA for priors in PRIORS]


def model(data, mu, tau):
    given = DATA[data] if isinstance(data, str) else data
    y, se = (np.asarray(values, dtype=float)[None] for values in given)
    return NormalNormal(y, se, mu_prior(mu), tau_prior(tau))


def log_null(oracle, value):
    """Log of the integral over tau of p(tau) prod N(y_i; value, se_i^2 + tau^2), by panels."""
    mp = oracle.mp

    def log_f(tau):
        total = oracle.prior.log_density(tau)
        for y, v in zip(oracle.y, oracle.v, strict=True):
            total -= (mp.log(2 * mp.pi * (v + tau**2)) + (y - value) ** 2 / (v + tau**2)) / 2
        return total

    ends = [mp.mpf(0)] + [mp.mpf(10) ** (mp.mpf(j) / 2) for j in range(-12, 30)]
    if oracle.prior.upper is not None:
        ends = [end for end in ends if end < oracle.prior.upper] + [oracle.prior.upper]
    peak = max(log_f(end + mp.mpf("1e-9")) for end in ends[:-1])
    found = mp.quad(lambda tau: mp.exp(log_f(tau) - peak) if tau > 0 else mp.mpf(0), ends)
    return peak + mp.log(found)


@pytest.mark.parametrize(("data", "mu", "tau"), CASES)
def test_against_mpmath(data, mu, tau):
    found = bayes_factors(model(data, mu, tau))
    oracle = Oracle(*DATA[data], tau, mu, digits=16)
    evidence = oracle.log_marginal_likelihood
    assert found.mu.log == pytest.approx(float(log_null(oracle, 0) - evidence), abs=1e-8)
    homogeneous = oracle.log_likelihood(mpmath.mpf(0))
    assert found.tau.log == pytest.approx(float(homogeneous - evidence), abs=1e-8)


@pytest.mark.parametrize("data", ["schools", "one", "dominated"])
@pytest.mark.parametrize(("mu", "tau"), PRIORS)
def test_savage_dickey_where_it_holds(data, mu, tau):
    # Posterior over prior density at the null, from the mixture, which reaches that far here.
    case = model(data, mu, tau)
    posterior, _ = exact.fit(case)
    at = (0 - posterior.model.location) / posterior.model.unit
    density = posterior.mixture("mu").pdf(at)[0] / posterior.model.unit
    expected = density / case.mu.pdf(0.0)
    if expected > 1e-10:
        assert bayes_factors(case).mu.value == pytest.approx(float(expected), rel=1e-8)


@pytest.mark.parametrize("data", ["schools", "one", "dominated", "contradicting"])
def test_minima_against_direct_search(data):
    # scipy's quadrature and bounded search, from the best of a grid: good to about 1e-7.
    y, se = (np.asarray(values, dtype=float) for values in DATA[data])
    case = model(data, "normal(1, 2)", "half-normal(1)")
    found = bayes_factors(case)

    def log_of_mu(mu):
        def f(tau):
            return np.exp(stats.norm.logpdf(y, mu, np.hypot(se, tau)).sum() - shift) * case.tau.pdf(
                tau
            )

        return np.log(integrate.quad(f, 0, 12, points=[0.01, 0.1, 1, 3], limit=500)[0]) + shift

    shift = 0.0
    shift = log_of_mu(float(np.average(y, weights=se**-2.0)))
    grid = np.unique(np.concatenate([np.linspace(y.min(), y.max(), 60), y]))
    start = max(grid, key=log_of_mu)
    best = -optimize.minimize(lambda x: -log_of_mu(x[0]), [start], method="Nelder-Mead").fun
    assert found.minimum_mu.log == pytest.approx(log_of_mu(0.0) - best, abs=1e-6)

    def log_of_tau(tau):
        cov = np.diag(se**2 + tau**2) + 4.0
        return stats.multivariate_normal.logpdf(y, np.ones_like(y), cov)

    grid = np.concatenate([[0.0], np.geomspace(1e-3, 20, 1000)])
    best = max(map(log_of_tau, grid))
    assert found.minimum_tau.log == pytest.approx(log_of_tau(0.0) - best, abs=2e-3)
    assert log_of_tau(found.minimum_tau.at) == pytest.approx(
        max(best, log_of_tau(found.minimum_tau.at)), abs=1e-9
    )


@pytest.mark.parametrize(("data", "mu", "tau"), CASES)
def test_a_minimum_is_a_lower_bound(data, mu, tau):
    found = bayes_factors(model(data, mu, tau))
    assert found.minimum_mu.log <= min(found.mu.log, 0) + 1e-10
    assert found.minimum_tau.log <= min(found.tau.log, 0) + 1e-10


def test_tau_zero_under_flat_mu_is_the_limit_of_wide_priors():
    flat = bayes_factors(model("schools", "flat", "half-normal(5)"))
    wide = bayes_factors(model("schools", "normal(0, 1e6)", "half-normal(5)"))
    assert flat.tau.log == pytest.approx(wide.tau.log, abs=1e-8)
    assert flat.mu is None
    assert "improper" in flat.reasons["mu"]


def test_one_study_says_nothing_of_tau_under_flat_mu():
    found = bayes_factors(model("one", "flat", "half-normal(1)"))
    assert found.tau.log == pytest.approx(0, abs=1e-10)
    assert found.minimum_tau.log == 0


def test_a_mixture_prior_averages_the_evidence():
    one, two, both = (
        bayes_factors(model("schools", mu, "half-normal(5)"))
        for mu in ("normal(0, 2)", "normal(5, 10)", "mixture(0.3 normal(0, 2), 0.7 normal(5, 10))")
    )
    expected = 1 / (0.3 / one.mu.value + 0.7 / two.mu.value)
    assert both.mu.value == pytest.approx(expected, rel=1e-9)
    assert both.minimum_mu == one.minimum_mu


def test_student_t_prior_against_two_dimensional_quadrature():
    y, se = (np.asarray(values, dtype=float) for values in DATA["schools"])
    case = model("schools", "student-t(4, 0, 10)", "half-normal(5)")

    # Trapezoid in mu, which is exact for a smooth integrand that dies at both ends.
    mus = np.linspace(-400, 400, 40_001)
    prior = stats.t.pdf(mus / 10, 4) / 10 * (mus[1] - mus[0])

    def given(tau, mu):
        logs = stats.norm.logpdf(y, np.reshape(mu, (-1, 1)), np.hypot(se, tau)).sum(-1)
        return np.exp(logs + 32) * case.tau.pdf(tau)

    null = integrate.quad(lambda tau: given(tau, 0.0)[0], 0, 40, epsrel=1e-11)[0]
    evidence = integrate.quad(lambda tau: given(tau, mus) @ prior, 0, 40, epsrel=1e-10)[0]
    assert bayes_factors(case).mu.value == pytest.approx(null / evidence, rel=1e-7)


def test_far_beyond_the_range_of_floats():
    # Known variances and fixed tau: closed form, -log BF of several thousand.
    y, se = np.array([300.0, 301.0]), np.array([1.0, 1.0])
    found = bayes_factors(model((y, se), "normal(0, 1000)", "fixed(1)"))
    alternative = stats.multivariate_normal.logpdf(y, [0, 0], np.diag(se**2 + 1) + 1e6)
    expected = stats.norm.logpdf(y, 0, np.sqrt(2)).sum() - alternative
    assert found.mu.log == pytest.approx(expected, rel=1e-12)
    assert found.mu.value == 0
    assert found.tau is None
    assert found.minimum_tau is None
    assert "point" in found.reasons["tau"]


@pytest.mark.parametrize("tau", ["flat", "jeffreys", "sqrt"])
def test_improper_tau_leaves_what_its_constant_cancels_from(tau):
    case = model("schools", "normal(0, 10)", tau)
    case = NormalNormal(case.y, case.se, case.mu, case.tau.bound(case.se[0]))
    found = bayes_factors(case)
    assert found.tau is None
    assert "improper" in found.reasons["tau"]
    posterior, _ = exact.fit(case)
    at = (0 - posterior.model.location) / posterior.model.unit
    density = posterior.mixture("mu").pdf(at)[0] / posterior.model.unit
    assert found.mu.value == pytest.approx(float(density / case.mu.pdf(0.0)), rel=1e-8)


def test_standardised_shifted_and_scaled_data_have_the_same_factors():
    case = model("schools", "normal(0, 10)", "half-normal(5)")
    found, again = bayes_factors(case), bayes_factors(case.standardised())
    assert again.mu.log == pytest.approx(found.mu.log, abs=1e-12)
    y, se = DATA["schools"]
    scaled = model((1000 + 3 * y, 3 * se), "normal(1000, 30)", "half-normal(15)")
    moved = bayes_factors(scaled, null=1000.0)
    for name in ("mu", "tau", "minimum_mu", "minimum_tau"):
        assert getattr(moved, name).log == pytest.approx(getattr(found, name).log, abs=1e-8)


def test_a_thousand_studies():
    rng = np.random.default_rng(1)
    se = rng.uniform(0.1, 1, 1000)
    y = rng.normal(0.05, np.hypot(se, 0.2))
    found = bayes_factors(model((y, se), "normal(0, 1)", "half-normal(0.5)"))
    posterior, _ = exact.fit(model((y, se), "normal(0, 1)", "half-normal(0.5)"))
    at = (0 - posterior.model.location) / posterior.model.unit
    density = float(posterior.mixture("mu").pdf(at)[0] / posterior.model.unit)
    assert found.mu.log == pytest.approx(np.log(density / stats.norm.pdf(0)), abs=1e-7)
    assert found.minimum_tau.at == pytest.approx(0.2, abs=0.04)
