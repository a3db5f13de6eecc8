"""How far a posterior moves when its priors change: Hellinger distances, many at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import log
from operator import attrgetter
from typing import Self

import numpy as np

from bayesmeta.arrays import Array, Mask
from bayesmeta.engines.exact import TOLERANCE
from bayesmeta.engines.quadrature import (
    MOST_NODES,
    HalfLine,
    Interval,
    LogLine,
    Map,
    locate,
    map_for,
    weighted,
)
from bayesmeta.engines.stack import Stack
from bayesmeta.models import NormalNormal, model_for
from bayesmeta.priors import TauPrior

_CHUNK = 512
"""Priors worked on at once."""

_FEWEST, _STEP = 64, 0.09
"""Of the first rule over tau: fewest steps, and their length in v."""

_PACE, _MOST_POINTS = 0.1, 10_000
"""Of the first rule over mu, in ``asinh((mu - centre) / smallest SD)``, and of the last."""

_TOLERANCE = 1e-9
"""Of the difference between a rule and that of double step, whose error is many times larger."""


@dataclass(frozen=True, slots=True)
class Distances:
    """Hellinger distances between posteriors, 0 where they agree and 1 where they exclude another.

    Attributes
    ----------
    mu, tau, theta_new : ndarray, shape (t,)
        One for each prior on tau.
    """

    mu: Array
    tau: Array
    theta_new: Array


def hellinger(
    model: NormalNormal, priors: Sequence[TauPrior], reference: NormalNormal
) -> Distances:
    """Return the Hellinger distances of posteriors from that of a reference.

    ``H^2 = 1 - int sqrt(p q) = int (sqrt p - sqrt q)^2 / 2``. Of tau on nodes that serve both
    posteriors; of mu and of theta_new, whose densities are mixtures of normals over such nodes,
    by the trapezoidal rule in ``asinh((x - centre) / s)``, halved until it makes no difference.
    Errors are below 1e-8 where H is above 1e-6.

    Parameters
    ----------
    model : NormalNormal
        A batch of one; its prior on mu is that of all posteriors but the reference, its prior on
        tau is not used.
    priors : sequence of TauPrior
        T of them.
    reference : NormalNormal
        The same data with the priors to compare with.

    References
    ----------
    Hellinger (1909), J reine angew Math 136:210; Roos et al. (2015), Bayesian Analysis 10:321,
    for its use in prior sensitivity.

    Examples
    --------
    >>> from bayesmeta.priors import Flat, HalfNormal
    >>> y, se = np.array([[28.0, 8.0, -3.0, 7.0]]), np.array([[15.0, 10.0, 16.0, 11.0]])
    >>> model = NormalNormal(y, se, Flat(), HalfNormal(10))
    >>> hellinger(model, [HalfNormal(10), HalfNormal(5), HalfNormal(20)], model).mu.round(4)
    array([0.    , 0.0541, 0.0676])
    """
    model, reference = model.in_units_of_data(), reference.in_units_of_data()
    if not (np.array_equal(model.y, reference.y) and np.array_equal(model.se, reference.se)):
        raise ValueError("distances are between posteriors of the same data")
    bound = [prior.bound(model.se[0]) for prior in priors]
    _require_proper(model, bound)
    one = model.standardised()
    other = replace(reference, tau=reference.tau.bound(model.se[0])).standardised()
    found = np.empty((3, len(bound)))
    compared = _settled(other)
    for rows in _alike(bound):
        found[:, rows] = _from(compared, one, [bound[at] for at in rows])
    return Distances(*found)


def _require_proper(model: NormalNormal, priors: list[TauPrior]) -> None:
    y = np.broadcast_to(model.y, (len(priors), model.y.shape[-1]))
    proper = replace(model, y=y, tau=Stack(priors)).moment_exists(0)
    if not proper.all():
        model_for(model.y[0], model.se[0], model.mu, priors[int(proper.argmin())])  # says why


def _alike(priors: list[TauPrior]) -> Iterable[list[int]]:
    """Group priors that share nodes, by support and kind of tail, like beside like."""
    groups: dict[tuple[float, float, bool], list[int]] = {}
    for at, prior in enumerate(priors):
        groups.setdefault((*prior.support, prior.log_tails), []).append(at)
    for rows in groups.values():
        yield sorted(rows, key=lambda at: (type(priors[at]).__name__, priors[at].typical))


# posteriors on nodes over tau


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Nodes over tau on a support, shape (n,) each; ``log_width`` of what a node stands for."""

    support: tuple[float, float]
    tau: Array
    log_tau: Array
    log_width: Array

    def __getitem__(self, at: slice) -> Self:
        return type(self)(self.support, self.tau[at], self.log_tau[at], self.log_width[at])

    def log_mass(self, model: NormalNormal, priors: Sequence[TauPrior]) -> Array:
        """Unnormalised log posterior probability of the nodes under each prior, shape (b, n)."""
        stack = replace(model, tau=Stack(priors))
        log_likelihood = model.given(self.tau[None]).log_likelihood
        log_prior = stack.log_prior(self.tau[None], self.log_tau[None])
        total: Array = log_likelihood + log_prior + self.log_width
        return total

    def posterior(self, model: NormalNormal, priors: Sequence[TauPrior]) -> tuple[Array, Array]:
        """Posterior probabilities of the nodes, shape (b, n), and log evidences, shape (b,)."""
        return weighted(self.log_mass(model, priors), np.ones(len(priors)))


