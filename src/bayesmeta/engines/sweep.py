"""Many priors on tau, one set of data: the likelihood is computed once, the priors reweight it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, ClassVar

import numpy as np

from bayesmeta.arrays import Array, ArrayLike, Mask
from bayesmeta.engines.exact import (
    TOLERANCE,
    IntervalKind,
    Posterior,
    Quantity,
    Summaries,
    combined,
    joined,
    put,
    settle,
)
from bayesmeta.engines.quadrature import (
    MOST_NODES,
    NATS,
    HalfLine,
    Nodes,
    highest_moment,
    locate,
    map_for,
    weighted,
)
from bayesmeta.models import Given, NormalNormal, model_for
from bayesmeta.priors import TauPrior

_STEP = 0.045
"""Of all nodes, in v; that of the mixtures is twice as long, which leaves 1e-10 (DESIGN.md)."""

_CHUNK = 256


@dataclass(frozen=True, eq=False)
class Stack(TauPrior):
    """One prior for each of a batch of models."""

    priors: Sequence[TauPrior]
    name: ClassVar[str] = "stack"

    def __getitem__(self, rows: Any) -> "Stack":
        """Return the priors of some of the models."""
        return Stack([self.priors[int(at)] for at in np.arange(len(self.priors))[rows]])

    @property
    def tail_power(self) -> Array:  # type: ignore[override]
        """Shape (b,)."""
        return np.array([prior.tail_power for prior in self.priors])

    @property
    def support(self) -> tuple[Array, Array]:  # type: ignore[override]
        """Both ends, shape (b, 1) each."""
        low, high = np.array([prior.support for prior in self.priors]).T
        return low[:, None], high[:, None]

    @property
    def log_tails(self) -> Mask:  # type: ignore[override]
        """Shape (b,)."""
        return np.array([prior.log_tails for prior in self.priors])

    @property
    def boundary_moments(self) -> Mask:  # type: ignore[override]
        """Shape (b,)."""
        return np.array([prior.boundary_moments for prior in self.priors])

    @property
    def typical(self) -> Array:  # type: ignore[override]
        """Shape (b, 1)."""
        return np.array([[prior.typical] for prior in self.priors])

    @property
    def farthest(self) -> Array:  # type: ignore[override]
        """Shape (b, 1)."""
        return np.array([[prior.farthest] for prior in self.priors])

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        """Return the log density of each prior on its own row, or of all on one row."""
        shared = len(tau) == 1
        rows = (0 if shared else at for at in range(len(self.priors)))
        return np.stack(
            [
                prior.log_density(tau[at], log_tau[at])
                for prior, at in zip(self.priors, rows, strict=True)
            ]
        )

    def cdf(self, x: ArrayLike) -> Array:
        """Return P(tau <= x) under each prior, shape (b, *x.shape)."""
        return np.stack([prior.cdf(x) for prior in self.priors])

    def ppf(self, p: ArrayLike) -> Array:
        """Return the quantiles of each prior, shape (b, *p.shape)."""
        return np.stack([prior.ppf(p) for prior in self.priors])


def sweep(
    model: NormalNormal,
    priors: Sequence[TauPrior],
    level: float = 0.95,
    interval: IntervalKind = "central",
    quantities: tuple[Quantity, ...] = ("mu", "theta_new", "tau"),
) -> Summaries:
    """Return the summaries of one model under each of many priors on tau.

    Priors on the half line share nodes: c for the narrowest, a range that serves the extreme
    priors of every family, a step that serves all. A prior whose error on them is above 1e-10
    gets nodes of its own, as do those on an interval; all of them together.

    Parameters
    ----------
    model : NormalNormal
        ``y`` of shape (k,); its own prior on tau is not used.
    priors : sequence of TauPrior
        T of them.

    Returns
    -------
    Summaries
        Of shape (T,). Modes are not computed: they are ``nan``.

    Raises
    ------
    InputError
        When a posterior is improper.

    Examples
    --------
    >>> from bayesmeta.priors import Flat, HalfNormal
    >>> schools = NormalNormal(
    ...     np.array([28.0, 8.0, -3.0]), np.array([15.0, 10.0, 16.0]), Flat(), HalfNormal(1)
    ... )
    >>> sweep(schools, [HalfNormal(5), HalfNormal(10)]).of["mu"].median.round(3)
    array([10.589, 10.67 ])
    """
    ask = (level, interval, quantities)
    one = replace(model, y=model.y[None], se=model.se[None])
    priors = [prior.bound(model.se) for prior in priors]
    proper = _repeated(one, Stack(priors)).moment_exists(0)
    if not proper.all():
        model_for(model.y, model.se, model.mu, priors[int(proper.argmin())])  # says why it is not
    kinds = [_kind(prior) for prior in priors]
    parts: list[tuple[list[int], Summaries]] = []
    for kind in sorted(set(kinds)):
        rows = sorted((at for at in range(len(priors)) if kinds[at] == kind), key=_order(priors))
        chosen = [priors[at] for at in rows]
        shared = _shared_nodes(one, chosen) if kind == "half line" else None
        size = max(1, _CHUNK // one.normals)
        for start in range(0, len(rows), size):
            stack = Stack(chosen[start : start + size])
            parts.append((rows[start : start + size], _chunk(one, stack, shared, ask)))
    order = np.argsort(np.concatenate([rows for rows, _ in parts]))
    whole = joined([found for _, found in parts])
    return combined(lambda array: array[order], whole)


def _order(priors: Sequence[TauPrior]) -> Callable[[int], tuple[str, float]]:
    """Alike beside alike: by family, then by width."""
    return lambda at: (type(priors[at]).__name__, priors[at].typical)


def _kind(prior: TauPrior) -> str:
    low, high = prior.support
    if prior.log_tails:
        return "log line"
    return "point" if low == high else "half line" if np.isinf(high) else "interval"


def _chunk(
    one: NormalNormal,
    stack: Stack,
    shared: Nodes | None,
    ask: tuple[float, IntervalKind, tuple[Quantity, ...]],
) -> Summaries:
    many = _repeated(one, stack)
    if shared is None:
        return settle(many.standardised(), *ask, modes=False)
    standard = many.standardised()
    fine = _reweighted(standard, shared)
    found = Posterior(standard, fine, fine.halved()).summarise(*ask, modes=False)
    late: Mask = found.numerical_error > TOLERANCE
    if late.any():
        finer = settle(standard[late], *ask, modes=False)
        found = combined(lambda array, better: put(array, late, better), found, finer)
    return found


def _shared_nodes(one: NormalNormal, priors: list[TauPrior]) -> Nodes:
    """Nodes that serve all priors, with the likelihood on them: arrays of one row."""
    extremes = Stack(_extremes(priors))
    model = _repeated(one, extremes).standardised()
    mapping = map_for(model)
    assert isinstance(mapping, HalfLine)
    narrowest = HalfLine(float(np.min(mapping.log_c)))
    low, high = locate(model, narrowest)
    first, last = low.min(), high.max()
    count = int(np.clip(np.ceil((last - first) / _STEP / 2), 32, (MOST_NODES - 1) / 2)) * 2 + 1
    step = np.array([(last - first) / (count - 1)])
    v = first + step[:, None] * np.arange(count)
    tau, log_tau, log_slope = narrowest.tau(v)
    given = one.standardised().given(tau)
    return Nodes(narrowest, v, tau, log_tau, log_slope, np.empty_like(v), step, step * 0, given)


def _extremes(priors: list[TauPrior]) -> list[TauPrior]:
    """The narrowest and the widest prior of every family."""
    families: dict[type[TauPrior], list[TauPrior]] = {}
    for prior in priors:
        families.setdefault(type(prior), []).append(prior)
    found = []
    for family in families.values():
        widths, tails = attrgetter("typical"), attrgetter("tail_power")
        found += [min(family, key=widths), max(family, key=widths), min(family, key=tails)]
    return found


def _repeated(one: NormalNormal, stack: Stack) -> NormalNormal:
    shape = len(stack.priors), one.y.shape[-1]
    y, se = np.broadcast_to(one.y, shape), np.broadcast_to(one.se, shape)
    return replace(one, y=y, se=se, tau=stack)


def _reweighted(model: NormalNormal, shared: Nodes) -> Nodes:
    """The shared nodes that matter under the priors of the model, reweighted.

    Views of the shared arrays but for what the priors change. Priors next to each other are
    alike, so the nodes that none of them gives weight, even times tau^2, are left out.
    """
    log_prior = model.log_prior(shared.tau, shared.log_tau)
    log_f = shared.given.log_likelihood + log_prior + shared.log_posterior
    heavy = log_f > log_f.max(-1, keepdims=True) - NATS
    log_moment = log_f + highest_moment(model)[:, None] * shared.log_tau
    heavy |= log_moment > log_moment.max(-1, keepdims=True) - NATS
    needed = np.flatnonzero(heavy.any(0))
    first = max(needed[0] - 1, 0)
    last = min(needed[-1] + 1, len(heavy[0]) - 1)
    kept = np.s_[..., first : last + 1 + (last - first) % 2]
    size = len(model.y)

    def rows(array: Array) -> Array:
        return np.broadcast_to(array, (size, *array.shape[1:]))

    weights, log_evidence = weighted(log_f[kept], rows(shared.step))
    given = shared.given.at(kept)
    return Nodes(
        shared.map,
        rows(shared.v[kept]),
        rows(shared.tau[kept]),
        rows(shared.log_tau[kept]),
        shared.given.log_likelihood[kept] + log_prior[..., kept[-1]],
        weights,
        rows(shared.step),
        log_evidence,
        Given(*(rows(getattr(given, name)) for name in Given.__slots__)),
    ).trimmed(model)
