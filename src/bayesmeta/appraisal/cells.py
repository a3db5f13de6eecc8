"""Every posterior of a sensitivity analysis: a sweep over data and priors, as one Dataset."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.engines.exact import Quantity, Summaries, combined
from bayesmeta.engines.sweep import sweep_grid
from bayesmeta.errors import InputError
from bayesmeta.evidence.study import Evidence, Pool
from bayesmeta.fit.numbers import Ask
from bayesmeta.models import NormalNormal, model_for
from bayesmeta.priors import DataDependent, MuPrior, Scaled, TauPrior

if TYPE_CHECKING:
    import xarray as xr

AS_GIVEN = "as given"
NOBODY = ""
QUANTITIES: tuple[Quantity, ...] = ("mu", "tau", "theta_new", "i2")
DIMS = ("pool", "data", "left_out", "prior_mu", "prior_tau")
MOST_CELLS = 1_000_000

_FIELDS = {"mean": "mean", "sd": "sd", "median": "median", "ci_low": "low", "ci_high": "high"}
_FAR_APART = "the priors and the data are too far apart for double precision"


@dataclass(frozen=True, slots=True)
class Case:
    """The data of one posterior: pool number `at`, with these rows, whole or less a study."""

    at: int
    data: str
    left_out: str
    pool: Pool

    @property
    def estimates(self) -> tuple[Array, Array]:
        """Effect sizes and standard errors of the studies that are not left out."""
        kept = [study != self.left_out for study in self.pool.studies]
        return self.pool.y[kept], self.pool.se[kept]


@dataclass(frozen=True, slots=True)
class Cells:
    """The posteriors that there are, and why others are not.

    Attributes
    ----------
    dataset : Dataset
        Dimensions `DIMS` and ``quantity``; ``nan`` where there is no such posterior.
    refused : mapping of str to int
        The reason of each posterior that cannot be had, and how many have it.
    """

    dataset: "xr.Dataset"
    refused: Mapping[str, int]


def cases(
    evidence: Evidence, pools: Sequence[Pool], *, leave_one_out: bool, alternatives: bool
) -> list[Case]:
    """Return the data of every pool in all their forms.

    An alternative is a form of the pools whose rows it replaces; a pool of one study has nobody
    to leave out.
    """
    found = []
    for at, pool in enumerate(pools):
        forms = {AS_GIVEN: pool}
        for other in evidence.alternatives if alternatives else ():
            form = next(form for form in other.pools if form.key == pool.key)
            if form is not pool:
                forms[other.name] = form
        for data, form in forms.items():
            found.append(Case(at, data, NOBODY, form))
            if leave_one_out and form.k > 1:
                found += [Case(at, data, study, form) for study in form.studies]
    return found


def cells(
    pools: Sequence[Pool],
    data: Sequence[Case],
    mus: Mapping[str, MuPrior],
    taus: Mapping[str, TauPrior],
    ask: Ask,
) -> Cells:
    """Return the posterior of every case under every pair of priors, for the level asked.

    Raises
    ------
    InputError
        When there would be more than `MOST_CELLS`, or none of them exists.
    """
    import xarray as xr

    forms = list(dict.fromkeys(case.data for case in data))
    studies = list(dict.fromkeys(case.left_out for case in data))
    shape = len(pools), len(forms), len(studies), len(mus), len(taus)
    if prod(shape) > MOST_CELLS:
        raise InputError(
            f"the grid has {prod(shape):,} cells: {MOST_CELLS:,} at most are expected; choose one "
            "time (--at), fewer priors, or leave_one_out = false (--grid)"
        )
    values = np.full((len(_FIELDS) + 1, *shape, len(QUANTITIES)), np.nan)
    errors = np.full(shape, np.nan)
    refused: Counter[str] = Counter()
    for case in data:
        row = case.at, forms.index(case.data), studies.index(case.left_out)
        parts, reasons = _swept(*case.estimates, list(mus.values()), list(taus.values()), ask.level)
        refused += reasons
        for m, kept, found in parts:
            fine = np.isfinite(found.numerical_error)
            values[:, *row, m, kept] = np.where(fine[:, None], _stacked(found), np.nan)
            errors[*row, m, kept] = np.where(fine, found.numerical_error, np.nan)
            refused[_FAR_APART] += int((~fine).sum())
    if not np.isfinite(errors).any():
        raise InputError(f"no posterior of the grid can be had: {next(iter(+refused))}")
    dims = (*DIMS, "quantity")
    below = np.where(np.isin(QUANTITIES, ("mu", "theta_new")), values[-1], np.nan)
    benefit = {"lower": below, "higher": 1 - below, None: np.full_like(below, np.nan)}[
        ask.direction
    ]
    variables = {name: (dims, array) for name, array in zip(_FIELDS, values[:-1], strict=True)}
    dataset = xr.Dataset(
        variables
        | {"prob_benefit": (dims, benefit), "prob_below_zero": (dims, below)}
        | {"numerical_error": (DIMS, errors)},
        {
            "pool": [pool.label for pool in pools],
            "outcome": ("pool", [pool.outcome for pool in pools]),
            "time": ("pool", np.array([pool.time for pool in pools], dtype=float)),
            "data": forms,
            "left_out": studies,
            "prior_mu": list(mus),
            "prior_tau": list(taus),
            "family": ("prior_tau", [prior.name for prior in taus.values()]),
            "median_tau": ("prior_tau", [median_of(prior) for prior in taus.values()]),
            "quantity": list(QUANTITIES),
        },
    )
    return Cells(dataset, +refused)


def median_of(prior: TauPrior) -> float:
    """Return the prior median of tau, ``nan`` where there is none before the data are seen."""
    known = prior.proper and not isinstance(prior, (DataDependent, Scaled))
    return float(prior.ppf(0.5)) if known else np.nan


type _Part = tuple[int, list[int], Summaries]
"""A prior on mu, the priors on tau with which it leaves a posterior, and their summaries."""


def _swept(
    y: Array, se: Array, mus: list[MuPrior], taus: list[TauPrior], level: float
) -> tuple[list[_Part], Counter[str]]:
    """Return the posteriors that there are, in one sweep where that is all, and why not others."""
    with suppress(InputError):
        whole = _sweep(y, se, mus, taus, level)
        return [(m, list(range(len(taus))), _under(whole, m)) for m in range(len(mus))], Counter()
    parts: list[_Part] = []
    refused: Counter[str] = Counter()
    for m, mu in enumerate(mus):
        why = [_improper(y, se, mu, tau) for tau in taus]
        refused.update(reason for reason in why if reason is not None)
        if kept := [at for at, reason in enumerate(why) if reason is None]:
            found = _sweep(y, se, [mu], [taus[at] for at in kept], level)
            parts.append((m, kept, _under(found, 0)))
    return parts, refused


def _sweep(
    y: Array, se: Array, mus: list[MuPrior], taus: list[TauPrior], level: float
) -> Summaries:
    with np.errstate(all="ignore"):
        model = NormalNormal(y, se, mus[0], taus[0])
        return sweep_grid(model, mus, taus, level, quantities=QUANTITIES)


def _under(found: Summaries, m: int) -> Summaries:
    """Return the summaries under one of the priors on mu."""
    return combined(lambda array: array[m], found)


def _improper(y: Array, se: Array, mu: MuPrior, tau: TauPrior) -> str | None:
    try:
        model_for(y, se, mu, tau)
    except InputError as error:
        return str(error)
    return None


def _stacked(found: Summaries) -> Array:
    """Return the fields of every quantity, shape (fields, priors, quantities)."""
    names = (*_FIELDS.values(), "below_zero")
    of = [found.of[quantity] for quantity in QUANTITIES]
    return np.stack([np.stack([getattr(one, n) for one in of], -1) for n in names])