@dataclass(frozen=True, slots=True)
class _Compared:
    """The posterior of reference, on nodes of its own."""

    model: NormalNormal
    nodes: _Nodes
    weights: Array
    log_evidence: float


def _nodes(support: tuple[float, float], models: list[NormalNormal], finer: int) -> _Nodes:
    """Return nodes on a support that serve all the models."""
    low, high = (end / float(models[0].unit) for end in support)
    if low == high:
        with np.errstate(divide="ignore"):
            return _Nodes(support, np.array([low]), np.log([low]), np.zeros(1))
    mapping: Map = Interval(low, high)
    if np.isinf(high):
        maps = [
            found for model in models if isinstance(found := map_for(model), HalfLine | LogLine)
        ]
        kind = LogLine if any(isinstance(found, LogLine) for found in maps) else HalfLine
        mapping = kind(min(float(found.log_c) for found in maps))
    ends = np.array([np.ravel(locate(model, mapping)) for model in models])
    first, last = ends[:, 0].min(), ends[:, 1].max()
    steps = max(_FEWEST, 2 * int(np.ceil((last - first) / _STEP / 2)))
    steps = min(steps * finer, MOST_NODES - 1)
    tau, log_tau, log_slope = mapping.tau(np.linspace(first, last, steps + 1))
    return _Nodes(support, tau, log_tau, log_slope + log((last - first) / steps))


def _rough(weights: Array) -> Mask:
    """Whether a rule of double step would give other probabilities, shape (b,)."""
    if weights.shape[-1] == 1:
        return np.zeros(len(weights), dtype=bool)
    rank = 2 * np.cumsum(weights, -1) - weights - 1
    sign = np.where(np.arange(weights.shape[-1]) % 2, -1.0, 1.0)
    error = np.abs(weights @ sign) + np.abs((weights * rank) @ sign)
    return error > TOLERANCE


def _settled(model: NormalNormal) -> _Compared:
    finer = 1
    while True:
        nodes = _nodes(model.tau.support, [model], finer)
        weights, log_evidence = nodes.posterior(model, [model.tau])
        if len(nodes.tau) >= MOST_NODES or not _rough(weights)[0]:
            return _Compared(model, nodes, weights, float(log_evidence[0]))
        finer *= 2


# distances


def _from(compared: _Compared, one: NormalNormal, priors: list[TauPrior], finer: int = 1) -> Array:
    """Distances of mu, tau and theta_new for priors on one support, shape (3, b).

    Those that the nodes are too few for are done again, together, on twice as many.
    """
    other, support = compared.model, priors[0].support
    sides = [replace(one, tau=prior) for prior in _extremes(priors)]
    same = support == other.tau.support
    nodes = _nodes(support, [*sides, other] if same else sides, finer)
    low, high = zip(support, other.tau.support, strict=True)
    overlap = max(low), min(high)
    disjoint = not same and overlap[0] >= overlap[1]
    common = nodes if same or disjoint else _nodes(overlap, [*sides, other], finer)
    q = np.zeros((1, 1)) if disjoint else _of_reference(compared, common)
    found, late = np.ones((3, len(priors))), np.zeros(len(priors), dtype=bool)
    for start in range(0, len(priors), _CHUNK):
        rows = slice(start, start + _CHUNK)
        chosen = priors[rows]
        weights, log_evidence = nodes.posterior(one, chosen)
        late[rows] = _rough(weights)
        if not disjoint:
            p = weights
            if not same:
                p = np.exp(common.log_mass(one, chosen) - log_evidence[:, None])
            found[1, rows], unsure = _of_tau(p, q)
            late[rows] |= unsure
        found[0, rows], found[2, rows] = _of_mixtures(compared, one, nodes, weights)
    if late.any() and len(nodes.tau) < MOST_NODES:
        again = np.flatnonzero(late)
        found[:, again] = _from(compared, one, [priors[at] for at in again], 2 * finer)
    return found


