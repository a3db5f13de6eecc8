"""Which priors, which data: the grid of a sensitivity analysis."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any, cast

import numpy as np

from bayesmeta.errors import InputError
from bayesmeta.evidence.study import Evidence
from bayesmeta.models import default_tau
from bayesmeta.priors import (
    DataDependent,
    Exponential,
    Flat,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    LogNormal,
    MuPrior,
    Normal,
    Rhodes,
    RhoPrior,
    Scaled,
    TauPrior,
    Turner,
    Uniform,
    known_unit_information_sd,
    mu_prior,
    rho_prior,
    scaled,
    tau_prior,
    unit_information_sd,
)
from bayesmeta.priors.base import parameters
from bayesmeta.priors.unit_information import UNIT_INFORMATION_SD

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Of the scale."""

FAMILIES = (
    HalfNormal(1),
    HalfCauchy(1),
    HalfStudentT(4, 1),
    Exponential(1),
    LogNormal(0, 0.87),  # the spread of tau in the general setting of Turner et al. (2015)
    Uniform(0, 1),
)


RHOS = ("uniform(0, 1)", "beta(1, 2)", "beta(2, 1)")
"""Any correlation alike, more of it near 0, more of it near 1."""

WITHIN_CORRELATIONS = ("0", "0.3", "0.6", "0.9")


@dataclass(frozen=True, slots=True)
class Grid:
    """Priors by the words they were asked for with, and what else is varied.

    Attributes
    ----------
    taus, mus : mapping of str to prior
        Empty where only the analysis's own prior is meant.
    leave_one_out : bool
        Whether each study is left out in turn.
    alternatives : bool
        Whether the other sets of rows that the analysis has are used in turn.
    rhos, within_correlations : mapping of str to prior
        Of the joint model of all times, where the analysis has one.
    """

    taus: Mapping[str, TauPrior]
    mus: Mapping[str, MuPrior]
    leave_one_out: bool = False
    alternatives: bool = False
    rhos: Mapping[str, RhoPrior] = field(default_factory=dict)
    within_correlations: Mapping[str, RhoPrior] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        tau: Iterable[TauPrior | str] = (),
        mu: Iterable[MuPrior | str] = (),
        *,
        leave_one_out: bool = False,
        alternatives: bool = False,
        rho: Iterable[RhoPrior | str] = (),
        within_correlation: Iterable[RhoPrior | str] = (),
    ) -> "Grid":
        """Make a grid of priors and of their text forms.

        Examples
        --------
        >>> grid = Grid.of(tau=["half-normal(0.50)", HalfCauchy(1)], mu=["normal(0, 4)"])
        >>> list(grid.taus), list(grid.mus)
        (['half-normal(0.50)', 'half-cauchy(1)'], ['normal(0, 4)'])
        """
        taus = {str(p).strip(): tau_prior(p) if isinstance(p, str) else p for p in tau}
        mus = {str(p).strip(): mu_prior(p) if isinstance(p, str) else p for p in mu}
        rhos, withins = (
            {str(p).strip(): rho_prior(p) if isinstance(p, str) else p for p in priors}
            for priors in (rho, within_correlation)
        )
        return cls(taus, mus, leave_one_out, alternatives, rhos, withins)


def default_grid(evidence: Evidence, mu: MuPrior, tau: TauPrior) -> Grid:
    """Return the grid of those who name none, around the priors of the analysis.

    On tau six families whose medians are 1, 1/4, 1/2, 2 and 4 times that of the analysis's own
    prior (times the median standard error where that has none), and the empirical prior of the
    measure where there is one. On mu its own, flat, a unit-information prior (as much as one
    patient says) and a sceptical one, which puts 95 % on effects of half a standard deviation
    at most (of 0.5 on the log scale for ratios): the scale of the default prior on tau. On the
    correlations over time of a joint model beta priors, and fixed values within studies.

    References
    ----------
    Spiegelhalter, Abrams and Myles (2004), section 5.5, for sceptical priors; Roever et al.
    (2021), Research Synthesis Methods 12:448, for the unit information standard deviation.

    Examples
    --------
    >>> from bayesmeta.evidence import bundled_project, evidence_from_analysis
    >>> home = bundled_project()
    >>> evidence = evidence_from_analysis(home.find("adverse_events"), home.root)
    >>> grid = default_grid(evidence, Flat(), HalfNormal(0.5))
    >>> list(grid.mus), len(grid.taus), list(grid.taus)[:2]
    (['flat', 'normal(0, 4)', 'normal(0, 0.255)'], 31, ['half-normal(0.125)', 'half-normal(0.25)'])
    """
    median = _median(evidence, tau)
    others = [unit for unit in FAMILIES if type(unit) is not type(tau)]
    on_tau = [
        tau if factor == 1 and family is tau else rounded(scaled(family, factor * unit), 3)
        for family, unit in [(tau, 1.0), *((f, median / f.typical) for f in others)]
        for factor in FACTORS
    ]
    empirical = [prior() for prior in (Turner, Rhodes) if evidence.measure.name in prior.measures]
    return Grid.of(
        [*on_tau, *empirical],
        [mu, Flat(), *_on_mu(evidence)],
        leave_one_out=True,
        alternatives=True,
        rho=RHOS if evidence.joint else (),
        within_correlation=WITHIN_CORRELATIONS if evidence.joint else (),
    )


def rounded(prior: TauPrior, digits: int) -> TauPrior:
    """Return the prior with that many digits in each parameter, where they are numbers."""
    family: Any = type(prior)
    values = [getattr(prior, name) for name in parameters(family)]
    if not values or not all(isinstance(value, (int, float)) for value in values):
        return prior
    return cast(TauPrior, family(*(float(f"{value:.{digits}g}") for value in values)))


def _median(evidence: Evidence, tau: TauPrior) -> float:
    if tau.proper and not isinstance(tau, (DataDependent, Scaled)):
        median = float(tau.ppf(0.5))
        if 0 < median < inf:
            return median
    return float(np.median(np.concatenate([pool.se for pool in evidence.pools])))


def _on_mu(evidence: Evidence) -> Iterator[MuPrior]:
    """Yield the unit-information and the sceptical prior, where the measure or the table has it."""
    with suppress(InputError):
        yield Normal(0, _three(_unit_information(evidence)))
    with suppress(InputError):
        yield Normal(0, _three(default_tau(evidence).scale / 1.96))


def _unit_information(evidence: Evidence) -> float:
    sizes = [pool.n for pool in evidence.pools if pool.n is not None]
    if evidence.measure.name in UNIT_INFORMATION_SD or len(sizes) < len(evidence.pools):
        return known_unit_information_sd(evidence.measure.name)
    errors = np.concatenate([pool.se for pool in evidence.pools])
    return unit_information_sd(np.concatenate(sizes), errors)


def _three(x: float) -> float:
    return float(f"{x:.3g}")
