"""Priors on tau that end somewhere: their posteriors, cut out of pieces that all of them share.

On each of the pieces of equal width in v an integrand is the polynomial through its values at the
Legendre points, and its integral up to an end of the prior inside the piece is that of the
polynomial (Greengard 1991, SIAM Journal on Numerical Analysis 28:1071).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.polynomial import legendre

from bayesmeta.arrays import Array
from bayesmeta.engines.exact import Quantity
from bayesmeta.engines.heterogeneity import Heterogeneity
from bayesmeta.engines.lattice import BATCH, Span, Swept
from bayesmeta.engines.panels import DEGREE, Normals, Places, SharedMixtures, solved
from bayesmeta.engines.quadrature import FRACTION, MOST_NODES, HalfLine, Nodes
from bayesmeta.engines.stack import Stack
from bayesmeta.models import Given, NormalNormal

_LOWEST = -4.0
"""The v of a tau that is 0 to rounding: exp(-58) of c."""

_X, _W = legendre.leggauss(DEGREE)
_SERIES = _W[:, None] * legendre.legvander(_X, DEGREE - 1) * (np.arange(DEGREE) + 0.5)
_INTEGRALS = _SERIES @ legendre.legint(np.eye(DEGREE), lbnd=-1).T
"""From values at the points to the Legendre series of the integral from -1 on."""

_POWERS = np.zeros((DEGREE + 1, DEGREE + 1))
for _n, _row in enumerate(np.eye(DEGREE + 1)):
    _POWERS[_n, : _n + 1] = legendre.leg2poly(_row)
"""From a Legendre series to the coefficients of powers."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of v, from `start` on, with `DEGREE` points each."""

    start: float
    width: float
    count: int

    @property
    def v(self) -> Array:
        """All points, shape (1, count * DEGREE)."""
        left = self.start + self.width * np.arange(self.count)
        return (left[:, None] + self.width * (1 + _X) / 2).reshape(1, -1)

    def place(self, v: Array) -> tuple[Places, Array]:
        """Return the piece of each v, and where it is in the piece, from -1 to 1."""
        at = np.clip((v - self.start) / self.width, 0, self.count)
        piece = np.minimum(at.astype(int), self.count - 1)
        return piece, 2 * (at - piece) - 1

    def between(self, low: Array, high: Array) -> Array:
        """Weights of the integral from low to high, shape (b,) each, in half widths.

        Shape (b, count * DEGREE).
        """
        until_high, until_low = (self._until(v) for v in (high, low))
        return (until_high - until_low).reshape(len(low), -1)

    def _until(self, v: Array) -> Array:
        piece, x = self.place(v)
        whole = np.arange(self.count) < piece[:, None]
        weights = np.where(whole[..., None], _W, 0.0)
        weights[np.arange(len(v)), piece] = partial(x)
        return weights


def partial(x: Array) -> Array:
    """Weights of the integral from -1 to x over one piece, shape (..., DEGREE)."""
    return np.where(x[..., None] > -1, legendre.legvander(x, DEGREE) @ _INTEGRALS.T, 0.0)


@dataclass(frozen=True, slots=True)
class CutTau(Heterogeneity):
    """The posterior of tau on pieces, from `low` on, shape (b,)."""

    pieces: Pieces
    low: Array

    def quantile_and_density(self, p: Array) -> tuple[Array, Array]:
        """Return the v of the quantiles p, shape (b, len(p)), and the density of v there."""
        nodes, half = self.nodes, self.pieces.width / 2
        shape = len(nodes.weights), self.pieces.count, DEGREE
        mass = nodes.weights.reshape(shape).sum(-1)
        cdf = np.cumsum(mass, -1)
        piece = np.count_nonzero(cdf[:, None, :] < p[:, None], axis=-1)
        piece = np.minimum(piece, self.pieces.count - 1)
        log_slope = self.map.tau(nodes.v)[2] - nodes.log_evidence[:, None]
        log_density = (nodes.log_posterior + log_slope).reshape(shape)
        rows = np.arange(len(mass))[:, None]
        of_v = half * np.exp(log_density[rows, piece])
        coefficients = np.moveaxis(of_v @ _INTEGRALS @ _POWERS, -1, 0)
        first, x = self.pieces.place(self.low)
        missing = (half * np.exp(log_density[rows[:, 0], first]) * partial(x)).sum(-1)
        before = (cdf - mass)[rows, piece] - np.where(piece == first[:, None], missing[:, None], 0)
        coefficients[0] += before
        x, slope = solved(coefficients, np.broadcast_to(p, piece.shape))
        return self.pieces.start + half * (2 * piece + 1 + x), slope / half


