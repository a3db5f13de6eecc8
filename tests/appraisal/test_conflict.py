"""Prior predictive P values against closed forms, other quadrature, and simulation."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

from bayesmeta.appraisal import predictive_p
from bayesmeta.appraisal.conflict import prior_data_conflict, q_exceeds
from bayesmeta.models import NormalNormal
from bayesmeta.priors import mu_prior, tau_prior

Y, SE = np.array([-0.6, -0.3, -0.9]), np.array([0.3, 0.3, 0.4])


def model(y=Y, se=SE, mu="normal(0, 1)", tau="half-normal(0.5)"):
    return NormalNormal(y[None], se[None], mu_prior(mu), tau_prior(tau))


@pytest.mark.parametrize("k", [2, 3, 5, 10, 100, 1000])
def test_without_heterogeneity_q_is_chi_squared(k):
    se = np.random.default_rng(k).uniform(0.01, 3, k)
    tails = np.array([1e-12, 1e-4, 0.01, 0.1, 0.25, 0.3, 0.35, 0.5, 0.6, 0.9, 0.999, 1 - 1e-8])
    found = [q_exceeds(q, se, np.zeros(1))[0] for q in stats.chi2.isf(tails, k - 1)]
    assert found == pytest.approx(tails, abs=1e-12)


@pytest.mark.parametrize("tau", [0.01, 0.1, 1.0, 10.0, 1e3])
@pytest.mark.parametrize("se", [[0.3, 0.5, 0.2], [0.01, 1.0, 1.0], [0.02, 1.0, 30.0], [2.0] * 3])
def test_three_studies_by_a_convolution(tau, se):
    # The two eigenvalues of the form; P(a X + b Z^2 >= q) over Z. eigvalsh loses digits, not we.
    se = np.array(se)
    w = 1 / se**2
    spread = np.sqrt(se**2 + tau**2)
    form = spread[:, None] * (np.diag(w) - np.outer(w, w) / w.sum()) * spread
    b, a = np.linalg.eigvalsh(form)[1:]
    for q in (1e-6, 0.01, 1.0, 10.0, 1e4):
        end = min(np.sqrt(q / b), 12.0)
        expected = 2 * stats.norm.sf(end)
        cuts = np.linspace(0, end, 12)
        for left, right in pairwise(cuts):
            expected += integrate.quad(
                lambda z, q=q: 2 * stats.norm.pdf(z) * stats.chi2.sf((q - b * z * z) / a, 1),
                left,
                right,
                epsabs=1e-14,
            )[0]
        assert q_exceeds(q, se, np.array([tau]))[0] == pytest.approx(expected, abs=1e-10)


def test_many_studies_by_imhof():
    se = np.random.default_rng(4).uniform(0.1, 1, 9)
    w = 1 / se**2
    spread = np.sqrt(se**2 + 0.25)
    form = spread[:, None] * (np.diag(w) - np.outer(w, w) / w.sum()) * spread
    eigenvalues = np.linalg.eigvalsh(form)[1:]
    q = float(eigenvalues.sum())

    def integrand(u):
        theta = np.arctan(eigenvalues * u).sum() / 2 - q * u / 2
        return np.sin(theta) / (u * np.prod((1 + (eigenvalues * u) ** 2) ** 0.25))

    ends = [0, 0.1, 0.5, 2, 10, 50, 1e3]
    parts = [integrate.quad(integrand, a, b, limit=500, epsabs=1e-13)[0] for a, b in pairwise(ends)]
    # Imhof (1961), equation 3.2; beyond the last end less than 1e-12 is left.
    expected = 0.5 + sum(parts) / np.pi
    assert q_exceeds(q, se, np.array([0.5]))[0] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    "tau",
    ["half-normal(0.5)", "half-normal(1e-3)", "half-cauchy(100)", "uniform(0.2, 3)",
     "log-normal(-1, 0.8)", "gamma(0.2, 1)", "fixed(0.7)"],
)  # fmt: skip
def test_two_studies_averaged_over_the_prior(tau):
    # P(Q* >= Q | tau) = 2 Phi(-|y1 - y2| / sqrt(s1^2 + s2^2 + 2 tau^2)).
    y, se = np.array([0.1, 1.4]), np.array([0.3, 0.5])
    prior = tau_prior(tau)

    def p(t):
        return 2 * stats.norm.sf(abs(y[1] - y[0]) / np.sqrt(se @ se + 2 * t * t))

    if tau.startswith("fixed"):
        expected = p(0.7)
    else:
        ends = np.append(prior.ppf(np.linspace(0, 0.999999, 40)), prior.ppf(1 - 1e-15))
        cuts = np.append(ends, 1e3 * ends[-1]) if np.isinf(prior.support[1]) else ends
        expected = sum(
            integrate.quad(
                lambda v: p(np.exp(v)) * prior.pdf(np.exp(v)) * np.exp(v), *np.log([a, b])
            )[0]
            for a, b in zip(np.maximum(cuts[:-1], 1e-70), cuts[1:], strict=True)
            if b > 1e-70
        )
    assert prior_data_conflict(model(y, se, tau=tau)).q == pytest.approx(expected, abs=1e-8)


def test_of_the_estimate_in_closed_form():
    # Known tau and a normal prior leave a normal.
    found = prior_data_conflict(model(mu="normal(0.2, 1.5)", tau="fixed(0.4)"))
    w = 1 / SE**2
    m = w @ Y / w.sum()
    sd = np.sqrt(1.5**2 + (w**2 * (SE**2 + 0.4**2)).sum() / w.sum() ** 2)
    assert found.estimate == pytest.approx(2 * stats.norm.sf(abs(m - 0.2) / sd), abs=1e-12)
    assert found.observed_estimate == pytest.approx(m, rel=1e-14)
    assert found.observed_q == pytest.approx(w @ (Y - m) ** 2, rel=1e-14)


@pytest.mark.parametrize("mu", ["normal(0, 1)", "student-t(4, 0, 0.7)"])
def test_against_simulation(mu):
    priors = mu_prior(mu), tau_prior("half-cauchy(0.3)")
    found = prior_data_conflict(model(mu=mu, tau="half-cauchy(0.3)"))
    by_draws = predictive_p(model(mu=mu, tau="half-cauchy(0.3)"), "Q", prior=True)
    assert abs(by_draws.p - found.q) < 4 * by_draws.mcse
    rng = np.random.default_rng(2)
    means, taus = (prior.rvs(200_000, rng) for prior in priors)
    w = 1 / SE**2
    y = means[:, None] + np.hypot(SE, taus[:, None]) * rng.standard_normal((200_000, 3))
    below = (y @ w / w.sum() <= found.observed_estimate).mean()
    assert abs(2 * min(below, 1 - below) - found.estimate) < 4 * 2 * np.sqrt(0.25 / 200_000)


def test_a_prior_that_the_data_contradict():
    far = prior_data_conflict(model(mu="normal(20, 0.1)", tau="half-normal(0.1)"))
    assert 0 < far.estimate < 1e-100
    spread = model(np.array([-9.0, 0.0, 9.0]), tau="half-normal(0.01)")
    assert prior_data_conflict(spread).q < 1e-12


def test_units_do_not_matter():
    plain = prior_data_conflict(model())
    scaled = prior_data_conflict(
        model(1e3 * Y, 1e3 * SE, "normal(0, 1000)", "half-normal(500)").standardised()
    )
    assert scaled.q == pytest.approx(plain.q, abs=1e-10)
    assert scaled.estimate == pytest.approx(plain.estimate, abs=1e-10)


def test_reasons_where_a_prior_predicts_nothing():
    found = prior_data_conflict(model(mu="flat"))
    assert found.q is not None
    assert found.estimate is None
    assert "prior on mu is improper" in found.reasons["estimate"]
    found = prior_data_conflict(model(tau="flat"))
    assert found.q is None
    assert found.estimate is None
    assert "prior on tau is improper (flat)" in found.reasons["q"]
    found = prior_data_conflict(model(Y[:1], SE[:1]))
    assert found.q is None
    assert "one study" in found.reasons["q"]
    assert found.estimate is not None


def test_no_heterogeneity_at_all():
    assert prior_data_conflict(model(np.zeros(3))).q == pytest.approx(1)


def test_a_tau_beyond_all_data_exceeds_any_q():
    # P(Q < q) of two studies falls like 1 / tau; the largest tau is one of a log-Student-t prior.
    found = q_exceeds(5.0, np.array([0.3, 0.5]), np.array([1e3, 1e15, 1e80, 1e147]))
    assert found[0] < 1
    np.testing.assert_allclose(found[1:], 1, atol=1e-12)
