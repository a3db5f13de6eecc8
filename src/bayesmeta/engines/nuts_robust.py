"""Robust study effects by NUTS: ``theta_i ~ Student-t(nu, mu, tau)`` in place of normal ones."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import nutpie
import pymc as pm
from pytensor import tensor as pt

from bayesmeta.arrays import Array
from bayesmeta.engines import nuts
from bayesmeta.models import NormalNormal
from bayesmeta.priors import MuPrior, StudentT, TauPrior


@dataclass(frozen=True, slots=True)
class RobustDraws(nuts.Draws):
    """Posterior draws of a model with Student-t study effects.

    Attributes
    ----------
    precision : ndarray, shape (chains, draws, k)
        The local ``lambda_i`` of ``theta_i | lambda_i ~ N(mu, tau^2 / lambda_i)``: far below 1
        where a study lies apart from the others.
    """

    precision: Array


def sample_robust(
    model: NormalNormal, df: float = 4, *, draws: int, chains: int, seed: int, progress: bool
) -> RobustDraws:
    """Sample one model, ``y`` of shape (k,), with Student-t study effects.

    A Student-t is a mixture of normals over local precisions, of which `StudentT.components` is a
    rule of nodes to 13 digits; so given mu and tau

        y_i ~ sum_m p_m N(mu, se_i^2 + tau^2 / lambda_m)

    NUTS sees mu and tau alone, as it does in the normal model, and has no funnels to get stuck in:
    precisions and study effects are drawn afterwards from what they are given mu, tau and y.

    Parameters
    ----------
    model : NormalNormal
        ``y`` of shape (k,); the prior on tau is that of the scale of the Student-t, whose SD is
        ``tau sqrt(df / (df - 2))``.
    df : float
        Degrees of freedom nu, at least 0.5.

    References
    ----------
    Lee and Thompson (2008), Statistics in Medicine 27:418; Baker and Jackson (2008), Health Care
    Management Science 11:121; West (1987), Biometrika 74:646, for the mixture.
    """
    shares, _, sds = StudentT(df, 0.0, 1.0).components()
    compiled = _compiled(model.y.shape[-1], type(model.mu), type(model.tau.plain))
    nodes = {"local_log_share": np.log(shares), "local_variance": sds * sds}
    posterior, stats = nuts.run(
        compiled.with_data(**nuts.data_of(model), **nodes),
        draws=draws,
        chains=chains,
        seed=seed,
        progress=progress,
    )
    mu, tau = posterior["mu"], posterior["tau"]
    rng = np.random.default_rng([seed, 3])
    each = [
        _given(mu, tau, y, se, shares, sds, rng) for y, se in zip(model.y, model.se, strict=True)
    ]
    theta, precision = (np.stack(parts, -1) for parts in zip(*each, strict=True))
    return RobustDraws(mu, tau, theta, stats, precision)


@lru_cache(maxsize=32)
def _compiled(k: int, mu: type[MuPrior], tau: type[TauPrior]) -> Any:
    with pm.Model(coords={"study": list(map(str, range(k)))}) as structure:
        y, se, pooled, scale = nuts.hyperparameters(k, mu, tau)
        log_share = pm.Data("local_log_share", np.zeros(2))
        local = pm.Data("local_variance", np.ones(2))
        variance = se[:, None] ** 2 + scale**2 * local
        off = (y - pooled)[:, None]
        log_terms = log_share - (pt.log(variance) + off**2 / variance) / 2
        pm.Potential("likelihood", pt.logsumexp(log_terms, axis=-1).sum())
    return nutpie.compile_pymc_model(structure)


def _given(
    mu: Array,
    tau: Array,
    y: float,
    se: float,
    shares: Array,
    sds: Array,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Draw one study's effect and local precision given mu and tau, shape (chains, draws)."""
    local = (tau[..., None] * sds) ** 2
    variance = se * se + local
    log_terms = np.log(shares) - (np.log(variance) + (y - mu[..., None]) ** 2 / variance) / 2
    mass = np.cumsum(np.exp(log_terms - log_terms.max(-1, keepdims=True)), -1)
    node = (mass < rng.random(tau.shape)[..., None] * mass[..., -1:]).sum(-1)
    spread = np.take_along_axis(local, node[..., None], -1)[..., 0]
    kept = spread / (spread + se * se)
    noise = se * np.sqrt(kept) * rng.standard_normal(mu.shape)
    return mu + kept * (y - mu) + noise, sds[node] ** -2.0
