"""Families of priors on tau with heavy or logarithmic tails."""

from dataclasses import dataclass
from math import isfinite, log, pi
from typing import ClassVar

import numpy as np
from scipy import special

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.errors import InputError
from bayesmeta.priors.base import TauPrior, log_t_constant, require_positive, t_quantile


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
        constant = np.log(2 / self.scale) + log_t_constant(nu)
        log_density: Array = constant - (nu + 1) / 2 * np.log1p(z * z / nu)
        return log_density

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
        log_density: Array = np.log(2 / (pi * self.scale)) - np.log1p(z * z)
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        return np.arctan(np.maximum(x, 0) / self.scale) * (2 / pi)

    def ppf(self, p: ArrayLike) -> Array:
        return self.scale * np.tan(np.asarray(p, dtype=float) * (pi / 2))


@dataclass(frozen=True)
class Lomax(TauPrior):
    """Lomax (shifted Pareto) prior on a standard deviation.

    Density ``shape / scale (1 + x / scale)^-(shape + 1)`` on ``x >= 0``.

    Parameters
    ----------
    shape, scale : float
        The scale in the units of the effect size; ``lomax(1, s)`` has median s, as DuMouchel's
        prior.

    References
    ----------
    Roever et al. (2021), Research Synthesis Methods 12:448.

    Examples
    --------
    >>> print(Lomax(1, 0.5), Lomax(1, 0.5).ppf(0.5).round(6))
    lomax(1, 0.5) 0.5
    """

    shape: float
    scale: float
    name: ClassVar[str] = "lomax"

    def __post_init__(self) -> None:
        require_positive(self, shape=self.shape, scale=self.scale)

    @property
    def tail_power(self) -> float:
        return self.shape + 1

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        z, a = tau / self.scale, self.shape
        log_density: Array = np.log(a / self.scale) - (a + 1) * np.log1p(z)
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        return -np.expm1(-self.shape * np.log1p(np.maximum(x, 0) / self.scale))

    def ppf(self, p: ArrayLike) -> Array:
        with np.errstate(divide="ignore", over="ignore"):
            return self.scale * np.expm1(-np.log1p(-np.asarray(p, dtype=float)) / self.shape)


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
        if not isfinite(self.mean):
            raise InputError(f"mean of {self} must be finite")

    @property
    def farthest(self) -> float:
        """Where prior times tau^2, log-normal with mean + 2 sd^2, ends."""
        with np.errstate(over="ignore"):
            return float(np.exp(self.mean + 2 * self.sd**2 + 8.3 * self.sd))

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        z = (log_tau - self.mean) / self.sd
        log_density: Array = -log(2 * pi) / 2 - np.log(self.sd) - log_tau - z * z / 2
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        with np.errstate(divide="ignore"):
            return special.ndtr((np.log(np.maximum(x, 0)) - self.mean) / self.sd)

    def ppf(self, p: ArrayLike) -> Array:
        return np.exp(self.mean + self.sd * special.ndtri(np.asarray(p, dtype=float)))


@dataclass(frozen=True)
class InverseGamma(TauPrior):
    """Inverse gamma prior on the variance tau2, as a prior on tau.

    Density of tau ``2 scale^shape / Gamma(shape) x^(-2 shape - 1) exp(-scale / x^2)``. There is
    next to no mass near zero: it rules out homogeneity, and is here to compare with others.

    Parameters
    ----------
    shape : float
    scale : float
        Of tau2, in squared units of the effect size.

    References
    ----------
    Gelman (2006), Bayesian Analysis 1:515, on why not.

    Examples
    --------
    >>> print(InverseGamma(1, 0.5), InverseGamma(1, 0.5).cdf(1.0).round(4))
    inverse-gamma(1, 0.5) 0.6065
    """

    shape: float
    scale: float
    name: ClassVar[str] = "inverse-gamma"

    def __post_init__(self) -> None:
        require_positive(self, shape=self.shape, scale=self.scale)

    @property
    def tail_power(self) -> float:
        return 2 * self.shape + 1

    @property
    def typical(self) -> float:
        """The square root of the scale, below which the density falls off."""
        return float(np.sqrt(self.scale / max(self.shape, 1.0)))

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        constant = log(2) + self.shape * np.log(self.scale) - special.gammaln(self.shape)
        with np.errstate(over="ignore"):
            inverse = np.exp(np.log(self.scale) - 2 * log_tau)
        log_density: Array = constant - (2 * self.shape + 1) * log_tau - inverse
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        with np.errstate(divide="ignore", over="ignore"):
            return special.gammaincc(self.shape, self.scale / np.square(np.maximum(x, 0)))

    def ppf(self, p: ArrayLike) -> Array:
        with np.errstate(divide="ignore", over="ignore"):
            inverse = special.gammainccinv(self.shape, np.asarray(p, dtype=float))
            return np.sqrt(self.scale / inverse)


@dataclass(frozen=True)
class LogStudentT(TauPrior):
    """Log-Student-t prior on a standard deviation: ``(log tau - mean) / scale ~ t(df)``.

    Density ``t_df((log x - mean) / scale) / (scale x)``. A log-Student-t on the variance tau2
    with ``(m, s)`` for log tau2 is ``log-student-t(df, m / 2, s / 2)`` here. The tails fall like
    ``1 / x`` times a power of ``log x``: no moment exists, and the density is unbounded at zero.

    Parameters
    ----------
    df : float
        1 or more.
    mean, scale : float
        Location and scale of log tau.

    References
    ----------
    Rhodes et al. (2015), Journal of Clinical Epidemiology 68:52, for empirical values.

    Examples
    --------
    >>> print(LogStudentT(5, -1.72, 1.295), LogStudentT(5, -1.72, 1.295).ppf(0.5).round(3))
    log-student-t(5, -1.72, 1.295) 0.179
    """

    df: float
    mean: float
    scale: float
    name: ClassVar[str] = "log-student-t"

    def __post_init__(self) -> None:
        require_positive(self, df=self.df, scale=self.scale)
        if not isfinite(self.mean):
            raise InputError(f"mean of {self} must be finite")
        if self.df < 1:
            raise InputError(
                f"df of {self} is {self.df:g}: it must be 1 or more, or much of the prior lies "
                f"beyond the range of floating point numbers"
            )

    @property
    def tail_power(self) -> float:
        return 1.0

    @property
    def log_tails(self) -> bool:
        return True

    @property
    def boundary_moments(self) -> bool:
        """True where the mass above exp(340), whose square still is a double, is below 1e-10."""
        return bool(special.stdtr(self.df, (self.mean - 340) / self.scale) < 1e-10)

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        nu, z = self.df, (log_tau - self.mean) / self.scale
        constant = log_t_constant(nu) - np.log(self.scale)
        log_density: Array = constant - log_tau - (nu + 1) / 2 * np.log1p(z * z / nu)
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        with np.errstate(divide="ignore"):
            z = (np.log(np.maximum(x, 0)) - self.mean) / self.scale
        return special.stdtr(self.df, z)

    def ppf(self, p: ArrayLike) -> Array:
        with np.errstate(over="ignore"):
            return np.exp(self.mean + self.scale * t_quantile(self.df, p))
