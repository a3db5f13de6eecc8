"""Intervals of joint models cover what they should, and joint beats alone: by simulation."""

import numpy as np
import pytest

from bayesmeta.engines.joint import fit_alone, fit_joint
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.longitudinal import longitudinal_model
from bayesmeta.priors import HalfNormal, Normal, RhoUniform

TIMES = np.array([3.0, 6.0, 12.0])
TAU, MU = HalfNormal(0.5), Normal(0, 1)
RHO_BETWEEN, RHO_WITHIN = RhoUniform(0, 1), RhoUniform(0, 0.9)


def one(rng):
    """Draw truths from the priors, and data of seven studies, some seen at some times only."""
    mu, tau = MU.rvs(3, rng), TAU.rvs(1, rng)[0]
    rho_between, rho_within = RHO_BETWEEN.rvs(1, rng)[0], RHO_WITHIN.rvs(1, rng)[0]
    same = np.eye(3)
    t = tau**2 * (same + (1 - same) * rho_between)
    r = same + (1 - same) * rho_within
    seen = rng.random((7, 3)) < 0.6
    seen[np.arange(7), rng.integers(0, 3, 7)] = True
    seen[rng.integers(0, 7), ~seen.any(0)] = True
    se = rng.uniform(0.15, 0.6, (7, 3))
    theta = rng.multivariate_normal(mu, t, 7)
    errors = np.einsum("ij,kj->ki", np.linalg.cholesky(r), rng.standard_normal((7, 3)))
    study, slot = np.nonzero(seen)
    model = longitudinal_model(
        study.tolist(),
        TIMES[slot],
        (theta + se * errors)[seen],
        se[seen],
        tau=TAU,
        between=Correlation("cs", RHO_BETWEEN),
        within=Correlation("cs", RHO_WITHIN),
        coefficients=MU,
    )
    return model, mu, tau, rng.multivariate_normal(mu, t)


def simulated(count, seed):
    """Whether 95 % intervals cover mu, theta_new (per time) and tau, and squared errors of mu."""
    rng = np.random.default_rng(seed)
    covered, errors = [], []
    for _ in range(count):
        model, mu, tau, new = one(rng)
        _, found = fit_joint(model)
        alone = fit_alone(model)
        spread = found.hyper("tau")
        covered.append(
            [
                *((found.mu.low < mu) & (mu < found.mu.high)),
                *((found.theta_new.low < new) & (new < found.theta_new.high)),
                spread.low < tau < spread.high,
            ]
        )
        errors.append([(found.mu.mean - mu) ** 2, (alone.mean - mu) ** 2])
    return np.mean(covered, 0), np.mean(errors, (0, 2))


def test_coverage_in_short():
    # 60 data sets: a true coverage of 95 % is below 80 % once in 100,000.
    coverage, _ = simulated(60, 1)
    assert np.all(coverage > 0.8)


@pytest.mark.slow
def test_coverage_and_error():
    # 2,000 data sets: the standard error of a coverage of 95 % is 0.5 %.
    coverage, (joint, alone) = simulated(2000, 2)
    assert np.all((coverage > 0.935) & (coverage < 0.965))
    assert joint < alone
