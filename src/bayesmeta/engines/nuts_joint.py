"""NUTS for joint models: the same marginal likelihood written in PyMC, sampled with nutpie.

The study effects are integrated out, the coefficients are sampled. Of the engines only this and
`nuts` import pymc.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from itertools import combinations
from math import log, pi
from typing import Any

import numpy as np
import nutpie
import pymc as pm
from pytensor import tensor as pt

from bayesmeta.arrays import Array
from bayesmeta.engines.nuts_priors import MU_FORMS, TAU_FORMS
from bayesmeta.models.between import Multilevel, OverTime
from bayesmeta.models.covariance import Correlation, Hyper
from bayesmeta.models.curves import RandomWalk
from bayesmeta.models.design import PerTime, Spline, mean_and_sd
from bayesmeta.models.joint import JointModel
from bayesmeta.priors import MuPrior, Normal, RhoBeta, RhoPrior, RhoSymmetric, RhoUniform

type Matrix = list[list[Any]]
"""Symbolic scalars or vectors, row by row."""

_WIDE = 100.0
"""SDs of vague priors, in the reach of the data."""


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
    """Return the PyMC model of a joint model."""
    typical = np.array([_middle(hyper) for hyper in model.hypers])
    with pm.Model(coords={"coefficient": list(model.names)}) as structure:
        phi = [_hyper(hyper) for hyper in model.hypers]
        pm.Deterministic("phi", pt.stack(phi))
        coefficients = _coefficients if model.curve is None else _on_curve
        found, log_prior = coefficients(model, phi, typical)
        beta = pm.Deterministic("beta", found, dims="coefficient")
        pm.Potential("beta_prior", log_prior)
        pm.Potential("likelihood", _log_likelihood(model, beta, phi))
    return structure


def _coefficients(model: JointModel, phi: list[Any], typical: Array) -> tuple[Any, Any]:
    """Return the coefficients and their log prior density, as offsets that NUTS samples.

    From those where studies keep their effects, rho near 1, in units of their root covariance at a
    typical heterogeneity: what is shared by all times grows with ``s^2 + tau^2 (1 - rho + t rho)``,
    changes over time with ``s^2 + tau^2 (1 - rho)``, s the smallest standard error. One scale for
    both leaves a funnel: where rho is near 1 precise studies tell changes far better than means.
    """
    root = np.linalg.cholesky(model.given(typical[:, None]).covariance[:, :, 0])
    kept = np.array([_middle(hyper, 0.999) for hyper in model.hypers])
    centre = model.given(kept[:, None]).mean[:, 0]
    shared, changes = (
        pt.sqrt(now / then)
        for now, then in zip(_scales(model, phi), _scales(model, typical), strict=True)
    )
    together = _shared(model)
    count = int(np.trace(together).round())
    apart = pt.dot(root, pm.Flat("offset", dims="coefficient"))
    common = pt.dot(together, apart)
    beta = centre + shared * common + changes * (apart - common)
    log_scale = count * pt.log(shared) + (len(model.names) - count) * pt.log(changes)
    log_scale += float(np.log(np.diag(root)).sum())
    return beta, log_scale + sum(map(_log_density, model.coefficients, beta))


def _on_curve(model: JointModel, phi: list[Any], typical: Array) -> tuple[Any, Any]:
    """Return them for a mean with a hyperparameter h, ``beta = R(h) b``.

    b is sampled as an offset from its conditional mean, in units of its conditional root
    covariance, given h and a typical heterogeneity: where data say of beta what ``N(m, L^-1)``
    does, its precision is ``R' L R`` plus that of its prior. So there is no funnel where h is the
    SD of a prior on what data say little of.
    """
    assert model.curve is not None
    vague = Normal(0.0, _WIDE * float(model.se.max() + np.ptp(model.y)))
    knots, p = len(model.curve.knots), len(model.names)
    free = replace(model, course=None, coefficients=(vague,) * p)
    told = free.given(np.delete(typical, model.split)[:, None])
    known = np.linalg.inv(told.covariance[:, :, 0])

    columns, sds = _curve_of(model, phi[model.split])
    width = len(columns)
    first, rest = (model.coefficients[0],) * (width - len(sds)), model.coefficients[knots:]
    forms = [
        *(partial(_log_density, prior) for prior in first),
        *(partial(MU_FORMS[Normal], mean=0.0, sd=sd) for sd in sds),
        *(partial(_log_density, prior) for prior in rest),
    ]
    normals = [*map(mean_and_sd, first), *((0.0, sd) for sd in sds), *map(mean_and_sd, rest)]
    inverse = pt.stack([sd**-2 for _, sd in normals])
    r = pt.zeros((p, len(forms)))
    r = pt.set_subtensor(r[:knots, :width], pt.stack(columns, -1))
    r = pt.set_subtensor(r[knots:, width:], np.eye(p - knots))
    root = pt.linalg.cholesky(r.T @ known @ r + pt.diag(inverse))
    toward = r.T @ known @ told.mean[:, 0] + inverse * np.array([mean for mean, _ in normals])
    centred = pt.linalg.solve_triangular(root, toward, lower=True)
    offset = pm.Flat("offset", shape=len(forms))
    b = pt.linalg.solve_triangular(root.T, centred + offset, lower=False)
    log_prior = sum(form(b[at]) for at, form in enumerate(forms))
    return r @ b, log_prior - pt.sum(pt.log(pt.diag(root)))


def _curve_of(model: JointModel, value: Any) -> tuple[list[Any], list[Any]]:
    """Return the columns of R, and the prior SDs of the last of b where they are changes."""
    assert model.curve is not None
    knots = np.array(model.curve.knots)
    if isinstance(model.curve, RandomWalk):
        sums = list(np.tri(len(knots)).T)
        return sums, [value * float(np.sqrt(gap)) for gap in np.diff(knots)]
    first, last = model.times[[0, -1]]
    rate, ends = np.log(2) / value, np.isinf(knots)
    gone = pt.switch(ends, 1.0, -pt.expm1(-rate * np.where(ends, 0.0, knots - first)))
    share = gone / -pt.expm1(-rate * (last - first))
    return [1 - share, share], []


def _log_density(prior: MuPrior, value: Any) -> Any:
    return MU_FORMS[type(prior)](value, *_values(prior))


def _shared(model: JointModel) -> Array:
    """Project on what all times share: the mean of the values of a course at its knots.

    All of the coefficients of other courses, and of covariates.
    """
    p = len(model.names)
    project = np.eye(p)
    if isinstance(model.course, PerTime | Spline):
        knots = len(model.course.knots)
        project[:knots, :knots] = 1 / knots
    return project


def _scales(model: JointModel, phi: Any) -> tuple[Any, Any]:
    """Return the variances of what all times share, and of changes between times."""
    taus = [phi[at] for at in range(len(model.between.tau))]
    count, least = len(model.times), float(model.se.min()) ** 2
    tau2 = sum(tau**2 for tau in taus) / len(taus)
    rho: Any = 0.0
    if isinstance(model.between, OverTime) and count > 1:
        correlation = model.between.correlation
        rho = phi[model.split - 1]
        if correlation.kind == "ar1":
            rho = rho ** (float(np.diff(model.times).min()) / correlation.lag)
    return least + tau2 * (1 - rho + count * rho), least + tau2 * (1 - rho)


def _log_likelihood(model: JointModel, beta: Any, phi: list[Any]) -> Any:
    """Log density of y given the coefficients, by ``L D L'`` of each study's covariance.

    All studies at once: at a time that a study does not report stands a residual of 0 with an
    independent variance of 1, which adds nothing.
    """
    count = len(model.times)
    between, within = _between(model, phi[: model.split]), _within(model, phi)
    seen = np.zeros((count, model.studies))
    seen[model.slot, model.study] = 1.0
    residual = [
        pt.as_tensor(_spread(model, seen, model.y)[t])
        - pt.dot(np.stack([_spread(model, seen, column)[t] for column in model.x.T], -1), beta)
        for t in range(count)
    ]
    biased = 0.0
    if model.bias is not None:
        biased = model.bias.studies * phi[model.split + (model.curve is not None)] ** 2
    covariance = [
        [
            seen[s] * seen[t] * (between[s][t] + biased + _error(model, seen, within, s, t))
            + (1 - seen[s]) * (s == t)
            for t in range(count)
        ]
        for s in range(count)
    ]
    total: Any = -len(model.y) * log(2 * pi) / 2
    for k in range(count):
        pivot = covariance[k][k]
        total -= pt.sum(pt.log(pivot) + residual[k] ** 2 / pivot) / 2
        for i in range(k + 1, count):
            share = covariance[i][k] / pivot
            residual[i] = residual[i] - share * residual[k]
            for j in range(k + 1, i + 1):
                covariance[i][j] = covariance[i][j] - share * covariance[j][k]
    return total


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


def _hyper(hyper: Hyper) -> Any:
    """Make the variable of a hyperparameter in a name space of its own."""
    if hyper.fixed:
        return pt.as_tensor(float(hyper.prior.support[0]))
    prior = hyper.prior
    with pm.Model(name=hyper.name.replace(" ", "_")):
        if isinstance(prior, RhoPrior):
            return _RHO_FORMS[type(prior)](*astuple(prior))  # type: ignore[call-overload]
        plain = prior.plain
        return TAU_FORMS[type(plain)](hyper.typical, *_values(plain))


_RHO_FORMS: dict[type[RhoPrior], Any] = {
    RhoUniform: lambda low, high: pm.Uniform("rho", lower=low, upper=high),
    RhoBeta: lambda a, b: pm.Beta("rho", alpha=a, beta=b),
    RhoSymmetric: lambda b: 2 * pm.Beta("share", alpha=b, beta=b) - 1,
}


def _values(prior: Any) -> list[np.ndarray]:
    return [np.asarray(value, dtype=float) for value in astuple(prior)]


def _middle(hyper: Hyper, quantile: float = 0.5) -> float:
    """A typical value of a positive scale, and a prior quantile of a correlation."""
    if hyper.fixed:
        return hyper.prior.support[0]
    if isinstance(hyper.prior, RhoPrior):
        return float(hyper.prior.ppf(quantile))
    low, high = hyper.prior.support
    return float(np.clip(hyper.typical, low, high))
