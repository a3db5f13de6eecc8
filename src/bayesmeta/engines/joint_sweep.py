"""Many priors on the hyperparameters of one joint model: the likelihood is computed once.

The grid is drawn without a prior. Priors are products over its axes, so that their weights, and
all that is linear in them, are matrix products; the CDF of a mixture is a polynomial through its
values at Gauss-Legendre nodes of x, which are linear in the weights too.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Self

import numpy as np
from scipy import special

from bayesmeta.arrays import Array, Mask
from bayesmeta.engines.axis import Coordinate, Marginal, Side
from bayesmeta.engines.grid import FINER, Grid, locate
from bayesmeta.engines.joint import fit_joint
from bayesmeta.engines.joint_summaries import (
    JointSummaries,
    Linear,
    linear_mixture,
    new_study,
    orders_of,
)
from bayesmeta.engines.legendre import (
    differentiation,
    gauss_legendre,
    highest_coefficients,
    interpolated,
    inverted,
)
from bayesmeta.models.blocks import Index
from bayesmeta.models.covariance import Hyper
from bayesmeta.models.given import Points
from bayesmeta.models.joint import JointModel
from bayesmeta.models.tails import highest_moment, likelihood_fall
from bayesmeta.priors import Fixed, FlatTau, RhoFixed, RhoPrior, RhoUniform, TauPrior, Uniform

type Priors = Mapping[str, TauPrior | RhoPrior]
"""By the name of a hyperparameter; those not named keep the model's."""

TOLERANCE = 1e-4
"""Priors whose error on the shared nodes is above get nodes of their own."""

_LEVELS = {0: (1, 1), 1: (41, 53, 69, 90), 2: (32, 41, 53), 3: (20, 23, 33), 4: (10, 14)}
"""Nodes a side, by the number of free hyperparameters; the later ones for those that need them."""

_SHARES = {"rho_within": 0.7}
_GRADED = 1.3
"""Nodes of a correlation as a share of those of others, and of a side with flattened ends."""

_TABLE = 36
"""Values of x at which the CDF of a mixture is worked out."""

_LIGHT = 1e-10
"""Nodes that weigh less under every prior are left out of CDFs."""

_AXES = "abcd"


@dataclass(frozen=True, slots=True)
class Swept:
    """Summaries under each of P priors; ``nan`` where a moment does not exist.

    Attributes
    ----------
    points : Points
    names : tuple of str
        Of the hyperparameters.
    linear : Linear
        Shape (P, columns): the effect in a new study at the points, the mean there, and the
        hyperparameters.
    log_evidence, numerical_error : ndarray, shape (P,)
    """

    points: Points
    names: tuple[str, ...]
    linear: Linear
    log_evidence: Array
    numerical_error: Array

    @property
    def theta_new(self) -> Linear:
        """The effect in a new study, shape (P, points)."""
        return self.linear.at(np.s_[:, : len(self.points.rows)])

    @property
    def mu(self) -> Linear:
        """The mean, shape (P, points)."""
        q = len(self.points.rows)
        return self.linear.at(np.s_[:, q : 2 * q])

    def hyper(self, name: str) -> Linear:
        """Return the summaries of one hyperparameter, shape (P,)."""
        return self.linear.at(np.s_[:, 2 * len(self.points.rows) + self.names.index(name)])


def sweep_joint(
    model: JointModel, priors: Sequence[Priors], level: float = 0.95, at: Points | None = None
) -> Swept:
    """Return the summaries of a joint model under each of many priors.

    Priors of one support share a grid, drawn without any of them; those whose error on it is
    above 1e-4 are done again with nodes of their own.

    Parameters
    ----------
    model : JointModel
    priors : sequence of mapping
        Each from names of hyperparameters to priors; those not named keep the model's.
    level, at
        As in `fit_joint`.

    Examples
    --------
    >>> from bayesmeta.models.covariance import Correlation
    >>> from bayesmeta.models.longitudinal import longitudinal_model
    >>> from bayesmeta.priors import HalfNormal
    >>> model = longitudinal_model(
    ...     ["A", "A", "B", "C"], [3, 12, 12, 3], [-1.0, -0.5, -0.7, -0.2], [0.3, 0.3, 0.2, 0.4],
    ...     tau=HalfNormal(0.5), between=Correlation("cs", RhoUniform(0, 1)),
    ... )
    >>> found = sweep_joint(model, [{"tau": HalfNormal(scale)} for scale in (0.1, 0.5)])
    >>> found.mu.median.round(3)
    array([[-0.709, -0.631],
           [-0.698, -0.598]])
    """
    points = model.own_points if at is None else at
    groups: dict[tuple[tuple[float, float], ...], list[JointModel]] = defaultdict(list)
    order: dict[tuple[tuple[float, float], ...], list[int]] = defaultdict(list)
    for number, one in enumerate(map(model.under, priors)):
        support = tuple(hyper.prior.support for hyper in one.hypers)
        groups[support].append(one)
        order[support].append(number)
    parts = [
        _group(model.under(_widest(model, support)), models, points, level)
        for support, models in groups.items()
    ]
    back = np.argsort(np.concatenate(list(order.values())))
    return Swept(
        points,
        tuple(hyper.name for hyper in model.hypers),
        Linear.joined([part.linear for part in parts]).at(back),
        np.concatenate([part.log_evidence for part in parts])[back],
        np.concatenate([part.error for part in parts])[back],
    )


