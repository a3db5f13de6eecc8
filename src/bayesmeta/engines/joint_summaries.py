"""What is reported of a joint model, and how far two grids are apart in it."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.engines.axis import Marginal
from bayesmeta.engines.grid import Grid, Nodes
from bayesmeta.engines.mixture import Mixture
from bayesmeta.models.blocks import Index
from bayesmeta.models.given import Points
from bayesmeta.models.joint import JointModel
from bayesmeta.models.tails import highest_moment

_LIGHT = 1e-14
"""Nodes that weigh less are left out of CDFs, never out of moments."""


@dataclass(frozen=True, slots=True)
class Linear:
    """Summaries of linear quantities, shape (q, ...); ``nan`` where a moment does not exist."""

    mean: Array
    sd: Array
    median: Array
    low: Array
    high: Array
    below_zero: Array

    @property
    def scale(self) -> Array:
        """SDs, or widths / 3.92 where there is none."""
        return np.where(np.isnan(self.sd), (self.high - self.low) / 3.92, self.sd)

    def at(self, at: Any) -> Self:
        """Return some of the quantities."""
        return type(self)(*(getattr(self, name)[at] for name in self.__slots__))

    @classmethod
    def joined(cls, parts: "list[Linear]") -> Self:
        """Put quantities behind each other."""
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in cls.__slots__))

    def up_to(self, orders: Index) -> Self:
        """Return the same without moments above the highest that exist."""
        mean = np.where(orders >= 1, self.mean, np.nan)
        return replace(self, mean=mean, sd=np.where(orders >= 2, self.sd, np.nan))

    def moves(self, before: "Linear") -> Array:
        """Return the largest difference of each, in units of their `scale`."""
        scale = np.where(self.scale > 0, self.scale, 1.0)
        moves = [
            np.abs(getattr(self, name) - getattr(before, name)) / scale
            for name in ("mean", "sd", "median", "low", "high")
        ]
        moves.append(np.abs(self.below_zero - before.below_zero))
        largest: Array = np.nanmax(moves, axis=0)
        return largest

    def change(self, before: "Linear") -> float:
        """Return the largest of the `moves`."""
        return float(self.moves(before).max(initial=0.0))


@dataclass(frozen=True, slots=True)
class Movement:
    """Summary of a hyperparameter, and how far the data moved it from its prior.

    Attributes
    ----------
    name : str
    mean, sd, median, low, high : float
    prior : tuple of float
        Median and bounds of the prior's interval; ``nan`` where it is improper.
    moved : float
        The largest change, over x, of the probability that it lies below x: 0 where the data said
        nothing, near 1 where they ruled the prior's mass out.
    """

    name: str
    mean: float
    sd: float
    median: float
    low: float
    high: float
    prior: tuple[float, ...]
    moved: float

    def change(self, before: "Movement") -> float:
        """Return the largest difference: of positive scales relative, of correlations absolute."""
        relative = not self.name.startswith("rho")
        moves = [
            abs(getattr(self, name) - getattr(before, name))
            / (getattr(self, name) if relative and getattr(self, name) > 0 else 1.0)
            for name in ("mean", "sd", "median", "low", "high")
        ]
        return float(np.nanmax([*moves, abs(self.moved - before.moved)], initial=0.0))


@dataclass(frozen=True, slots=True)
class JointSummaries:
    """Every summary of a joint model, in the units of the data.

    Attributes
    ----------
    points : Points
        Where the mean is asked for: the model's own times and others, or rows of covariates.
    mu, theta_new : Linear
        The mean, and the effect in a new study, at those points.
    pairs : ndarray of int, shape (c, 2)
        Pairs of the model's times.
    contrasts : Linear
        ``mu`` at the second time of each pair minus that at the first.
    coefficients : Linear
        In the order of the model's `names`.
    hypers : tuple of Movement
    log_evidence : float
        Natural log of p(y); without a meaning unless all priors are proper.
    numerical_error : float
        The largest change of anything reported between the last two levels: of locations in
        posterior SDs, of positive scales relative, of the rest absolute.
    nodes : int
    """

    points: Points
    mu: Linear
    theta_new: Linear
    pairs: Index
    contrasts: Linear
    coefficients: Linear
    hypers: tuple[Movement, ...]
    log_evidence: float
    numerical_error: float
    nodes: int

    def hyper(self, name: str) -> Movement:
        """Return the summary of one hyperparameter, such as ``tau``."""
        return next(one for one in self.hypers if one.name == name)


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that is summarised of one grid."""

    linear: Linear
    hypers: tuple[Movement, ...]
    log_evidence: float
    roughness: Array
    """About the error by each axis of the grid."""

    def change(self, before: "Answer") -> float:
        """Return the largest change, in the units of `JointSummaries.numerical_error`."""
        moves = [one.change(old) for one, old in zip(self.hypers, before.hypers, strict=True)]
        evidence = abs(self.log_evidence - before.log_evidence)
        return max(self.linear.change(before.linear), evidence, *moves)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every grid in turn."""

    model: JointModel
    points: Points
    level: float

    def answer(self, grid: Grid, before: Answer | None) -> Answer:
        """Summarise a grid, from where the one before leaves off."""
        mixture, linear = self.linear(grid, None if before is None else before.linear)
        marginals = [grid.marginal(axis) for axis in range(len(grid.sides))]
        off = (mixture.means - linear.median[:, None]) / linear.scale[:, None]
        spread = np.log(mixture.sds / linear.scale[:, None])
        one = np.ones((1, off.shape[1]))
        roughness = grid.roughness(np.concatenate([one, off, off * off, spread]))
        for axis, marginal in enumerate(marginals):
            roughness[axis] = max(roughness[axis], marginal.roughness)
        return Answer(
            linear, _movements(grid.model, marginals, self.level), grid.log_evidence, roughness
        )

    def linear(self, nodes: Nodes, before: Linear | None) -> tuple[Mixture, Linear]:
        """Return all that is linear as mixtures, and their summaries."""
        new = new_study(nodes, self.points)
        fixed = linear_mixture(nodes, np.unique(self._rows(), axis=0))
        mixture = Mixture(
            nodes.weights,
            np.concatenate([new.means, fixed.means]),
            np.concatenate([new.sds, fixed.sds]),
        )
        orders = np.full(len(mixture.means), orders_of(self.model, 1)[1])
        orders[: len(new.means)] = orders_of(self.model, 1)[0]
        return mixture, summarise(mixture, self.level, before, orders)

    def summaries(self, nodes: Nodes, answer: Answer, error: float) -> JointSummaries:
        """Name the parts."""
        q, pairs = len(self.points.rows), self._pairs()
        places = q + np.unique(self._rows(), axis=0, return_inverse=True)[1]
        mu, contrasts, coefficients = np.split(places, [q, q + len(pairs)])
        return JointSummaries(
            self.points,
            answer.linear.at(mu),
            answer.linear.at(np.s_[:q]),
            pairs,
            answer.linear.at(contrasts),
            answer.linear.at(coefficients),
            answer.hypers,
            answer.log_evidence,
            error,
            len(nodes.weights),
        )

    def _pairs(self) -> Index:
        count = 0 if self.model.course is None else len(self.model.times)
        return np.stack(np.triu_indices(count, 1), -1)

    def _rows(self) -> Array:
        """Linear forms in the coefficients: the mean, contrasts of times, the coefficients."""
        left, right = self._pairs().T
        own, every = self.model.own_points.rows, np.eye(self.model.x.shape[1])
        return np.concatenate([self.points.rows, own[right] - own[left], every])


def orders_of(model: JointModel, points: int) -> Index:
    """Highest moments that exist of a new study's effect and of the mean at some points, (2 q,)."""
    highest = highest_moment(model)
    return np.repeat([highest, highest if model.flat.any() else 2], points)


