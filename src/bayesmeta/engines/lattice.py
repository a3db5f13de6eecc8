"""Nodes over tau that many priors share, and the posteriors on them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.engines.exact import IntervalKind, Posterior, Quantity, Summary
from bayesmeta.engines.panels import Places, SharedMixtures
from bayesmeta.engines.quadrature import MOST_NODES, HalfLine, Nodes, locate, map_for, weighted
from bayesmeta.engines.stack import Stack
from bayesmeta.models import Given, NormalNormal

_NO_ERROR = 1e-13
"""Of probabilities, under the extreme priors; quantiles magnify it."""

_BATCH = 1 << 18
"""Priors times nodes worked on at once."""


@dataclass(frozen=True, slots=True)
class Swept(Posterior):
    """Posteriors of one set of data under many priors on tau, on the same nodes.

    What the priors do not change has a first dimension of 1.
    """

    def _mean_weights(self, nodes: Nodes) -> tuple[Array, Array]:
        share = nodes.weights / nodes.given.total
        precision = self.model.mu.precision * self.model.unit**2
        return share @ nodes.given.weights[0].T, precision * share.sum(-1)

    def _of_mixtures(
        self, quantities: list[Quantity], level: float, interval: IntervalKind, modes: bool
    ) -> tuple[dict[Quantity, Summary], Array]:
        odd = np.ascontiguousarray(self.fine.weights[:, 1::2])
        weights = self.coarse.weights, odd, 1 - odd.sum(-1)
        of: dict[Quantity, Summary] = {}
        errors = []
        for quantity in quantities:
            every = self.mixture(quantity, fine=True)
            components = (np.atleast_2d(part[0]) for part in (every.means, every.sds))
            found = [
                self._summary(quantity, SharedMixtures(*weights, *part), level)
                for part in zip(*components, strict=True)
            ]
            columns = np.stack([column for column, _ in found], -1)
            of[quantity] = Summary(*(columns if quantity == "theta" else columns[..., 0]))
            errors += [error for _, error in found]
        return of, np.max(errors, axis=0)

    def _summary(
        self, quantity: Quantity, mixtures: SharedMixtures, level: float
    ) -> tuple[Array, Array]:
        """Columns of a `Summary`, and the error, shape (b,)."""
        unit, zero = self.model.unit, float(np.ravel(self.model.location)[0])
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

    @classmethod
    def of(cls, models: list[NormalNormal], stack: Stack, coarsest: float) -> Self:
        """Choose nodes for priors on the half line: so far apart, or as much closer as it takes.

        Until the extreme priors of every family have no error, or the step is 0.3 of the coarsest.
        """
        family, typical = stack.family, stack.typical[:, 0]
        extremes = _extremes(family, typical, stack.tail_power)
        some = stack[extremes]
        mapping = map_for(replace(models[0], tau=some))
        assert isinstance(mapping, HalfLine)
        mapping = HalfLine(float(np.min(mapping.log_c)))
        ranges = [locate(replace(one, tau=some), mapping) for one in models]
        low, high = np.min([a for a, _ in ranges], 0), np.max([b for _, b in ranges], 0)
        lows, highs = np.full(family.max() + 1, np.inf), np.full(family.max() + 1, -np.inf)
        np.minimum.at(lows, family[extremes], low)
        np.maximum.at(highs, family[extremes], high)
        step, finest, start = coarsest, 0.3 * coarsest, lows.min()
        while True:
            v = np.arange(start, highs.max() + step, step)[None]
            tau = mapping.tau(v)[0]
            found = cls(
                models,
                [one.given(tau) for one in models],
                mapping,
                v,
                step,
                np.floor((lows - start) / step)[family].astype(int),
                np.ceil((highs - start) / step)[family].astype(int),
            )
            everywhere = found.posteriors(some, slice(0, v.shape[-1]))
            error = max(posterior.rough_error().max() for posterior in everywhere)
            if error < _NO_ERROR or step <= finest:
                return found
            # The error falls like exp(-c / step).
            step = max(finest, step * np.clip(np.log(error) / np.log(_NO_ERROR), 0.5, 0.9))

    def chunks(self) -> Iterator[tuple[Places, slice | None]]:
        """Yield rows of priors and the nodes that serve them, None where there are too many."""
        count = self.last - self.first + 1
        far = count > MOST_NODES
        if far.any():
            yield np.flatnonzero(far), None
        order = np.argsort(-self.last, kind="stable")
        order = order[~far[order]]
        while len(order):
            size = max(1, _BATCH // int(count[order[0]]))
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


def _extremes(family: Places, typical: Array, tail_power: Array) -> Places:
    """The narrowest and the widest prior of every family, and that with the heaviest tail."""
    found = []
    for one in range(family.max() + 1):
        rows = np.flatnonzero(family == one)
        found += [rows[typical[rows].argmin()], rows[typical[rows].argmax()]]
        found.append(rows[tail_power[rows].argmin()])
    return np.unique(found)
