"""Many pools of different numbers of studies at once: the outcomes of a review."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.engines.exact import (
    BATCH,
    QUANTITIES,
    IntervalKind,
    Quantity,
    Summaries,
    combined,
    settle,
)
from bayesmeta.engines.quadrature import FEWEST_NODES
from bayesmeta.engines.stack import Stack
from bayesmeta.models import NormalNormal
from bayesmeta.priors import TauPrior

_PADDING = 2
"""How many times as large as the smallest pool of a batch the largest may be: tried from 1 to 3 on
pools of 1 to 40 studies, below 2 small batches cost more, above it padding does."""


def fit_pools(
    models: Sequence[NormalNormal],
    level: float = 0.95,
    interval: IntervalKind = "central",
    quantities: tuple[Quantity, ...] = QUANTITIES,
    *,
    modes: bool = True,
    done: Callable[[int], None] = lambda n: None,
) -> list[Summaries]:
    """Return the summaries of many pools, each with its own number of studies and its own priors.

    Each is standardised by itself; those of about the same size, with one prior on mu and one
    family on tau, become one batch, in which a study that is not there has no weight.

    Parameters
    ----------
    models : sequence of NormalNormal
        One pool each, ``y`` of shape (1, k), as `bayesmeta.models.model_for` makes them.
    level, interval, quantities, modes
        As in `bayesmeta.engines.exact.settle`.
    done : callable, optional
        Called with the number of pools that have just been fitted.

    Returns
    -------
    list of Summaries
        Of one model each, in the order of the models.

    Examples
    --------
    >>> from bayesmeta.models import model_for
    >>> from bayesmeta.priors import Flat, HalfNormal
    >>> data = ([0.1, 0.3], [0.2, 0.1]), ([-1.0, 0.5, 0.2], [0.3, 0.2, 0.4])
    >>> models = [model_for(*map(np.array, pool), Flat(), HalfNormal(0.5)) for pool in data]
    >>> [found.of["mu"].median.round(3).item() for found in fit_pools(models)]
    [0.236, -0.079]
    """
    found: dict[int, Summaries] = {}
    for batch in _batches(models):
        many = settle(
            _stacked([models[at] for at in batch]), level, interval, quantities, modes=modes
        )
        for row, at in enumerate(batch):
            found[at] = _one(many, row, models[at].y.shape[-1])
        done(len(batch))
    return [found[at] for at in range(len(models))]


def _batches(models: Sequence[NormalNormal]) -> Iterator[list[int]]:
    """Yield the places of pools that are fitted together."""

    def alike(at: int) -> tuple[str, str]:
        return repr(models[at].mu), type(models[at].tau.plain).__name__

    sizes = [int(model.y.shape[-1]) for model in models]
    order = sorted(range(len(models)), key=lambda at: (alike(at), sizes[at]))
    for _, places in groupby(order, alike):
        batch: list[int] = []
        for at in places:
            work = FEWEST_NODES * len(batch) * sizes[at] * models[at].normals
            if batch and (work >= BATCH or sizes[at] > _PADDING * sizes[batch[0]]):
                yield batch
                batch = []
            batch.append(at)
        yield batch


def _stacked(models: Sequence[NormalNormal]) -> NormalNormal:
    """Return a batch of pools, each standardised; a study that is not there is masked."""
    each = [model.standardised() for model in models]
    sizes = np.array([model.y.shape[-1] for model in each])
    present = np.arange(sizes.max()) < sizes[:, None]

    def padded(parts: list[Array], empty: float) -> Array:
        whole = np.full(present.shape, empty)
        whole[present] = np.concatenate([part[0] for part in parts])
        return whole

    return NormalNormal(
        padded([model.y for model in each], 0.0),
        padded([model.se for model in each], 1.0),
        each[0].mu,
        _together([model.tau for model in each]),
        None if present.all() else present,
        np.concatenate([np.atleast_1d(model.location) for model in each]),
        np.array([float(model.unit) for model in each]),
    )


def _together(priors: list[TauPrior]) -> TauPrior:
    return priors[0] if all(prior == priors[0] for prior in priors) else Stack(priors)


def _one(many: Summaries, row: int, k: int) -> Summaries:
    """Return the summaries of one model of a batch, without the studies that are not there."""

    def own(array: Array) -> Array:
        return array[row : row + 1, ..., :k] if array.ndim > 1 else array[row : row + 1]

    return combined(own, many)
