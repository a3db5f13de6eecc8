"""A historical meta-analysis as a prior."""

import numpy as np
import pytest
from scipy import stats

import bayesmeta as bm
from bayesmeta.priors import mu_prior

HISTORY = {
    "study": ["A", "B", "C"],
    "estimate": [-0.6, -0.3, -0.9],
    "se": [0.3, 0.3, 0.4],
    "n": [90, 90, 50],
}


def history(tau, **columns):
    return bm.fit(HISTORY | columns, tau=tau)


def below(prior, x):
    """P(theta <= x) under the mixture without its last component, by scipy."""
    weights = np.array(prior.weights[:-1])
    parts = stats.norm.cdf(x[:, None], prior.means[:-1], prior.sds[:-1])
    return parts @ (weights / weights.sum())


def test_a_known_tau_predicts_one_normal():
    # theta_new ~ N(sum w y / sum w, 1 / sum w + tau^2), w = 1 / (se^2 + tau^2).
    found = history(bm.Fixed(0.2))
    weights = 1 / (np.array(HISTORY["se"]) ** 2 + 0.2**2)
    mean = weights @ HISTORY["estimate"] / weights.sum()
    prior = bm.map_prior(found, robust=0).prior
    assert prior.weights == (1.0,)
    # The normal is fitted at the quantiles of a normal: what is left is the rounding.
    assert abs(prior.means[0] - mean) < 1e-4
    assert abs(prior.sds[0] - np.hypot(weights.sum() ** -0.5, 0.2)) < 1e-4


def predicted_below(x, log_prior, taus):
    """P(theta_new <= x) with a flat prior on mu, by the trapezoidal rule on a grid of tau."""
    y, se = np.array(HISTORY["estimate"]), np.array(HISTORY["se"])
    weights = 1 / (se**2 + taus[:, None] ** 2)
    total = weights.sum(1)
    mean = weights @ y / total
    log_density = (np.log(weights) - weights * (y - mean[:, None]) ** 2).sum(1) - np.log(total)
    density = np.exp(log_density / 2 + log_prior(taus))
    given_tau = stats.norm.cdf(x[:, None], mean, np.sqrt(1 / total + taus**2))
    return np.trapezoid(given_tau * density, taus) / np.trapezoid(density, taus)


@pytest.mark.parametrize(
    ("tau", "log_prior"),
    [
        (bm.HalfNormal(0.5), stats.halfnorm(scale=0.5).logpdf),
        (bm.HalfCauchy(0.3), stats.halfcauchy(scale=0.3).logpdf),
        (bm.Exponential(2), stats.expon(scale=0.5).logpdf),
    ],
)
def test_probabilities_are_as_close_as_it_says(tau, log_prior):
    found = bm.map_prior(bm.fit(HISTORY, mu=bm.Flat(), tau=tau), robust=0.3)
    x, taus = np.linspace(-4, 3, 101), np.geomspace(1e-6, 2000, 8001)
    off = np.abs(below(found.prior, x) - predicted_below(x, log_prior, taus)).max()
    # Between two of the thousand points compared, both sides rise by a thousandth at most.
    assert off < found.error + 1e-3
    assert found.error < 1e-3
    assert len(found.prior.weights) <= 5


def test_an_error_too_large_is_said():
    found = bm.map_prior(history(bm.HalfCauchy(50)))
    assert 1e-3 < found.error < 0.02


def test_one_patient_is_vague():
    # Unit information: sqrt(sum n / sum se^-2).
    found = bm.map_prior(history(bm.HalfNormal(0.5)), robust=0.25).prior
    assert found.weights[-1] == 0.25
    assert found.sds[-1] == float(f"{np.sqrt(230 / (2 / 0.09 + 1 / 0.16)):.4g}")
    assert abs(sum(found.weights) - 1) < 1e-9
    assert bm.map_prior(history(bm.HalfNormal(0.5)), unit_sd=7).prior.sds[-1] == 7


def test_its_words_are_a_prior():
    prior = bm.map_prior(history(bm.HalfNormal(0.5))).prior
    assert mu_prior(str(prior)) == prior


def test_new_data_prevail_over_a_history_that_they_contradict():
    new = {"study": ["D", "E"], "estimate": [2.4, 2.6], "se": [0.2, 0.2]}
    trusted, doubted = (
        bm.map_prior(history(bm.HalfNormal(0.1)), robust=robust).prior for robust in (0, 0.2)
    )
    fits = (bm.fit(new, mu=prior, tau=bm.HalfNormal(0.1)) for prior in (trusted, doubted))
    pulled, free = (fit.rows[0].exact.mu.mean for fit in fits)
    assert pulled < 2
    assert abs(free - 2.5) < 0.05


def test_units_do_not_matter():
    large = history(
        bm.HalfNormal(500), estimate=[-600, -300, -900], se=[300, 300, 400], n=[90, 90, 50]
    )
    one, other = bm.map_prior(history(bm.HalfNormal(0.5))).prior, bm.map_prior(large).prior
    np.testing.assert_allclose(np.multiply(one.means, 1000), other.means, atol=0.2)
    np.testing.assert_allclose(np.multiply(one.sds, 1000), other.sds, rtol=1e-3)


def test_refusals():
    fit = history(bm.HalfNormal(0.5))
    with pytest.raises(bm.InputError, match="robust is 1"):
        bm.map_prior(fit, robust=1)
    with pytest.raises(bm.InputError, match="robust is nan"):
        bm.map_prior(fit, robust=float("nan"))
    with pytest.raises(bm.InputError, match="4 pools"):
        bm.map_prior(bm.fit("sledai"))
    with pytest.raises(bm.InputError, match="positive"):
        bm.map_prior(fit, unit_sd=-1)
    without = {name: HISTORY[name] for name in ("study", "estimate", "se")}
    with pytest.raises(bm.InputError, match="give unit_sd"):
        bm.map_prior(bm.fit(without, tau=bm.HalfNormal(0.5)))
