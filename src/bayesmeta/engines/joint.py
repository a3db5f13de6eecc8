"""The exact engine of joint models: a tensor grid over the hyperparameters, mixtures of normals."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.engines.grid import Coordinate, Grid, Marginal, Side, locate
from bayesmeta.engines.mixture import Mixture
from bayesmeta.errors import InputError
from bayesmeta.models.blocks import Index
from bayesmeta.models.joint import JointModel, Points
from bayesmeta.models.tails import highest_moment

LEVELS = (10, 14, 19, 25, 32, 41, 53, 69, 90, 117, 152, 198)
"""Nodes a side."""

TOLERANCES = (1e-10, 1e-10, 1e-8, 1e-6, 1e-4)
"""By the number of free hyperparameters: the change between two levels that is small enough."""

MOST_FREE = 4
_MOST_NODES = 1 << 17
_WITHIN = 0.6
"""Nodes on the side of the within-study correlation, as a share of the others."""

_LIGHT = 1e-14
"""Nodes that weigh less are left out of CDFs, never out of moments."""


_PLACES = np.linspace(-1, 1, 258)[:-1]
"""Where, between the faces of the box, prior and posterior are compared."""


@dataclass(frozen=True, slots=True)
class Linear:
    """Summaries of linear quantities, shape (q,) each; ``nan`` where a moment does not exist."""

    mean: Array
    sd: Array
    median: Array
    low: Array
    high: Array
    below_zero: Array

    def __getitem__(self, at: Index) -> Self:
        """Return some of the quantities."""
        return type(self)(*(getattr(self, name)[at] for name in self.__slots__))

    def reshaped(self, shape: tuple[int, ...]) -> Self:
        """Return the same in another shape."""
        return type(self)(*(getattr(self, name).reshape(shape) for name in self.__slots__))

    def change(self, before: "Linear") -> float:
        """Return the largest difference, in SDs, or widths / 3.92 where there is none."""
        scale = np.where(np.isnan(self.sd), (self.high - self.low) / 3.92, self.sd)
        moves = [
            np.abs(getattr(self, name) - getattr(before, name)) / scale
            for name in ("mean", "sd", "median", "low", "high")
        ]
        moves.append(np.abs(self.below_zero - before.below_zero))
        return float(np.nanmax(moves, initial=0.0))


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
class JointPosterior:
    """The posterior of a joint model on a grid of nodes, and on the one before."""

    grid: Grid
    coarse: Grid

    @property
    def model(self) -> JointModel:
        """The model."""
        return self.grid.model

    def linear(self, rows: ArrayLike) -> Mixture:
        """Return ``rows @ beta``, rows of shape (q, p), as mixtures of shape (q,)."""
        return _mixture(self.grid, np.asarray(rows, dtype=float))

    def mu(self, at: ArrayLike) -> Mixture:
        """Return the course at any times."""
        return self.linear(self.model.points(at).rows)

    def theta_new(self, at: ArrayLike) -> Mixture:
        """Return the effect in a new study at any times."""
        return _new(self.grid, self.model.points(at))

    def marginal(self, name: str) -> Marginal:
        """Return the posterior of a free hyperparameter, such as ``tau`` or ``rho_between``."""
        names = [side.coordinate.hyper.name for side in self.grid.sides]
        return self.grid.marginal(names.index(name))

    def study_effects(self, level: float = 0.95) -> tuple[Linear, float]:
        """Return the effects of each study at all times, shape (k, t), and their error."""
        answers: list[Linear] = []
        for grid in (self.coarse, self.grid):
            n = len(grid.weights)
            mean, variance = self.model.study_effects(grid.phi, grid.given)
            mixture = Mixture(grid.weights, mean.reshape(-1, n), np.sqrt(variance.reshape(-1, n)))
            answers.append(_summaries(mixture, level, answers[0] if answers else None))
        shape = (self.model.studies, len(self.model.times))
        return answers[1].reshaped(shape), answers[1].change(answers[0])

    def shares(self, at: ArrayLike | None = None) -> Array:
        """Return how much each study adds at each time, shape (times, k).

        Posterior means of its share of the information; a normal prior has what is left of 1.
        """
        rows = self.model.points(self.model.times if at is None else at).rows
        return self.model.shares(self.grid.phi, self.grid.given, rows) @ self.grid.weights

    def first_time(self, level: float, *, below: bool = True) -> float:
        """Return the first time at which P(mu < 0) passes a level; ``nan`` where it never does.

        With ``below=False`` P(mu > 0). Between the first and the last time of the data, to a
        millionth of the time between them.
        """
        first, last = self.model.times[[0, -1]]

        def passed(at: Array) -> Index:
            below_zero = self.mu(at).cdf(0.0)
            return np.flatnonzero((below_zero if below else 1 - below_zero) >= level)

        scan = np.union1d(np.linspace(first, last, 33), self.model.times)
        if not passed(scan).size:
            return float("nan")
        while (after := passed(scan)[0]) > 0 and np.ptp(scan) > 1e-6 * (last - first):
            scan = np.linspace(scan[after - 1], scan[after], 9)
        return float(scan[after])


def fit_joint(
    model: JointModel,
    level: float = 0.95,
    at: Points | None = None,
    tolerance: float | None = None,
) -> tuple[JointPosterior, JointSummaries]:
    """Return the posterior and the summaries of a joint model.

    The nodes a side are raised by levels until the largest change of any summary is small, below
    1e-10 with one free hyperparameter, 1e-8 with two, 1e-6 with three and 1e-4 with four; what is
    reached is `numerical_error`.

    Parameters
    ----------
    model : JointModel
    level : float
        Of the intervals, which are central.
    at : Points or None
        Where the mean and the effect in a new study are wanted; the model's times by default.
    tolerance : float or None
        Another one.

    Raises
    ------
    InputError
        With more than four free hyperparameters.
    """
    ask = _Question(model, model.own_points if at is None else at, level)
    box = locate(model)
    if len(box) > MOST_FREE:
        raise InputError(
            f"{len(box)} hyperparameters are free, and a grid serves {MOST_FREE} at most: fix "
            f"some of them, or use NUTS"
        )
    coarse, before, error = None, None, np.inf
    for counts in _levels(box):
        grid = _on(model, box, counts)
        while (wider := grid.widened()) is not None:
            box, grid = wider, _on(model, wider, counts)
        answer = ask.answer(grid, before)
        error = np.inf if before is None else answer.change(before)
        if error <= (tolerance or TOLERANCES[len(box)]) or not box:
            break
        coarse, before = grid, answer
    posterior = JointPosterior(grid, grid if coarse is None else coarse)
    return posterior, ask.summaries(grid, answer, error if box else 0.0)


def _on(model: JointModel, box: tuple[Coordinate, ...], counts: tuple[int, ...]) -> Grid:
    return Grid.on(model, tuple(Side.on(one, n) for one, n in zip(box, counts, strict=True)))


def _levels(box: tuple[Coordinate, ...]) -> list[tuple[int, ...]]:
    shares = [_WITHIN if side.hyper.name == "rho_within" and len(box) > 2 else 1.0 for side in box]
    levels = [tuple(round(share * level) for share in shares) for level in LEVELS]
    return [counts for counts in levels if np.prod(counts) <= _MOST_NODES]


@dataclass(frozen=True, slots=True)
class _Answer:
    """Everything that is summarised of one grid."""

    linear: Linear
    hypers: tuple[Movement, ...]
    log_evidence: float

    def change(self, before: "_Answer") -> float:
        """Return the largest change, in the units of `JointSummaries.numerical_error`."""
        moves = [one.change(old) for one, old in zip(self.hypers, before.hypers, strict=True)]
        evidence = abs(self.log_evidence - before.log_evidence)
        return max(self.linear.change(before.linear), evidence, *moves)


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of every grid in turn."""

    model: JointModel
    points: Points
    level: float

    def answer(self, grid: Grid, before: _Answer | None) -> _Answer:
        """Summarise a grid, from where the one before leaves off."""
        model, fixed = self.model, _mixture(grid, self._rows())
        new = _new(grid, self.points)
        means, sds = (
            np.concatenate(both) for both in ((new.means, fixed.means), (new.sds, fixed.sds))
        )
        highest = highest_moment(model)
        orders = np.full(len(means), highest if model.flat.any() else 2)
        orders[: len(new.means)] = highest
        linear = _summaries(
            Mixture(grid.weights, means, sds),
            self.level,
            None if before is None else before.linear,
            orders,
        )
        return _Answer(linear, _movements(grid, self.level), grid.log_evidence)

    def summaries(self, grid: Grid, answer: _Answer, error: float) -> JointSummaries:
        """Name the parts."""
        q, pairs = len(self.points.rows), self._pairs()
        new, mu, contrasts, coefficients = (
            answer.linear[part]
            for part in np.split(np.arange(len(answer.linear.mean)), [q, 2 * q, 2 * q + len(pairs)])
        )
        return JointSummaries(
            self.points,
            mu,
            new,
            pairs,
            contrasts,
            coefficients,
            answer.hypers,
            answer.log_evidence,
            error,
            len(grid.weights),
        )

    def _pairs(self) -> Index:
        return np.stack(np.triu_indices(len(self.model.times), 1), -1)

    def _rows(self) -> Array:
        """Linear forms in the coefficients: the mean, contrasts of times, the coefficients."""
        left, right = self._pairs().T
        own = self.model.points(self.model.times).rows
        return np.concatenate([self.points.rows, own[right] - own[left], np.eye(own.shape[1])])


