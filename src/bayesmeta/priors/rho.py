"""Priors on a correlation: between studies over time, or of the errors within a study."""

from abc import abstractmethod
from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np
from scipy import special

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.errors import InputError
from bayesmeta.priors.base import Prior, require_positive


class RhoPrior(Prior):
    """A prior on a correlation."""

    __slots__ = ()

    @property
    @abstractmethod
    def support(self) -> tuple[float, float]:
        """Where the density is positive."""

    @property
    def powers(self) -> tuple[float, float]:
        """The powers of the distance to either end by which the density starts there."""
        return (0.0, 0.0)

    @abstractmethod
    def log_density(self, rho: Array) -> Array:
        """Log density at ``rho`` inside the support."""

    @abstractmethod
    def cdf(self, x: ArrayLike) -> Array:
        """P(rho <= x)."""

    @abstractmethod
    def ppf(self, p: ArrayLike) -> Array:
        """Quantile function, the inverse of `cdf`."""

    def rvs(self, size: int | tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw independent values by inversion."""
        return self.ppf(rng.random(size))


@dataclass(frozen=True)
class RhoUniform(RhoPrior):
    """Uniform prior on a correlation between two bounds.

    Parameters
    ----------
    low, high : float
        ``-1 <= low < high <= 1``.

    Examples
    --------
    >>> print(RhoUniform(0, 0.95), RhoUniform(-1, 1).cdf(0.5))
    uniform(0, 0.95) 0.75
    """

    low: float
    high: float
    name: ClassVar[str] = "uniform"

    def __post_init__(self) -> None:
        if not -1 <= self.low < self.high <= 1:
            raise InputError(
                f"the bounds of {self} must satisfy -1 <= low < high <= 1: rho is a correlation"
            )

    @property
    def support(self) -> tuple[float, float]:
        return (self.low, self.high)

    def log_density(self, rho: Array) -> Array:
        return 0 * rho - log(self.high - self.low)

    def cdf(self, x: ArrayLike) -> Array:
        return np.clip((np.asarray(x, dtype=float) - self.low) / (self.high - self.low), 0, 1)

    def ppf(self, p: ArrayLike) -> Array:
        return self.low + (self.high - self.low) * np.asarray(p, dtype=float)


@dataclass(frozen=True)
class RhoBeta(RhoPrior):
    """Beta prior on a correlation between 0 and 1.

    Density ``x^(a - 1) (1 - x)^(b - 1) / B(a, b)``.

    Parameters
    ----------
    a, b : float

    Examples
    --------
    >>> print(RhoBeta(2, 2), RhoBeta(2, 2).cdf(0.5))
    beta(2, 2) 0.5
    """

    a: float
    b: float
    name: ClassVar[str] = "beta"

    def __post_init__(self) -> None:
        require_positive(self, a=self.a, b=self.b)

    @property
    def support(self) -> tuple[float, float]:
        return (0.0, 1.0)

    @property
    def powers(self) -> tuple[float, float]:
        return (self.a - 1, self.b - 1)

    def log_density(self, rho: Array) -> Array:
        shape = special.xlogy(self.a - 1, rho) + special.xlog1py(self.b - 1, -rho)
        log_density: Array = shape - special.betaln(self.a, self.b)
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        return special.betainc(self.a, self.b, np.clip(x, 0, 1))

    def ppf(self, p: ArrayLike) -> Array:
        return special.betaincinv(self.a, self.b, np.asarray(p, dtype=float))


@dataclass(frozen=True)
class RhoSymmetric(RhoPrior):
    """Symmetric beta prior on a correlation between -1 and 1: density like ``(1 - x^2)^(b - 1)``.

    Parameters
    ----------
    b : float

    Examples
    --------
    >>> print(RhoSymmetric(2), RhoSymmetric(2).cdf(0.5))
    symmetric(2) 0.84375
    """

    b: float
    name: ClassVar[str] = "symmetric"

    def __post_init__(self) -> None:
        require_positive(self, b=self.b)

    @property
    def support(self) -> tuple[float, float]:
        return (-1.0, 1.0)

    @property
    def powers(self) -> tuple[float, float]:
        return (self.b - 1, self.b - 1)

    def log_density(self, rho: Array) -> Array:
        shape = special.xlog1py(self.b - 1, -rho * rho)
        constant = float(special.betaln(self.b, self.b)) + (2 * self.b - 1) * log(2)
        log_density: Array = shape - constant
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        share = (1 + np.clip(x, -1, 1)) / 2
        return special.betainc(self.b, self.b, share)

    def ppf(self, p: ArrayLike) -> Array:
        return 2 * special.betaincinv(self.b, self.b, np.asarray(p, dtype=float)) - 1


@dataclass(frozen=True)
class RhoFixed(RhoPrior):
    """All prior mass on one correlation, inside (-1, 1).

    Examples
    --------
    >>> print(RhoFixed(0.5), RhoFixed(0.5).ppf(0.3))
    fixed(0.5) 0.5
    """

    value: float
    name: ClassVar[str] = "fixed"

    def __post_init__(self) -> None:
        if not -1 < self.value < 1:
            raise InputError(f"the value of {self} must lie between -1 and 1: it is a correlation")

    @property
    def support(self) -> tuple[float, float]:
        return (self.value, self.value)

    def log_density(self, rho: Array) -> Array:
        return 0 * rho

    def cdf(self, x: ArrayLike) -> Array:
        return np.where(np.asarray(x, dtype=float) >= self.value, 1.0, 0.0)

    def ppf(self, p: ArrayLike) -> Array:
        return np.full_like(np.asarray(p, dtype=float), self.value)
