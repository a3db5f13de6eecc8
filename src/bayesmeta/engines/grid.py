"""Tensor Gauss-Legendre over a few hyperparameters, on a box that holds all that matters."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy import special

from bayesmeta.arrays import Array, Mask
from bayesmeta.engines.axis import Coordinate, Marginal, Side
from bayesmeta.engines.legendre import gauss_legendre, highest_coefficients
from bayesmeta.errors import InputError
from bayesmeta.models.given import JointGiven
from bayesmeta.models.joint import JointModel
from bayesmeta.models.tails import highest_moment, likelihood_fall
from bayesmeta.priors import TauPrior

NATS = 36.0
"""How far below its peak the integrand is followed: 1 / eps."""

_LADDER = (600.0, 250.0, 110.0, 60.0, 40.0)
"""Thresholds on the way there: a box trimmed at once from a coarse scan can lose a ridge."""

_MARGIN = 8.0
"""How far below the tolerance, in nats, the integrand is on the faces of the box."""

_WIDTH = 2.5
"""Nodes are dense within this many SDs of the mean. Of 2 to 1000, tried on tremor_dbs, 2 to 3 had
the smallest errors, by two digits."""

FINER = 4
"""Nodes of a marginal posterior for each node of its axis."""

_SCANS = {1: (64,), 2: (24, 20), 3: (16, 14, 8)}
_SCAN_OF_MANY = 8


@dataclass(frozen=True, slots=True)
class Nodes:
    """Values of the hyperparameters with their posterior probabilities.

    Attributes
    ----------
    model : JointModel
    phi : ndarray, shape (h, n)
        All hyperparameters at the nodes.
    weights : ndarray, shape (n,)
        Posterior probabilities of the nodes.
    log_evidence : float
    given : JointGiven
    """

    model: JointModel
    phi: Array
    weights: Array
    log_evidence: float
    given: JointGiven


@dataclass(frozen=True, slots=True)
class Grid(Nodes):
    """The nodes of a tensor rule over the free hyperparameters, one side for each."""

    sides: tuple[Side, ...]

    @classmethod
    def on(cls, model: JointModel, sides: tuple[Side, ...]) -> Self:
        """Evaluate a rule."""
        phi = all_hypers(model, tensor([side.value for side in sides]))
        given = model.given(phi)
        parts = tensor([side.log_rule + side.log_prior for side in sides])
        weights, log_evidence = normalised(given.log_likelihood + parts.sum(0))
        return cls(model, phi, weights, log_evidence, given, sides)

    @property
    def box(self) -> tuple[Coordinate, ...]:
        """The coordinates of the sides."""
        return tuple(side.coordinate for side in self.sides)

    @property
    def counts(self) -> tuple[int, ...]:
        """Nodes a side."""
        return tuple(len(side.x) for side in self.sides)

    def marginal(self, axis: int) -> Marginal:
        """Return the posterior of a free hyperparameter, on four times the nodes of its axis."""
        side, others = self.sides[axis], _others(axis, len(self.counts))
        masses = self.weights.reshape(self.counts).sum(others)
        log_rules = [other.log_rule + other.log_prior for other in self.sides]
        log_rules[axis] = 0 * side.x
        log_f = (self.given.log_likelihood + tensor(log_rules).sum(0)).reshape(self.counts)
        log_likelihood = special.logsumexp(log_f, others)
        fine = Side.on(side.coordinate, FINER * len(side.x))
        fall = likelihood_fall(self.model, side.coordinate.hyper.name)
        return Marginal.of(side, masses, log_likelihood, fine, fall)

    def roughness(self, functions: Array) -> Array:
        """About the error of posterior means of functions of order 1 by each axis, shape (axes,).

        The highest Legendre coefficients of the function times the posterior, along the axis,
        squared: a rule of n nodes sees degrees up to 2 n.

        Parameters
        ----------
        functions : ndarray, shape (f, n)
        """
        highest = [highest_coefficients(n) / gauss_legendre(n)[1] for n in self.counts]
        found = [
            np.abs((self.weights * tensor([one[order] for one in highest])) @ functions.T).max(1)
            for order in (0, 1)
        ]
        largest: Array = np.max(found, 0)
        return largest * largest

    def widened(self, tolerance: float) -> tuple[Coordinate, ...] | None:
        """Return a wider box where the integrand matters on a face, at a tolerance; else None."""
        log_slope = tensor([side.log_slope for side in self.sides]).sum(0)
        log_prior = tensor([side.log_prior for side in self.sides]).sum(0)
        heights = _heights(self.model, self.phi, self.given.log_likelihood + log_prior + log_slope)
        kept = _kept(heights, _MARGIN - np.log(tolerance)).reshape(self.counts)
        moved = []
        for axis, (now, whole) in enumerate(zip(self.box, free(self.model), strict=True)):
            on_low, on_high = kept.take([0, -1], axis).any(_others(axis, kept.ndim))
            reach = (now.high - now.low) / 8
            moved.append(
                replace(
                    now,
                    low=max(whole.low, now.low - reach) if on_low else now.low,
                    high=min(whole.high, now.high + reach) if on_high else now.high,
                )
            )
        return None if tuple(moved) == self.box else tuple(moved)


def free(model: JointModel) -> tuple[Coordinate, ...]:
    """Coordinates of the hyperparameters that are not fixed, between the bounds of their priors."""
    return tuple(Coordinate.of(hyper) for hyper in model.hypers if not hyper.fixed)


def locate(model: JointModel, *, prior: bool = True) -> tuple[Coordinate, ...]:
    """Find the box outside which the integrand is negligible, and where in it the posterior lies.

    A coarse rule is trimmed to the outermost of its nodes that are not within a threshold of the
    peak, and made dense where the posterior was seen; then again on the box that is left, with
    ever lower thresholds, until nothing changes. Without the prior the measure of x stands for
    it, by which the density of most priors is bounded, and the box serves many.
    """
    box = free(model)
    if not box:
        return box
    counts = _SCANS.get(len(box), (_SCAN_OF_MANY,) * len(box))
    for threshold in (*_LADDER, *[NATS] * 20):
        sides = tuple(Side.on(c, n, prior=prior) for c, n in zip(box, counts, strict=True))
        heights, log_rule = _scan(model, sides, prior=prior)
        kept = _kept(heights, threshold).reshape(counts)
        if not kept.any():
            raise InputError(
                "the posterior cannot be found: a prior is too narrow, or numbers are too large or "
                "small; expected the like of half-normal(0.5) and a moderator in other units"
            )
        mass = special.softmax(heights[0] + log_rule).reshape(counts)
        before, box = box, ()
        for axis, side in enumerate(sides):
            others = _others(axis, len(counts))
            box += (_trimmed(side, kept.any(others), mass.sum(others)),)
        if threshold == NATS and all(map(_settled, before, box)):
            break
    return box


def tensor(sides: list[Array]) -> Array:
    """Return all combinations of the values of each side, shape (sides, n)."""
    if not sides:
        return np.empty((0, 1))
    return np.stack([part.ravel() for part in np.meshgrid(*sides, indexing="ij")])


def _trimmed(side: Side, kept: Mask, masses: Array) -> Coordinate:
    """Return the coordinate between the nodes next to those kept, dense where the masses lie."""
    points = [side.coordinate.low, *side.x.tolist(), side.coordinate.high]
    inside = np.flatnonzero(kept)
    centre = float(masses @ side.x)
    sd = float(np.sqrt(masses @ (side.x - centre) ** 2))
    gap = float(np.diff(side.x)[min(int(masses.argmax()), len(side.x) - 2)])
    return replace(
        side.coordinate,
        low=points[inside[0]],
        high=points[inside[-1] + 2],
        centre=centre,
        width=_WIDTH * max(sd, gap / 2),
    )


def _settled(before: Coordinate, after: Coordinate) -> bool:
    """Whether a scan changed neither the length of a side nor where its nodes are dense."""
    length = (after.high - after.low) / (before.high - before.low)
    return length > 0.85 and 0.7 < after.width / before.width < 1.4


def normalised(log_f: Array) -> tuple[Array, float]:
    """Return probabilities from their logs up to a constant, and the log of their sum."""
    peak = log_f.max()
    f = np.exp(log_f - peak)
    mass = f.sum()
    return f / mass, float(peak + np.log(mass))


def all_hypers(model: JointModel, values: Array) -> Array:
    """Put values of the free hyperparameters, shape (f, n), among the fixed ones, (h, n)."""
    moving = iter(values)
    rows = [
        np.full(values.shape[1], hyper.prior.support[0]) if hyper.fixed else next(moving)
        for hyper in model.hypers
    ]
    return np.stack(rows)


def _scan(model: JointModel, sides: tuple[Side, ...], *, prior: bool) -> tuple[Array, Array]:
    """Heights at the nodes of a rule, and its log weights in the measure of x."""
    phi = all_hypers(model, tensor([side.value for side in sides]))
    log_slope = tensor([side.log_slope for side in sides]).sum(0)
    log_rule = tensor([side.log_rule for side in sides]).sum(0) - log_slope
    log_likelihood = model.given(phi).log_likelihood
    if not prior:
        return log_likelihood[None], log_rule
    log_prior = tensor([side.log_prior for side in sides]).sum(0)
    return _heights(model, phi, log_likelihood + log_prior + log_slope), log_rule


def _heights(model: JointModel, phi: Array, log_f: Array) -> Array:
    """Log integrand in the measure of x, and its highest moments that exist, shape (m, n)."""
    heights = [log_f]
    for row, hyper in zip(phi, model.hypers, strict=True):
        if isinstance(hyper.prior, TauPrior) and not hyper.fixed:
            heights.append(log_f + highest_moment(model, hyper.name) * np.log(row))
    return np.stack(heights)


def _kept(heights: Array, threshold: float) -> Mask:
    """Where one of the integrands is within a threshold of its peak, shape (n,)."""
    kept: Mask = (heights > heights.max(-1, keepdims=True) - threshold).any(0)
    return kept


def _others(axis: int, dimensions: int) -> tuple[int, ...]:
    return tuple(i for i in range(dimensions) if i != axis)
