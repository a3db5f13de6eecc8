"""Priors on tau between two bounds, at one point, and without a finite integral."""

from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.errors import InputError
from bayesmeta.priors.base import TauPrior


@dataclass(frozen=True)
class Uniform(TauPrior):
    """Uniform prior on a standard deviation between two bounds.

    Parameters
    ----------
    low, high : float
        ``0 <= low < high``, in the units of the effect size.

    Examples
    --------
    >>> print(Uniform(0, 4), Uniform(0, 4).cdf(1))
    uniform(0, 4) 0.25
    """

    low: float
    high: float
    name: ClassVar[str] = "uniform"

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high < inf:
            raise InputError(
                f"the bounds of {self} must satisfy 0 <= low < high: tau is a standard deviation"
            )

    @property
    def support(self) -> tuple[float, float]:
        return (self.low, self.high)

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        log_density: Array = 0 * tau - np.log(self.high - self.low)
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        return np.clip((np.asarray(x, dtype=float) - self.low) / (self.high - self.low), 0, 1)

    def ppf(self, p: ArrayLike) -> Array:
        return self.low + (self.high - self.low) * np.asarray(p, dtype=float)


@dataclass(frozen=True)
class Fixed(TauPrior):
    """All prior mass on one value of tau; ``fixed(0)`` is the common-effect model.

    Parameters
    ----------
    value : float
        Zero or more, in the units of the effect size.

    Examples
    --------
    >>> print(Fixed(0), Fixed(0).ppf(0.3))
    fixed(0) 0.0
    """

    value: float
    name: ClassVar[str] = "fixed"

    def __post_init__(self) -> None:
        if not 0 <= self.value < inf:
            raise InputError(f"the value of {self} must be zero or more, and finite")

    @property
    def support(self) -> tuple[float, float]:
        return (self.value, self.value)

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        return 0 * tau

    def cdf(self, x: ArrayLike) -> Array:
        return np.where(np.asarray(x, dtype=float) >= self.value, 1.0, 0.0)

    def ppf(self, p: ArrayLike) -> Array:
        return np.full_like(np.asarray(p, dtype=float), self.value)


@dataclass(frozen=True)
class _Improper(TauPrior):
    """A density without a finite integral, given up to a constant."""

    proper: ClassVar[bool] = False

    @property
    def typical(self) -> float:
        """None: the data alone set the scale."""
        return inf

    @property
    def farthest(self) -> float:
        """None: the data alone end the range."""
        return 0.0

    def cdf(self, x: ArrayLike) -> Array:
        raise InputError(f"{self} on tau is improper: it has no distribution function")

    def ppf(self, p: ArrayLike) -> Array:
        raise InputError(f"{self} on tau is improper: it has no quantiles and no draws")


@dataclass(frozen=True)
class FlatTau(_Improper):
    """The improper uniform prior on a standard deviation: density 1 on ``x >= 0``.

    The posterior needs three studies, two under a normal prior on mu.

    References
    ----------
    Gelman (2006), Bayesian Analysis 1:515.

    Examples
    --------
    >>> print(FlatTau(), FlatTau().proper)
    flat False
    """

    name: ClassVar[str] = "flat"

    @property
    def tail_power(self) -> float:
        return 0.0

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        return 0 * tau


@dataclass(frozen=True)
class SqrtTau(_Improper):
    """The improper uniform prior on the square root of tau: density ``x^(-1/2)`` on ``x > 0``.

    The posterior needs two studies, one under a normal prior on mu.

    References
    ----------
    Roever (2020), J Stat Softw 93(6), section 2.

    Examples
    --------
    >>> print(SqrtTau(), SqrtTau().pdf(4.0))
    sqrt 0.5
    """

    name: ClassVar[str] = "sqrt"

    @property
    def tail_power(self) -> float:
        return 0.5

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        return -log_tau / 2