def linear_mixture(nodes: Nodes, rows: Array) -> Mixture:
    """Return ``rows @ beta`` as mixtures of shape (q,)."""
    mean, variance = nodes.given.linear(rows)
    return Mixture(nodes.weights, mean, np.sqrt(variance))


def new_study(nodes: Nodes, points: Points) -> Mixture:
    """Return the effect in a new study at points, as mixtures of shape (q,)."""
    mean, variance = nodes.given.linear(points.rows)
    spread = nodes.model.between.variance(_of_between(nodes), nodes.model.times, points.times)
    return Mixture(nodes.weights, mean, np.sqrt(variance + spread))


def _of_between(nodes: Nodes) -> Array:
    return nodes.phi[: nodes.model.split]


def summarise(
    mixture: Mixture, level: float, start: Linear | None, orders: Index | None = None
) -> Linear:
    """Summarise mixtures, from the summaries by another rule where there are some.

    Moments of an order above ``orders`` are ``nan``.
    """
    p = np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
    mean, sd = mixture.mean(), mixture.sd()
    heavy = mixture.weights > _LIGHT
    thin = Mixture(*(part[..., heavy] for part in (mixture.weights, mixture.means, mixture.sds)))
    begin = None if start is None else np.stack([start.low, start.median, start.high], -1)
    low, median, high = np.moveaxis(_quantiles(thin, p, begin), -1, 0)
    found = Linear(mean, sd, median, low, high, thin.cdf(0.0))
    return found if orders is None else found.up_to(orders)


