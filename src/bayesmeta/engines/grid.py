"""Tensor Gauss-Legendre over a few hyperparameters, on a box that holds all that matters.

The posterior touches the edges of its domain (rho near 1, tau near 0), and the integrand is
analytic through them. So the coordinates are bounded: ``tau / (tau + s)``, and correlations as
they are. Unbounded coordinates would only make tails.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf, log
from typing import Self

import numpy as np
from numpy.polynomial import legendre
from scipy import special

from bayesmeta.arrays import Array, ArrayLike, Mask
from bayesmeta.models.covariance import Hyper
from bayesmeta.models.joint import JointGiven, JointModel
from bayesmeta.models.tails import fall, highest_moment
from bayesmeta.priors import RhoPrior

NATS = 36.0
"""How far below its peak the integrand is followed: 1 / eps."""

_LADDER = (600.0, 250.0, 110.0, 60.0, 40.0)
"""Thresholds on the way there: a box trimmed at once from a coarse scan can lose a ridge."""

_FACE = 30.0
"""A face of the box on which the integrand is less far below its peak is moved out."""

_WIDTH = 2.5
"""Nodes are dense within this many SDs of the mean. Of 2 to 1000, tried on tremor_dbs, 2 to 3 had
the smallest errors, by two digits."""

_SCANS = {1: (64,), 2: (24, 20), 3: (16, 14, 8)}
_SCAN_OF_MANY = 8


@dataclass(frozen=True, slots=True)
class Coordinate:
    """Where a hyperparameter is integrated: x between two bounds.

    ``tau = s x / (1 - x)`` for a positive scale, ``rho = x^(1 / power)`` for a correlation, and
    ``x = centre + width sinh(u)``, an entire map, so that nodes lie denser where the posterior
    is. Where the density is not analytic at an end, ``3 v^2 - 2 v^3`` in place of v, the share of
    the way of u from one end to the other, flattens it.
    """

    hyper: Hyper
    low: float
    high: float
    graded: bool
    centre: float = 0.0
    width: float = 1e6

    @classmethod
    def of(cls, hyper: Hyper) -> Self:
        """Return the coordinate of a hyperparameter, between the bounds of its prior."""
        prior = hyper.prior
        low, high = prior.support
        if isinstance(prior, RhoPrior):
            if hyper.power != 1:
                low, high = low**hyper.power, high**hyper.power
            ragged = hyper.ragged and low == 0
            return cls(hyper, low, high, ragged or any(power % 1 for power in prior.powers))
        s = hyper.typical
        low, high = (end / (end + s) if end < inf else 1.0 for end in (low, high))
        return cls(hyper, low, high, _ragged(hyper))

    def value(self, x: Array) -> tuple[Array, Array]:
        """Return the hyperparameter at x and the log of its derivative."""
        if isinstance(self.hyper.prior, RhoPrior):
            root = 1 / self.hyper.power
            return x**root, np.log(root) + (root - 1) * np.log(x) if root != 1 else 0 * x
        s = self.hyper.typical
        return s * x / (1 - x), log(s) - 2 * np.log1p(-x)

    def x(self, value: Array) -> Array:
        """Return the coordinate of a value of the hyperparameter."""
        if isinstance(self.hyper.prior, RhoPrior):
            return value**self.hyper.power if self.hyper.power != 1 else value
        return value / (value + self.hyper.typical)

    def at(self, t: Array) -> tuple[Array, Array]:
        """Return x at t in [-1, 1] and dx/dt."""
        v, slope = (t + 1) / 2, np.full_like(t, 0.5)
        if self.graded:
            v, slope = v * v * (3 - 2 * v), 3 * v * (1 - v)
        first, last = self._ends()
        u, pace = first + (last - first) * v, (last - first) * slope
        return self.centre + self.width * np.sinh(u), self.width * np.cosh(u) * pace

    def t(self, x: Array) -> Array:
        """Return the t of an x, the end where it lies outside."""
        first, last = self._ends()
        u = np.arcsinh((np.clip(x, self.low, self.high) - self.centre) / self.width)
        v = np.clip((u - first) / (last - first), 0.0, 1.0)
        if self.graded:
            # The root of 3 v^2 - 2 v^3 in [0, 1], by the trisection of an angle.
            v = 0.5 - np.sin(np.arcsin(1 - 2 * v) / 3)
        t: Array = 2 * v - 1
        return t

    def _ends(self) -> Array:
        return np.arcsinh((np.array([self.low, self.high]) - self.centre) / self.width)


def _ragged(hyper: Hyper) -> bool:
    """Whether the prior density of a positive scale is not analytic at 0 or at infinity."""
    prior = hyper.prior
    assert not isinstance(prior, RhoPrior)
    tiny = np.array([1e-130, 2e-130])
    start = np.diff(prior.log_density(tiny, np.log(tiny)))[0] / log(2)
    rough_start = prior.support[0] == 0 and not (start < 10 and abs(start - round(start)) < 1e-6)
    tail = prior.tail_power
    return bool(rough_start or (tail < inf and tail % 1) or prior.log_tails)


@lru_cache(maxsize=64)
def gauss_legendre(count: int) -> tuple[Array, Array]:
    """Nodes and weights of the rule on [-1, 1]."""
    return legendre.leggauss(count)


def interpolated(values: Array, t: Array) -> Array:
    """Evaluate at t, shape (p,), the polynomial through values at Gauss-Legendre nodes.

    The barycentric formula with weights ``(-1)^j sqrt((1 - t_j^2) w_j)``.

    References
    ----------
    Wang and Xiang (2012), Mathematics of Computation 81:861, theorem 3.1.

    Examples
    --------
    >>> nodes, _ = gauss_legendre(4)
    >>> interpolated(nodes**3, np.array([-1.0, 0.5])).round(12)
    array([-1.   ,  0.125])
    """
    nodes, weights = gauss_legendre(len(values))
    signs = np.where(np.arange(len(nodes)) % 2, -1.0, 1.0)
    gaps = t[:, None] - nodes
    at_node = gaps == 0
    parts = signs * np.sqrt((1 - nodes * nodes) * weights) / np.where(at_node, 1.0, gaps)
    found = parts @ values / parts.sum(-1)
    return np.where(at_node.any(-1), values[at_node.argmax(-1)], found)


@lru_cache(maxsize=64)
def _integration(count: int) -> Array:
    """Matrix from masses at the nodes to integrals from -1 to each node, shape (n, n).

    By the Legendre coefficients ``(2 l + 1) / 2 sum q_j P_l(t_j)`` and
    ``int P_l = (P_(l+1) - P_(l-1)) / (2 l + 1)``.
    """
    values = legendre.legvander(gauss_legendre(count)[0], count)
    integrals = (values[:, 2:] - values[:, :-2]) / 2
    return np.column_stack([(values[:, 1] + 1) / 2, integrals]) @ values[:, :-1].T


@dataclass(frozen=True, slots=True)
class Marginal:
    """The posterior of one hyperparameter, from its axis of a grid.

    Attributes
    ----------
    coordinate : Coordinate
    nodes, masses : ndarray, shape (n,)
        Values of the hyperparameter on its axis, and their probabilities: what moments need.
    density, cumulated : ndarray, shape (m,)
        Of t, at the nodes of a longer rule: polynomials, one the integral of the other.
    """

    coordinate: Coordinate
    nodes: Array
    masses: Array
    density: Array
    cumulated: Array

    @classmethod
    def of(cls, coordinate: Coordinate, nodes: Array, masses: Array, density: Array) -> Self:
        """Integrate a density of t, which need not be normalised."""
        fine = density * gauss_legendre(len(density))[1]
        total = fine.sum()
        cumulated = _integration(len(density)) @ (fine / total)
        return cls(coordinate, nodes, masses, density / total, cumulated)

    def mean(self) -> float:
        """Posterior mean."""
        return float(self.masses @ self.nodes)

    def sd(self) -> float:
        """Posterior standard deviation."""
        return float(np.sqrt(self.masses @ (self.nodes - self.mean()) ** 2))

    def cdf(self, value: ArrayLike) -> Array:
        """P(hyperparameter <= value)."""
        x = self.coordinate.x(np.asarray(value, dtype=float))
        t = self.coordinate.t(x).ravel()
        inside = np.clip(interpolated(self.cumulated, t), 0.0, 1.0)
        return np.where(t <= -1, 0.0, np.where(t >= 1, 1.0, inside)).reshape(x.shape)

    def pdf(self, value: ArrayLike) -> Array:
        """Density, 0 outside the box."""
        x = self.coordinate.x(np.asarray(value, dtype=float))
        inside = (x > self.coordinate.low) & (x < self.coordinate.high)
        t = np.where(inside, self.coordinate.t(x), 0.0)
        at, slope = self.coordinate.at(t)
        density = interpolated(self.density, t.ravel()).reshape(x.shape)
        return np.where(inside, density / slope * np.exp(-self.coordinate.value(at)[1]), 0.0)

    def ppf(self, p: ArrayLike) -> Array:
        """Quantiles, by Newton's method on the CDF between the nodes next to them."""
        p = np.asarray(p, dtype=float)
        wanted = p.ravel()
        t = np.concatenate([[-1.0], gauss_legendre(len(self.density))[0], [1.0]])
        table = np.concatenate([[0.0], np.maximum.accumulate(self.cumulated), [1.0]])
        after = np.clip(np.searchsorted(table, wanted), 1, len(t) - 1)
        low, high = t[after - 1], t[after]
        at = (low + high) / 2
        for _ in range(60):
            gap = interpolated(self.cumulated, at) - wanted
            low, high = np.where(gap < 0, at, low), np.where(gap < 0, high, at)
            with np.errstate(divide="ignore", invalid="ignore"):
                newton = at - gap / interpolated(self.density, at)
            before = at
            at = np.where((newton > low) & (newton < high), newton, (low + high) / 2)
            if np.all(np.abs(at - before) < 1e-12):
                break
        return self.coordinate.value(self.coordinate.at(at)[0])[0].reshape(p.shape)