def _widest(model: JointModel, support: tuple[tuple[float, float], ...]) -> Priors:
    """Return priors that are constant over these supports."""
    chosen: dict[str, TauPrior | RhoPrior] = {}
    for hyper, (low, high) in zip(model.hypers, support, strict=True):
        if isinstance(hyper.prior, RhoPrior):
            chosen[hyper.name] = RhoUniform(low, high) if low < high else RhoFixed(low)
        elif high < inf:
            chosen[hyper.name] = Uniform(low, high) if low < high else Fixed(low)
        else:
            chosen[hyper.name] = FlatTau()
    return chosen


@dataclass(frozen=True, slots=True)
class _Answer:
    """Summaries of P models, shape (P, columns) in the order of `Swept`; the rest (P,)."""

    linear: Linear
    log_evidence: Array
    error: Array

    def at(self, rows: Mask) -> Self:
        """Return those of some models."""
        return type(self)(self.linear.at(rows), self.log_evidence[rows], self.error[rows])

    def put(self, rows: Index, other: "_Answer") -> None:
        """Replace those of some models."""
        for name in Linear.__slots__:
            getattr(self.linear, name)[rows] = getattr(other.linear, name)
        self.log_evidence[rows], self.error[rows] = other.log_evidence, other.error

    def against(self, before: "_Answer", hypers: tuple[Hyper, ...]) -> Self:
        """Return the same with the change from another grid in its errors.

        Of positive scales relative, of correlations absolute.
        """
        moves = self.linear.moves(before.linear)
        for column, hyper in enumerate(hypers, moves.shape[1] - len(hypers)):
            size = (
                self.linear.median[:, column] if isinstance(hyper.prior, TauPrior) else np.ones(1)
            )
            moves[:, column] *= self.linear.scale[:, column] / np.maximum(size, 1e-300)
        evidence = np.abs(self.log_evidence - before.log_evidence)
        return replace(self, error=np.max([moves.max(1), evidence, self.error], axis=0))


def _group(widest: JointModel, models: list[JointModel], points: Points, level: float) -> _Answer:
    """Summarise models whose priors have one support, with more nodes for those that need them."""
    box = tuple(
        replace(one, graded=any(Coordinate.of(hyper).graded for hyper in _each(models, one)))
        for one in locate(widest, prior=False)
    )
    rules = [
        [Side.on(one, longer * _count(one, nodes), prior=False) for one in box]
        for nodes in _LEVELS[len(box)]
        for longer in (1, FINER)
    ]
    by_axis = [_log_priors(models, [rule[axis] for rule in rules]) for axis in range(len(box))]
    tails = [_tails(model) for model in models]
    moments = {one: _orders(models[tails.index(one)], len(points.rows)) for one in set(tails)}
    orders = np.array([moments[one] for one in tails])

    def answer(number: int, rows: Index) -> _Answer:
        grid = Grid.on(widest, tuple(rules[2 * number]))
        log_priors, log_finer = (
            [axis[2 * number + longer][rows] for axis in by_axis] for longer in (0, 1)
        )
        shared = _Shared.on(grid, rules[2 * number + 1], log_priors, log_finer, orders[rows])
        return shared.answer(points, level)

    left = np.arange(len(models))
    found = before = answer(0, left)
    for number in range(1, len(_LEVELS[len(box)])):
        after = answer(number, left)
        found.put(left, after.against(before, widest.hypers))
        unsettled = ~(found.error[left] <= TOLERANCE)
        left, before = left[unsettled], after.at(unsettled)
        if not left.size:
            break
    for number in left.tolist():
        _, own = fit_joint(models[number], level, points)
        found.put(np.array([number]), _alone(own))
    return found


