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

from bayesmeta.arrays import Array, ArrayLike, Mask
from bayesmeta.models.covariance import Hyper
from bayesmeta.models.joint import JointGiven, JointModel
from bayesmeta.models.tails import fall, highest_moment
from bayesmeta.priors import RhoPrior

NATS = 36.0
"""How far below its peak the integrand is followed: 1 / eps."""

_LADDER = (600.0, 250.0, 110.0, 60.0, 40.0)
"""Thresholds on the way there: a box trimmed at once from a coarse scan can lose a ridge."""

FACTOR = 2.5
_FACE = 30.0
"""A face of the box on which the integrand is less far below its peak is moved out."""

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
        ends = (end / (end + s) if end < inf else 1.0 for end in (low, high))
        return cls(hyper, *ends, _ragged(hyper))

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

    def between(self, low: float, high: float) -> Self:
        """Return the same coordinate between other bounds."""
        return replace(self, low=low, high=high)

    def at(self, t: Array) -> tuple[Array, Array]:
        """Return x at t in [-1, 1] and dx/dt."""
        v, slope = (t + 1) / 2, 0.5
        if self.graded:
            v, slope = v * v * (3 - 2 * v), 3 * v * (1 - v)
        first, last = self._ends()
        u = first + (last - first) * v
        return self.centre + self.width * np.sinh(u), (last - first) * slope * self.width * np.cosh(u)

    def t(self, x: Array) -> Array:
        """Return the t of an x, the end where it lies outside."""
        first, last = self._ends()
        u = np.arcsinh((np.clip(x, self.low, self.high) - self.centre) / self.width)
        v = np.clip((u - first) / (last - first), 0.0, 1.0)
        if self.graded:
            # The root of 3 v^2 - 2 v^3 in [0, 1], by the trisection of an angle.
            v = 0.5 - np.sin(np.arcsin(1 - 2 * v) / 3)
        return 2 * v - 1

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

    The masses at the n nodes are those of a polynomial, which is integrated exactly.

    Attributes
    ----------
    coordinate : Coordinate
    masses, cumulated : ndarray, shape (n,)
        Probabilities of the nodes, and that of lying below each.
    """

    coordinate: Coordinate
    masses: Array
    cumulated: Array

    @classmethod
    def of(cls, coordinate: Coordinate, masses: Array) -> Self:
        """Integrate masses, which need not sum to 1."""
        masses = masses / masses.sum()
        return cls(coordinate, masses, _integration(len(masses)) @ masses)

    @property
    def nodes(self) -> Array:
        """Values of the hyperparameter at the nodes."""
        t, _ = gauss_legendre(len(self.masses))
        return self.coordinate.value(self.coordinate.at(t)[0])[0]

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
        density = self._density(t.ravel()).reshape(x.shape)
        return np.where(inside, density / slope * np.exp(-self.coordinate.value(at)[1]), 0.0)

    def ppf(self, p: ArrayLike) -> Array:
        """Quantiles, by Newton's method on the CDF between the nodes next to them."""
        p = np.asarray(p, dtype=float)
        wanted = p.ravel()
        t = np.concatenate([[-1.0], gauss_legendre(len(self.masses))[0], [1.0]])
        table = np.concatenate([[0.0], np.maximum.accumulate(self.cumulated), [1.0]])
        after = np.clip(np.searchsorted(table, wanted), 1, len(t) - 1)
        low, high = t[after - 1], t[after]
        at = (low + high) / 2
        for _ in range(60):
            gap = interpolated(self.cumulated, at) - wanted
            low, high = np.where(gap < 0, at, low), np.where(gap < 0, high, at)
            with np.errstate(divide="ignore", invalid="ignore"):
                newton = at - gap / self._density(at)
            before = at
            at = np.where((newton > low) & (newton < high), newton, (low + high) / 2)
            if np.all(np.abs(at - before) < 1e-12):
                break
        return self.coordinate.value(self.coordinate.at(at)[0])[0].reshape(p.shape)

    def _density(self, t: Array) -> Array:
        """Density of t."""
        return interpolated(self.masses / gauss_legendre(len(self.masses))[1], t)


