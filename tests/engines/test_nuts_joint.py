"""NUTS of joint models: its density against the exact one, and its draws (slow)."""

import numpy as np
import pytest

from bayesmeta.engines.importance import fit_importance
from bayesmeta.engines.joint import fit_joint
from bayesmeta.errors import InputError
from bayesmeta.models.between import LKJ
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.curves import Plateau
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
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_its_likelihood_integrates_to_the_exact_one(name):
    # Isolates the density that NUTS sees. It is normal in the coefficients, so its value at their
    # conditional mean, times the normal's constant, is the exact engine's marginal likelihood; the
    # priors on coefficients come on top.
    from pytensor import tensor as pt

    from bayesmeta.engines.nuts_joint import _log_likelihood

    model = MODELS[name]
    phi = np.array([hyper.prior.ppf(0.6) for hyper in model.hypers]).ravel()
    given = model.given(phi[:, None])
    mean, covariance = given.mean[:, 0], given.covariance[:, :, 0]
    found = _log_likelihood(model, pt.as_tensor(mean), [pt.as_tensor(v) for v in phi]).eval()
    priors = sum(
        p.logpdf(b).item() for p, b in zip(model.coefficients, mean, strict=True) if p.proper
    )
    constant = np.linalg.slogdet(2 * np.pi * covariance)[1] / 2
    assert found + priors + constant == pytest.approx(given.log_likelihood[0], abs=1e-9)


def test_a_curve_is_refused():
    from bayesmeta.engines.nuts_joint import build_joint

    model = longitudinal_model(
        *DATA, tau=HalfNormal(1), between=Correlation("cs", UNIT), mean=Plateau(HalfNormal(5))
    )
    with pytest.raises(InputError, match="a plateau mean is not sampled by NUTS"):
        build_joint(model)


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
def test_draws_agree_with_importance_sampling():
    from bayesmeta.engines.nuts_joint import sample_joint

    model = tremor(tau=[HalfNormal(10)] * 4)
    compare(model, fit_importance(model)[1], sample_joint(model, draws=2000, chains=4, seed=1))
