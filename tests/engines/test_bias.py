"""A bias whose SD is unknown: against a trapezoidal rule over that SD, of another model each."""

from dataclasses import replace

import numpy as np
import pytest

from bayesmeta.engines.importance import fit_any, fit_importance
from bayesmeta.engines.joint import fit_joint
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.designs import biased
from bayesmeta.models.longitudinal import longitudinal_model
from bayesmeta.priors import Fixed, HalfNormal, Normal, RhoFixed, RhoUniform

PRIOR = HalfNormal(2)
SERIES = np.array([False, False, True, True, True])
MEAN = Normal(-4, 3)


def model(rho):
    return longitudinal_model(
        ["A", "A", "B", "S", "S", "T", "U"],
        [3, 12, 12, 3, 12, 3, 12],
        [-1.2, -0.6, -0.9, -4.0, -5.0, -1.0, -7.0],
        [0.4, 0.3, 0.2, 0.5, 0.5, 0.6, 0.7],
        tau=HalfNormal(1),
        between=Correlation("cs", rho),
        within=Correlation("cs", RhoFixed(0.5)),
        coefficients=Normal(0, 5),
    )


def at(sd, rho):
    """Return the fit at one SD, of a model in which each series' bias is a coefficient."""
    plain = model(rho)
    own = (plain.study[:, None] == np.flatnonzero(SERIES)).astype(float)
    own = own if sd > 0 else own[:, :0]
    priors = [MEAN, *(Normal(0, sd) for _ in range(own.shape[1]))]
    columns = np.concatenate([plain.x, SERIES[plain.study].astype(float)[:, None], own], 1)
    whole = replace(
        plain,
        x=columns,
        coefficients=(*plain.coefficients, *priors),
        names=tuple(map(str, range(columns.shape[1]))),
    )
    return fit_joint(whole)[1]


@pytest.mark.parametrize(("rho", "promised"), [(RhoFixed(0.5), 1e-8), (RhoUniform(0, 1), 1e-6)])
def test_it_is_the_trapezoidal_rule_over_its_sd(rho, promised):
    # Likelihood and prior are even functions of the SD, analytic and negligible at 13, so that the
    # rule converges geometrically.
    sd = np.linspace(0.0, 13.0, 45)
    fits = [at(value, rho) for value in sd.tolist()]
    log_f = np.array([one.log_evidence for one in fits]) - sd * sd / (2 * PRIOR.scale**2)
    weights = np.exp(log_f - log_f.max())
    weights[0] /= 2
    weights /= weights.sum()
    means, sds = (np.stack([getattr(one.mu, name) for one in fits]) for name in ("mean", "sd"))
    mean = weights @ means
    spread = np.sqrt(weights @ (sds**2 + (means - mean) ** 2))
    below = weights @ np.stack([one.mu.below_zero for one in fits])

    _, found = fit_joint(biased(model(rho), SERIES, MEAN, PRIOR))
    assert found.numerical_error < promised
    tolerance = 2 * promised
    np.testing.assert_allclose(found.mu.mean, mean, atol=tolerance * spread.min())
    np.testing.assert_allclose(found.mu.sd, spread, rtol=tolerance)
    np.testing.assert_allclose(found.mu.below_zero, below, atol=tolerance)
    of_sd = found.hyper("bias_sd")
    # Of its moments the second alone is the mean of an even function.
    assert of_sd.mean**2 + of_sd.sd**2 == pytest.approx(weights @ sd**2, rel=4 * promised)


def test_a_fixed_sd_is_a_coefficient_of_each_series():
    found = fit_joint(biased(model(RhoUniform(0, 1)), SERIES, MEAN, Fixed(1.5)))[1]
    again = at(1.5, RhoUniform(0, 1))
    for name in ("mean", "sd", "median", "low", "high"):
        np.testing.assert_allclose(
            getattr(found.mu, name), getattr(again.mu, name), atol=1e-8 * again.mu.sd.max()
        )
    assert found.log_evidence == pytest.approx(again.log_evidence, abs=1e-9)


def test_importance_sampling_is_near_the_grid():
    # Isolates draws so far out that a covariance would have no digits left. The error that it
    # claims is that of the lower bound of an SD near 0, which is large.
    whole = biased(model(RhoUniform(0, 1)), SERIES, MEAN, PRIOR)
    _, exact = fit_joint(whole)
    _, found = fit_importance(whole)
    assert found.mu.change(exact.mu) < 0.03
    assert found.hyper("bias_sd").mean == pytest.approx(exact.hyper("bias_sd").mean, rel=0.03)


def test_the_way_hangs_on_the_number_of_hyperparameters():
    four = longitudinal_model(
        ["A", "A", "B"], [3, 12, 12], [-1.2, -0.6, -0.9], [0.4, 0.3, 0.2],
        tau=[HalfNormal(1)] * 2, between=Correlation("cs", RhoUniform(0, 1)),
        within=Correlation("cs", RhoFixed(0.5)), coefficients=Normal(0, 5),
    )  # fmt: skip
    five = biased(four, np.array([False, True]), MEAN, PRIOR).under(
        {"rho_within": RhoUniform(0, 1)}
    )
    assert len(fit_any(four)[0].nodes) > 1
    assert len(fit_any(five)[0].nodes) == 1
