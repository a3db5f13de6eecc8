"""Priors on a correlation against scipy, and their text form."""

import numpy as np
import pytest
from scipy import stats

from bayesmeta.errors import InputError
from bayesmeta.priors import RhoBeta, RhoFixed, RhoSymmetric, RhoUniform, rho_prior

X = np.array([0.01, 0.2, 0.5, 0.9])


@pytest.mark.parametrize(
    ("prior", "known"),
    [
        (RhoUniform(0, 0.95), stats.uniform(0, 0.95)),
        (RhoUniform(-0.4, 1), stats.uniform(-0.4, 1.4)),
        (RhoBeta(2, 3.5), stats.beta(2, 3.5)),
        (RhoSymmetric(1.5), stats.beta(1.5, 1.5, -1, 2)),
    ],
    ids=["uniform", "uniform below 0", "beta", "symmetric"],
)
def test_families_are_scipys(prior, known):
    np.testing.assert_allclose(prior.log_density(X), known.logpdf(X), rtol=1e-12)
    np.testing.assert_allclose(prior.cdf(X), known.cdf(X), rtol=1e-12)
    np.testing.assert_allclose(prior.ppf(X), known.ppf(X), rtol=1e-12)
    assert rho_prior(str(prior)) == prior
    draws = prior.rvs(2000, np.random.default_rng(1))
    assert stats.kstest(draws, known.cdf).pvalue > 0.01


def test_a_number_fixes_it():
    assert rho_prior("0.5") == RhoFixed(0.5) == rho_prior("fixed(0.5)")
    assert RhoFixed(0.5).cdf([0.4, 0.5]).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1.2", "must lie between -1 and 1"),
        ("uniform(0.5, 0.2)", "must satisfy -1 <= low < high <= 1"),
        ("uniform(0, 2)", "must satisfy -1 <= low < high <= 1"),
        ("beta(0, 1)", "a of beta"),
        ("unifrom(0, 1)", "did you mean 'uniform'"),
        ("half-normal(1)", "unknown prior on rho"),
        ("uniform(0)", "1 numbers given, expected uniform"),
        ("?", "such as uniform"),
    ],
)
def test_bad_text_is_one_line(text, says):
    with pytest.raises(InputError, match=says.replace("(", r"\(")) as caught:
        rho_prior(text)
    assert "\n" not in str(caught.value)
