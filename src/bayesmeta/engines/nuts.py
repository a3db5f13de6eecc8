"""The NUTS engine: the same model in PyMC, sampled with nutpie. The only importer of pymc."""

from dataclasses import astuple, dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import nutpie
import pymc as pm

from bayesmeta.arrays import Array
from bayesmeta.engines.nuts_priors import MU_FORMS, MU_PULL, TAU_FORMS
from bayesmeta.models import NormalNormal
from bayesmeta.priors import MuPrior, TauPrior


@dataclass(frozen=True, slots=True)
class Draws:
    """Posterior draws of one model.

    Attributes
    ----------
    mu, tau : ndarray, shape (chains, draws)
    theta : ndarray, shape (chains, draws, k)
    sample_stats : dict of ndarray, shape (chains, draws)
    """

    mu: Array
    tau: Array
    theta: Array
    sample_stats: dict[str, np.ndarray]


def sample(model: NormalNormal, *, draws: int, chains: int, seed: int, progress: bool) -> Draws:
    """Sample one model, ``y`` of shape (k,), by NUTS.

    The compiled model is kept for the next data of the same size and families of priors.
    """
    compiled = _compiled(model.y.shape[-1], type(model.mu), type(model.tau.plain))
    posterior, stats = run(
        compiled.with_data(**data_of(model)),
        draws=draws,
        chains=chains,
        seed=seed,
        progress=progress,
    )
    return Draws(posterior["mu"], posterior["tau"], posterior["theta"], stats)


def run(
    compiled: Any, *, draws: int, chains: int, seed: int, progress: bool
) -> tuple[dict[str, Array], dict[str, np.ndarray]]:
    """Sample a compiled model: its variables, and what is known of every draw."""
    tree = nutpie.sample(
        compiled,
        draws=draws,
        tune=1000,
        chains=chains,
        seed=seed,
        save_warmup=False,
        progress_bar=progress,
        target_accept=0.95,
    )
    posterior = tree["posterior"]
    if posterior.sizes["draw"] < draws:  # nutpie returns what it has when it is interrupted
        raise KeyboardInterrupt
    stats = tree["sample_stats"]
    names = ("diverging", "energy", "depth", "n_steps", "step_size", "mean_tree_accept", "logp")
    return (
        {name: variable.to_numpy() for name, variable in posterior.data_vars.items()},
        {name: stats[name].to_numpy() for name in names if name in stats},
    )


def build(model: NormalNormal, studies: tuple[str, ...]) -> pm.Model:
    """Return the PyMC model, with the data in it, for those who want to extend it.

    The study effects are integrated out of what NUTS sees, ``y_i ~ N(mu, se_i^2 + tau^2)``, and
    come back as their conditional mean plus their conditional SD times a standard normal ``z``.
    That is the non-centred form where the data are weak and the centred one where they are
    strong, draw by draw, so nothing has to be chosen beforehand and no funnel is left. mu is
    sampled as an offset from its mean given tau, in units of its SD given tau, both as if every
    study had the typical variance s^2: precision ``k / (s^2 + tau^2)`` about the inverse-variance
    mean, and that of its prior. This opens the other funnel, that of mu and tau where studies are
    few.
    """
    with _structure(len(studies), type(model.mu), type(model.tau.plain), studies) as structure:
        pm.set_data(data_of(model))
    return structure


@lru_cache(maxsize=32)
def _compiled(k: int, mu: type[MuPrior], tau: type[TauPrior]) -> Any:
    return nutpie.compile_pymc_model(_structure(k, mu, tau, tuple(map(str, range(k)))))


def _structure(
    k: int, mu: type[MuPrior], tau: type[TauPrior], studies: tuple[str, ...]
) -> pm.Model:
    with pm.Model(coords={"study": list(studies)}) as structure:
        y, se, pooled, heterogeneity = hyperparameters(k, mu, tau)
        pm.Normal("y", pooled, pm.math.sqrt(se**2 + heterogeneity**2), observed=y, dims="study")
        kept = heterogeneity**2 / (heterogeneity**2 + se**2)
        z = pm.Normal("z", 0, 1, dims="study")
        theta = pooled + kept * (y - pooled) + se * pm.math.sqrt(kept) * z
        pm.Deterministic("theta", theta, dims="study")
    return structure


def hyperparameters(k: int, mu: type[MuPrior], tau: type[TauPrior]) -> tuple[Any, Any, Any, Any]:
    """Put data of k studies and the priors into the model of the context: y, se, mu, tau."""
    y = pm.Data("y_data", np.zeros(k), dims="study")
    se = pm.Data("se", np.ones(k), dims="study")
    centre, variance = pm.Data("centre", np.array(0.0)), pm.Data("variance", np.array(1.0))
    given = {
        name: [pm.Data(f"{name}_{key}", start) for key, start in _starts(family)]
        for name, family in (("mu", mu), ("tau", tau))
    }
    heterogeneity = TAU_FORMS[tau](pm.math.sqrt(variance), *given["tau"])

    location, of_prior = MU_PULL[mu](*given["mu"])
    of_data = k / (variance + heterogeneity**2)
    spread = 1 / pm.math.sqrt(of_data + of_prior)
    middle = (of_data * centre + of_prior * location) * spread**2
    offset = pm.Flat("mu_offset")
    pooled = pm.Deterministic("mu", middle + spread * offset)
    pm.Potential("mu_prior", MU_FORMS[mu](pooled, *given["mu"]) + pm.math.log(spread))
    return y, se, pooled, heterogeneity


def data_of(model: NormalNormal) -> dict[str, Array]:
    """Return what the PyMC model is given: the data and the parameters of the priors."""
    w = model.se**-2.0
    given: dict[str, Any] = {
        "y_data": model.y,
        "se": model.se,
        "centre": (w * model.y).sum() / w.sum(),
        "variance": model.typical_variance(),
    }
    for name, prior in (("mu", model.mu), ("tau", model.tau.plain)):
        values: Any = astuple(prior)  # type: ignore[call-overload]
        names = [key for key, _ in _starts(type(prior))]
        given |= {f"{name}_{key}": value for key, value in zip(names, values, strict=True)}
    return {key: np.asarray(value, dtype=float) for key, value in given.items()}


def _starts(family: Any) -> list[tuple[str, Array]]:
    """Names of the parameters of a family, and something of the right kind to build with."""
    return [
        (field.name, np.ones(1) if "tuple" in str(field.type) else np.array(1.0 + at))
        for at, field in enumerate(fields(family))
    ]