def _quantiles(mixture: Mixture, p: Array, start: Array | None) -> Array:
    """Quantiles by Newton's method from those of another rule, shape (q, len(p))."""
    if start is not None:
        x, width = start, np.ptp(start, -1)[..., None]
        for _ in range(4):
            step = mixture.quantile_step(x, p)
            x = x + step
            # What is left after a step is of the order of its square.
            if np.all(np.abs(step) < 1e-5 * width):
                return x
    return mixture.quantile(p)


def _movements(model: JointModel, marginals: list[Marginal], level: float) -> tuple[Movement, ...]:
    free = {marginal.coordinate.hyper.name: marginal for marginal in marginals}
    found = []
    for hyper in model.hypers:
        if hyper.fixed:
            value = hyper.prior.support[0]
            found.append(Movement(hyper.name, value, 0.0, value, value, value, (value,) * 3, 0.0))
        else:
            highest = highest_moment(model, hyper.name)
            found.append(movement(free[hyper.name], level, highest))
    return tuple(found)


def movement(marginal: Marginal, level: float, highest: int) -> Movement:
    """Summarise a hyperparameter of which moments up to an order exist."""
    hyper = marginal.coordinate.hyper
    p = np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
    low, median, high = marginal.ppf(p).tolist()
    prior, moved = np.full(3, np.nan), np.nan
    if hyper.prior.proper:
        prior = hyper.prior.ppf(p[[1, 0, 2]])
        moved = _moved(marginal)
    mean = float(marginal.mean()) if highest >= 1 else np.nan
    sd = float(marginal.sd()) if highest >= 2 else np.nan
    return Movement(hyper.name, mean, sd, median, low, high, tuple(np.ravel(prior).tolist()), moved)


def _moved(marginal: Marginal) -> float:
    """Kolmogorov distance of the posterior from the prior, by zooming in on the largest gap."""
    side, prior = marginal.coordinate, marginal.coordinate.hyper.prior
    low, high = 1e-6 - 1.0, 1.0 - 1e-6
    for _ in range(3):
        t = np.linspace(low, high, 65)
        value = side.value(side.at(t)[0])[0]
        gap = np.abs(marginal.cdf(value) - prior.cdf(value))
        at = int(gap.argmax())
        low, high = t[max(at - 1, 0)], t[min(at + 1, 64)]
    return float(gap.max())