@dataclass(frozen=True, slots=True)
class Side:
    """The rule on one axis of a grid, shape (n,) each.

    Attributes
    ----------
    coordinate : Coordinate
    x, value : ndarray
        Coordinate and hyperparameter at the nodes.
    log_slope : ndarray
        Log of the derivative of the one by the other.
    log_rule : ndarray
        Log weights, in the measure of the hyperparameter.
    log_prior : ndarray
        Log prior density, 0 on a grid that is drawn without it.
    """

    coordinate: Coordinate
    x: Array
    value: Array
    log_slope: Array
    log_rule: Array
    log_prior: Array

    @classmethod
    def on(cls, coordinate: Coordinate, count: int, *, prior: bool = True) -> Self:
        """Lay a rule on an axis."""
        t, weight = gauss_legendre(count)
        x, slope = coordinate.at(t)
        value, log_slope = coordinate.value(x)
        log_prior = coordinate.hyper.log_density(value) if prior else 0 * value
        return cls(coordinate, x, value, log_slope, np.log(weight * slope) + log_slope, log_prior)


@dataclass(frozen=True, slots=True)
class Grid:
    """A tensor rule over the free hyperparameters, and the posterior on it.

    Attributes
    ----------
    model : JointModel
    sides : tuple of Side
        One for each free hyperparameter.
    phi : ndarray, shape (h, n)
        All hyperparameters at the nodes.
    weights : ndarray, shape (n,)
        Posterior probabilities of the nodes.
    log_evidence : float
    given : JointGiven
    """

    model: JointModel
    sides: tuple[Side, ...]
    phi: Array
    weights: Array
    log_evidence: float
    given: JointGiven

    @classmethod
    def on(cls, model: JointModel, sides: tuple[Side, ...]) -> Self:
        """Evaluate a rule."""
        phi = _all_hypers(model, tensor([side.value for side in sides]))
        given = model.given(phi)
        parts = tensor([side.log_rule + side.log_prior for side in sides])
        log_f = given.log_likelihood + parts.sum(0)
        peak = log_f.max()
        f = np.exp(log_f - peak)
        mass = f.sum()
        return cls(model, sides, phi, f / mass, float(peak + np.log(mass)), given)

    @property
    def box(self) -> tuple[Coordinate, ...]:
        """The coordinates of the sides."""
        return tuple(side.coordinate for side in self.sides)

    @property
    def counts(self) -> tuple[int, ...]:
        """Nodes a side."""
        return tuple(len(side.x) for side in self.sides)

    def marginal(self, axis: int) -> Marginal:
        """Return the posterior of a free hyperparameter, on four times the nodes of its axis.

        What the data say of it, its marginal likelihood, is
        positive and analytic: a polynomial through its square root is as exact as the rule itself,
        where one through the density has half the digits.
        """
        side = self.sides[axis]
        masses = self.weights.reshape(self.counts).sum(_others(axis, len(self.counts)))
        others = [other.log_rule + other.log_prior for other in self.sides]
        others[axis] = 0 * side.x
        log_f = self.given.log_likelihood + tensor(others).sum(0)
        log_likelihood = special.logsumexp(
            log_f.reshape(self.counts), _others(axis, len(self.counts))
        )
        log_likelihood -= self._log_fall(side)
        root = np.exp((log_likelihood - log_likelihood.max()) / 2)
        t, weight = gauss_legendre(4 * len(side.x))
        fine = Side.on(side.coordinate, len(t))
        log_rest = fine.log_rule - np.log(weight) + fine.log_prior + self._log_fall(fine)
        density = np.exp(log_rest - log_rest.max()) * interpolated(root, t) ** 2
        return Marginal.of(side.coordinate, side.value, masses, density)

    def _log_fall(self, side: Side) -> Array:
        """Log of a power of ``1 - x`` that leaves even ones of the likelihood at an infinite tau.

        Their square roots are analytic.
        """
        taus = [hyper.name for hyper in self.model.hypers[: len(self.model.between.tau)]]
        if side.coordinate.high < 1 or side.coordinate.hyper.name not in taus:
            return 0 * side.x
        at = taus.index(side.coordinate.hyper.name)
        slots = [at] if len(taus) > 1 else list(range(len(self.model.times)))
        return fall(self.model, slots) % 2 * np.log1p(-side.x)

    def widened(self) -> tuple[Coordinate, ...] | None:
        """Return a wider box where the integrand is not negligible on a face; else None."""
        log_slope = tensor([side.log_slope for side in self.sides]).sum(0)
        log_prior = tensor([side.log_prior for side in self.sides]).sum(0)
        heights = _heights(self.model, self.phi, self.given.log_likelihood + log_prior + log_slope)
        kept = _kept(heights, _FACE).reshape(self.counts)
        moved = []
        for axis, (now, whole) in enumerate(zip(self.box, free(self.model), strict=True)):
            on_low, on_high = kept.take([0, -1], axis).any(_others(axis, kept.ndim))
            reach = (now.high - now.low) / 8
            moved.append(
                replace(
                    now,
                    low=max(whole.low, now.low - reach) if on_low else now.low,
                    high=min(whole.high, now.high + reach) if on_high else now.high,
                )
            )
        return None if tuple(moved) == self.box else tuple(moved)


