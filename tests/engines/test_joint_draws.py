"""Draws of a joint model against its exact summaries, in units of their Monte Carlo errors."""

import numpy as np
import pytest
from scipy import stats

from bayesmeta.engines.joint import fit_joint
from bayesmeta.engines.joint_draws import joint_draws
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.longitudinal import longitudinal_model
from bayesmeta.priors import HalfNormal, Normal, RhoFixed, RhoUniform

SIZE = 4000
FAR = 4.5
"""Monte Carlo errors that one of the hundred comparisons here may be off: P = 7e-6 each."""


@pytest.fixture(scope="module")
def found():
    model = longitudinal_model(
        ["A", "A", "A", "B", "B", "C", "D"],
        [1, 3, 12, 3, 12, 12, 1],
        [-1.2, -0.6, -0.4, 0.1, -0.9, -0.3, -0.2],
        [0.4, 0.3, 0.35, 0.5, 0.2, 0.3, 0.4],
        tau=HalfNormal(0.7),
        between=Correlation("ar1", RhoUniform(0, 1), 3.0),
        within=Correlation("cs", RhoUniform(0, 0.95)),
        coefficients=Normal(0, 3),
    )
    posterior, summaries = fit_joint(model)
    return posterior, summaries, joint_draws(posterior.best, SIZE, np.random.default_rng(3))


def near(draws, mean, sd):
    """Whether the means of draws, and their SDs, are those of a distribution."""
    z = (draws.mean(0) - mean) / (sd / np.sqrt(SIZE))
    # The SD of an SD is about sd sqrt((kurtosis - 1) / 4 n): with kurtosis up to 9, sqrt(2 / n).
    ratio = (draws.std(0) / sd - 1) * np.sqrt(SIZE / 2)
    return np.all(np.abs(z) < FAR) and np.all(np.abs(ratio) < FAR)


def test_linear_quantities(found):
    posterior, summaries, draws = found
    effects, _ = posterior.study_effects()
    assert near(draws.mu, summaries.mu.mean, summaries.mu.sd)
    assert near(draws.beta, summaries.coefficients.mean, summaries.coefficients.sd)
    assert near(draws.theta_new, summaries.theta_new.mean, summaries.theta_new.sd)
    assert near(draws.theta, effects.mean, effects.sd)


def test_differences_of_times_keep_their_correlation(found):
    _, summaries, draws = found
    left, right = summaries.pairs.T
    change = draws.mu[:, right] - draws.mu[:, left]
    assert near(change, summaries.contrasts.mean, summaries.contrasts.sd)


@pytest.mark.parametrize("at", range(3))
def test_hyperparameters_have_uniform_ranks(found, at):
    posterior, summaries, draws = found
    ranks = posterior.marginal(summaries.hypers[at].name).cdf(draws.phi[:, at])
    assert stats.kstest(ranks, "uniform").pvalue > 1e-4


def test_hyperparameters_keep_their_correlations(found):
    posterior, _, draws = found
    grid = posterior.best
    centre = grid.phi @ grid.weights
    off = grid.phi - centre[:, None]
    covariance = (off * grid.weights) @ off.T
    sd = np.sqrt(np.diag(covariance))
    drawn = np.corrcoef(draws.phi.T)
    np.testing.assert_allclose(drawn, covariance / np.outer(sd, sd), atol=FAR / np.sqrt(SIZE))


def test_replicates_where_studies_were_seen_and_marginal_likelihoods(found):
    posterior, _, draws = found
    model = posterior.model
    seen = np.zeros((model.studies, len(model.times)), bool)
    seen[model.study, model.slot] = True
    np.testing.assert_array_equal(np.isfinite(draws.replicate).all(0), seen)
    # Study A by scipy, at the first draw.
    phi = draws.phi[0]
    se = model.se[:3]
    within = np.where(np.eye(3, dtype=bool), 1, phi[2])
    gaps = np.abs(model.times[:, None] - model.times) / 3
    covariance = np.outer(se, se) * within + phi[0] ** 2 * phi[1] ** gaps
    wanted = stats.multivariate_normal(draws.mu[0], covariance).logpdf(model.y[:3])
    assert draws.log_likelihood[0, 0] == pytest.approx(wanted, abs=1e-10)


def test_changes_from_a_baseline():
    model = longitudinal_model(
        ["A", "A", "B", "C"], [1, 2, 1, 2], [-1.0, -2.0, -0.5, -1.2], [0.3, 0.3, 0.4, 0.2],
        tau=HalfNormal(0.5), between=Correlation("cs", RhoFixed(0.5)),
        within=Correlation("cs", RhoUniform(0, 0.95)), baseline_se=[0.4, 0.4, 0.3, 0.2],
    )  # fmt: skip
    posterior, summaries = fit_joint(model)
    draws = joint_draws(posterior.best, SIZE, np.random.default_rng(5))
    effects, _ = posterior.study_effects()
    assert near(draws.mu, summaries.mu.mean, summaries.mu.sd)
    assert near(draws.theta, effects.mean, effects.sd)
    tau, r = draws.phi[0, 0], draws.phi[0, 2]
    se = np.sqrt(0.4**2 + 0.3**2 - 2 * r * 0.4 * 0.3 + tau**2)
    wanted = stats.norm(draws.mu[0, 0], se).logpdf(-0.5)
    assert draws.log_likelihood[0, 1] == pytest.approx(wanted, abs=1e-10)


def test_importance_sampling_is_resampled():
    from bayesmeta.engines.importance import fit_importance

    model = longitudinal_model(
        ["A", "A", "B", "C"], [1, 2, 1, 2], [-1.0, -2.0, -0.5, -1.2], [0.3, 0.3, 0.4, 0.2],
        tau=HalfNormal(0.5), between=Correlation("cs", RhoUniform(0, 1)),
    )  # fmt: skip
    posterior, summaries = fit_importance(model)
    draws = joint_draws(posterior.best, SIZE, np.random.default_rng(6))
    assert near(draws.mu, summaries.mu.mean, summaries.mu.sd)


def test_fixed_hyperparameters_and_a_tau_of_zero():
    model = longitudinal_model(
        ["A", "A", "B"], [1, 2, 1], [0.1, 0.2, 0.3], [0.1, 0.2, 0.1],
        tau=HalfNormal(1e-9), between=Correlation("cs", RhoFixed(0.5)),
        within=Correlation("cs", RhoFixed(0.3)),
    )  # fmt: skip
    posterior, summaries = fit_joint(model)
    draws = joint_draws(posterior.best, SIZE, np.random.default_rng(4))
    np.testing.assert_array_equal(draws.phi[:, 1:], np.tile([0.5, 0.3], (SIZE, 1)))
    assert near(draws.mu, summaries.mu.mean, summaries.mu.sd)
    np.testing.assert_allclose(draws.theta[:, 0], draws.mu, atol=1e-7)
