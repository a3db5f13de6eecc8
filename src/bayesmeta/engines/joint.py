"""The exact engine of joint models: a tensor grid over the hyperparameters, mixtures of normals."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.engines import exact
from bayesmeta.engines.axis import Coordinate, Marginal, Side
from bayesmeta.engines.grid import Grid, Nodes, free, locate
from bayesmeta.engines.joint_summaries import (
    JointSummaries,
    Linear,
    Question,
    linear_mixture,
    new_study,
    summarise,
)
from bayesmeta.engines.mixture import Mixture
from bayesmeta.errors import InputError
from bayesmeta.models import model_for
from bayesmeta.models.blocks import Index
from bayesmeta.models.design import PerTime
from bayesmeta.models.given import Points
from bayesmeta.models.joint import JointModel
from bayesmeta.priors import Flat

TOLERANCES = (1e-10, 1e-10, 1e-8, 1e-6, 1e-4)
"""By the number of free hyperparameters: the change between two levels that is small enough."""

MOST_FREE = 4
"""Hyperparameters that a grid serves."""

_MOST_NODES = (1, 1 << 10, 1 << 14, 1 << 17, 400_000)
_FIRST, _FIRST_WITHIN = 10, 6
"""Nodes a side at first, and on that of the within-study correlation."""

_SLOWEST, _FASTEST = 1.2, 1.6
"""Growth of a side whose error, which falls geometrically, is small or large. What would not grow
at all would hide its error from the comparison of grids."""


@dataclass(frozen=True, slots=True)
class JointPosterior:
    """The posterior of a joint model on ever more nodes; the last ones answer."""

    nodes: tuple[Nodes, ...]

    @property
    def best(self) -> Nodes:
        """The last nodes."""
        return self.nodes[-1]

    @property
    def model(self) -> JointModel:
        """The model."""
        return self.best.model

    @property
    def coarser(self) -> "JointPosterior":
        """The same from the nodes before the last, which are within `numerical_error` of them."""
        return JointPosterior(self.nodes[:-1] or self.nodes)

    def linear(self, rows: ArrayLike) -> Mixture:
        """Return ``rows @ beta``, rows of shape (q, p), as mixtures of shape (q,)."""
        return linear_mixture(self.best, np.asarray(rows, dtype=float))

    def mu(self, at: ArrayLike) -> Mixture:
        """Return the course at any times."""
        return self.linear(self.model.points(at).rows)

    def theta_new(self, at: ArrayLike) -> Mixture:
        """Return the effect in a new study at any times."""
        return new_study(self.best, self.model.points(at))

    def marginal(self, name: str) -> Marginal:
        """Return the posterior of a free hyperparameter, such as ``tau`` or ``rho_between``."""
        grid = self.best
        if not isinstance(grid, Grid):
            raise InputError("importance sampling gives no marginal density of hyperparameters")
        names = [side.coordinate.hyper.name for side in grid.sides]
        return grid.marginal(names.index(name))

    def study_effects(self, level: float = 0.95) -> tuple[Linear, float]:
        """Return the effects of each study at all times, shape (k, t), and their error."""
        few = self.nodes[1:2] + self.nodes[-2:] if len(self.nodes) > 3 else self.nodes
        effects = [self.model.study_effects(one.phi, one.given) for one in few]
        parts: list[Linear] = []
        error = 0.0
        for block in zip(*effects, strict=True):
            before: Linear | None = None
            found: Linear | None = None
            for one, (_, mean, variance) in zip(few, block, strict=True):
                by_study = mean.swapaxes(0, 1), np.sqrt(variance.swapaxes(0, 1))
                before, found = found, summarise(Mixture(one.weights, *by_study), level, found)
            assert found is not None
            error = max(error, 0.0 if before is None else found.change(before))
            parts.append(found)
        order = np.concatenate([block.studies for block in self.model.blocks])
        return Linear.joined(parts).at(np.argsort(order)), error

    def shares(self, at: ArrayLike | None = None) -> Array:
        """Return how much each study adds at each time, shape (times, k).

        Posterior means of its share of the information; a normal prior has what is left of 1.
        """
        rows = self.model.points(self.model.times if at is None else at).rows
        return self.model.shares(self.best.phi, self.best.given, rows) @ self.best.weights

    def first_time(self, level: float, *, below: bool = True) -> float:
        """Return the first time at which P(mu < 0) passes a level; ``nan`` where it never does.

        With ``below=False`` P(mu > 0). Between the first and the last time of the data, to a
        millionth of the time between them; of a `Curve` the first of its knots.
        """
        first, last = self.model.times[[0, -1]]

        def passed(at: Array) -> Index:
            below_zero = self.mu(at).cdf(0.0)
            return np.flatnonzero((below_zero if below else 1 - below_zero) >= level)

        curve = self.model.curve
        scan = np.union1d(np.linspace(first, last, 129), self.model.times)
        if curve is not None:
            scan = np.array(curve.knots)
        if not passed(scan).size:
            return float("nan")
        if curve is not None:
            return float(scan[passed(scan)[0]])
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

    The nodes a side are raised, those of the axes that need it faster, until the largest change of
    any summary is small: below 1e-10 with one free hyperparameter, 1e-8 with two, 1e-6 with three
    and 1e-4 with four. What is reached is `numerical_error`.

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

    Examples
    --------
    >>> from bayesmeta.models.covariance import Correlation
    >>> from bayesmeta.models.longitudinal import longitudinal_model
    >>> from bayesmeta.priors import HalfNormal, RhoUniform
    >>> model = longitudinal_model(
    ...     ["A", "A", "B", "B", "C"], [3, 12, 3, 12, 12], [-1.2, -0.4, -0.8, -0.9, -0.1],
    ...     [0.4, 0.5, 0.3, 0.3, 0.2], tau=HalfNormal(0.5),
    ...     between=Correlation("cs", RhoUniform(0, 1)),
    ... )
    >>> posterior, found = fit_joint(model)
    >>> found.mu.median.round(3), found.numerical_error < 1e-8
    (array([-0.909, -0.417]), True)
    """
    ask = Question(model, model.own_points if at is None else at, level)
    box = free(model)
    if len(box) > MOST_FREE:
        raise InputError(
            f"{len(box)} hyperparameters are free, and a grid serves {MOST_FREE} at most: fix "
            f"some of them, or use importance sampling (good to 1e-2) or NUTS"
        )
    box = locate(model)
    grids: list[Grid] = []
    before, error = None, np.inf
    counts = [_FIRST_WITHIN if one.hyper.name == "rho_within" else _FIRST for one in box]
    tolerance = tolerance or TOLERANCES[len(box)]
    while prod(counts) <= _MOST_NODES[len(box)]:
        grid = _on(model, box, counts)
        while (wider := grid.widened(tolerance)) is not None:
            box, grid = wider, _on(model, wider, counts)
        grids.append(grid)
        answer = ask.answer(grid, before)
        error = np.inf if before is None else answer.change(before)
        if error <= tolerance or not box:
            break
        before = answer
        counts = _more(counts, np.log(tolerance) / np.log(np.minimum(answer.roughness, 0.5)))
    return JointPosterior(tuple(grids)), ask.summaries(grid, answer, error if box else 0.0)


