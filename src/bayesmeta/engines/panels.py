"""Distribution functions that are linear in the weights of nodes, as polynomials on panels.

``F(x) = sum_j w_j K_j(x)`` with the same ``K_j`` for many sets of weights. On a panel so short
that every ``K_j`` is its Taylor polynomial to rounding, F is one polynomial, and its coefficients
are the weights times those of the ``K_j``: a matrix product for all sets of weights at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import pi, sqrt

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import special

from bayesmeta.arrays import Array

DEGREE = 19
"""With panels 1.2 SDs, or one node, wide, the next Taylor term is below 3e-15 and 2e-16."""

_SPAN = 1.2
_SATURATED = 8.5
"""So many SDs from its mean a normal distribution function is 0 or 1 to 1e-17."""

type Places = NDArray[np.intp]


def polynomials(weights: Array, panel: Places, kernel: Callable[[int], Array]) -> Array:
    """Return the coefficients of F on the panel of each point, shape (b, p, DEGREE + 1).

    Parameters
    ----------
    weights : ndarray, shape (b, n)
    panel : ndarray of int, shape (b, p)
    kernel : callable
        The coefficients of the ``K_j`` on a panel, shape (n, DEGREE + 1).
    """
    found = np.empty((panel.size, DEGREE + 1))
    flat = panel.ravel()
    order = np.argsort(flat, kind="stable")
    starts = np.flatnonzero(np.diff(flat[order])) + 1
    for rows in np.split(order, starts):
        found[rows] = weights[rows // panel.shape[-1]] @ kernel(int(flat[rows[0]]))
    return found.reshape(*panel.shape, DEGREE + 1)


def evaluated(coefficients: Array, x: Array) -> tuple[Array, Array]:
    """Return value and derivative of polynomials at x, which is in [-1, 1] on the panel."""
    powers = np.empty_like(coefficients)
    powers[..., 0] = 1
    powers[..., 1:] = x[..., None]
    np.multiply.accumulate(powers, axis=-1, out=powers)
    value = np.einsum("...d,...d->...", coefficients, powers)
    slope = np.einsum("...d,...d,d->...", coefficients[..., 1:], powers[..., :-1], _ORDERS)
    return value, slope


_ORDERS = np.arange(1.0, DEGREE + 1)


def solved(coefficients: Array, target: Array) -> Array:
    """Solve polynomial = target for x near [-1, 1] by Newton's method; F rises."""
    x = np.zeros_like(target)
    for _ in range(30):
        value, slope = evaluated(coefficients, x)
        with np.errstate(divide="ignore", invalid="ignore"):
            move = (target - value) / slope
        before, x = x, np.clip(x + np.where(np.isfinite(move), move, 0.0), -1.2, 1.2)
        if np.all(np.abs(x - before) < 1e-8):
            break
    return x


def sinc_kernel(count: int) -> Callable[[int], Array]:
    """Return the kernel of sinc indefinite integration on `count` nodes.

    ``K_j = 1/2 + Si(pi y) / pi`` at ``y = i + (1 + x) / 2 - j`` on panel i, between nodes i and
    i + 1: a window of one table.
    """
    size = 1 << (count - 1).bit_length()
    windows = sliding_window_view(_sine_integrals(size), count, axis=0)
    return lambda panel: windows[size - 1 - panel].T


@lru_cache(maxsize=8)
def _sine_integrals(size: int) -> Array:
    """Coefficients for ``i - j`` from size - 1 down to 1 - size.

    The derivative s of ``Si(pi y) / pi`` is ``sin(pi y) / (pi y)``: with ``y = c + x / 2`` the
    coefficients of ``s y = sin(pi y) / pi`` give ``c s_k + s_{k-1} / 2 = sin(pi (c + k / 2))
    (pi / 2)^k / (k! pi)``.
    """
    centre = np.arange(size - 1.0, -size, -1.0) + 0.5
    found = np.empty((len(centre), DEGREE + 1))
    found[:, 0] = 0.5 + special.sici(pi * centre)[0] / pi
    sign, term, before = 1 - 2 * (np.floor(centre) % 2), 1 / pi, np.zeros_like(centre)
    for k in range(DEGREE):
        wave = term * sign * (1 - k % 4) if k % 2 == 0 else 0.0
        before = (wave - before / 2) / centre
        found[:, k + 1] = before / (2 * (k + 1))
        term *= pi / 2 / (k + 1)
    return found


