"""Averages of joint posteriors over sets of data, with weights that no likelihood touches."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.engines.grid import Grid
from bayesmeta.engines.joint import JointPosterior
from bayesmeta.engines.joint_summaries import JointSummaries, Linear, Movement
from bayesmeta.engines.mixture import Mixture
from bayesmeta.models.covariance import Hyper

_LIGHT = 1e-11
"""Nodes that weigh less are left out."""

type Part = tuple[JointPosterior, JointSummaries]


def averaged(
    parts: Sequence[Part], weights: Sequence[float], level: float = 0.95
) -> JointSummaries:
    """Return the summaries of the average of posteriors of the same model given different data.

    Marginal likelihoods of different data do not compare, so the weights stay as they are given.
    The evidence of the average is ``nan``; quantiles are those of the coarser grids, from which
    `numerical_error` says how far the finer ones are.

    Parameters
    ----------
    parts : sequence of (JointPosterior, JointSummaries)
        At the same points.
    weights : sequence of float
    level : float
        Of the intervals.
    """
    share = np.array(weights) / sum(weights)
    posteriors, found = [post for post, _ in parts], [one for _, one in parts]
    model = posteriors[0].model
    own = model.points(model.times).rows
    pairs = own[found[0].pairs[:, 1]] - own[found[0].pairs[:, 0]]

    def average(name: str, mixtures: list[Mixture]) -> Linear:
        return _linear([getattr(one, name) for one in found], mixtures, share, level)

    coarse = [posterior.coarser for posterior in posteriors]
    rows = found[0].points.rows
    return replace(
        found[0],
        mu=average("mu", [post.linear(rows) for post in coarse]),
        theta_new=average("theta_new", [post.theta_new(found[0].points.times) for post in coarse]),
        contrasts=average("contrasts", [post.linear(pairs) for post in coarse]),
        coefficients=average(
            "coefficients", [post.linear(np.eye(own.shape[1])) for post in coarse]
        ),
        hypers=tuple(
            _hyper(hyper, posteriors, [one.hyper(hyper.name) for one in found], share, level)
            for hyper, _ in model.shown(posteriors[0].best.phi[:, :1])
        ),
        log_evidence=float("nan"),
        numerical_error=max(one.numerical_error for one in found),
        nodes=sum(one.nodes for one in found),
    )


def _linear(found: list[Linear], mixtures: list[Mixture], share: Array, level: float) -> Linear:
    thin = []
    for mixture, weight in zip(mixtures, share, strict=True):
        heavy = mixture.weights > _LIGHT
        thin.append(
            (weight * mixture.weights[heavy], mixture.means[:, heavy], mixture.sds[:, heavy])
        )
    whole = Mixture(*(np.concatenate(part, -1) for part in zip(*thin, strict=True)))
    low, median, high = whole.quantile(_places(level)).T
    mean, sd = _moments([one.mean for one in found], [one.sd for one in found], share)
    return Linear(mean, sd, median, low, high, share @ np.stack([one.below_zero for one in found]))


def _hyper(
    hyper: Hyper,
    posteriors: list[JointPosterior],
    found: list[Movement],
    share: Array,
    level: float,
) -> Movement:
    if hyper.fixed:
        return found[0]
    cdfs = [_cdf(posterior, hyper.name) for posterior in posteriors]

    def cdf(value: Array) -> Array:
        total: Array = np.tensordot(share, np.stack([one(value) for one in cdfs]), 1)
        return total

    ends = np.array([[one.low, one.median, one.high] for one in found])
    low, high = ends.min(0), ends.max(0)
    for _ in range(48):
        middle = (low + high) / 2
        beyond = cdf(middle) >= _places(level)
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    first, median, last = ((low + high) / 2).tolist()
    mean, sd = _moments([one.mean for one in found], [one.sd for one in found], share)
    moved = np.nan
    if hyper.prior.proper:
        reach = max(last + (last - first), float(hyper.prior.ppf(0.99)))
        reach = min(reach, hyper.prior.support[1])
        value = np.linspace(min(first, float(hyper.prior.ppf(0.01))), reach, 513)
        moved = float(np.abs(cdf(value) - hyper.prior.cdf(value)).max())
    return Movement(hyper.name, float(mean), float(sd), median, first, last, found[0].prior, moved)


def _cdf(posterior: JointPosterior, name: str) -> Callable[[Array], Array]:
    """Return the CDF of a hyperparameter: by its axis of a grid, or by weighted values."""
    nodes = posterior.best
    if isinstance(nodes, Grid):
        return posterior.marginal(name).cdf
    value = next(value for hyper, value in nodes.model.shown(nodes.phi) if hyper.name == name)
    order = value.argsort()
    weights = nodes.weights[order]
    ranked, cumulated = value[order], np.cumsum(weights) - weights / 2
    return lambda x: np.interp(x, ranked, cumulated)


def _moments(means: Sequence[ArrayLike], sds: Sequence[ArrayLike], share: Array) -> list[Array]:
    """Mean and SD of a mixture from those of its parts; ``nan`` where one has none."""
    mean, sd = np.stack(means), np.stack(sds)
    centre = np.tensordot(share, mean, 1)
    return [centre, np.sqrt(np.tensordot(share, sd**2 + (mean - centre) ** 2, 1))]


def _places(level: float) -> Array:
    return np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