def free(model: JointModel) -> tuple[Coordinate, ...]:
    """Coordinates of the hyperparameters that are not fixed, between the bounds of their priors."""
    return tuple(Coordinate.of(hyper) for hyper in model.hypers if not hyper.fixed)


def locate(model: JointModel, *, prior: bool = True) -> tuple[Coordinate, ...]:
    """Find the box outside which the integrand is negligible, and where in it the posterior lies.

    A coarse rule is trimmed to the outermost of its nodes that are not within a threshold of the
    peak, and made dense where the posterior was seen; then again on the box that is left, with
    ever lower thresholds, until nothing changes. Without the prior the measure of x stands for
    it, by which the density of most priors is bounded, and the box serves many.
    """
    box = free(model)
    if not box:
        return box
    counts = _SCANS.get(len(box), (_SCAN_OF_MANY,) * len(box))
    for threshold in (*_LADDER, *[NATS] * 20):
        sides = tuple(Side.on(c, n, prior=prior) for c, n in zip(box, counts, strict=True))
        heights, log_rule = _scan(model, sides, prior=prior)
        kept = _kept(heights, threshold).reshape(counts)
        mass = special.softmax(heights[0] + log_rule).reshape(counts)
        before, box = (
            box,
            tuple(
                _trimmed(side, kept.any(others), mass.sum(others))
                for side, others in zip(sides, _others_of(counts), strict=True)
            ),
        )
        if threshold == NATS and all(map(_settled, before, box)):
            break
    return box