def _count(coordinate: Coordinate, nodes: int) -> int:
    share = _SHARES.get(coordinate.hyper.name, 1.0) * (_GRADED if coordinate.graded else 1.0)
    return round(share * nodes)


def _each(models: list[JointModel], coordinate: Coordinate) -> list[Hyper]:
    """Return a hyperparameter under the priors of each model."""
    at = [hyper.name for hyper in models[0].hypers].index(coordinate.hyper.name)
    return [model.hypers[at] for model in models]


def _tails(model: JointModel) -> tuple[tuple[float, bool], ...]:
    """Return what moments depend on of its priors."""
    priors = [hyper.prior for hyper in model.hypers]
    return tuple((p.tail_power, p.boundary_moments) for p in priors if isinstance(p, TauPrior))


def _orders(model: JointModel, points: int) -> list[int]:
    """Highest moments that exist, in the order of the columns of `Swept`."""
    hypers = [highest_moment(model, hyper.name) for hyper in model.hypers]
    return [*orders_of(model, points).tolist(), *hypers]


def _alone(own: JointSummaries) -> _Answer:
    """Return one fit as a batch of one."""
    columns = [
        np.concatenate(
            [
                getattr(own.theta_new, name),
                getattr(own.mu, name),
                [getattr(hyper, name, 0.0) for hyper in own.hypers],
            ]
        )[None]
        for name in Linear.__slots__
    ]
    return _Answer(Linear(*columns), np.array([own.log_evidence]), np.array([own.numerical_error]))


