"""A bias whose SD is unknown: against a fine trapezoidal rule over that SD, fit by fit."""

import numpy as np
import pytest

from bayesmeta.engines.designs import fit_over_sd
from bayesmeta.engines.joint import fit_joint
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.designs import biased
from bayesmeta.models.longitudinal import longitudinal_model
from bayesmeta.priors import Fixed, HalfNormal, Normal, RhoFixed

PRIOR = HalfNormal(2)


def model_at(sd):
    model = longitudinal_model(
        ["A", "A", "B", "S", "S", "T", "U"],
        [3, 12, 12, 3, 12, 3, 12],
        [-1.2, -0.6, -0.9, -4.0, -5.0, -1.0, -7.0],
        [0.4, 0.3, 0.2, 0.5, 0.5, 0.6, 0.7],
        tau=HalfNormal(1),
        between=Correlation("cs", RhoFixed(0.5)),
        within=Correlation("cs", RhoFixed(0.5)),
        coefficients=Normal(0, 5),
    )
    return biased(model, np.array([False, False, True, True, True]), Normal(-4, 3), sd)


@pytest.fixture(scope="module")
def fine():
    """Weights and summaries at 160 equally spaced values of the SD; the half-normal ends at 12."""
    sd = np.linspace(0.0, 12.0, 161)[1:]
    fits = [fit_joint(model_at(x), tolerance=1e-4)[1] for x in sd]
    log_f = np.array([one.log_evidence for one in fits]) + PRIOR.log_density(sd, np.log(sd))
    zero = fit_joint(model_at(0.0), tolerance=1e-4)[1]
    at_zero = zero.log_evidence + PRIOR.log_density(np.zeros(1), np.full(1, -np.inf))[0]
    peak = log_f.max()
    weights = np.concatenate([[np.exp(at_zero - peak) / 2], np.exp(log_f - peak)])
    return np.concatenate([[0.0], sd]), weights / weights.sum(), [zero, *fits]


def test_means_and_sds_are_those_of_the_fine_rule(fine):
    sd, weights, fits = fine
    found, of_sd = fit_over_sd(model_at, PRIOR, 0.95)
    means = np.stack([one.mu.mean for one in fits])
    mean = weights @ means
    spread = np.sqrt(weights @ (np.stack([one.mu.sd for one in fits]) ** 2 + (means - mean) ** 2))
    # The trapezoid of step 0.075 is within 1e-4 here; the engine says how far it is itself.
    assert found.numerical_error < 0.02
    np.testing.assert_allclose(found.mu.mean, mean, atol=0.003 * spread.max())
    np.testing.assert_allclose(found.mu.sd, spread, rtol=0.003)
    assert of_sd.mean == pytest.approx(weights @ sd, rel=0.005)
    assert weights[sd <= of_sd.median].sum() == pytest.approx(0.5, abs=0.03)


def test_a_fixed_sd_is_one_fit():
    found, of_sd = fit_over_sd(model_at, Fixed(1.5), 0.95)
    again = fit_joint(model_at(1.5))[1]
    np.testing.assert_array_equal(found.mu.median, again.mu.median)
    assert of_sd is None
