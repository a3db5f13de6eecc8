"""Sweeps of the scale of priors on tau: what the figures of sensitivity are drawn from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.appraisal.cells import cases, cells, median_of
from bayesmeta.appraisal.grid import FACTORS
from bayesmeta.arrays import Array
from bayesmeta.priors import TauPrior, scaled

if TYPE_CHECKING:
    from bayesmeta.appraisal.sensitivity import Sensitivity

MULTIPLES: Array = np.geomspace(0.1, 10, 41)
"""Of the scale of the reference prior."""

_BOUNDS = ("ci_low", "median", "ci_high")


@dataclass(frozen=True, slots=True)
class Scales:
    """Posteriors under multiples of priors on tau, and the reference prior on mu.

    Attributes
    ----------
    multiples : ndarray, shape (n,)
    intervals : ndarray, shape (pools, 2, 3, n)
        Lower bound, median and upper bound of mu and of theta_new, the prior on tau being that
        of a multiple of tau under the reference.
    families : mapping of str to TauPrior
        One prior of each family of the grid, that with the median nearest the reference's.
    factors : tuple of float
    benefit : ndarray, shape (pools, families, factors)
        P(benefit) of mu, the prior on tau being that of a factor times tau.
    """

    multiples: Array
    intervals: Array
    families: Mapping[str, TauPrior]
    factors: tuple[float, ...]
    benefit: Array


def scales_of(found: "Sensitivity") -> Scales:
    """Sweep the scale of the reference prior on tau finely, and of one prior a family coarsely."""
    ask, pools = found.fit.ask, found.pools
    families = representatives(found.grid.taus, ask.tau)
    priors = [scaled(ask.tau, float(c)) for c in MULTIPLES]
    priors += [scaled(prior, factor) for prior in families.values() for factor in FACTORS]
    data = cases(found.evidence, pools, leave_one_out=False, alternatives=False)
    numbered = {str(at): prior for at, prior in enumerate(priors)}
    swept = cells(pools, data, {"": ask.mu}, numbered, ask).dataset
    swept = swept.isel(data=0, left_out=0, prior_mu=0).transpose("pool", "quantity", "prior_tau")
    fine, coarse = (
        swept.isel(prior_tau=part) for part in (slice(len(MULTIPLES)), slice(len(MULTIPLES), None))
    )
    bounds = [fine[name].sel(quantity=["mu", "theta_new"]).to_numpy() for name in _BOUNDS]
    benefit = coarse["prob_benefit"].sel(quantity="mu").to_numpy()
    return Scales(
        MULTIPLES,
        np.stack(bounds, 2),
        families,
        FACTORS,
        benefit.reshape(len(pools), len(families), len(FACTORS)),
    )


def representatives(taus: Mapping[str, TauPrior], reference: TauPrior) -> dict[str, TauPrior]:
    """Return the reference, and of every other family the prior with the nearest median.

    The first of a family without medians.

    Examples
    --------
    >>> from bayesmeta.appraisal.grid import Grid
    >>> from bayesmeta.priors import HalfNormal
    >>> grid = Grid.of(tau=["half-cauchy(9)", "half-cauchy(0.6)", "half-normal(5)", "flat"])
    >>> list(representatives(grid.taus, HalfNormal(1)))
    ['half-normal(1)', 'half-cauchy(0.6)', 'flat']
    """
    own = median_of(reference)
    families: dict[type[TauPrior], list[str]] = {}
    for words, prior in taus.items():
        families.setdefault(type(prior), []).append(words)
    families.pop(type(reference), None)
    chosen = [min(words, key=lambda word: _away(taus[word], own)) for words in families.values()]
    return {str(reference): reference} | {word: taus[word] for word in chosen}


def _away(prior: TauPrior, median: float) -> float:
    """How far a median is from another, on the log scale; infinite where one is missing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        away = float(np.abs(np.log(median_of(prior)) - np.log(median)))
    return away if np.isfinite(away) else np.inf
