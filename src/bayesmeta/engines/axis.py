"""One hyperparameter of a grid: its coordinate, the rule on it, and its posterior.

The posterior touches the edges of its domain (rho near 1, tau near 0), and the integrand is
analytic through them. So the coordinates are bounded: ``tau / (tau + s)``, and correlations as
they are. Unbounded coordinates would only make tails.
"""

from dataclasses import dataclass
from math import inf, log, sqrt
from typing import Self

import numpy as np

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.engines.legendre import (
    gauss_legendre,
    highest_coefficients,
    integration,
    interpolated,
    inverted,
)
from bayesmeta.models.covariance import Hyper
from bayesmeta.priors import RhoPrior

_TINY = np.array([1e-130, 2e-130])
"""So near zero that only the power by which a density starts is left to see."""


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
            low, high = (1 - sqrt(1 - _to_power(end, hyper.power)) for end in (low, high))
            ragged = hyper.ragged and low == 0
            return cls(hyper, low, high, ragged or any(power % 1 for power in prior.powers))
        s = hyper.typical
        low, high = (end / (end + s) if end < inf else 1.0 for end in (low, high))
        return cls(hyper, low, high, _ragged(hyper))

    def value(self, x: Array) -> tuple[Array, Array]:
        """Return the hyperparameter at x and the log of its derivative."""
        if isinstance(self.hyper.prior, RhoPrior):
            root, r = 1 / self.hyper.power, x * (2 - x)
            with np.errstate(divide="ignore"):
                log_slope = np.log(2 * root * (1 - x))
                log_slope += (root - 1) * np.log(r) if root != 1 else 0.0
            return r**root, log_slope
        s = self.hyper.typical
        return s * x / (1 - x), log(s) - 2 * np.log1p(-x)

    def x(self, value: Array) -> Array:
        """Return the coordinate of a value of the hyperparameter."""
        if isinstance(self.hyper.prior, RhoPrior):
            return 1 - np.sqrt(1 - _to_power(value, self.hyper.power))
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
class Marginal:
    """The posterior of one hyperparameter, from its axis of a grid; or of a batch of them.

    Attributes
    ----------
    coordinate : Coordinate
    nodes, masses : ndarray, shape (n,) and (..., n)
        Values of the hyperparameter on its axis, and their probabilities: what moments need.
    density, cumulated : ndarray, shape (..., m)
        Of t, at the nodes of a longer rule: polynomials, one the integral of the other.
    roughness : ndarray, shape (...)
        About the error of `cumulated`: the highest coefficients of the polynomial it comes from,
        over its degree, by which integration divides them.
    """

    coordinate: Coordinate
    nodes: Array
    masses: Array
    density: Array
    cumulated: Array
    roughness: Array

    @classmethod
    def of(cls, side: Side, masses: Array, log_likelihood: Array, fine: Side, fall: float) -> Self:
        """Return the posterior from masses at the nodes of an axis and the likelihood there.

        The marginal likelihood is positive and analytic: a polynomial through its square root is
        as exact as the rule itself, where one through the density has half the digits. At an
        infinite tau it falls like ``(1 - x)^fall``: even powers have analytic roots.

        Parameters
        ----------
        side, fine : Side
            The rule on the axis, and a longer one with its prior.
        masses, log_likelihood : ndarray, shape (..., n)
        fall : float
        """
        odd = fall % 2 if side.coordinate.high == 1 else 0.0
        log_even = log_likelihood - odd * np.log1p(-side.x)
        root = np.exp((log_even - log_even.max(-1, keepdims=True)) / 2)
        t, weight = gauss_legendre(len(fine.x))
        log_rest = fine.log_rule + fine.log_prior + odd * np.log1p(-fine.x)
        fine_masses = np.exp(log_rest - log_rest.max(-1, keepdims=True))
        fine_masses *= interpolated(root, t) ** 2
        fine_masses /= fine_masses.sum(-1, keepdims=True)
        cumulated = fine_masses @ integration(len(t)).T
        highest = np.abs(root @ highest_coefficients(len(side.x)).T).max(-1) / len(side.x)
        return cls(side.coordinate, side.value, masses, fine_masses / weight, cumulated, highest)

    def mean(self) -> Array:
        """Posterior mean, shape (...)."""
        return self.masses @ self.nodes

    def sd(self) -> Array:
        """Posterior standard deviation, shape (...)."""
        off = self.nodes - self.mean()[..., None]
        spread: Array = np.sqrt((self.masses * off * off).sum(-1))
        return spread

    def cdf(self, value: ArrayLike) -> Array:
        """P(hyperparameter <= value), for one posterior."""
        x = self.coordinate.x(np.asarray(value, dtype=float))
        t = self.coordinate.t(x)
        inside = np.clip(interpolated(self.cumulated, t), 0.0, 1.0)
        return np.where(t <= -1, 0.0, np.where(t >= 1, 1.0, inside))

    def pdf(self, value: ArrayLike) -> Array:
        """Density, 0 outside the box, for one posterior."""
        x = self.coordinate.x(np.asarray(value, dtype=float))
        inside = (x > self.coordinate.low) & (x < self.coordinate.high)
        t = np.where(inside, self.coordinate.t(x), 0.0)
        at, slope = self.coordinate.at(t)
        density = interpolated(self.density, t)
        return np.where(inside, density / slope * np.exp(-self.coordinate.value(at)[1]), 0.0)

    def ppf(self, p: ArrayLike) -> Array:
        """Quantiles, shape (..., len(p))."""
        t = inverted(self.cumulated, self.density, np.asarray(p, dtype=float))
        return self.coordinate.value(self.coordinate.at(t)[0])[0]


def _to_power[T: (float, Array)](value: T, power: float) -> T:
    return value if power == 1 else value**power


def _ragged(hyper: Hyper) -> bool:
    """Whether the prior density of a positive scale is not analytic at 0 or at infinity."""
    prior = hyper.prior
    assert not isinstance(prior, RhoPrior)
    first, second = prior.log_density(_TINY, np.log(_TINY)).tolist()
    start = (second - first) / log(2)
    rough_start = prior.support[0] == 0 and not (start < 10 and abs(start - round(start)) < 1e-6)
    tail = prior.tail_power
    return bool(rough_start or (tail < inf and tail % 1) or prior.log_tails)