def tensor(sides: list[Array]) -> Array:
    """Return all combinations of the values of each side, shape (sides, n)."""
    if not sides:
        return np.empty((0, 1))
    return np.stack([part.ravel() for part in np.meshgrid(*sides, indexing="ij")])


def _trimmed(side: Side, kept: Mask, masses: Array) -> Coordinate:
    """Return the coordinate between the nodes next to those kept, dense where the masses lie."""
    points, inside = (
        [side.coordinate.low, *side.x.tolist(), side.coordinate.high],
        np.flatnonzero(kept),
    )
    centre = float(masses @ side.x)
    sd = float(np.sqrt(masses @ (side.x - centre) ** 2))
    gap = float(np.diff(side.x)[min(int(masses.argmax()), len(side.x) - 2)])
    return replace(
        side.coordinate,
        low=points[inside[0]],
        high=points[inside[-1] + 2],
        centre=centre,
        width=_WIDTH * max(sd, gap / 2),
    )


def _settled(before: Coordinate, after: Coordinate) -> bool:
    """Whether a scan changed neither the length of a side nor where its nodes are dense."""
    length = (after.high - after.low) / (before.high - before.low)
    return length > 0.85 and 0.7 < after.width / before.width < 1.4


def _all_hypers(model: JointModel, values: Array) -> Array:
    """Put values of the free hyperparameters, shape (f, n), among the fixed ones, (h, n)."""
    moving = iter(values)
    rows = [
        np.full(values.shape[1], hyper.prior.support[0]) if hyper.fixed else next(moving)
        for hyper in model.hypers
    ]
    return np.stack(rows)


