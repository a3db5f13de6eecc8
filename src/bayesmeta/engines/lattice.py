"""Nodes over tau that many priors share, and the posteriors on them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.engines.exact import IntervalKind, Posterior, Quantity, Summary
from bayesmeta.engines.panels import Normals, Places, SharedMixtures
from bayesmeta.engines.quadrature import (
    MOST_NODES,
    HalfLine,
    Nodes,
    locate,
    map_for,
    weighted,
)
from bayesmeta.engines.stack import Stack
from bayesmeta.models import Given, NormalNormal

BATCH = 1 << 18
"""Priors times nodes worked on at once."""

type Span = tuple[HalfLine, Array, Array]
"""A map, and the first and the last v that each of b priors needs."""


@dataclass(frozen=True, slots=True)
class Swept(Posterior):
    """Posteriors of one set of data under many priors on tau, on the same nodes.

    What the priors do not change has a first dimension of 1.
    """

    def _mean_weights(self, nodes: Nodes) -> tuple[Array, Array]:
        given = nodes.given
        variance, prior_weight = (
            (given.share * part).sum(1)[0] for part in (given.variance, given.prior_weight)
        )
        return nodes.weights @ (given.weights[0] * variance).T, nodes.weights @ prior_weight

    def _of_mixtures(
        self, quantities: list[Quantity], level: float, interval: IntervalKind, modes: bool
    ) -> tuple[dict[Quantity, Summary], Array]:
        of: dict[Quantity, Summary] = {}
        errors = []
        for quantity in quantities:
            found = [self._summary(quantity, part, level) for part in self._shared(quantity)]
            columns = np.stack([column for column, _ in found], -1)
            of[quantity] = Summary(*(columns if quantity == "theta" else columns[..., 0]))
            errors += [error for _, error in found]
        return of, np.max(errors, axis=0)

    def _shared(self, quantity: Quantity) -> list[SharedMixtures]:
        """The coarse rule, and the odd nodes of the fine one beside it."""
        odd = np.ascontiguousarray(self.fine.weights[:, 1::2])
        even, uneven = np.s_[:, ::2], np.s_[:, 1::2]
        return [
            SharedMixtures(
                Normals(self.coarse.weights, *(part[even] for part in parts)),
                Normals(odd, *(part[uneven] for part in parts)),
                1 - odd.sum(-1),
            )
            for parts in self._components(quantity, self.fine)
        ]

    def _components(self, quantity: Quantity, nodes: Nodes) -> list[tuple[Array, Array, Array]]:
        """Shares, means and SDs at the nodes, (m, n) each, of mu, theta_new or each theta."""
        given = nodes.given
        share, means, variances = given.share[0], given.mean, given.variance
        if quantity == "theta":
            means, variances = (part[0] for part in self.model.study_effects(nodes.tau, given))
        elif quantity == "theta_new":
            variances = variances + (nodes.tau * nodes.tau)[:, None, :]
        return [(share, *part) for part in zip(means, np.sqrt(variances), strict=True)]

    def _summary(
        self, quantity: Quantity, mixtures: SharedMixtures, level: float
    ) -> tuple[Array, Array]:
        """Columns of a `Summary`, and the error, shape (b,)."""
        unit, zero = float(self.model.unit), float(np.ravel(self.model.location)[0])
        quantiles, steps = mixtures.quantile(np.array([(1 - level) / 2, 0.5, (1 + level) / 2]))
        (mean, finer_mean), (sd, finer_sd) = mixtures.moments()
        below, finer_below = mixtures.cdf(-zero / unit)
        finite_mean, finite_sd = (self._exists(order, quantity) for order in (1, 2))
        errors = [
            *np.abs(steps).T,
            np.where(finite_mean, np.abs(finer_mean - mean), 0.0),
            np.where(finite_sd, np.abs(finer_sd - sd), 0.0),
        ]
        yardstick = np.where(finite_sd, sd, (quantiles[:, 2] - quantiles[:, 0]) / 3.92)
        error = np.max(errors, axis=0) / yardstick
        low, median, high = (zero + unit * quantiles).T
        mean = np.where(finite_mean, zero + unit * mean, np.nan)
        sd = np.where(finite_sd, unit * sd, np.nan)
        columns = np.stack([mean, sd, median, np.full(mean.shape, np.nan), low, high, below])
        return columns, np.maximum(error, np.abs(finer_below - below))


@dataclass(frozen=True, slots=True)
class Lattice:
    """Equally spaced nodes on the half line for many priors on tau.

    Attributes
    ----------
    models : list of NormalNormal
        Standardised, a batch of one each, with different priors on mu.
    givens : list of Given
        Of each model, at the nodes.
    map : HalfLine
        Its c serves the narrowest prior.
    v : ndarray, shape (1, n)
    step : float
    first, last : ndarray of int, shape (b,)
        The nodes that each prior needs: those of its family's extreme priors.
    """

    models: list[NormalNormal]
    givens: list[Given]
    map: HalfLine
    v: Array
    step: float
    first: Places
    last: Places

    @staticmethod
    def span(models: list[NormalNormal], stack: Stack) -> Span:
        """Find a map, and for each prior the range of v that the extremes of its family need."""
        extremes, runs = stack.extremes, [rows for rows, _ in stack.families]
        some = stack[extremes]
        mapping = map_for(replace(models[0], tau=some))
        assert isinstance(mapping, HalfLine)
        mapping = HalfLine(float(np.min(mapping.log_c)))
        lows, highs = zip(*(locate(replace(one, tau=some), mapping) for one in models), strict=True)
        first = np.searchsorted(extremes, [rows.start for rows in runs])
        lengths = [rows.stop - rows.start for rows in runs]
        low = np.minimum.reduceat(np.min(lows, 0), first)
        high = np.maximum.reduceat(np.max(highs, 0), first)
        return mapping, np.repeat(low, lengths), np.repeat(high, lengths)

    @classmethod
    def of(cls, models: list[NormalNormal], span: Span, step: float) -> Self:
        """Lay nodes so far apart."""
        mapping, low, high = span
        start = low.min()
        v = np.arange(start, high.max() + step, step)[None]
        givens = [one.given(mapping.tau(v)[0]) for one in models]
        first, last = np.floor((low - start) / step), np.ceil((high - start) / step)
        return cls(models, givens, mapping, v, step, first.astype(int), last.astype(int))

    def everywhere(self) -> slice:
        """Return all nodes."""
        return slice(0, self.v.shape[-1])

    def chunks(self, stack: Stack) -> Iterator[tuple[Places, slice | None]]:
        """Yield rows of priors and the nodes that serve them, None where there are too many."""
        count = self.last - self.first + 1
        far = count > MOST_NODES
        if far.any():
            yield np.flatnonzero(far), None
        order = np.argsort(-self.last, kind="stable")
        order = order[~far[order]]
        while len(order):
            size = max(1, BATCH // int(count[order[0]]))
            rows, order = order[:size], order[size:]
            yield rows, slice(int(self.first[rows].min()), int(self.last[rows].max()) + 1)

    def posteriors(self, stack: Stack, at: slice) -> Iterator[Swept]:
        """Yield, for each prior on mu, the posteriors under priors on tau on some of the nodes."""
        v, step = self.v[:, at], np.array([self.step])
        tau, log_tau, log_slope = self.map.tau(v)
        log_prior = replace(self.models[0], tau=stack).log_prior(tau, log_tau)
        for one, everywhere in zip(self.models, self.givens, strict=True):
            given = everywhere.at(np.s_[..., at])
            log_posterior = log_prior + given.log_likelihood
            weights, log_evidence = weighted(log_posterior + log_slope, step)
            fine = Nodes(
                self.map, v, tau, log_tau, log_posterior, weights, step, log_evidence, given
            )
            yield Swept(replace(one, tau=stack), fine, fine.halved())