@dataclass(frozen=True, slots=True)
class _Shared:
    """P priors on one grid.

    Attributes
    ----------
    grid : Grid
        Without a prior.
    finer : list of Side
        A longer rule for each axis.
    log_finer : list of ndarray, shape (P, m)
        Log prior densities on it.
    factors : list of ndarray, shape (P, n)
        Prior densities on each axis, relative to the largest.
    rest : ndarray, shape (P, m)
        Products of all of them but the first.
    mass, log_evidence : ndarray, shape (P,)
    orders : ndarray of int, shape (P, columns)
        Highest moments that exist.
    """

    grid: Grid
    finer: list[Side]
    log_finer: list[Array]
    factors: list[Array]
    rest: Array
    mass: Array
    log_evidence: Array
    orders: Index

    @classmethod
    def on(
        cls,
        grid: Grid,
        finer: list[Side],
        log_priors: list[Array],
        log_finer: list[Array],
        orders: Index,
    ) -> Self:
        """Weigh the nodes under each prior."""
        peaks = [one.max(-1, keepdims=True) for one in log_priors]
        factors = [np.exp(one - peak) for one, peak in zip(log_priors, peaks, strict=True)]
        first, *others = factors or [np.ones((len(orders), 1))]
        rest = np.ones((len(orders), 1))
        for factor in others:
            rest = (rest[:, :, None] * factor[:, None, :]).reshape(len(orders), -1)
        mass = _summed(grid.weights[None], first, rest)[0]
        with np.errstate(divide="ignore"):
            log_evidence = np.log(mass) + grid.log_evidence
        log_evidence += sum(peak[:, 0] for peak in peaks)
        return cls(grid, finer, log_finer, [first, *others], rest, mass, log_evidence, orders)

    def answer(self, points: Points, level: float) -> _Answer:
        """Summarise the models; the errors are those that two grids would share."""
        p = np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
        linear, doubt = self._mixtures(points, p)
        hypers = [self._hyper(number, p) for number in range(len(self.grid.model.hypers))]
        columns = [
            np.column_stack([getattr(one, name) for one in (linear, *hypers)])
            for name in Linear.__slots__
        ]
        return _Answer(Linear(*columns).up_to(self.orders), self.log_evidence, doubt)

    def _mixtures(self, points: Points, p: Array) -> tuple[Linear, Array]:
        new, mean_of = new_study(self.grid, points), linear_mixture(self.grid, points.rows)
        means, sds = (
            np.concatenate([new.means, mean_of.means]),
            np.concatenate([new.sds, mean_of.sds]),
        )
        weights = self.grid.weights
        centre = means @ weights
        off = means - centre[:, None]
        functions = np.stack([off, off * off + sds * sds, special.ndtr(-means / sds)])
        sums = _summed((functions * weights).reshape(-1, len(weights)), self.factors[0], self.rest)
        mean, square, below_zero = (sums / self.mass).reshape(3, len(means), -1).swapaxes(1, 2)
        sd = np.sqrt(square - mean * mean)

        reach = (1.3 - special.ndtri(p[0])) * sd
        low, high = (mean - reach).min(0) + centre, (mean + reach).max(0) + centre
        nodes = gauss_legendre(_TABLE)[0]
        x = low[:, None] + (high - low)[:, None] * (nodes + 1) / 2
        heavy, prior = self._heavy()
        means, sds, weights = means[:, None, heavy], sds[:, None, heavy], weights[heavy]
        cdf = np.stack(
            [
                ((weights * special.ndtr((at[:, None] - m) / s)).astype(np.float32) @ prior).T
                for at, m, s in zip(x, means, sds, strict=True)
            ],
            1,
        ).astype(float)
        density = cdf @ differentiation(_TABLE).T
        t = inverted(cdf, density, p)
        quantiles = low[:, None] + (high - low)[:, None] * (t + 1) / 2
        by_sd = interpolated(density, t) * (2 * sd / (high - low))[..., None]
        doubt = np.abs(cdf @ highest_coefficients(_TABLE).T).max(-1, keepdims=True) / by_sd
        doubt = np.where(np.abs(t) > 1 - 1e-9, inf, doubt).max((1, 2))
        low, median, high = np.moveaxis(quantiles, -1, 0)
        return Linear(mean + centre, sd, median, low, high, below_zero), doubt

    def _heavy(self) -> tuple[Index, np.ndarray]:
        """Nodes that weigh something under a prior, and relative to its mass, (nodes, P)."""
        first = (self.factors[0] / self.mass[:, None]).T.astype(np.float32)
        rest = self.rest.T.astype(np.float32)
        largest = np.stack([(one * rest).max(-1) for one in first])
        heavy: Index = np.flatnonzero(largest.ravel() * self.grid.weights > _LIGHT)
        at, others = np.unravel_index(heavy, largest.shape)
        return heavy, first[at] * rest[others]

    def _hyper(self, number: int, p: Array) -> Linear:
        model = self.grid.model
        hyper = model.hypers[number]
        if hyper.fixed:
            value = np.full(len(self.mass), hyper.prior.support[0])
            return Linear(value, 0 * value, value, value, value, 0 * value)
        axis = [one.hyper.name for one in self.grid.box].index(hyper.name)
        side, axes = self.grid.sides[axis], _AXES[: len(self.factors)]
        others = axes.replace(axes[axis], "")
        spec = ",".join([axes, *("p" + one for one in others)]) + "->p" + axes[axis]
        rest = [factor for i, factor in enumerate(self.factors) if i != axis]
        f = self.grid.weights.reshape(self.grid.counts)
        along = np.einsum(spec, f, *rest, optimize=True) if rest else f[None]
        masses = along * self.factors[axis]
        masses = masses / masses.sum(-1, keepdims=True)
        with np.errstate(divide="ignore"):
            log_likelihood = np.log(along) - side.log_rule
        fine = replace(self.finer[axis], log_prior=self.log_finer[axis])
        fall = likelihood_fall(model, hyper.name)
        marginal = Marginal.of(side, masses, log_likelihood, fine, fall)
        low, median, high = marginal.ppf(p).T
        return Linear(marginal.mean(), marginal.sd(), median, low, high, 0 * median)


def _summed(functions: Array, first: Array, rest: Array) -> Array:
    """Sum functions, shape (f, nodes), over the nodes times each prior, shape (f, P)."""
    by_side = functions.reshape(len(functions), first.shape[1], rest.shape[1])
    found: Array = np.einsum("fap,pa->fp", np.tensordot(by_side, rest, (2, 1)), first)
    return found


def _log_priors(models: list[JointModel], sides: list[Side]) -> list[Array]:
    """Log densities under each model's prior at the nodes of rules on one axis, (P, n) each."""
    values = np.concatenate([side.value for side in sides])
    hypers = _each(models, sides[0].coordinate)
    found = {hyper: hyper.log_density(values) for hyper in dict.fromkeys(hypers)}
    ends = np.cumsum([len(side.value) for side in sides])[:-1]
    return np.split(np.stack([found[hyper] for hyper in hypers]), ends, axis=1)