@dataclass(frozen=True, slots=True)
class Grid:
    """A tensor rule over the free hyperparameters, and the posterior on it.

    Attributes
    ----------
    model : JointModel
    coordinates : tuple of Coordinate
        Of the free hyperparameters, each between the faces of the box.
    counts : tuple of int
        Nodes a side.
    phi : ndarray, shape (h, n)
        All hyperparameters at the nodes.
    log_rule : ndarray, shape (n,)
        Log weights of the rule in the measure of the hyperparameters.
    heights : ndarray, shape (m, n)
        Log of the integrand in the measure of x, and of its highest moments.
    weights : ndarray, shape (n,)
        Posterior probabilities of the nodes.
    log_evidence : float
    given : JointGiven
    """

    model: JointModel
    coordinates: tuple[Coordinate, ...]
    counts: tuple[int, ...]
    phi: Array
    log_rule: Array
    heights: Array
    weights: Array
    log_evidence: float
    given: JointGiven

    @classmethod
    def on(
        cls,
        model: JointModel,
        coordinates: tuple[Coordinate, ...],
        counts: tuple[int, ...],
        *,
        prior: bool = True,
    ) -> Self:
        """Evaluate a rule on a box."""
        x, log_slopes = [], []
        for coordinate, count in zip(coordinates, counts, strict=True):
            t, weight = gauss_legendre(count)
            x_at, slope = coordinate.at(t)
            x.append(x_at)
            log_slopes.append(np.log(weight * slope))
        phi, log_slope, given = _evaluated(model, coordinates, tensor(x))
        heights = _heights(model, phi, log_slope, given, prior=prior)
        log_rule = log_slope + tensor(log_slopes).sum(0)
        log_f = given.log_likelihood + log_rule
        if prior:
            log_f = log_f + model.log_prior(phi)
        peak = log_f.max()
        f = np.exp(log_f - peak)
        mass = f.sum()
        evidence = float(peak + np.log(mass))
        return cls(
            model, coordinates, counts, phi, log_rule, heights, f / mass, evidence, given
        )

    def marginal(self, axis: int) -> Marginal:
        """Return the posterior of a free hyperparameter, on four times the nodes of its axis.

        What the data say of it, the masses without the rule, the prior and the power by which
        the likelihood falls, is positive and analytic: a polynomial through its square root is as
        exact as the rule itself, where one through the masses has half the digits.
        """
        masses = self.weights.reshape(self.counts).sum(_others(axis, self.counts))
        side, count = self.coordinates[axis], self.counts[axis]
        with np.errstate(divide="ignore"):
            root = np.exp((np.log(masses) - self._log_measure(side, count)) / 2)
        finer = interpolated(root, gauss_legendre(4 * count)[0])
        return Marginal.of(side, np.exp(self._log_measure(side, 4 * count)) * finer**2)

    def _log_measure(self, side: Coordinate, count: int) -> Array:
        """Log of the rule, the prior and the fall of the likelihood at the nodes of an axis."""
        t, weight = gauss_legendre(count)
        x, slope = side.at(t)
        value, log_slope = side.value(x)
        log_f = np.log(weight * slope) + log_slope + side.hyper.log_density(value)
        names = [hyper.name for hyper in self.model.hypers]
        taus = len(self.model.between.tau)
        if (at := names.index(side.hyper.name)) < taus and side.high == 1:
            slots = [at] if taus > 1 else list(range(len(self.model.times)))
            log_f += fall(self.model, slots) * np.log1p(-x)
        return log_f

    def widened(self) -> tuple[Coordinate, ...] | None:
        """Return a wider box where the integrand is not negligible on a face; else None."""
        kept = _kept(self.heights, _FACE).reshape(self.counts)
        moved = []
        for axis, (now, whole) in enumerate(zip(self.coordinates, free(self.model), strict=True)):
            on_low, on_high = kept.take([0, -1], axis).any(_others(axis, self.counts))
            reach = (now.high - now.low) / 2
            moved.append(
                now.between(
                    max(whole.low, now.low - reach) if on_low else now.low,
                    min(whole.high, now.high + reach) if on_high else now.high,
                )
            )
        return None if tuple(moved) == self.coordinates else tuple(moved)


