"""Families of priors on the heterogeneity tau."""

from dataclasses import dataclass
from math import inf, log, pi
from typing import ClassVar

import numpy as np
from scipy import special

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.errors import InputError
from bayesmeta.priors.base import TauPrior, require_positive


@dataclass(frozen=True)
class HalfNormal(TauPrior):
    """Half-normal prior on a standard deviation.

    Density ``2 / scale * phi(x / scale)`` on ``x >= 0``.

    Parameters
    ----------
    scale : float
        In the units of the effect size; the prior median is ``0.674 * scale``.

    References
    ----------
    Roever et al. (2021), Research Synthesis Methods 12:448, for choosing the scale.

    Examples
    --------
    >>> print(HalfNormal(0.5), HalfNormal(0.5).ppf(0.5).round(3))
    half-normal(0.5) 0.337
    """

    scale: float
    name: ClassVar[str] = "half-normal"

    def __post_init__(self) -> None:
        require_positive(self, scale=self.scale)

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        z = tau / self.scale
        return log(2 / pi) / 2 - log(self.scale) - z * z / 2

    def cdf(self, x: ArrayLike) -> Array:
        return special.erf(np.maximum(x, 0) / (self.scale * 2**0.5))

    def ppf(self, p: ArrayLike) -> Array:
        return self.scale * 2**0.5 * special.erfinv(np.asarray(p, dtype=float))


@dataclass(frozen=True)
class HalfStudentT(TauPrior):
    """Half-Student-t prior on a standard deviation.

    Density ``2 t_nu(x / scale) / scale`` on ``x >= 0``; ``df = 1`` is the half-Cauchy.

    Parameters
    ----------
    df : float
        Degrees of freedom nu.
    scale : float
        In the units of the effect size.

    References
    ----------
    Gelman (2006), Bayesian Analysis 1:515.

    Examples
    --------
    >>> print(HalfStudentT(4, 1), HalfStudentT(4, 1).cdf(0.741).round(3))
    half-student-t(4, 1) 0.5
    """

    df: float
    scale: float
    name: ClassVar[str] = "half-student-t"

    def __post_init__(self) -> None:
        require_positive(self, df=self.df, scale=self.scale)

    @property
    def tail_power(self) -> float:
        return self.df + 1

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        nu, z = self.df, tau / self.scale
        constant = special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2) - log(nu * pi) / 2
        return log(2 / self.scale) + constant - (nu + 1) / 2 * np.log1p(z * z / nu)

    def cdf(self, x: ArrayLike) -> Array:
        return 2 * special.stdtr(self.df, np.maximum(x, 0) / self.scale) - 1

    def ppf(self, p: ArrayLike) -> Array:
        return self.scale * special.stdtrit(self.df, (1 + np.asarray(p, dtype=float)) / 2)


@dataclass(frozen=True)
class HalfCauchy(TauPrior):
    """Half-Cauchy prior on a standard deviation.

    Density ``2 / (pi scale (1 + (x / scale)^2))`` on ``x >= 0``; the median is the scale, and no
    moment exists.

    Parameters
    ----------
    scale : float
        In the units of the effect size.

    References
    ----------
    Polson and Scott (2012), Bayesian Analysis 7:887.

    Examples
    --------
    >>> print(HalfCauchy(0.5), HalfCauchy(0.5).ppf(0.5).round(6))
    half-cauchy(0.5) 0.5
    """

    scale: float
    name: ClassVar[str] = "half-cauchy"

    def __post_init__(self) -> None:
        require_positive(self, scale=self.scale)

    @property
    def tail_power(self) -> float:
        return 2.0

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        z = tau / self.scale
        return log(2 / (pi * self.scale)) - np.log1p(z * z)

    def cdf(self, x: ArrayLike) -> Array:
        return np.arctan(np.maximum(x, 0) / self.scale) * (2 / pi)

    def ppf(self, p: ArrayLike) -> Array:
        return self.scale * np.tan(np.asarray(p, dtype=float) * (pi / 2))


@dataclass(frozen=True)
class Exponential(TauPrior):
    """Exponential prior on a standard deviation.

    Density ``rate exp(-rate x)`` on ``x >= 0``.

    Parameters
    ----------
    rate : float
        One over the prior mean, as in R's ``dexp``.

    Examples
    --------
    >>> print(Exponential(2), Exponential(2).cdf(0.5).round(4))
    exponential(2) 0.6321
    """

    rate: float
    name: ClassVar[str] = "exponential"

    def __post_init__(self) -> None:
        require_positive(self, rate=self.rate)

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        return log(self.rate) - self.rate * tau

    def cdf(self, x: ArrayLike) -> Array:
        return -np.expm1(-self.rate * np.maximum(x, 0))

    def ppf(self, p: ArrayLike) -> Array:
        return -np.log1p(-np.asarray(p, dtype=float)) / self.rate


@dataclass(frozen=True)
class LogNormal(TauPrior):
    """Log-normal prior on a standard deviation.

    ``log tau ~ normal(mean, sd)``. A log-normal on the variance tau2 with ``(m, s)`` on
    log tau2 is ``log-normal(m / 2, s / 2)`` here.

    Parameters
    ----------
    mean, sd : float
        Of log tau.

    References
    ----------
    Turner et al. (2015), Statistics in Medicine 34:984, for empirical values.

    Examples
    --------
    >>> print(LogNormal(-1.28, 0.87), LogNormal(-1.28, 0.87).ppf(0.5).round(3))
    log-normal(-1.28, 0.87) 0.278
    """

    mean: float
    sd: float
    name: ClassVar[str] = "log-normal"

    def __post_init__(self) -> None:
        require_positive(self, sd=self.sd)
        if not np.isfinite(self.mean):
            raise InputError(f"mean of {self} must be finite")

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        z = (log_tau - self.mean) / self.sd
        return -log(2 * pi) / 2 - log(self.sd) - log_tau - z * z / 2

    def cdf(self, x: ArrayLike) -> Array:
        with np.errstate(divide="ignore"):
            return special.ndtr((np.log(np.maximum(x, 0)) - self.mean) / self.sd)

    def ppf(self, p: ArrayLike) -> Array:
        return np.exp(self.mean + self.sd * special.ndtri(np.asarray(p, dtype=float)))


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
        return 0 * tau - log(self.high - self.low)

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
