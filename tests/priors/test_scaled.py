"""Priors of a multiple of tau: p(tau / c) / c for every family."""

import numpy as np
import pytest
from scipy import stats

from bayesmeta.errors import InputError
from bayesmeta.priors import Scaled, scaled, tau_prior
from bayesmeta.priors.text import TAU_FAMILIES

SE = np.array([0.3, 0.8, 1.7])
TEXTS = [
    "half-normal(0.7)", "half-cauchy(0.7)", "half-student-t(4, 0.7)", "half-logistic(0.7)",
    "exponential(2)", "pc(1, 0.05)", "lomax(1.5, 0.7)", "log-normal(-1, 0.9)",
    "log-student-t(5, -1.7, 1.3)", "inverse-gamma(1.5, 0.7)", "gamma(2, 4)", "weibull(1.4, 0.7)",
    "uniform(0.2, 1.3)", "fixed(0.4)", "flat", "sqrt", "jeffreys", "overall-jeffreys",
    "berger-deely", "conventional", "dumouchel", "uniform-shrinkage", "i2-uniform",
    "turner(pain, pharmacological vs control)", "rhodes",
]  # fmt: skip
C = 3.5
X = np.array([0.05, 0.4, 0.71, 1.1, 2.3])


def pair(text):
    prior = tau_prior(text)
    return prior.bound(SE), scaled(prior, C).bound(SE)


def test_no_family_is_left_out():
    assert {type(tau_prior(text)) for text in TEXTS} == set(TAU_FAMILIES)


@pytest.mark.parametrize("text", TEXTS)
def test_the_density_is_that_of_a_multiple(text):
    prior, other = pair(text)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = other.logpdf(C * X) - prior.logpdf(X)
    if text.startswith("fixed"):
        assert other.support == (C * 0.4, C * 0.4)
        return
    change = change[np.isfinite(change)]
    # Improper densities are up to a constant, proper ones are not.
    np.testing.assert_allclose(change, -np.log(C) if prior.proper else change[0], rtol=1e-12)
    assert other.proper == prior.proper
    assert other.tail_power == pytest.approx(prior.tail_power)


@pytest.mark.parametrize("text", [text for text in TEXTS if tau_prior(text).proper])
def test_distribution_and_quantiles_too(text):
    prior, other = pair(text)
    np.testing.assert_allclose(other.cdf(C * X), prior.cdf(X), rtol=1e-12)
    p = np.array([0.025, 0.3, 0.5, 0.975])
    np.testing.assert_allclose(other.ppf(p), C * prior.ppf(p), rtol=1e-12)


@pytest.mark.parametrize("text", TEXTS)
def test_the_text_form_reads_back(text):
    other = scaled(tau_prior(text), C)
    assert tau_prior(str(other)) == other == tau_prior(f"{C} * {text}")


@pytest.mark.parametrize("text", TEXTS)
def test_twice_and_half_is_once(text):
    once = scaled(scaled(tau_prior(text), 2), 0.5).bound(SE)
    x = X[(once.support[0] <= X) & (once.support[1] >= X)]
    np.testing.assert_allclose(once.logpdf(x), tau_prior(text).bound(SE).logpdf(x), rtol=1e-12)


def test_against_scipy():
    x = np.array([0.1, 0.9, 4.0])
    oracle = stats.lognorm(s=0.9, scale=C * np.exp(-1))
    np.testing.assert_allclose(scaled(tau_prior("log-normal(-1, 0.9)"), C).pdf(x), oracle.pdf(x))
    # s_0 of three equal standard errors is that error: density c s / (c s + x)^2.
    twice = scaled(tau_prior("dumouchel"), 2).bound([0.5] * 3)
    np.testing.assert_allclose(twice.pdf(x), 1 / (1 + x) ** 2)


def test_before_the_data_it_has_a_name_only():
    prior = scaled(tau_prior("jeffreys"), 2)
    assert isinstance(prior, Scaled)
    with pytest.raises(InputError, match="depends on the standard errors"):
        prior.logpdf(1.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-1 * half-normal(1)", "a factor of half-normal.1. is -1: it must be positive"),
        ("0 * jeffreys", "a factor of jeffreys is 0"),
        ("x * half-normal(1)", "expected a number before [*]"),
        ("2 * half-norml(1)", "did you mean 'half-normal'"),
        ("2 *", "expected a family"),
    ],
)
def test_mistakes(text, expected):
    with pytest.raises(InputError, match=expected):
        tau_prior(text)