def _mixture(grid: Grid, rows: Array) -> Mixture:
    mean, variance = grid.given.linear(rows)
    return Mixture(grid.weights, mean, np.sqrt(variance))


def _new(grid: Grid, points: Points) -> Mixture:
    mean, variance = grid.given.linear(points.rows)
    spread = grid.model.between.variance(grid.phi, grid.model.times, points.times)
    return Mixture(grid.weights, mean, np.sqrt(variance + spread))


def _summaries(
    mixture: Mixture, level: float, start: Linear | None, orders: Array | None = None
) -> Linear:
    """Summarise mixtures; moments of an order above those that exist are ``nan``."""
    p = np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
    mean, sd = mixture.mean(), mixture.sd()
    heavy = mixture.weights > _LIGHT
    thin = Mixture(*(part[..., heavy] for part in (mixture.weights, mixture.means, mixture.sds)))
    begin = None if start is None else np.stack([start.low, start.median, start.high], -1)
    low, median, high = _quantiles(thin, p, begin).T
    if orders is not None:
        mean, sd = np.where(orders >= 1, mean, np.nan), np.where(orders >= 2, sd, np.nan)
    return Linear(mean, sd, median, low, high, thin.cdf(0.0))


def _quantiles(mixture: Mixture, p: Array, start: Array | None) -> Array:
    """Quantiles by Newton's method from those of another rule, shape (q, len(p))."""
    if start is not None:
        x, width = start, np.ptp(start, -1)[:, None]
        for _ in range(4):
            step = mixture.quantile_step(x, p)
            x = x + step
            # What is left after a step is of the order of its square.
            if np.all(np.abs(step) < 1e-6 * width):
                return x
    return mixture.quantile(p)


