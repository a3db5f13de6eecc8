"""Many priors, one set of data: likelihoods are computed once, priors on tau reweight nodes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bayesmeta.arrays import Mask
from bayesmeta.engines.exact import (
    TOLERANCE,
    IntervalKind,
    Quantity,
    Summaries,
    combined,
    joined,
    put,
    settle,
)
from bayesmeta.engines.lattice import Lattice
from bayesmeta.engines.panels import Places
from bayesmeta.engines.pieces import Cuts
from bayesmeta.engines.quadrature import FEWEST_NODES
from bayesmeta.engines.stack import Stack
from bayesmeta.errors import InputError
from bayesmeta.models import NormalNormal, model_for
from bayesmeta.priors import MuPrior, TauPrior

type Ask = tuple[float, IntervalKind, tuple[Quantity, ...]]

_SHARED: dict[str, tuple[type[Lattice] | type[Cuts], float]] = {
    "half line": (Lattice, 0.07),
    "interval": (Cuts, 0.4),
}
"""Where nodes can be shared, and how far apart they, or pieces of them, are at most in v."""

_NO_ERROR = 1e-13
"""Of probabilities; quantiles magnify it."""

_BATCH = 1 << 18
"""Priors times nodes times studies times components of mu worked on at once where every prior has
nodes of its own."""


def sweep(
    model: NormalNormal,
    priors: Sequence[TauPrior],
    level: float = 0.95,
    interval: IntervalKind = "central",
    quantities: tuple[Quantity, ...] = ("mu", "theta_new", "tau"),
) -> Summaries:
    """Return the summaries of one model under each of many priors on tau.

    As `sweep_grid`, with the model's own prior on mu alone.

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
    grid = sweep_grid(model, [model.mu], priors, level, interval, quantities)
    return combined(lambda array: array[0], grid)


def sweep_grid(
    model: NormalNormal,
    mus: Sequence[MuPrior],
    taus: Sequence[TauPrior],
    level: float = 0.95,
    interval: IntervalKind = "central",
    quantities: tuple[Quantity, ...] = ("mu", "theta_new", "tau"),
) -> Summaries:
    """Return the summaries of one model under each prior on mu with each prior on tau.

    Priors on the half line share nodes: c for the narrowest, a range for every family that
    serves its extreme priors, a step that serves them all; those on an interval share pieces of
    it, cut where each prior ends. Priors whose error on them is above 1e-10 share finer ones. A
    fixed tau, tails like a power of log tau, and all priors where the interval is to be the
    shortest, get a rule each, in batches.

    Parameters
    ----------
    model : NormalNormal
        ``y`` of shape (k,); its own priors are not used.
    mus : sequence of MuPrior
        M of them.
    taus : sequence of TauPrior
        T of them.

    Returns
    -------
    Summaries
        Of shape (M, T). Modes are not computed: they are ``nan``.

    Raises
    ------
    InputError
        When there is no prior, or a posterior is improper.

    Examples
    --------
    >>> from bayesmeta.priors import Flat, HalfNormal, Normal
    >>> schools = NormalNormal(
    ...     np.array([28.0, 8.0, -3.0]), np.array([15.0, 10.0, 16.0]), Flat(), HalfNormal(1)
    ... )
    >>> found = sweep_grid(schools, [Flat(), Normal(0, 10)], [HalfNormal(5), HalfNormal(10)])
    >>> found.of["mu"].median.round(3)
    array([[10.589, 10.67 ],
           [ 6.53 ,  6.109]])
    """
    if not (len(mus) and len(taus)):
        raise InputError("a sweep without priors: give one on mu and one on tau at least")
    ask = (level, interval, quantities)
    models = [replace(model, y=model.y[None], se=model.se[None], mu=mu) for mu in mus]
    taus = [tau.bound(model.se) for tau in taus]
    stack = Stack(taus)
    for one in models:
        proper = replace(one, tau=stack).moment_exists(0)
        if not proper.all():
            model_for(model.y, model.se, one.mu, taus[int(proper.argmin())])  # says why it is not
    kinds = _kinds(stack)
    alike = np.argsort([type(tau).__name__ for tau in taus], kind="stable")
    parts = []
    for kind in np.unique(kinds):
        rows = alike[kinds[alike] == kind]
        some = stack[rows]
        if kind in _SHARED and interval == "central":
            parts.append((rows, _together(models, some, ask, *_SHARED[kind])))
        else:
            parts.append((rows, _alone(models, some, ask)))
    return combined(lambda *arrays: np.stack(arrays), *_in_order(parts))


def _kinds(stack: Stack) -> NDArray[np.str_]:
    low, high = (end[:, 0] for end in stack.support)
    cases = [stack.log_tails, low == high, np.isinf(high)]
    return np.select(cases, ["log line", "point", "half line"], "interval")


def _alone(models: list[NormalNormal], stack: Stack, ask: Ask) -> list[Summaries]:
    """Summaries for each prior on mu, every prior on tau with nodes of its own."""
    count, k = len(stack.priors), models[0].y.shape[-1]
    found = []
    for one in models:
        size = max(1, _BATCH // (FEWEST_NODES * k * one.normals))
        y, se = (np.broadcast_to(values, (count, k)) for values in (one.y, one.se))
        many = replace(one, y=y, se=se, tau=stack).standardised()
        parts = [slice(start, start + size) for start in range(0, count, size)]
        found.append(joined([settle(many[part], *ask, modes=False) for part in parts]))
    return found


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def _together(
    models: list[NormalNormal],
    stack: Stack,
    ask: Ask,
    kind: type[Lattice] | type[Cuts],
    coarsest: float,
) -> list[Summaries]:
    """Summaries for each prior on mu, the priors on tau on shared nodes.

    What does not fit the nodes may give anything there, but its error shows: it is done again.
    """
    shared = _close_enough([one.standardised() for one in models], stack, kind, coarsest)
    parts = []
    for rows, at in shared.chunks(stack):
        some = stack[rows]
        if at is None:
            parts.append((rows, _alone(models, some, ask)))
            continue
        found = []
        for one, posterior in zip(models, shared.posteriors(some, at), strict=True):
            summaries = posterior.summarise(*ask, modes=False)
            late: Mask = ~(summaries.numerical_error <= TOLERANCE)
            if late.any():
                better = _together([one], some[late], ask, kind, shared.step / 2)[0]
                summaries = combined(lambda x, y, at=late: put(x, at, y), summaries, better)
            found.append(summaries)
        parts.append((rows, found))
    return _in_order(parts)


def _close_enough(
    models: list[NormalNormal], stack: Stack, kind: type[Lattice] | type[Cuts], coarsest: float
) -> Lattice | Cuts:
    """Nodes as close as it takes for the extreme priors to have no error, within reason."""
    step, span = coarsest, kind.span(models, stack)
    while True:
        shared = kind.of(models, span, step)
        extremes = shared.posteriors(stack[stack.extremes], shared.everywhere())
        error = max(posterior.rough_error().max() for posterior in extremes)
        if error < _NO_ERROR or step <= 0.3 * coarsest:
            return shared
        # The error falls like exp(-c / step).
        step *= float(np.fmin(np.fmax(np.log(error) / np.log(_NO_ERROR), 0.5), 0.9))


def _in_order(parts: list[tuple[Places, list[Summaries]]]) -> list[Summaries]:
    """Join the summaries of some rows each, by prior on mu."""
    order = np.argsort(np.concatenate([rows for rows, _ in parts]))
    by_mu = zip(*(found for _, found in parts), strict=True)
    return [combined(lambda array: array[order], joined(list(found))) for found in by_mu]