def _scan(model: JointModel, sides: tuple[Side, ...], *, prior: bool) -> tuple[Array, Array]:
    """Heights at the nodes of a rule, and its log weights in the measure of x."""
    phi = _all_hypers(model, tensor([side.value for side in sides]))
    log_slope = tensor([side.log_slope for side in sides]).sum(0)
    log_rule = tensor([side.log_rule for side in sides]).sum(0) - log_slope
    log_likelihood = model.given(phi).log_likelihood
    if not prior:
        return log_likelihood[None], log_rule
    log_prior = tensor([side.log_prior for side in sides]).sum(0)
    return _heights(model, phi, log_likelihood + log_prior + log_slope), log_rule


def _heights(model: JointModel, phi: Array, log_f: Array) -> Array:
    """Log integrand in the measure of x, and its highest moments that exist, shape (m, n)."""
    heights = [log_f]
    for row, hyper in zip(phi, model.hypers[: len(model.between.tau)], strict=False):
        heights.append(log_f + highest_moment(model, hyper.name) * np.log(row))
    return np.stack(heights)


def _kept(heights: Array, threshold: float) -> Mask:
    """Where one of the integrands is within a threshold of its peak, shape (n,)."""
    kept: Mask = (heights > heights.max(-1, keepdims=True) - threshold).any(0)
    return kept


def _others(axis: int, dimensions: int) -> tuple[int, ...]:
    return tuple(i for i in range(dimensions) if i != axis)


def _others_of(counts: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [_others(axis, len(counts)) for axis in range(len(counts))]
