"""Mixtures of normals, many at a time, and what can be asked of them.

Every linear quantity of the model (mu, a study effect, the effect in a new study) is, a
posteriori, a mixture of normals over the nodes of tau.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sqrt
from typing import Self

import numpy as np
from scipy import special

from bayesmeta.arrays import Array, ArrayLike, Mask

_CHUNK = 1 << 16
"""Elements worked on at once, so that they stay in the second-level cache."""

_CONVERGED = 1e-6
"""A Newton step below this, on the scale of the problem, leaves an error of its square."""

_GRID = np.linspace(0, 1, 33)


@dataclass(frozen=True, slots=True)
class Mixture:
    """Mixtures of n normals, one for each of the leading dimensions.

    Parameters
    ----------
    weights, means, sds : ndarray, shape (..., n)
        Broadcast against each other; the weights of a mixture sum to 1.

    Examples
    --------
    >>> two = Mixture(np.array([0.5, 0.5]), np.array([-1.0, 1.0]), np.array([1.0, 1.0]))
    >>> float(two.mean()), float(two.sd().round(6)), float(two.quantile(0.5).round(6))
    (0.0, 1.414214, 0.0)
    """

    weights: Array
    means: Array
    sds: Array

    @classmethod
    def stacked(cls, mixtures: "list[Mixture]") -> Self:
        """Put mixtures of shape (b,) or (b, m) on the same weights side by side, (b, sum of m)."""
        means, sds = (
            np.concatenate([part if part.ndim == 3 else part[:, None, :] for part in parts], axis=1)
            for parts in ([m.means for m in mixtures], [m.sds for m in mixtures])
        )
        weights = mixtures[0].weights
        return cls(weights if weights.ndim == 3 else weights[:, None, :], means, sds)

    @property
    def shape(self) -> tuple[int, ...]:
        """The leading dimensions."""
        return np.broadcast_shapes(self.weights.shape, self.means.shape, self.sds.shape)[:-1]

    def mean(self) -> Array:
        """Mean, shape (...)."""
        return _weighted(self.weights, self.means)

    def sd(self) -> Array:
        """Standard deviation, shape (...)."""
        off = self.means - self.mean()[..., None]
        form = "...n,...n,...n->..."
        variance = np.einsum(form, self.weights, off, off)
        found: Array = np.sqrt(variance + np.einsum(form, self.weights, self.sds, self.sds))
        return found

    def pdf(self, x: ArrayLike) -> Array:
        """Density at x, which broadcasts against the leading dimensions."""
        u = (np.asarray(x, dtype=float)[..., None] - self.means) / self.sds
        return _weighted(self.weights / self.sds, np.exp(-u * u / 2)) / _ROOT

    def cdf(self, x: ArrayLike) -> Array:
        """P(value <= x); x broadcasts against the leading dimensions."""
        u = (np.asarray(x, dtype=float)[..., None] - self.means) / self.sds
        return _weighted(self.weights, special.ndtr(u))

    def sample(self, size: int, rng: np.random.Generator) -> Array:
        """Draw independent values, shape (..., size)."""
        shape = (*self.shape, self.means.shape[-1])
        weights = np.broadcast_to(self.weights, shape).reshape(-1, shape[-1])
        node = np.stack([rng.choice(shape[-1], size, p=row / row.sum()) for row in weights])
        node = node.reshape(*self.shape, size)
        means = np.take_along_axis(np.broadcast_to(self.means, shape), node, -1)
        sds = np.take_along_axis(np.broadcast_to(self.sds, shape), node, -1)
        return means + sds * rng.standard_normal(node.shape)

    def quantile(self, p: ArrayLike) -> Array:
        """Quantiles, shape (..., *p.shape), by Newton's method on the probit of the CDF."""
        p = np.asarray(p, dtype=float)
        found = self._in_chunks(lambda rows, _: rows.quantiles(p.ravel()), p.size)
        return found.reshape((*self.shape, *p.shape))

    def mode(self) -> Array:
        """Where the density is highest, shape (...)."""
        return self._in_chunks(lambda rows, _: rows.modes(), 8)[:, 0].reshape(self.shape)

    def shortest(self, level: float, central: Array | None = None) -> Array:
        """Bounds of the shortest interval of probability `level`, shape (..., 2).

        ``central``, of the same shape, are the bounds of the central one where they are known.
        """
        if central is None:
            central = self.quantile([(1 - level) / 2, (1 + level) / 2])
        return self._in_chunks(lambda rows, at: rows.shortest(level, at), 8, central)

    def quantile_step(self, x: Array, p: Array) -> Array:
        """Newton step from x towards the quantiles p, both of shape (..., q).

        The step from the quantiles of one rule under the mixture of a finer one is the error of
        the first.
        """
        z = special.ndtri(p)
        return self._in_chunks(lambda rows, at: rows.quantile_step(at, z)[0], x.shape[-1], x)

    def mode_step(self, x: Array) -> Array:
        """Newton step from x, shape (...), towards the mode."""
        return self._in_chunks(lambda rows, at: rows.mode_step(at)[0], 1, x[..., None])[..., 0]

    def shortest_step(self, x: Array, level: float) -> Array:
        """Newton step from the bounds x, shape (..., 2), towards the shortest interval."""
        return self._in_chunks(lambda rows, at: rows.shortest_step(at, level)[0], 2, x)

    def _in_chunks(
        self, ask: "Callable[[_Rows, Array], Array]", points: int, x: Array | None = None
    ) -> Array:
        n = self.means.shape[-1]
        weights, means, sds = (
            np.broadcast_to(part, (*self.shape, n)).reshape(-1, n)
            for part in (self.weights, self.means, self.sds)
        )
        at = np.empty((len(means), 0)) if x is None else x.reshape(len(means), -1)
        size = max(1, _CHUNK // (n * points))
        parts = []
        for start in range(0, len(means), size):
            chunk = slice(start, start + size)
            parts.append(ask(_Rows(weights[chunk], means[chunk], 1 / sds[chunk]), at[chunk]))
        found = np.concatenate(parts)
        return found if x is None else found.reshape(x.shape)


def interval_step(density: Array, rise: Array, missing: Array, uneven: Array) -> Array:
    """Newton step of both bounds (a, b) of an interval towards the shortest, shape (r, 2).

    Parameters
    ----------
    density, rise : ndarray, shape (r, 2)
        The density at both bounds, and the derivative of the log density of whose equality the
        shortest interval consists.
    missing, uneven : ndarray, shape (r,)
        Probability between the bounds less the level, log density at b less that at a.
    """
    (fa, fb), (ra, rb) = density.T, rise.T
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant = fb * ra - fa * rb
        a = (fb * uneven - rb * missing) / determinant
        b = (fa * uneven - ra * missing) / determinant
    return np.stack([a, b], -1)


def _weighted(weights: Array, values: Array) -> Array:
    total: Array = np.einsum("...n,...n->...", weights, values)
    return total


_ROOT = sqrt(2 * pi)


@dataclass(frozen=True, slots=True)
class _Rows:
    """A chunk of mixtures, one a row, asked at several points each.

    ``weights, means, rates`` (one over the SDs) have shape (r, n); points x have shape (r, p).
    """

    weights: Array
    means: Array
    rates: Array

    def __getitem__(self, rows: Mask | slice) -> Self:
        return type(self)(self.weights[rows], self.means[rows], self.rates[rows])

    def standardised(self, x: Array) -> tuple[Array, Array]:
        """Return u = (x - mean) / sd of each component and exp(-u^2 / 2), shape (r, p, n)."""
        u = x[:, :, None] - self.means[:, None, :]
        u *= self.rates[:, None, :]
        bell = u * u
        bell *= -0.5
        return u, np.exp(bell, out=bell)

    def total(self, component_values: Array, power: int = 0) -> Array:
        """Return ``sum_j weight_j sd_j^-power value_j``, shape (r, p)."""
        weights = self.weights * self.rates**power if power else self.weights
        return (component_values @ weights[:, :, None])[..., 0]

    def quantile_step(self, x: Array, z: Array) -> tuple[Array, Array]:
        """Newton step towards probit CDF = z, and how far the probit is from z."""
        u, bell = self.standardised(x)
        density = self.total(bell, 1)
        cdf = self.total(special.ndtr(u, out=u))
        probit = special.ndtri(np.clip(cdf, 1e-300, 1 - 1e-16))
        with np.errstate(divide="ignore", invalid="ignore"):
            return (z - probit) * np.exp(-probit * probit / 2) / density, probit - z

    def mode_step(self, x: Array) -> tuple[Array, Array, Array]:
        """Newton step towards a zero slope, nan off the peak; the slope; the width of the peak."""
        u, bell = self.standardised(x)
        density = self.total(bell, 1)
        bend = self.total((u * u - 1) * bell, 3)
        slope = self.total(np.multiply(u, bell, out=u), 2) * -1
        with np.errstate(divide="ignore", invalid="ignore"):
            width = np.sqrt(density / np.abs(bend))
            return np.where(bend < 0, -slope / bend, np.nan), slope, width

    def shortest_step(self, x: Array, level: float) -> tuple[Array, Mask]:
        """Newton step towards ``cdf(b) - cdf(a) = level``, ``log pdf(a) = log pdf(b)``.

        Returns
        -------
        (step, minimum)
            ``minimum`` says whether the density rises at a and falls at b.
        """
        u, bell = self.standardised(x)
        cdf, density = self.total(special.ndtr(u)), self.total(bell, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            rise = self.total(-u * bell, 2) / density
            uneven = np.log(density[:, 1] / density[:, 0])
        missing = cdf[:, 1] - cdf[:, 0] - level
        step = interval_step(density / _ROOT, rise, missing, uneven)
        return step, (rise[:, 0] > 0) & (rise[:, 1] < 0)

    def thinned(self, left: int) -> Self:
        """Return every so manieth component, about `left` of them, to start a search from."""
        stride = max(1, self.weights.shape[-1] // left)
        weights = self.weights[:, ::stride]
        return type(self)(
            weights / weights.sum(-1, keepdims=True),
            self.means[:, ::stride],
            self.rates[:, ::stride],
        )

    def quantiles(self, p: Array) -> Array:
        """Solve CDF = p by Newton on the probit scale, bracketed by the components' quantiles."""
        z = special.ndtri(p)
        thin = self.thinned(32)
        component = thin.means[:, None, :] + z[:, None] / thin.rates[:, None, :]
        bounds = component.min(-1), component.max(-1)
        x = thin._solve_quantiles(thin.total(component), z, *bounds, tolerance=0.03)
        low = (self.means + z.min() / self.rates).min(-1, keepdims=True)
        high = (self.means + z.max() / self.rates).max(-1, keepdims=True)
        low, high = np.broadcast_to(low, x.shape), np.broadcast_to(high, x.shape)
        return self._solve_quantiles(x, z, low, high, _CONVERGED)

    def _solve_quantiles(
        self, x: Array, z: Array, low: Array, high: Array, tolerance: float
    ) -> Array:
        solved = np.empty_like(x)
        rows, at = np.arange(len(x)), self
        for _ in range(100):
            step, gap = at.quantile_step(x, z)
            low, high = np.where(gap < 0, x, low), np.where(gap < 0, high, x)
            x = x + step
            # Halfway on a scale that is logarithmic far out: SDs may differ by a hundred orders.
            middle = np.sinh((np.arcsinh(low) + np.arcsinh(high)) / 2)
            x = np.where((x >= low) & (x <= high), x, middle)
            done = ((np.abs(gap) < tolerance) | (high - low <= 4e-16 * np.abs(x))).all(-1)
            solved[rows] = x
            if done.any():
                going = ~done
                rows, x, low, high, at = rows[going], x[going], low[going], high[going], at[going]
                if not len(rows):
                    break
        return solved

    def modes(self) -> Array:
        """Find the highest mode from the best point of a grid over the components' means.

        All modes lie among the means (Ray and Lindsay 2005, Annals of Statistics 33:2042).
        """
        grid, density = self._grid()
        best = density.argmax(-1)[:, None]
        x = np.take_along_axis(grid, best, -1)
        low = np.take_along_axis(grid, np.maximum(best - 1, 0), -1)
        high = np.take_along_axis(grid, np.minimum(best + 1, len(_GRID) - 1), -1)
        # The grid was seen with fewer components: its neighbours may lie on one side of the peak.
        for _ in range(len(_GRID)):
            falling = (self.mode_step(low)[1] < 0) & (low > grid[:, :1])
            rising = (self.mode_step(high)[1] > 0) & (high < grid[:, -1:])
            if not (falling.any() or rising.any()):
                break
            pace = grid[:, 1:2] - grid[:, :1]
            low = np.where(falling, np.maximum(low - pace, grid[:, :1]), low)
            high = np.where(rising, np.minimum(high + pace, grid[:, -1:]), high)
        for _ in range(100):
            step, slope, width = self.mode_step(x)
            low, high = np.where(slope > 0, x, low), np.where(slope > 0, high, x)
            newton = x + step
            x = np.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
            if np.all((np.abs(step) < _CONVERGED * width) | (high - low <= 4e-16 * np.abs(x))):
                break
        return x

    def shortest(self, level: float, central: Array) -> Array:
        """Newton's method from the central interval, shape (r, 2).

        Where that does not end at a minimum, or the density has a second mode, from the best of
        a table of intervals.
        """
        found, solved = self._polish_shortest(central, level)
        inner = np.diff(self._grid()[1], axis=-1)
        dips = ((inner[:, :-1] < 0) & (inner[:, 1:] > 0)).any(-1)
        solved &= ~dips & (np.ptp(found, -1) <= np.ptp(central, -1) * (1 + 1e-9))
        for row in np.flatnonzero(~solved):
            found[row] = self[row : row + 1]._shortest_of_many(level)
        return found

    def _polish_shortest(self, x: Array, level: float) -> tuple[Array, Mask]:
        for _ in range(40):
            step, minimum = self.shortest_step(x, level)
            width = np.ptp(x, -1)[:, None]
            x = x + np.clip(step, -width / 4, width / 4)
            small = np.all(np.abs(step) < _CONVERGED * width, -1)
            if np.all(small | ~np.isfinite(x).all(-1)):
                break
        return x, small & minimum

    def _shortest_of_many(self, level: float) -> Array:
        low, high = 0.0, 1 - level
        # Dense near the ends, where an interval between two far modes starts.
        share = (1 - np.cos(np.pi * np.linspace(0.01, 0.99, 60))) / 2
        for _ in range(8):
            tail = low + (high - low) * share
            bounds = np.stack([self.quantiles(tail)[0], self.quantiles(tail + level)[0]], -1)
            best = int(np.ptp(bounds, -1).argmin())
            low, high = tail[max(best - 1, 0)], tail[min(best + 1, len(tail) - 1)]
        found, solved = self._polish_shortest(bounds[best][None], level)
        chosen: Array = found[0] if solved[0] else bounds[best]
        return chosen

    def _grid(self) -> tuple[Array, Array]:
        """Points over the span of the components that matter, and the density there."""
        heavy = self.weights > 1e-13
        low = np.where(heavy, self.means, np.inf).min(-1)[:, None]
        high = np.where(heavy, self.means, -np.inf).max(-1)[:, None]
        grid = low + (high - low) * _GRID
        thin = self.thinned(64)
        return grid, thin.total(thin.standardised(grid)[1], 1)
