"""Families of priors on the pooled effect mu."""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from bayesmeta.errors import InputError
from bayesmeta.priors.base import Prior, require_positive


class MuPrior(Prior):
    """A prior on the pooled effect: normal, or flat as the limit of precision 0.

    Attributes
    ----------
    location, precision : float
        Of the normal density that multiplies the likelihood.
    """

    __slots__ = ()

    @property
    def location(self) -> float:
        """Mean of the normal density, 0 where it is flat."""
        return 0.0

    @property
    def precision(self) -> float:
        """One over the variance of the normal density, 0 where it is flat."""
        return 0.0


@dataclass(frozen=True)
class Normal(MuPrior):
    """Normal prior on the pooled effect, on the analysis scale (log for OR, RR, ROM).

    Parameters
    ----------
    mean, sd : float
        In the units of the effect size.

    Examples
    --------
    >>> print(Normal(0, 2.5), Normal(0, 2.5).precision)
    normal(0, 2.5) 0.16
    """

    mean: float
    sd: float
    name: ClassVar[str] = "normal"

    def __post_init__(self) -> None:
        require_positive(self, sd=self.sd)
        if not isfinite(self.mean):
            raise InputError(f"mean of {self} must be finite")

    @property
    def location(self) -> float:
        return self.mean

    @property
    def precision(self) -> float:
        return self.sd**-2


@dataclass(frozen=True)
class Flat(MuPrior):
    """The improper uniform prior on the pooled effect.

    Examples
    --------
    >>> print(Flat())
    flat
    """

    name: ClassVar[str] = "flat"
    proper: ClassVar[bool] = False