@dataclass(frozen=True, slots=True)
class SharedNormals:
    """Mixtures of the same normals, many at a time.

    Parameters
    ----------
    weights : ndarray, shape (b, n)
        Those of each mixture sum to 1.
    means, sds : ndarray, shape (n,)
    """

    weights: Array
    means: Array
    sds: Array

    def mean(self) -> Array:
        """Mean, shape (b,)."""
        return self.weights @ self.means

    def sd(self) -> Array:
        """Standard deviation, shape (b,)."""
        off = self.means - self.mean()[:, None]
        within: Array = self.weights @ (self.sds * self.sds)
        return np.sqrt(within + np.einsum("bn,bn,bn->b", self.weights, off, off))

    def cdf(self, x: float) -> Array:
        """P(value <= x), shape (b,)."""
        below: Array = special.ndtr((x - self.means) / self.sds)
        return self.weights @ below

    def quantile(self, p: Array) -> Array:
        """Quantiles, shape (b, len(p)): a root of a polynomial each."""
        tail = np.minimum(p, 1 - p).min()
        # What is left out holds less than half a tail, so the quantiles lie in these bounds.
        heavy = self.weights.max(0) > tail / (2 * len(self.means))
        means, reach = self.means[heavy], -special.ndtri(tail / 2) * self.sds[heavy]
        edges = self._edges((means - reach).min(), (means + reach).max())
        at_edges = self.weights @ special.ndtr((edges[:, None] - self.means) / self.sds).T
        panel = np.count_nonzero(at_edges[:, None, :] < p[:, None], axis=-1) - 1
        panel = np.clip(panel, 0, len(edges) - 2)
        x = solved(self._polynomials(edges, panel), np.broadcast_to(p, panel.shape))
        quantiles: Array = edges[panel] + np.diff(edges)[panel] * ((1 + x) / 2)
        return quantiles

    def at(self, x: Array) -> tuple[Array, Array]:
        """CDF and density at x, shape (b, q) each."""
        edges = self._edges(x.min(), x.max())
        panel = np.clip(np.searchsorted(edges, x) - 1, 0, len(edges) - 2)
        widths = np.diff(edges)[panel]
        place = 2 * (x - edges[panel]) / widths - 1
        cdf, slope = evaluated(self._polynomials(edges, panel), place)
        return cdf, slope * 2 / widths

    def _edges(self, low: float, high: float) -> Array:
        """Ends of panels no wider than `_SPAN` SDs of any normal that changes within."""
        edges, at = [low], low
        starts, ends = (self.means + side * _SATURATED * self.sds for side in (-1, 1))
        widest = _SPAN * self.sds
        while at <= high:
            width = np.maximum(widest, starts - at)[ends > at]
            at += width.min(initial=high - low + 1)
            edges.append(at)
        return np.array(edges)

    def _polynomials(self, edges: Array, panel: Places) -> Array:
        used, place = np.unique(panel, return_inverse=True)
        half = np.diff(edges)[used, None] / 2
        centre = edges[used, None] + half
        kernels = _normal_kernels((centre - self.means) / self.sds, half / self.sds)
        return polynomials(self.weights, place.reshape(panel.shape), lambda i: kernels[:, i].T)


def _normal_kernels(u: Array, rate: Array) -> Array:
    """Coefficients of ``Phi(u + rate x)``, shape (DEGREE + 1, panels, n).

    From ``F'' = -rate (u + rate x) F'``: ``(k + 2) c_{k+2} = -rate (u c_{k+1} + rate k / (k + 1)
    c_k)``.
    """
    found = np.empty((DEGREE + 1, *u.shape))
    found[0] = special.ndtr(u)
    found[1] = rate * np.exp(-u * u / 2) / sqrt(2 * pi)
    found[2] = -rate * u * found[1] / 2
    for k in range(1, DEGREE - 1):
        found[k + 2] = -rate * (u * found[k + 1] + k / (k + 1) * rate * found[k]) / (k + 2)
    return found
