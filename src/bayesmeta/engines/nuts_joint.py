"""NUTS for joint models: the same marginal likelihood written in PyMC, sampled with nutpie.

The study effects are integrated out, the coefficients are sampled. Of the engines only this and
`nuts` import pymc.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import combinations
from math import log, pi
from typing import Any

import numpy as np
import nutpie
import pymc as pm
from pytensor import tensor as pt
from pytensor.tensor.linalg import cholesky, solve_triangular

from bayesmeta.arrays import Array
from bayesmeta.engines.nuts_priors import MU_FORMS, TAU_FORMS
from bayesmeta.errors import InputError
from bayesmeta.models.between import Multilevel, OverTime
from bayesmeta.models.covariance import Correlation, Hyper
from bayesmeta.models.joint import JointModel
from bayesmeta.priors import RhoBeta, RhoPrior, RhoSymmetric, RhoUniform

type Matrix = list[list[Any]]
"""Symbolic scalars or vectors, row by row."""


@dataclass(frozen=True, slots=True)
class JointDraws:
    """Posterior draws of a joint model.

    Attributes
    ----------
    beta : ndarray, shape (chains, draws, p)
    phi : ndarray, shape (chains, draws, h)
        The hyperparameters in the order of the model's.
    sample_stats : dict of ndarray, shape (chains, draws)
    """

    beta: Array
    phi: Array
    sample_stats: dict[str, np.ndarray]


def sample_joint(
    model: JointModel, *, draws: int, chains: int, seed: int, progress: bool = False
) -> JointDraws:
    """Sample a joint model by NUTS."""
    compiled = nutpie.compile_pymc_model(build_joint(model))
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
    posterior, stats = tree["posterior"], tree["sample_stats"]
    if posterior.sizes["draw"] < draws:  # nutpie returns what it has when it is interrupted
        raise KeyboardInterrupt
    names = ("diverging", "energy", "depth", "n_steps", "step_size", "mean_tree_accept", "logp")
    return JointDraws(
        posterior["beta"].to_numpy(),
        posterior["phi"].to_numpy(),
        {name: stats[name].to_numpy() for name in names if name in stats},
    )


def build_joint(model: JointModel) -> pm.Model:
    """Return the PyMC model of a joint model.

    The coefficients are sampled as offsets from their conditional mean, in units of the root of
    their conditional covariance, given the hyperparameters: where rho is near 1 and a study is
    precise, changes over time are known far better than means, and no fixed scale serves both.

    Raises
    ------
    InputError
        For a mean with a hyperparameter, which the exact engine takes.
    """
    if model.curve is not None:
        raise InputError(f"a {model.curve.word} mean is not sampled by NUTS: use the exact engine")
    unit = float(np.median(model.se))
    with pm.Model(coords={"coefficient": list(model.names)}) as structure:
        phi = [_hyper(hyper, unit) for hyper in model.hypers]
        pm.Deterministic("phi", pt.stack(phi))
        eliminated = _eliminated(model, phi)
        root, mean = _conditional(model, eliminated)
        offset = pm.Flat("offset", dims="coefficient")
        off = solve_triangular(root.T, offset, lower=False)
        beta = pm.Deterministic("beta", model.origin + mean + off, dims="coefficient")
        log_prior = sum(
            MU_FORMS[type(prior)](beta[at], *_values(prior))
            for at, prior in enumerate(model.coefficients)
        )
        pm.Potential("beta_prior", log_prior - pt.sum(pt.log(pt.diag(root))))
        pm.Potential("likelihood", _density(model, beta, eliminated))
    return structure


def _log_likelihood(model: JointModel, beta: Any, phi: list[Any]) -> Any:
    """Log density of y given the coefficients and the hyperparameters."""
    return _density(model, beta, _eliminated(model, phi))


def _density(model: JointModel, beta: Any, eliminated: list[tuple[Any, Any]]) -> Any:
    total: Any = -len(model.y) * log(2 * pi) / 2
    for pivot, columns in eliminated:
        residual = columns[:, -1] - pt.dot(columns[:, :-1], beta - model.origin)
        total -= pt.sum(pt.log(pivot) + residual**2 / pivot) / 2
    return total


def _conditional(model: JointModel, eliminated: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    """Root of the precision of the coefficients given the rest, and their mean from `origin`."""
    precision = np.array([prior.precision for prior in model.coefficients])
    location = np.array([prior.location for prior in model.coefficients])
    moments: Any = np.diag(precision)
    sums: Any = precision * np.where(model.flat, 0.0, location - model.origin)
    for pivot, columns in eliminated:
        x, y = columns[:, :-1], columns[:, -1]
        moments = moments + pt.dot(x.T / pivot, x)
        sums = sums + pt.dot(x.T / pivot, y)
    root = cholesky(moments)
    return root, solve_triangular(root.T, solve_triangular(root, sums, lower=True), lower=False)


def _eliminated(model: JointModel, phi: list[Any]) -> list[tuple[Any, Any]]:
    """Pivots of each time, shape (studies,), and columns of [X y] there, by ``L D L'``.

    All studies at once: at a time that a study does not report stands a row of 0 with an
    independent variance of 1, which adds nothing.
    """
    count = len(model.times)
    between, within = _between(model, phi[: model.split]), _within(model, phi)
    seen = np.zeros((count, model.studies))
    seen[model.slot, model.study] = 1.0
    off = model.y - model.x @ model.origin
    table = np.stack([_spread(model, seen, column) for column in (*model.x.T, off)], -1)
    columns: list[Any] = [pt.as_tensor(row) for row in table]
    covariance = [
        [
            seen[s] * seen[t] * (between[s][t] + _error(model, seen, within, s, t))
            + (1 - seen[s]) * (s == t)
            for t in range(count)
        ]
        for s in range(count)
    ]
    for k in range(count):
        for i in range(k + 1, count):
            share = covariance[i][k] / covariance[k][k]
            columns[i] = columns[i] - share[:, None] * columns[k]
            for j in range(k + 1, i + 1):
                covariance[i][j] = covariance[i][j] - share * covariance[j][k]
    return [(covariance[k][k], columns[k]) for k in range(count)]


def _spread(model: JointModel, seen: Array, column: Array) -> Array:
    """Lay a column out by time and study, 0 where there is no estimate."""
    table = np.zeros_like(seen)
    table[model.slot, model.study] = column
    return table


def _error(model: JointModel, seen: Array, within: Matrix, s: int, t: int) -> Any:
    """Covariance of the errors of each study at two times, shape (studies,)."""
    se = _spread(model, seen, model.se)
    if model.baseline is None:
        return se[s] * se[t] * within[s][t]
    start = _spread(model, seen, model.baseline).max(0)
    shared = start * (se[s] * within[0][s + 1] + se[t] * within[0][t + 1])
    return se[s] * se[t] * within[s + 1][t + 1] + start**2 - shared


def _between(model: JointModel, phi: list[Any]) -> Matrix:
    count, between = len(model.times), model.between
    if isinstance(between, Multilevel):
        shared, own = phi[0] ** 2, phi[1] ** 2
        return [[shared + own if s == t else shared for t in range(count)] for s in range(count)]
    taus = list(phi[:count] if len(between.tau) > 1 else [phi[0]] * count)
    if isinstance(between, OverTime):
        rho = phi[-1] if count > 1 else 0.0
        correlations = _correlations(between.correlation, model.times, rho)
    else:
        correlations = _from_partial(phi[count:], count)
    return [[taus[s] * taus[t] * correlations[s][t] for t in range(count)] for s in range(count)]


def _within(model: JointModel, phi: list[Any]) -> Matrix:
    rho = phi[-1] if len(model.error_times) > 1 else 0.0
    return _correlations(model.within, model.error_times, rho)


def _correlations(correlation: Correlation, times: Array, rho: Any) -> Matrix:
    def between(s: float, t: float) -> Any:
        if s == t:
            return 1.0
        return rho ** (abs(s - t) / correlation.lag) if correlation.kind == "ar1" else rho

    return [[between(s, t) for t in times.tolist()] for s in times.tolist()]


def _from_partial(partial: Sequence[Any], count: int) -> Matrix:
    """Correlations from partial ones, by the Cholesky factor that they make."""
    factor: Matrix = [[0.0] * count for _ in range(count)]
    left: list[Any] = [1.0] * count
    for (i, j), rho in zip(combinations(range(count), 2), partial, strict=True):
        factor[j][i] = rho * left[j] ** 0.5
        left[j] = left[j] * (1 - rho**2)
    for i in range(count):
        factor[i][i] = left[i] ** 0.5
    return [
        [sum(factor[s][k] * factor[t][k] for k in range(min(s, t) + 1)) for t in range(count)]
        for s in range(count)
    ]


def _hyper(hyper: Hyper, unit: float) -> Any:
    """Make the variable of a hyperparameter in a name space of its own."""
    if hyper.fixed:
        return pt.as_tensor(float(hyper.prior.support[0]))
    prior = hyper.prior
    with pm.Model(name=hyper.name.replace(" ", "_")):
        if isinstance(prior, RhoPrior):
            return _RHO_FORMS[type(prior)](*astuple(prior))  # type: ignore[call-overload]
        plain = prior.plain
        return TAU_FORMS[type(plain)](unit, *_values(plain))


_RHO_FORMS: dict[type[RhoPrior], Any] = {
    RhoUniform: lambda low, high: pm.Uniform("rho", lower=low, upper=high),
    RhoBeta: lambda a, b: pm.Beta("rho", alpha=a, beta=b),
    RhoSymmetric: lambda b: 2 * pm.Beta("share", alpha=b, beta=b) - 1,
}


def _values(prior: Any) -> list[np.ndarray]:
    return [np.asarray(value, dtype=float) for value in astuple(prior)]


def _middle(hyper: Hyper, unit: float) -> float:
    """A value of a hyperparameter to start from."""
    if hyper.fixed:
        return hyper.prior.support[0]
    if isinstance(hyper.prior, RhoPrior):
        return float(hyper.prior.ppf(0.5))
    low, high = hyper.prior.support
    return float(np.clip(unit, low, high))