@dataclass(frozen=True, slots=True)
class Cut(Swept):
    """Posteriors under priors that end somewhere, on pieces and on those of twice the width."""

    pieces: Pieces
    low: Array

    @property
    def heterogeneity(self) -> Heterogeneity | None:
        """The posterior of tau."""
        assert self.fine.map is not None
        return CutTau(self.model, self.fine, self.fine.map, self.pieces, self.low)

    def rough_error(self) -> Array:
        """Largest difference between the two rules of P(tau < an end of a piece), shape (b,)."""
        fine, coarse = (
            np.cumsum(nodes.weights.reshape(len(nodes.weights), -1, size).sum(-1), -1)
            for nodes, size in ((self.fine, 2 * DEGREE), (self.coarse, DEGREE))
        )
        return np.abs(fine - coarse).max(-1)

    def truncation(self) -> Array:
        """Nothing is cut short: the prior ends."""
        return np.zeros(len(self.low))

    def _shared(self, quantity: Quantity) -> list[SharedMixtures]:
        coarse, fine = (
            [Normals(nodes.weights, *parts) for parts in self._components(quantity, nodes)]
            for nodes in (self.coarse, self.fine)
        )
        nothing = np.zeros(len(self.low))
        return [SharedMixtures(*pair, nothing) for pair in zip(coarse, fine, strict=True)]


@dataclass(frozen=True, slots=True)
class Cuts:
    """Pieces for many priors on tau that end somewhere.

    Attributes
    ----------
    models : list of NormalNormal
        Standardised, a batch of one each, with different priors on mu.
    map : HalfLine
        Its c serves the prior that ends first.
    rules : tuple of Pieces
        Of a width, and of twice that.
    givens : list
        Of each model, at the points of both.
    """

    models: list[NormalNormal]
    map: HalfLine
    rules: tuple[Pieces, Pieces]
    givens: list[tuple[Given, ...]]

    @staticmethod
    def span(models: list[NormalNormal], stack: Stack) -> Span:
        """Find a map, and the ends of each prior in v."""
        middle = np.add(*stack.support).min() / 2 / models[0].unit
        mapping = HalfLine(float(np.log(min(FRACTION, middle))))
        return mapping, *_ends(stack, float(models[0].unit), mapping)

    @classmethod
    def of(cls, models: list[NormalNormal], span: Span, width: float) -> Self:
        """Lay pieces of this width."""
        mapping, low, high = span
        start = float(low.min())
        count = int((high.max() - start) / (2 * width)) + 1
        rules = Pieces(start, width, 2 * count), Pieces(start, 2 * width, count)
        taus = [mapping.tau(rule.v)[0] for rule in rules]
        return cls(models, mapping, rules, [tuple(map(one.given, taus)) for one in models])

    def everywhere(self) -> slice:
        """Return all points."""
        return slice(0, self.rules[0].count * DEGREE)

    @property
    def step(self) -> float:
        """The width of a piece."""
        return self.rules[0].width

    def chunks(self, stack: Stack) -> Iterator[tuple[Places, slice | None]]:
        """Yield rows of priors that end near each other, and the points for them.

        None in place of the points where they are too many.
        """
        at = self.everywhere()
        order, rows = np.argsort(stack.support[1][:, 0]), max(1, BATCH // at.stop)
        for start in range(0, len(order), rows):
            yield order[start : start + rows], at if at.stop <= MOST_NODES else None

    def posteriors(self, stack: Stack, at: slice) -> Iterator[Cut]:
        """Yield, for each prior on mu, the posteriors under these priors on tau."""
        low, high = _ends(stack, float(self.models[0].unit), self.map)
        prior = replace(self.models[0], tau=stack)
        shared = []
        for rule in self.rules:
            tau, log_tau, log_slope = self.map.tau(rule.v)
            weights = rule.between(low, high)
            shared.append((rule, tau, log_tau, log_slope, weights, prior.log_prior(tau, log_tau)))
        for one, givens in zip(self.models, self.givens, strict=True):
            fine, coarse = (
                self._nodes(*part, given) for part, given in zip(shared, givens, strict=True)
            )
            yield Cut(replace(one, tau=stack), fine, coarse, self.rules[0], low)

    def _nodes(
        self,
        rule: Pieces,
        tau: Array,
        log_tau: Array,
        log_slope: Array,
        weights: Array,
        log_prior: Array,
        given: Given,
    ) -> Nodes:
        log_posterior = log_prior + given.log_likelihood
        log_f = np.where(weights == 0, -np.inf, log_posterior + log_slope)
        peak = log_f.max(-1, keepdims=True)
        f = weights * np.exp(log_f - peak)
        # Where what lies beyond the end drowns what lies before it: not right, but its error shows.
        f = np.where(f.sum(-1, keepdims=True) > 0, f, np.abs(f))
        mass = f.sum(-1, keepdims=True)
        log_evidence = (peak + np.log(mass * rule.width / 2))[:, 0]
        step = np.array([rule.width])
        return Nodes(
            self.map, rule.v, tau, log_tau, log_posterior, f / mass, step, log_evidence, given
        )


def _ends(stack: Stack, unit: float, mapping: HalfLine) -> tuple[Array, Array]:
    """The v at which each prior starts and ends, shape (b,) each."""
    low, high = (end[:, 0] / unit for end in stack.support)
    from_zero = low <= mapping.tau(np.array(_LOWEST))[0]
    return np.where(from_zero, _LOWEST, mapping.v(np.where(from_zero, 1.0, low))), mapping.v(high)
