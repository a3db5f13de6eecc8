"""The exact engine: quadrature over tau, mixtures of normals over everything else."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal, Self

import numpy as np

from bayesmeta.arrays import Array, Mask
from bayesmeta.engines.heterogeneity import AsI2, AsTau, Heterogeneity, Scale
from bayesmeta.engines.mixture import Mixture
from bayesmeta.engines.quadrature import (
    FEWEST_NODES,
    MOST_NODES,
    Nodes,
    highest_moment,
    locate,
    map_for,
    point,
    rule,
)
from bayesmeta.models import NormalNormal

type IntervalKind = Literal["central", "shortest"]
type Quantity = Literal["mu", "tau", "theta_new", "i2", "theta"]

MIXTURES: tuple[Quantity, ...] = ("mu", "theta_new", "theta")
SPREADS: tuple[Quantity, ...] = ("tau", "i2")
QUANTITIES = MIXTURES + SPREADS
TOLERANCE = 1e-10

BATCH = 1 << 18
"""Nodes times studies times components of mu worked on at once."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is reported of a quantity; ``nan`` where a moment, or a study, does not exist.

    Every field has the shape of the quantity: (b,), or (b, k) for the study effects.
    """

    mean: Array
    sd: Array
    median: Array
    mode: Array
    low: Array
    high: Array
    below_zero: Array
    """P(quantity < 0), zero being that of the data."""

    def where(self, present: Mask) -> "Summary":
        """Return the same with ``nan`` where a study is masked."""
        parts = (getattr(self, name) for name in self.__slots__)
        return Summary(*(np.where(present, part, np.nan) for part in parts))


@dataclass(frozen=True, slots=True)
class Summaries:
    """Every summary of b models, in the units of the data.

    Attributes
    ----------
    of : dict of Summary
        By quantity: mu, tau, theta_new, i2, theta (the study effects).
    weights, prior_weight : ndarray, shape (b, k) and (b,)
        Posterior means of ``w_i / W`` and of the prior's share; they sum to 1.
    log_evidence : ndarray, shape (b,)
        Natural log of p(y); without a meaning unless both priors are proper.
    numerical_error : ndarray, shape (b,)
        Largest difference of any summary between the rule used and that of double step: of
        locations in posterior SDs, of positive scales relative, of the rest absolute.
    """

    of: dict[Quantity, Summary]
    weights: Array
    prior_weight: Array
    log_evidence: Array
    numerical_error: Array


@dataclass(frozen=True, slots=True)
class Posterior:
    """The posterior of b standardised models on a rule of nodes over tau.

    All nodes serve tau's CDF, whose error is that of the rule of double step; that rule, on every
    second node, serves the mixtures. So one difference between the two covers both.
    """

    model: NormalNormal
    fine: Nodes
    coarse: Nodes

    @classmethod
    def on(cls, model: NormalNormal, count: int = FEWEST_NODES) -> Self:
        """Integrate a standardised model on `count` nodes."""
        mapping = map_for(model)
        if mapping is None:
            nodes = point(model)
            return cls(model, nodes, nodes)
        nodes = rule(model, mapping, *locate(model, mapping), count)
        return cls(model, nodes, nodes.halved())

    def refined(self) -> Self:
        """Return the same posterior on a rule of half the step."""
        nodes = self.fine
        count = 2 * nodes.v.shape[-1] - 1
        assert nodes.map is not None
        finer = rule(self.model, nodes.map, nodes.v[:, 0], nodes.v[:, -1], count)
        return type(self)(self.model, finer, finer.halved())

    @property
    def stride(self) -> int:
        """From one node of the coarse rule to the next in the fine one."""
        return 1 if self.fine.map is None else 2

    @property
    def heterogeneity(self) -> Heterogeneity | None:
        """The posterior of tau, None where tau is fixed."""
        if self.fine.map is None:
            return None
        return Heterogeneity(self.model, self.fine, self.fine.map)

    def mixture(self, quantity: Quantity, *, fine: bool = False) -> Mixture:
        """Return mu, theta_new, shape (b,), or the study effects theta, shape (b, k).

        In the standardised units of the model.
        """
        nodes = self.fine if fine else self.coarse
        given, joint = nodes.given, nodes.joint
        if quantity == "theta":
            mean, variance = self.model.study_effects(nodes.tau, given)
            shape = *mean.shape[:2], -1
            return Mixture(joint[:, None, :], mean.reshape(shape), np.sqrt(variance).reshape(shape))
        variance = given.variance
        if quantity == "theta_new":
            variance = variance + (nodes.tau * nodes.tau)[:, None, :]
        return Mixture(
            joint, given.mean.reshape(joint.shape), np.sqrt(variance).reshape(joint.shape)
        )

    def rough_error(self) -> Array:
        """Error of probabilities by this rule, shape (b,): what doubling is decided on first.

        ``|sum_j (-1)^j q_j|`` is the difference between the rules of single and of double step;
        weighting by the CDF gives a second view of it, since one alone can vanish by its phase.
        """
        if self.fine.map is None:
            return np.zeros(len(self.fine.v))
        alternating = self.fine.weights.copy()
        alternating[:, 1::2] *= -1
        rank = 2 * np.cumsum(self.fine.weights, -1) - self.fine.weights - 1
        return np.abs(alternating.sum(-1)) + np.abs((alternating * rank).sum(-1))

    def truncation(self) -> Array:
        """How far the integrand, and its moments, have fallen at the ends, shape (b,).

        What no halving of the step can see: a range of nodes that ends too early.
        """
        nodes = self.fine
        if nodes.map is None:
            return np.zeros(len(nodes.v))
        order, fallen = highest_moment(self.model), np.zeros(len(nodes.weights))
        for r in np.unique([0.0, *order]):
            integrand = nodes.weights * nodes.tau**r
            at_ends = integrand[:, [0, -1]].max(-1) / integrand.max(-1)
            fallen = np.where(order >= r, np.maximum(fallen, at_ends), fallen)
        return fallen

    def summarise(
        self,
        level: float = 0.95,
        interval: IntervalKind = "central",
        quantities: tuple[Quantity, ...] = QUANTITIES,
        *,
        modes: bool = True,
    ) -> Summaries:
        """Return every summary asked for, with its error, in the units of the data.

        Modes take a third of the time; without them they are ``nan``.
        """
        errors = [np.abs(self.fine.log_evidence - self.coarse.log_evidence), self.truncation()]
        of: dict[Quantity, Summary] = {}
        for family, summarise in ((MIXTURES, self._of_mixtures), (SPREADS, self._of_tau)):
            if wanted := [quantity for quantity in quantities if quantity in family]:
                found, error = summarise(wanted, level, interval, modes)
                of |= found
                errors.append(error)
        weights, prior_weight = self._mean_weights(self.coarse)
        finer, _ = self._mean_weights(self.fine)
        errors.append(np.abs(weights - finer).max(-1))
        return Summaries(
            of, weights, prior_weight, self.coarse.log_evidence, np.max(errors, axis=0)
        )

    def _mean_weights(self, nodes: Nodes) -> tuple[Array, Array]:
        given = nodes.given
        variance = np.einsum("bn,bmn,bmn->bn", nodes.weights, given.share, given.variance)
        prior = np.einsum("bn,bmn,bmn->b", nodes.weights, given.share, given.prior_weight)
        return (given.weights @ variance[..., None])[..., 0], prior

    def _of_mixtures(
        self, quantities: list[Quantity], level: float, interval: IntervalKind, modes: bool
    ) -> tuple[dict[Quantity, Summary], Array]:
        fine = Mixture.stacked([self.mixture(quantity, fine=True) for quantity in quantities])
        coarse = Mixture(
            self.coarse.joint[:, None, :], *(self._halved(x) for x in (fine.means, fine.sds))
        )
        p = np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
        quantiles = coarse.quantile(p)
        mode = coarse.mode() if modes else np.full(quantiles.shape[:-1], np.nan)
        bounds = quantiles[..., ::2]
        if interval == "shortest":
            bounds = coarse.shortest(level, bounds)
        mean, sd = coarse.mean(), coarse.sd()
        widths = [self.model.y.shape[-1] if quantity == "theta" else 1 for quantity in quantities]
        finite_mean, finite_sd = (
            np.concatenate(
                [
                    np.repeat(self._exists(order, quantity)[:, None], width, 1)
                    for quantity, width in zip(quantities, widths, strict=True)
                ],
                1,
            )
            for order in (1, 2)
        )
        yardstick = np.where(finite_sd, sd, np.ptp(quantiles[..., ::2], -1) / 3.92)
        unit, zero = self.model.unit_column, np.asarray(self.model.location)[:, None]
        below, finer_below = (mixture.cdf(-zero / unit) for mixture in (coarse, fine))
        steps = [
            fine.quantile_step(quantiles, p),
            np.where(finite_mean, fine.mean() - mean, 0.0)[..., None],
            np.where(finite_sd, fine.sd() - sd, 0.0)[..., None],
        ]
        if modes:
            steps.append(fine.mode_step(mode)[..., None])
        if interval == "shortest":
            steps.append(fine.shortest_step(bounds, level))
        error = np.abs(np.concatenate(steps, -1)).max(-1) / yardstick
        error = np.maximum(error, np.abs(finer_below - below))
        columns = (
            np.where(finite_mean, zero + unit * mean, np.nan),
            np.where(finite_sd, unit * sd, np.nan),
            *(zero + unit * x for x in (quantiles[..., 1], mode, bounds[..., 0], bounds[..., 1])),
            below,
        )
        of: dict[Quantity, Summary] = {}
        start = 0
        for quantity, width in zip(quantities, widths, strict=True):
            at = slice(start, start + width) if quantity == "theta" else start
            of[quantity] = Summary(*(column[:, at] for column in columns))
            if quantity == "theta" and self.model.present is not None:
                of[quantity] = of[quantity].where(self.model.present)
            start += width
        return of, error.max(-1)

    def _halved(self, values: Array) -> Array:
        """Values of the coarse rule from those of the fine one, shape (b, r, m n)."""
        by_node = values.reshape(*values.shape[:2], -1, self.fine.v.shape[-1])
        return by_node[..., :: self.stride].reshape(*values.shape[:2], -1)

    def _exists(self, order: int, quantity: Quantity) -> Mask:
        if quantity == "theta":
            return np.full(len(self.model.y), True)
        return self.model.moment_exists(order, of_mu=quantity == "mu")

    def _of_tau(
        self, quantities: list[Quantity], level: float, interval: IntervalKind, modes: bool
    ) -> tuple[dict[Quantity, Summary], Array]:
        model, posterior = self.model, self.heterogeneity
        scales: dict[Quantity, Scale] = {
            "tau": AsTau(model.unit_column),
            "i2": AsI2(model.typical_variance()[:, None]),
        }
        of: dict[Quantity, Summary] = {}
        if posterior is None:
            for quantity in quantities:
                value = scales[quantity].value(self.fine.tau)[:, 0]
                of[quantity] = Summary(value, 0 * value, value, value, value, value, 0 * value)
            return of, np.zeros(len(model.y))
        p = np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
        v, density = posterior.quantile_and_density(p)
        tails = posterior.quantile(np.array([1 - level, level])) if interval == "shortest" else v
        tau_at, rough = posterior.map.tau(v)[0], self.rough_error()[:, None]
        errors = []
        for quantity in quantities:
            scale = scales[quantity]
            quantiles = scale.value(tau_at)
            if interval == "central":
                low, high = quantiles[:, 0], quantiles[:, 2]
            else:
                low, high = posterior.shortest(level, scale, tails).T
            (mean, sd), (finer_mean, finer_sd) = (
                _moments(nodes.weights, scale.value(nodes.tau))
                for nodes in (self.coarse, self.fine)
            )
            always = quantity == "i2"
            finite_mean, finite_sd = (always | model.moment_exists(order) for order in (1, 2))
            errors += [
                np.where(finite_mean, np.abs(finer_mean - mean) / (1.0 if always else mean), 0.0),
                np.where(finite_sd, np.abs(finer_sd - sd) / (1.0 if always else sd), 0.0),
                *(rough * posterior.sensitivity(v, density, scale)).T,
            ]
            of[quantity] = Summary(
                np.where(finite_mean, mean, np.nan),
                np.where(finite_sd, sd, np.nan),
                quantiles[:, 1],
                posterior.mode(scale) if modes else np.full(mean.shape, np.nan),
                low,
                high,
                np.zeros(mean.shape),
            )
        return of, np.max(errors, axis=0)


def fit(
    model: NormalNormal,
    level: float = 0.95,
    interval: IntervalKind = "central",
    quantities: tuple[Quantity, ...] = QUANTITIES,
) -> tuple[Posterior, Summaries]:
    """Return the posterior and the summaries of one model, or of a few on one rule.

    The number of nodes is doubled until the error is below 1e-10, or there are 4,097.

    Parameters
    ----------
    model : NormalNormal
        ``y`` of shape (b, k).

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> y, se = np.array([[28.0, 8.0, -3.0, 7.0]]), np.array([[15.0, 10.0, 16.0, 11.0]])
    >>> _, found = fit(NormalNormal(y, se, Normal(0, 50), HalfNormal(10)))
    >>> found.of["mu"].median.round(3), bool(found.numerical_error[0] < 1e-10)
    (array([9.352]), True)
    """
    posterior = Posterior.on(model.standardised())
    while True:
        enough = posterior.fine.v.shape[-1] >= MOST_NODES or posterior.fine.map is None
        if enough or posterior.rough_error().max() <= TOLERANCE:
            found = posterior.summarise(level, interval, quantities)
            if enough or found.numerical_error.max() <= TOLERANCE:
                return posterior, found
        posterior = posterior.refined()


def fit_many(
    model: NormalNormal,
    level: float = 0.95,
    interval: IntervalKind = "central",
    quantities: tuple[Quantity, ...] = QUANTITIES,
) -> Summaries:
    """Return the summaries of many models with the same priors, ``y`` of shape (..., k).

    Models whose error is above 1e-10 are done again, together, with twice the nodes.
    """
    *lead, k = model.y.shape
    flat = model.reshaped((-1, k))
    size = max(1, BATCH // (FEWEST_NODES * k * model.normals))
    ask = level, interval, quantities
    parts = [
        settle(flat[start : start + size].standardised(), *ask)
        for start in range(0, len(flat.y), size)
    ]
    return combined(lambda array: array.reshape(*lead, *array.shape[1:]), joined(parts))


def settle(
    model: NormalNormal,
    level: float,
    interval: IntervalKind,
    quantities: tuple[Quantity, ...],
    *,
    modes: bool = True,
    count: int = FEWEST_NODES,
) -> Summaries:
    """Return the summaries of b standardised models; those that need more nodes get them."""
    found = Posterior.on(model, count).summarise(level, interval, quantities, modes=modes)
    late: Mask = found.numerical_error > TOLERANCE
    if not late.any() or count >= MOST_NODES:
        return found
    more = 2 * count - 1
    finer = settle(model[late], level, interval, quantities, modes=modes, count=more)
    return combined(lambda array, better: put(array, late, better), found, finer)


def put(array: Array, rows: Mask, better: Array) -> Array:
    """Return an array with some rows replaced."""
    array = array.copy()
    array[rows] = better
    return array


def joined(parts: list[Summaries]) -> Summaries:
    """Return summaries of several batches as one batch."""
    return combined(lambda *arrays: np.concatenate(arrays), *parts)


def combined(function: Callable[..., Array], *parts: Summaries) -> Summaries:
    """Apply a function to each array of the parts in turn."""
    names = [field.name for field in fields(Summary)]
    of = {
        quantity: Summary(
            *(function(*(getattr(part.of[quantity], name) for part in parts)) for name in names)
        )
        for quantity in parts[0].of
    }
    rest = ("weights", "prior_weight", "log_evidence", "numerical_error")
    return Summaries(of, *(function(*(getattr(part, name) for part in parts)) for name in rest))


def _moments(weights: Array, values: Array) -> tuple[Array, Array]:
    mean = np.einsum("bn,bn->b", weights, values)
    return mean, np.sqrt(np.einsum("bn,bn->b", weights, (values - mean[:, None]) ** 2))