def _movements(grid: Grid, level: float) -> tuple[Movement, ...]:
    axes = {coordinate.hyper.name: at for at, coordinate in enumerate(grid.box)}
    found = []
    for hyper in grid.model.hypers:
        if hyper.fixed:
            value = hyper.prior.support[0]
            found.append(Movement(hyper.name, value, 0.0, value, value, value, (value,) * 3, 0.0))
        else:
            highest = highest_moment(grid.model, hyper.name)
            found.append(_movement(grid.marginal(axes[hyper.name]), level, highest))
    return tuple(found)


def _movement(marginal: Marginal, level: float, highest: int) -> Movement:
    hyper = marginal.coordinate.hyper
    p = np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
    low, median, high = marginal.ppf(p).tolist()
    prior, moved = np.full(3, np.nan), np.nan
    if hyper.prior.proper:
        prior = hyper.prior.ppf(p[[1, 0, 2]])
        side = marginal.coordinate
        value = side.value(side.at(_PLACES)[0])[0]
        moved = float(np.abs(marginal.cdf(value) - hyper.prior.cdf(value)).max())
    mean = marginal.mean() if highest >= 1 else np.nan
    sd = marginal.sd() if highest >= 2 else np.nan
    return Movement(hyper.name, mean, sd, median, low, high, tuple(np.ravel(prior).tolist()), moved)
