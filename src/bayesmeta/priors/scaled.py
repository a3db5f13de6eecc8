"""Priors on a multiple of tau: what a sweep of the scale maps every family to."""

from dataclasses import dataclass, replace
from math import inf, log
from typing import Any, ClassVar, cast

import numpy as np

from bayesmeta.arrays import ArrayLike
from bayesmeta.errors import InputError
from bayesmeta.priors.alias import Alias
from bayesmeta.priors.base import TauPrior, number, parameters
from bayesmeta.priors.tau_data import DataDependent
from bayesmeta.priors.tau_heavy import (
    HalfCauchy,
    HalfStudentT,
    InverseGamma,
    LogNormal,
    LogStudentT,
    Lomax,
)
from bayesmeta.priors.tau_light import (
    Exponential,
    Gamma,
    HalfLogistic,
    HalfNormal,
    PenalisedComplexity,
    Weibull,
)
from bayesmeta.priors.tau_other import Fixed, FlatTau, SqrtTau, Uniform

_POWERS: dict[type[TauPrior], dict[str, int]] = {
    HalfNormal: {"scale": 1},
    HalfCauchy: {"scale": 1},
    HalfStudentT: {"scale": 1},
    HalfLogistic: {"scale": 1},
    Exponential: {"rate": -1},
    PenalisedComplexity: {"u": 1},
    Lomax: {"scale": 1},
    InverseGamma: {"scale": 2},
    Gamma: {"rate": -1},
    Weibull: {"scale": 1},
    Uniform: {"low": 1, "high": 1},
    Fixed: {"value": 1},
    FlatTau: {},
    SqrtTau: {},
}
"""The power of the factor by which each parameter is multiplied; others stay."""


@dataclass(frozen=True)
class Scaled(Alias):
    """A prior that depends on the standard errors, of ``tau / factor`` in the place of tau.

    Density ``p(tau / factor) / factor``. The standard errors set the unit of such a prior and
    nothing else, so it is the same prior for standard errors ``factor`` times as large.

    Parameters
    ----------
    factor : float
    prior : DataDependent

    Examples
    --------
    >>> from bayesmeta.priors import DuMouchel
    >>> prior = Scaled(2, DuMouchel()).bound([1.0, 1.0])
    >>> print(prior, prior.ppf(0.5))
    2 * dumouchel 2.0
    """

    factor: float
    prior: DataDependent
    name: ClassVar[str] = "scaled"

    def __str__(self) -> str:
        """Return the text form."""
        return f"{number(self.factor)} * {self.prior}"

    @property
    def proper(self) -> bool:  # type: ignore[override]
        return self.prior.proper

    @property
    def plain(self) -> DataDependent:
        return self.prior.bound(self.factor * np.asarray(self.prior.se))

    def bound(self, se: ArrayLike) -> "Scaled":
        return replace(self, prior=self.prior.bound(se))


def scaled(prior: TauPrior, factor: float) -> TauPrior:
    """Return the prior of ``factor * tau`` where tau has the given one.

    Density ``p(tau / factor) / factor``. Families with a parameter that scales stay themselves,
    log-normal and log-Student-t shift, empirical priors become the family they are, and `flat`
    and `sqrt` are the same up to a constant; a prior that depends on the data is `Scaled`.

    Parameters
    ----------
    prior : TauPrior
    factor : float
        Positive.

    Examples
    --------
    >>> from bayesmeta.priors import Exponential, HalfNormal, Jeffreys
    >>> print(scaled(HalfNormal(0.5), 3), scaled(Exponential(2), 4), scaled(Jeffreys(), 2))
    half-normal(1.5) exponential(0.5) 2 * jeffreys
    """
    if not 0 < factor < inf:
        raise InputError(f"a factor of {prior} is {factor:g}: it must be positive and finite")
    if factor == 1:
        return prior
    if isinstance(prior, Scaled):
        return scaled(prior.prior, factor * prior.factor)
    if isinstance(prior, DataDependent):
        return Scaled(factor, prior)
    plain = prior.plain
    if isinstance(plain, (LogNormal, LogStudentT)):
        return replace(plain, mean=plain.mean + log(factor))
    family: Any = type(prior)
    powers = _POWERS[family]
    return cast(
        TauPrior,
        family(*(getattr(prior, p) * factor ** powers.get(p, 0) for p in parameters(family))),
    )
