"""Distribution functions that are linear in the weights of nodes, as polynomials on panels.

``F(x) = sum_j w_j K_j(x)`` with the same ``K_j`` for many sets of weights. On a panel so short
that every ``K_j`` is its Taylor polynomial to rounding, F is one polynomial, and its coefficients
are the weights times those of the ``K_j``: a matrix product for all sets of weights at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from math import pi, sqrt
from typing import Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy import special

from bayesmeta.arrays import Array

DEGREE = 19
"""With panels 1.2 SDs wide the next Taylor term is below 3e-15; with panels two nodes wide the next
Chebyshev term is below 3e-16."""

_SPAN = 1.2
_SATURATED = 8.5
"""So many SDs from its mean a normal distribution function is 0 or 1 to 1e-17."""

_SMALL = 1e-7
"""A Newton step of so much of a panel leaves an error of its square."""

_NEGLIGIBLE = 1e-18

_MOST_PANELS = 4096
"""Quantiles beyond them, of data that contradict each other by thousands of SDs, show an error."""

type Places = NDArray[np.intp]


def polynomials(
    weights: Sequence[Array], panel: Places, kernel: Callable[[int], Sequence[Array]]
) -> list[Array]:
    """Return the coefficients of F on the panel of each point, shape (DEGREE + 1, b, p).

    Parameters
    ----------
    weights : sequence of ndarray, shape (b, n) each
        One for each F.
    panel : ndarray of int, shape (b, p)
    kernel : callable
        For each F the coefficients of its ``K_j`` on a panel, shape (n, DEGREE + 1).
    """
    flat = panel.ravel()
    order = np.argsort(flat, kind="stable")
    chosen = [part.take(order // panel.shape[-1], 0) for part in weights]
    panels, starts = np.unique(flat[order], return_index=True)
    found = [np.empty((len(flat), DEGREE + 1)) for _ in weights]
    for one, start, end in zip(panels, starts, [*starts[1:], len(flat)], strict=True):
        for rows, columns, out in zip(chosen, kernel(one), found, strict=True):
            np.matmul(rows[start:end], columns, out=out[start:end])
    back = np.argsort(order)
    return [part.T.take(back, 1).reshape(-1, *panel.shape) for part in found]


def that_matter(weights: Array) -> slice:
    """Return the nodes that have weight in some row: no distribution function sees the rest."""
    nodes = np.flatnonzero((weights.max(0) > _NEGLIGIBLE) | (weights.min(0) < -_NEGLIGIBLE))
    return slice(int(nodes[0]), int(nodes[-1]) + 1)


def evaluated(coefficients: Array, x: Array) -> tuple[Array, Array]:
    """Return value and derivative of polynomials at x, which is in [-1, 1] on the panel."""
    powers = np.empty_like(coefficients)
    powers[0], powers[1] = 1, x
    for n in (2, 4, 8, 16):
        rows = powers[n : 2 * n]
        np.multiply(powers[: len(rows)], powers[n // 2] ** 2, out=rows)
    value: Array = np.einsum("d...,d...->...", coefficients, powers)
    slope: Array = np.einsum("d,d...,d...->...", _ORDERS, coefficients[1:], powers[:-1])
    return value, slope


_ORDERS = np.arange(1.0, DEGREE + 1)


def solved(coefficients: Array, target: Array) -> tuple[Array, Array]:
    """Solve polynomial = target for x near [-1, 1]; return x and the derivative there.

    F rises. By Newton's method from the inverse series of F at 0.
    """
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        x, bend, twist = ((target - coefficients[0]), *coefficients[2:4]) / coefficients[1]
        x = _within(x - bend * x**2 + (2 * bend**2 - twist) * x**3, 1.0)
        for _ in range(30):
            value, slope = evaluated(coefficients, x)
            before, x = x, _within(x + (target - value) / slope, 1.2)
            if np.all(np.abs(x - before) < _SMALL):
                break
    return x, slope


def _within(x: Array, bound: float) -> Array:
    """Clip x, nan to an end."""
    return np.fmax(np.fmin(x, bound), -bound)


def sinc_kernel(count: int) -> Callable[[int], Array]:
    """Return the kernel of sinc indefinite integration on `count` nodes.

    ``K_j = 1/2 + Si(pi y) / pi`` at ``y = 2 i + 1 + x - j`` on panel i, from node 2 i to the next
    but one: a window of one table.
    """
    size = 1 << (count - 1).bit_length()
    windows = sliding_window_view(_sine_integrals(size), count, axis=0)
    return lambda panel: windows[size - 2 - 2 * panel].T


@lru_cache(maxsize=8)
def _sine_integrals(size: int) -> Array:
    """Coefficients for ``2 i + 1 - j`` from size - 1 down to 1 - size.

    Of the Chebyshev interpolant, which at this width and degree is right to rounding.
    """
    centre = np.arange(size - 1.0, -size, -1.0)
    x = chebyshev.chebpts1(DEGREE + 1)
    values = 0.5 + special.sici(pi * (centre[:, None] + x))[0] / pi
    series = values @ np.linalg.inv(chebyshev.chebvander(x, DEGREE)).T
    powers = np.eye(DEGREE + 1)
    for n in range(2, DEGREE + 1):
        powers[n] = 2 * np.roll(powers[n - 1], 1) - powers[n - 2]
    coefficients: Array = series @ powers
    return coefficients


@dataclass(frozen=True, slots=True)
class Normals:
    """For each of n nodes a mixture of m normals, and b sets of weights for the nodes.

    Parameters
    ----------
    weights : ndarray, shape (b, n)
    shares, means, sds : ndarray, shape (m, n)
        The shares of a node sum to 1.
    """

    weights: Array
    shares: Array
    means: Array
    sds: Array

    def trimmed(self) -> Self:
        """Return the same without the nodes, and the normals of all nodes, that have no weight."""
        nodes = that_matter(self.weights)
        weights, shares = self.weights[:, nodes], self.shares[:, nodes]
        kept = (np.abs(weights).max(0) * shares).max(1) > _NEGLIGIBLE
        parts = (part[kept][:, nodes] for part in (self.means, self.sds))
        return type(self)(weights, shares[kept], *parts)

    def moments(self) -> tuple[Array, Array]:
        """Mean and variance of each node, shape (n,)."""
        mean = (self.shares * self.means).sum(0)
        off = self.means - mean
        return mean, (self.shares * (self.sds * self.sds + off * off)).sum(0)

    def cdf(self, x: Array) -> Array:
        """Distribution functions of the nodes at x, shape (p,): shape (p, n)."""
        below = special.ndtr((x[:, None, None] - self.means) / self.sds)
        total: Array = (self.shares * below).sum(1)
        return total

    def kernels(self, centre: Array, half: Array) -> Array:
        """Coefficients of the distribution functions, shape (DEGREE + 1, panels, n)."""
        parts = (
            _kernel(share, (centre[:, None] - mean) / sd, half[:, None] / sd)
            for share, mean, sd in zip(self.shares, self.means, self.sds, strict=True)
        )
        return reduce(np.add, parts)


def _kernel(share: Array, u: Array, r: Array) -> Array:
    """Coefficients of ``share Phi(u + r x)``, shape (DEGREE + 1, *u.shape).

    From ``F'' = -r (u + r x) F'``: ``(k + 2) c_{k+2} = -r (u c_{k+1} + r k / (k + 1) c_k)``.
    """
    found = np.empty((DEGREE + 1, *u.shape))
    found[0] = share * special.ndtr(u)
    found[1] = share * r * np.exp(-u * u / 2) / sqrt(2 * pi)
    found[2] = -r * u * found[1] / 2
    for k in range(1, DEGREE - 1):
        found[k + 2] = -r * (u * found[k + 1] + k / (k + 1) * r * found[k]) / (k + 2)
    return found


@dataclass(frozen=True, slots=True)
class SharedMixtures:
    """Mixtures of the same normals, many at a time, by two rules at once.

    The mixtures of the second rule are `mass` times those of the first and `more`: it costs what
    is new in it. Results come in pairs, by the first rule and by the second.

    Parameters
    ----------
    first, more : Normals
        The weights of the first sum to 1.
    mass : ndarray, shape (b,)
    """

    first: Normals
    more: Normals
    mass: Array

    def moments(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Means and standard deviations, shape (b,) each."""
        mean, mean_2 = self._both(lambda of: of.weights @ of.moments()[0])
        square, square_2 = self._both(lambda of: _square(of, mean))
        return (mean, mean_2), (np.sqrt(square), np.sqrt(square_2 - (mean_2 - mean) ** 2))

    def cdf(self, x: float) -> tuple[Array, Array]:
        """P(value <= x), shape (b,) each."""
        return self._both(lambda of: of.weights @ of.cdf(np.array([x]))[0])

    def quantile(self, p: Array) -> tuple[Array, Array]:
        """Quantiles by the first rule, shape (b, len(p)), and the Newton step of the second."""
        first, more = self.first.trimmed(), self.more.trimmed()
        edges = _edges(first, more, np.minimum(p, 1 - p).min())
        at_edges = first.weights @ first.cdf(edges).T
        panel = np.count_nonzero(at_edges[:, None, :] < p[:, None], axis=-1) - 1
        used, place = np.unique(np.clip(panel, 0, len(edges) - 2), return_inverse=True)
        half = np.diff(edges)[used] / 2
        centre = edges[used] + half
        kernels = [of.kernels(centre, half) for of in (first, more)]
        place = place.reshape(panel.shape)
        one, two = polynomials(
            (first.weights, more.weights), place, lambda i: [part[:, i].T for part in kernels]
        )
        x, _ = solved(one, np.broadcast_to(p, panel.shape))
        two += self.mass[:, None] * one
        cdf, density = evaluated(two, x)
        half = half[place]
        return centre[place] + half * x, half * (p - cdf) / density

    def _both(self, ask: Callable[[Normals], Array]) -> tuple[Array, Array]:
        first = ask(self.first)
        return first, self.mass * first + ask(self.more)


def _square(of: Normals, around: Array) -> Array:
    """Mean squared distance from a point for each set of weights, shape (b,)."""
    mean, variance = of.moments()
    off = mean - around[:, None]
    square: Array = of.weights @ variance + np.einsum("bn,bn,bn->b", of.weights, off, off)
    return square


def _edges(first: Normals, more: Normals, tail: float) -> Array:
    """Ends of panels no wider than `_SPAN` SDs of any normal that changes within.

    They span the quantiles of probability `tail` and above: the normals that are left out hold
    less than half of it.
    """
    heavy = first.weights.max(0) * first.shares > tail / (2 * first.means.size)
    means, reach = first.means[heavy], -special.ndtri(tail / 2) * first.sds[heavy]
    at, high = (means - reach).min(), (means + reach).max()
    edges = [at]
    means, sds = np.append(first.means, more.means), np.append(first.sds, more.sds)
    starts, ends, widest = means - _SATURATED * sds, means + _SATURATED * sds, _SPAN * sds
    while at <= high and len(edges) < _MOST_PANELS:
        width = np.maximum(widest, starts - at)[ends > at]
        at += width.min(initial=high - edges[0] + 1)
        edges.append(at)
    return np.array(edges)
