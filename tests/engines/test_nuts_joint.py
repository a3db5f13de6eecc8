"""NUTS of joint models: its density against the exact one, and its draws (slow)."""

import numpy as np
import pytest

from bayesmeta.engines.importance import fit_importance
from bayesmeta.engines.joint import fit_joint
from bayesmeta.models.between import LKJ
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.curves import Plateau, RandomWalk
from bayesmeta.models.designs import biased
from bayesmeta.models.longitudinal import longitudinal_model, multilevel_model
from bayesmeta.priors import HalfCauchy, HalfNormal, Normal, RhoBeta, RhoFixed, RhoUniform
from tests.engines.test_joint import EFFECTS, ERRORS, STUDIES, TIMES
from tests.models.test_joint import tremor

UNIT = RhoUniform(0, 1)
DATA = STUDIES, TIMES, EFFECTS, ERRORS
MODELS = {
    "cs": longitudinal_model(
        *DATA, tau=HalfNormal(0.5), between=Correlation("cs", RhoUniform(-1, 1)),
        within=Correlation("cs", RhoBeta(2, 2)), coefficients=Normal(0, 2),
    ),
    "ar1, a tau per time": longitudinal_model(
        *DATA, tau=[HalfNormal(0.5), HalfCauchy(1)], between=Correlation("ar1", UNIT, lag=6.0),
        within=Correlation("ar1", RhoFixed(0.9)), mean="linear",
    ),
    "unstructured": longitudinal_model(*DATA, tau=[HalfNormal(1)] * 2, between=LKJ(2)),
    "baseline": longitudinal_model(
        *DATA, tau=HalfNormal(1), between=Correlation("cs", UNIT),
        within=Correlation("cs", UNIT), baseline_se=np.full(9, 0.4),
    ),
    "multilevel": multilevel_model(
        STUDIES, EFFECTS, ERRORS, np.ones((9, 1)), names=["mu"],
        tau_between=HalfNormal(1), tau_within=HalfNormal(1),
    ),
    "bias": biased(
        longitudinal_model(
            *DATA, tau=HalfNormal(0.5), between=Correlation("cs", UNIT),
            within=Correlation("cs", UNIT), coefficients=Normal(0, 2),
        ),
        np.arange(len(set(STUDIES))) > 2, Normal(-1, 1), HalfNormal(1),
    ),
    "plateau": longitudinal_model(
        *DATA, tau=HalfNormal(0.5), between=Correlation("cs", UNIT), mean=Plateau(HalfNormal(5)),
        also_at=[6.0, np.inf], coefficients=Normal(-1, 2),
    ),
    "random walk": longitudinal_model(
        *DATA, tau=HalfNormal(0.5), between=Correlation("cs", UNIT),
        mean=RandomWalk(HalfNormal(0.5)), also_at=[6.0, 24.0],
        covariates={"dose": np.arange(9.0)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_its_density_integrates_to_the_exact_one(name):
    # Isolates the density that NUTS sees. It is normal in the offsets of the coefficients, so a few
    # values tell its integral: the exact engine's marginal likelihood.
    import pymc as pm
    import pytensor
    from pytensor import tensor as pt

    from bayesmeta.engines.nuts_joint import _coefficients, _log_likelihood, _middle, _on_curve

    model = MODELS[name]
    values = np.array([hyper.prior.ppf(0.6) for hyper in model.hypers]).ravel()
    typical = np.array([_middle(hyper) for hyper in model.hypers])
    with pm.Model(coords={"coefficient": list(model.names)}) as structure:
        phi = [pt.as_tensor(value) for value in values]
        beta, log_prior = (_on_curve if model.curve else _coefficients)(model, phi, typical)
    offset = structure["offset"]
    total = pytensor.function(
        [offset], log_prior + _log_likelihood(model, beta, phi), mode="FAST_COMPILE"
    )
    count = int(offset.shape.eval()[0])
    unit = np.eye(count)
    top = total(np.zeros(count))
    slope = np.array([total(e) - total(-e) for e in unit]) / 2
    curvature = np.array([[total(e + f) - total(e) - total(f) + top for f in unit] for e in unit])
    integral = top - slope @ np.linalg.solve(curvature, slope) / 2
    integral += count * np.log(2 * np.pi) / 2 - np.linalg.slogdet(-curvature)[1] / 2
    exactly = model.given(values[:, None]).log_likelihood[0]
    assert integral == pytest.approx(exactly, abs=1e-7)


def compare(model, found, draws):
    """Assert means within 5 Monte Carlo errors, from effective sizes by batch means."""
    values = np.concatenate([draws.beta, draws.phi], -1)
    free = [not hyper.fixed for hyper in model.hypers]
    exactly = [*found.coefficients.mean, *(hyper.mean for hyper in found.hypers)]
    chains, count = values.shape[:2]
    batches = values.reshape(chains * 20, count // 20, -1).mean(1)
    error = batches.std(0, ddof=1) / np.sqrt(len(batches))
    kept = np.array([True] * draws.beta.shape[-1] + free)
    z = (values.mean((0, 1)) - exactly)[kept] / error[kept]
    assert np.abs(z).max() < 5
    assert draws.sample_stats["diverging"].sum() == 0


@pytest.mark.slow
def test_draws_agree_with_the_exact_engine():
    from bayesmeta.engines.nuts_joint import sample_joint

    model = tremor(within=Correlation("cs", RhoUniform(0, 0.95)))
    compare(model, fit_joint(model)[1], sample_joint(model, draws=2000, chains=4, seed=1))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plateau", "random walk", "bias"])
def test_draws_of_other_means_agree_with_the_exact_engine(name):
    from bayesmeta.engines.nuts_joint import sample_joint

    model = MODELS[name]
    compare(model, fit_joint(model)[1], sample_joint(model, draws=2000, chains=4, seed=1))


@pytest.mark.slow
def test_draws_agree_with_importance_sampling():
    from bayesmeta.engines.nuts_joint import sample_joint

    model = tremor(tau=[HalfNormal(10)] * 4)
    compare(model, fit_importance(model)[1], sample_joint(model, draws=2000, chains=4, seed=1))