def fit_alone(model: JointModel, level: float = 0.95) -> Linear:
    """Return the means of each time pooled alone, shape (t,), by the univariate model.

    Of a model over time, under the same priors; the ratio of its intervals' widths to those of the
    joint model is what the other times add.
    """
    parts = []
    for at in range(len(model.times)):
        rows = model.slot == at
        tau = model.between.tau[at if len(model.between.tau) > 1 else 0].bound(model.se[rows])
        mu = model.coefficients[at] if isinstance(model.course, PerTime) else Flat()
        single = model_for(model.y[rows], model.se[rows], mu, tau, f"time {model.times[at]:g}")
        posterior, found = exact.fit(single, level, quantities=("mu",))
        mean = found.of["mu"]
        zero = -np.asarray(posterior.model.location) / posterior.model.unit
        below = posterior.mixture("mu").cdf(zero)
        parts.append(Linear(mean.mean, mean.sd, mean.median, mean.low, mean.high, below))
    return Linear.joined(parts)


def _more(counts: list[int], paces: Array) -> list[int]:
    """Raise the nodes a side by paces within bounds, and within the most nodes where it can be."""
    wanted = np.array(counts) * np.clip(paces, _SLOWEST, _FASTEST)
    excess = max(1.0, (wanted.prod() / _MOST_NODES[len(counts)]) ** (1 / len(counts)))
    return [max(n + 1, int(w)) for n, w in zip(counts, (wanted / excess).tolist(), strict=True)]


def _on(model: JointModel, box: tuple[Coordinate, ...], counts: Sequence[int]) -> Grid:
    return Grid.on(model, tuple(Side.on(one, n) for one, n in zip(box, counts, strict=True)))