def free(model: JointModel) -> tuple[Coordinate, ...]:
    """Coordinates of the hyperparameters that are not fixed, between the bounds of their priors."""
    return tuple(Coordinate.of(hyper) for hyper in model.hypers if not hyper.fixed)


def locate(model: JointModel, *, prior: bool = True) -> tuple[Coordinate, ...]:
    """Find the box outside which the integrand is negligible.

    It is scanned at the middles of equal cells and trimmed to the cells that are within a
    threshold of the peak, and one more on either side; then again on the box that is left, with
    ever lower thresholds, until it stops shrinking. Without the prior the box serves many.
    """
    box = free(model)
    if not box:
        return box
    counts = _SCANS.get(len(box), (_SCAN_OF_MANY,) * len(box))
    for threshold in (*_LADDER, *[NATS] * 20):
        cells = [np.linspace(side.low, side.high, n + 1) for side, n in zip(box, counts, strict=True)]
        phi, log_slope, given = _evaluated(model, box, tensor([(c[1:] + c[:-1]) / 2 for c in cells]))
        heights = _heights(model, phi, log_slope, given, prior=prior)
        kept = _kept(heights, threshold).reshape(counts)
        shrunk, trimmed = 1.0, []
        for axis, (side, edges) in enumerate(zip(box, cells, strict=True)):
            inside = np.flatnonzero(kept.any(_others(axis, counts)))
            low, high = edges[max(inside[0] - 1, 0)], edges[min(inside[-1] + 2, counts[axis])]
            shrunk = min(shrunk, (high - low) / (side.high - side.low))
            trimmed.append(side.between(float(low), float(high)))
        box = tuple(trimmed)
        if threshold == NATS and shrunk > 0.8:
            break
    f = np.exp(heights[0]-heights[0].max()).reshape(counts); f/=f.sum()
    new=[]
    for axis,(side,edges) in enumerate(zip(box,cells)):
        q=f.sum(_others(axis,counts)); x=(edges[1:]+edges[:-1])/2
        c=q@x; sd=np.sqrt(q@(x-c)**2)
        new.append(replace(side,centre=float(c),width=FACTOR*float(max(sd,.5*(x[1]-x[0])))))
    box=tuple(new)
    return box


def tensor(sides: list[Array]) -> Array:
    """Return all combinations of the values of each side, shape (sides, n)."""
    if not sides:
        return np.empty((0, 1))
    return np.stack([part.ravel() for part in np.meshgrid(*sides, indexing="ij")])


def _evaluated(
    model: JointModel, box: tuple[Coordinate, ...], x: Array
) -> tuple[Array, Array, JointGiven]:
    """Hyperparameters at x, shape (f, n), the log of their derivative, and what is given them."""
    phi = np.empty((len(model.hypers), x.shape[1]))
    log_slope = np.zeros(x.shape[1])
    moving = iter(zip(box, x, strict=True))
    for row, hyper in zip(phi, model.hypers, strict=True):
        if hyper.fixed:
            row[:] = hyper.prior.support[0]
        else:
            side, at = next(moving)
            row[:], one = side.value(at)
            log_slope += one
    return phi, log_slope, model.given(phi)


def _heights(
    model: JointModel, phi: Array, log_slope: Array, given: JointGiven, *, prior: bool
) -> Array:
    """Log integrand in the measure of x, and its highest moments that exist, shape (m, n).

    Without the prior that measure itself stands for it: of most priors the density by x is
    bounded.
    """
    if not prior:
        return given.log_likelihood[None]
    log_f = given.log_likelihood + model.log_prior(phi) + log_slope
    heights = [log_f]
    for row, hyper in zip(phi, model.hypers[: len(model.between.tau)], strict=False):
        heights.append(log_f + highest_moment(model, hyper.name) * np.log(row))
    return np.stack(heights)


def _kept(heights: Array, threshold: float) -> Mask:
    """Where one of the integrands is within a threshold of its peak, shape (n,)."""
    kept: Mask = (heights > heights.max(-1, keepdims=True) - threshold).any(0)
    return kept


def _others(axis: int, counts: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(i for i in range(len(counts)) if i != axis)
