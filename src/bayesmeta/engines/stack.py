"""Many priors on tau as one, which answers for all of them at once."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import groupby
from typing import Any, ClassVar

import numpy as np

from bayesmeta.arrays import Array, ArrayLike, Mask
from bayesmeta.engines.panels import Places
from bayesmeta.priors import TauPrior
from bayesmeta.priors.base import parameters


@dataclass(frozen=True, eq=False)
class Stack(TauPrior):
    """One prior for each of a batch of models of the same data."""

    priors: Sequence[TauPrior]
    name: ClassVar[str] = "stack"

    def __getitem__(self, rows: Any) -> "Stack":
        """Return the priors of some of the models."""
        return Stack([self.priors[int(at)] for at in np.arange(len(self.priors))[rows]])

    @cached_property
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

    @cached_property
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

    @cached_property
    def families(self) -> list[tuple[slice, TauPrior]]:
        """Runs of priors of one family, each as one prior with columns for parameters."""
        found, start = [], 0
        for _, run in groupby((prior.plain for prior in self.priors), key=_family):
            alike = list(run)
            found.append((slice(start, start + len(alike)), _columns(alike)))
            start += len(alike)
        return found

    @property
    def extremes(self) -> Places:
        """Of every family, the priors with the least and the most of each parameter.

        Where several parameters vary, of the typical value too.
        """
        found = []
        for rows, family in self.families:
            columns = [getattr(family, name)[:, 0] for name in parameters(type(family))]
            if sum(np.ptp(column) > 0 for column in columns) > 1:
                columns.append(np.array([prior.typical for prior in self.priors[rows]]))
            found.append(rows.start)
            found += [rows.start + end for of in columns for end in (of.argmin(), of.argmax())]
        return np.unique(found)

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        """Return the log density of each prior on its own row, or of all on one row."""
        found = np.empty((len(self.priors), tau.shape[-1]), dtype=tau.dtype)
        for rows, family in self.families:
            own = slice(None) if len(tau) == 1 else rows
            found[rows] = family.log_density(tau[own], log_tau[own])
        return found

    def cdf(self, x: ArrayLike) -> Array:
        """Return P(tau <= x) under each prior, shape (b, *x.shape)."""
        return np.stack([prior.cdf(x) for prior in self.priors])

    def ppf(self, p: ArrayLike) -> Array:
        """Return the quantiles of each prior, shape (b, *p.shape)."""
        return np.stack([prior.ppf(p) for prior in self.priors])


def _family(prior: TauPrior) -> tuple[Any, ...]:
    """What priors that differ in their parameters alone have in common."""
    own: Any = prior
    names = [field.name for field in fields(own)]
    bound = (getattr(own, name) for name in names if name not in parameters(type(prior)))
    return type(prior), *bound


def _columns(priors: list[TauPrior]) -> TauPrior:
    """Return priors of one family as one whose parameters have shape (b, 1).

    Each has been checked when it was made.
    """
    whole = copy(priors[0])
    for name in parameters(type(whole)):
        object.__setattr__(whole, name, np.array([[getattr(prior, name)] for prior in priors]))
    return whole