def _of_reference(compared: _Compared, common: _Nodes) -> Array:
    """Posterior probabilities of nodes under the reference, shape (1, n)."""
    model = compared.model
    if common.support == model.tau.support:
        return common.posterior(model, [model.tau])[0]
    return np.exp(common.log_mass(model, [model.tau]) - compared.log_evidence)


def _of_tau(p: Array, q: Array) -> tuple[Array, Mask]:
    """Distances of probabilities of nodes, (b, n) from (1, n), and which are unsure.

    What either posterior has beyond these nodes, which lie where both densities are positive,
    counts in full.
    """
    beyond = 2 - p.sum(-1) - q.sum(-1)
    beyond = np.where(beyond > 1e-12, beyond, 0.0)
    apart = (np.sqrt(p) - np.sqrt(q)) ** 2
    fine = np.sqrt((apart.sum(-1) + beyond) / 2)
    if p.shape[-1] == 1:
        return fine, np.zeros(len(p), dtype=bool)
    coarse = np.sqrt(apart[:, ::2].sum(-1) + beyond / 2)
    return fine, np.abs(fine - coarse) > _TOLERANCE


def _extremes(priors: list[TauPrior]) -> list[TauPrior]:
    """The narrowest, the widest and the heaviest prior of every family."""
    families: dict[type[TauPrior], list[TauPrior]] = {}
    for prior in priors:
        families.setdefault(type(prior), []).append(prior)
    width, tail = attrgetter("typical"), attrgetter("tail_power")
    return [
        extreme
        for family in families.values()
        for extreme in (min(family, key=width), max(family, key=width), min(family, key=tail))
    ]


def _of_mixtures(
    compared: _Compared, one: NormalNormal, nodes: _Nodes, weights: Array
) -> tuple[Array, Array]:
    """Distances of mu and of theta_new, shape (b,) each."""
    p, q = _Side.of(one, nodes, weights), _Side.of(compared.model, compared.nodes, compared.weights)
    return _between(p, q), _between(p.of_new(), q.of_new())


@dataclass(frozen=True, slots=True)
class _Side:
    """Posteriors of b priors, mixtures of the same normals: weights (b, n), the rest (n, c)."""

    weights: Array
    tau: Array
    shares: Array
    means: Array
    sds: Array

    @classmethod
    def of(cls, model: NormalNormal, nodes: _Nodes, weights: Array) -> Self:
        """Return mu, from the nodes that any of the priors gives weight."""
        heavy = np.flatnonzero((weights > 1e-20).any(0))
        kept = slice(heavy[0], heavy[-1] + 1)
        given = model.given(nodes.tau[None, kept])
        normals = given.share, given.mean, np.sqrt(given.variance)
        return cls(weights[:, kept], nodes.tau[kept, None], *(part[0].T for part in normals))

    def of_new(self) -> Self:
        """Return the effect in a new study."""
        return replace(self, sds=np.hypot(self.sds, self.tau))

    def ends(self) -> tuple[float, float]:
        """Where the densities are negligible."""
        reach = 9 * self.sds
        return float((self.means - reach).min()), float((self.means + reach).max())

    def pdf(self, x: Array) -> Array:
        """Densities at x, shape (b, len(x))."""
        bell = np.zeros((len(x), len(self.tau)))
        for share, mean, sd in zip(self.shares.T, self.means.T, self.sds.T, strict=True):
            u = (x[:, None] - mean) / sd
            bell += share / sd * np.exp(-u * u / 2)
        density: Array = self.weights @ bell.T / np.sqrt(2 * np.pi)
        return density


def _between(p: _Side, q: _Side) -> Array:
    """Distances of densities p, (b,), from one density q."""
    centre = float(q.means[q.weights[0].argmax()] @ q.shares[q.weights[0].argmax()])
    smallest = min(float(p.sds.min()), float(q.sds.min()))
    low, high = zip(p.ends(), q.ends(), strict=True)
    first, last = (np.arcsinh((end - centre) / smallest) for end in (min(low), max(high)))
    steps = 2 * int(np.ceil((last - first) / _PACE / 2))
    while True:
        u, step = np.linspace(first, last, steps + 1, retstep=True)
        x = centre + smallest * np.sinh(u)
        apart = (np.sqrt(p.pdf(x)) - np.sqrt(q.pdf(x))) ** 2 * (smallest * np.cosh(u) * step)
        fine: Array = np.sqrt(apart.sum(-1) / 2)
        coarse = np.sqrt(apart[:, ::2].sum(-1))
        if np.abs(fine - coarse).max() <= _TOLERANCE or steps > _MOST_POINTS:
            return fine
        steps *= 2
