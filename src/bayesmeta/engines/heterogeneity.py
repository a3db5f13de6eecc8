"""The posterior of tau, and of I2, which is a monotone function of it.

tau is not a mixture: its CDF comes from the same nodes by sinc indefinite integration.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bayesmeta.arrays import Array, Mask
from bayesmeta.engines.mixture import interval_step
from bayesmeta.engines.panels import (
    Places,
    evaluated,
    polynomials,
    sinc_kernel,
    solved,
    that_matter,
)
from bayesmeta.engines.quadrature import Map, Nodes
from bayesmeta.models import NormalNormal

_TINY = 1e-130
"""A tau so near zero that only the power by which a density starts is left to see."""


class Scale(Protocol):
    """An increasing function of tau on whose scale densities and widths are taken."""

    def __getitem__(self, rows: Mask) -> "Scale":
        """Return the function for some of the models."""
        ...

    def value(self, tau: Array) -> Array:
        """Return the function at tau."""
        ...

    def log_slope(self, tau: Array, log_tau: Array) -> Array:
        """Return the log of its derivative by tau."""
        ...

    def elasticity(self, tau: Array) -> Array:
        """Return the derivative of `log_slope` by log tau."""
        ...

    def change(self, tau: Array) -> Array:
        """Return the change of the value, in units of its error, for one in log tau."""
        ...


@dataclass(frozen=True, slots=True)
class AsTau:
    """tau itself, in the unit of the data, a number or shape (b, 1)."""

    unit: Array | float

    def __getitem__(self, rows: Mask) -> "AsTau":
        """Return tau of some of the models."""
        return self if isinstance(self.unit, float) else AsTau(self.unit[rows])

    def value(self, tau: Array) -> Array:
        """Return tau."""
        return tau * self.unit

    def log_slope(self, tau: Array, log_tau: Array) -> Array:
        """Return 0: constants do not matter."""
        return np.zeros_like(tau)

    def elasticity(self, tau: Array) -> Array:
        """Return 0."""
        return np.zeros_like(tau)

    def change(self, tau: Array) -> Array:
        """Return 1: errors of tau are relative."""
        return np.ones_like(tau)


@dataclass(frozen=True, slots=True)
class AsI2:
    """``I2 = tau^2 / (tau^2 + s^2)``, s^2 the typical within-study variance, shape (b, 1)."""

    s2: Array

    def __getitem__(self, rows: Mask) -> "AsI2":
        """Return I2 for some of the models."""
        return AsI2(self.s2[rows])

    def value(self, tau: Array) -> Array:
        """Return I2 as a fraction."""
        with np.errstate(divide="ignore", over="ignore"):
            return 1 / (1 + self.s2 / (tau * tau))

    def log_slope(self, tau: Array, log_tau: Array) -> Array:
        """Return ``log(tau / (tau^2 + s^2)^2)``, up to a constant."""
        logs: Array = np.log(tau * tau + self.s2)
        return log_tau - 2 * logs

    def elasticity(self, tau: Array) -> Array:
        """Return ``1 - 4 I2``."""
        return 1 - 4 * self.value(tau)

    def change(self, tau: Array) -> Array:
        """Return ``2 I2 (1 - I2)``: errors of I2 are absolute."""
        share = self.value(tau)
        return 2 * share * (1 - share)


@dataclass(frozen=True, slots=True)
class _Local:
    """Posterior of tau at single values of v, all shape (b, p)."""

    tau: Array
    log_density: Array
    """Unnormalised, of the quantity asked for."""
    rise: Array
    """Derivative of `log_density` by log tau."""
    stretch: Array
    """dlog tau / dv."""
    log_mass: Array
    """Unnormalised log posterior density of v."""


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """The posterior of tau on a rule of nodes, for b models at a time."""

    model: NormalNormal
    nodes: Nodes
    map: Map

    def __getitem__(self, rows: Mask) -> "Heterogeneity":
        """Return the posterior of some of the models."""
        return Heterogeneity(self.model[rows], self.nodes[rows], self.map[rows])

    def cdf(self, v: Array) -> Array:
        """P(tau <= tau(v)), v of shape (b, p).

        ``sum_j q_j [1/2 + Si(pi (v - v_j) / h) / pi]``, a polynomial on panels of two steps.

        References
        ----------
        Stenger (1993), Numerical Methods Based on Sinc and Analytic Functions, section 3.6.
        """
        nodes = self.nodes
        last = nodes.v.shape[-1] - 1
        place = np.clip((v - nodes.v[:, :1]) / nodes.step[:, None], 0, last)
        panel = np.minimum(place.astype(int), last - 1) // 2
        return evaluated(self._polynomials(panel), place - 2 * panel - 1)[0]

    def quantile(self, p: Array) -> Array:
        """Return the v of the quantiles p, shape (b, len(p)): a root of a polynomial each."""
        return self.quantile_and_density(p)[0]

    def quantile_and_density(self, p: Array) -> tuple[Array, Array]:
        """Return the v of the quantiles p, shape (b, len(p)), and the density of v there."""
        nodes = self.nodes
        step, last = nodes.step[:, None], (nodes.v.shape[-1] - 2) // 2
        cdf = self._node_cdf()[:, None, ::2]
        panel = np.count_nonzero(cdf < p[:, None], axis=-1) - 1
        for _ in range(8):
            panel = np.clip(panel, 0, last)
            coefficients = self._polynomials(panel)
            x, slope = solved(coefficients, np.broadcast_to(p, panel.shape))
            beyond = np.where(np.abs(x) > 1.02, np.sign(x), 0).astype(int)
            if not beyond.any():
                break
            panel += beyond
        return nodes.v[:, :1] + step * (2 * panel + 1 + x), slope / step

    def sensitivity(self, v: Array, density: Array, scale: Scale) -> Array:
        """Return the change of the value at v for one in its probability, shape (b, p)."""
        tau, log_tau, log_slope = self.map.tau(v)
        return np.exp(log_slope - log_tau) * scale.change(tau) / density

    def mode(self, scale: Scale) -> Array:
        """Return the global mode on the scale, shape (b,).

        The end of the support where the density is highest or unbounded there.
        """
        nodes = self.nodes
        height = nodes.log_posterior - scale.log_slope(nodes.tau, nodes.log_tau)
        rise = self._rise(nodes.tau, nodes.log_tau, nodes.given.slope, scale)
        turns = (rise[:, :-1] > 0) & (rise[:, 1:] <= 0)
        peaks = np.where(turns, np.maximum(height[:, :-1], height[:, 1:]), -np.inf)
        at = peaks.argmax(-1)
        rows = np.arange(len(at))
        # Rises that rounding alone can make do not lift a mode off the end of the support.
        flat = 1e-12 * (1 + np.abs(height[:, 0]))
        falls, climbs = rise[:, 0] <= 0, rise[:, -1] > 0
        first = np.where(falls, height[:, 0] + flat, -np.inf)
        first = np.where(self._unbounded_at_zero(scale), np.inf, first)
        last = np.where(climbs, height[:, -1], -np.inf)
        inside = peaks[rows, at] > np.maximum(first, last)
        low, high = self._ends(scale)
        ends = np.where(first >= last, low, high)
        if inside.any():
            start, end = (nodes.v[rows, i][inside, None] for i in (at, at + 1))
            v = self[inside]._root(start, end, scale[inside])
            ends[inside] = scale[inside].value(self.map[inside].tau(v)[0])[:, 0]
        return ends

    def shortest(self, level: float, scale: Scale, tails: Array) -> Array:
        """Return the bounds of the shortest interval on the scale, shape (b, 2).

        From the best interval between nodes, by Newton's method; an end of the support is a bound
        where the density there is no lower than at the other bound. ``tails`` are the v of the
        quantiles 1 - level and level, shape (b, 2).
        """
        nodes = self.nodes
        low, high = self._ends(scale)
        at_tails = scale.value(self.map.tau(tails)[0])
        height = nodes.log_posterior - scale.log_slope(nodes.tau, nodes.log_tau)
        heights = self._local(tails, scale).log_density
        from_low = np.stack([low, at_tails[:, 1]], -1)
        to_high = np.stack([at_tails[:, 0], high], -1)
        low_holds, high_holds = height[:, 0] >= heights[:, 1], height[:, -1] >= heights[:, 0]

        cdf = self._node_cdf()
        right = self._between_nodes(cdf, nodes.v, np.minimum(cdf + level, 1))
        width = scale.value(self.map.tau(right)[0]) - scale.value(nodes.tau)
        width = np.where(cdf + level < 1, width, np.inf)
        best = width.argmin(-1)
        rows = np.arange(len(best))
        ends = np.stack([from_low, to_high], 1)
        widths = np.where(np.stack([low_holds, high_holds], -1), np.ptp(ends, -1), np.inf)
        bounds = ends[rows, widths.argmin(-1)]
        # The table is good to three digits: only where it promises more is an inner one sought.
        inner = width[rows, best] < 0.999 * widths.min(-1)
        if inner.any():
            start = np.stack([nodes.v[rows, best], right[rows, best]], -1)
            v = self[inner]._polish(start[inner], level, scale[inner])
            bounds[inner] = scale[inner].value(self.map[inner].tau(v)[0])
        return bounds

    def _polish(self, start: Array, level: float, scale: Scale) -> Array:
        v = start
        for _ in range(40):
            at = self._local(v, scale)
            cdf = self.cdf(v)
            density = np.exp(at.log_mass - self.nodes.log_evidence[:, None])
            step = interval_step(
                density,
                at.rise * at.stretch,
                cdf[:, 1] - cdf[:, 0] - level,
                at.log_density[:, 1] - at.log_density[:, 0],
            )
            reach = 4 * self.nodes.step[:, None]
            small = np.all(np.abs(step) < 1e-7 * self.nodes.step[:, None], -1)
            minimum = (at.rise[:, 0] > 0) & (at.rise[:, 1] < 0)
            v = np.clip(v + np.clip(step, -reach, reach), self.nodes.v[:, :1], self.nodes.v[:, -1:])
            if np.all(small | ~np.isfinite(v).all(-1)):
                break
        return np.where((small & minimum)[:, None], v, start)

    def _root(self, low: Array, high: Array, scale: Scale) -> Array:
        """Solve rise = 0 between v = low, where it is positive, and high (Illinois method)."""
        at_low, at_high = self._local(np.concatenate([low, high], -1), scale).rise.T[..., None]
        v, above = low, np.full(low.shape, True)
        for turn in range(60):
            before, went = v, above
            with np.errstate(divide="ignore", invalid="ignore"):
                v = (low * at_high - high * at_low) / (at_high - at_low)
            v = np.where(np.isfinite(v), v, before)
            rise = self._local(v, scale).rise
            above = rise > 0
            stale = np.where((above == went) & (turn > 0), 0.5, 1.0)
            at_low, at_high = (
                np.where(above, rise, at_low * stale),
                np.where(above, at_high * stale, rise),
            )
            low, high = np.where(above, v, low), np.where(above, high, v)
            if np.all(np.abs(v - before) < 1e-13 * (1 + np.abs(v))):
                break
        return v

    def _local(self, v: Array, scale: Scale) -> _Local:
        tau, log_tau, log_slope = self.map.tau(v)
        given = self.model.given(tau)
        log_posterior = given.log_likelihood + self.model.log_prior(tau, log_tau)
        return _Local(
            tau,
            log_posterior - scale.log_slope(tau, log_tau),
            self._rise(tau, log_tau, given.slope, scale),
            np.exp(log_slope - log_tau),
            log_posterior + log_slope,
        )

    def _rise(self, tau: Array, log_tau: Array, slope: Array, scale: Scale) -> Array:
        """Return the derivative by log tau of the log density on the scale.

        The prior's part by a complex step, which subtracts nothing and so loses no digit
        (Squire and Trapp 1998, SIAM Review 40:110).
        """
        h = 1e-30
        aside: Any = tau * (1 + h * 1j), log_tau + h * 1j
        prior = self.model.log_prior(*aside).imag / h
        return tau * slope + prior - scale.elasticity(tau)

    def _polynomials(self, panel: Places) -> Array:
        """Coefficients of the CDF on panels of two steps, by the nodes that matter."""
        weights = self.nodes.weights
        kept, kernel = that_matter(weights), sinc_kernel(weights.shape[-1])
        return polynomials([weights[:, kept]], panel, lambda at: [kernel(at)[kept]])[0]

    def _unbounded_at_zero(self, scale: Scale) -> Mask:
        """Whether the density on the scale grows like a negative power of tau, shape (b,)."""
        tau = np.full((len(self.nodes.v), 1), _TINY)
        rise = self._rise(tau, np.log(tau), np.zeros_like(tau), scale)[:, 0]
        from_zero: Mask = np.ravel(np.equal(self.model.tau.support[0], 0))
        return (rise < -1e-9) & from_zero

    def _node_cdf(self) -> Array:
        """CDF at the nodes by the trapezoidal rule with Gregory's first correction, to h^4."""
        weights = self.nodes.weights
        cdf = np.cumsum(weights, -1) - weights / 2
        cdf[:, 1:-1] -= (weights[:, 2:] - weights[:, :-2]) / 24
        return cdf

    @staticmethod
    def _between_nodes(cdf: Array, v: Array, p: Array) -> Array:
        """Interpolate v linearly at probabilities p, shape (q,) or (b, q)."""
        p = np.broadcast_to(p, (len(v), p.shape[-1]))
        after = np.stack([np.searchsorted(row, at) for row, at in zip(cdf, p, strict=True)])
        after = np.clip(after, 1, v.shape[-1] - 1)
        low, left = (np.take_along_axis(values, after - 1, -1) for values in (cdf, v))
        high, right = (np.take_along_axis(values, after, -1) for values in (cdf, v))
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.clip((p - low) / (high - low), 0, 1)
        return left + np.where(high > low, share, 0.5) * (right - left)

    def _ends(self, scale: Scale) -> list[Array]:
        """Values of the ends of the support on the scale, shape (b,) each."""
        ends = (np.asarray(end) / self.model.unit_column for end in self.model.tau.support)
        size = len(self.nodes.v)
        return [np.broadcast_to(scale.value(np.atleast_2d(end))[:, 0], size) for end in ends]
