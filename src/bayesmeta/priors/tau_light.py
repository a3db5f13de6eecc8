"""Families of priors on tau whose tail falls faster than any power."""

from dataclasses import dataclass
from math import log, pi
from typing import ClassVar

import numpy as np
from scipy import special

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.errors import InputError
from bayesmeta.priors.alias import Alias
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
        log_density: Array = log(2 / pi) / 2 - np.log(self.scale) - z * z / 2
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        return special.erf(np.maximum(x, 0) / (self.scale * 2**0.5))

    def ppf(self, p: ArrayLike) -> Array:
        return self.scale * 2**0.5 * special.erfinv(np.asarray(p, dtype=float))


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
        log_density: Array = np.log(self.rate) - self.rate * tau
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        return -np.expm1(-self.rate * np.maximum(x, 0))

    def ppf(self, p: ArrayLike) -> Array:
        with np.errstate(divide="ignore"):
            return -np.log1p(-np.asarray(p, dtype=float)) / self.rate


@dataclass(frozen=True)
class HalfLogistic(TauPrior):
    """Half-logistic prior on a standard deviation.

    Density ``2 exp(-z) / (scale (1 + exp(-z))^2)``, ``z = x / scale``, on ``x >= 0``: flat at zero
    as the half-normal, exponential in the tail.

    Parameters
    ----------
    scale : float
        In the units of the effect size; the prior median is ``1.099 * scale``.

    References
    ----------
    Roever et al. (2021), Research Synthesis Methods 12:448.

    Examples
    --------
    >>> print(HalfLogistic(1), HalfLogistic(1).ppf(0.5).round(3))
    half-logistic(1) 1.099
    """

    scale: float
    name: ClassVar[str] = "half-logistic"

    def __post_init__(self) -> None:
        require_positive(self, scale=self.scale)

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        z = tau / self.scale
        log_density: Array = np.log(2 / self.scale) - z - 2 * np.log1p(np.exp(-z))
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        return np.tanh(np.maximum(x, 0) / (2 * self.scale))

    def ppf(self, p: ArrayLike) -> Array:
        with np.errstate(divide="ignore"):
            return 2 * self.scale * np.arctanh(np.asarray(p, dtype=float))


@dataclass(frozen=True)
class Weibull(TauPrior):
    """Weibull prior on a standard deviation.

    Density ``shape / scale z^(shape - 1) exp(-z^shape)``, ``z = x / scale``, on ``x >= 0``;
    unbounded at zero where ``shape < 1``, the exponential where it is 1, and Rayleigh's where it
    is 2.

    Parameters
    ----------
    shape, scale : float
        The scale in the units of the effect size.

    References
    ----------
    Weibull (1951), Journal of Applied Mechanics 18:293.

    Examples
    --------
    >>> print(Weibull(2, 1), Weibull(2, 1).cdf(1.0).round(4))
    weibull(2, 1) 0.6321
    """

    shape: float
    scale: float
    name: ClassVar[str] = "weibull"

    def __post_init__(self) -> None:
        require_positive(self, shape=self.shape, scale=self.scale)

    @property
    def typical(self) -> float:
        """The scale: of small shapes the median may be next to zero, where nothing happens."""
        return self.scale

    @property
    def farthest(self) -> float:
        """Where prior times tau^2 ends: ``z^shape`` is then gamma(1 + 2 / shape)."""
        with np.errstate(over="ignore"):
            end = special.gammainccinv(1 + 2 / self.shape, 1e-17) ** np.float64(1 / self.shape)
            return float(self.scale * end)

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        log_z = log_tau - np.log(self.scale)
        with np.errstate(over="ignore"):
            power = np.exp(self.shape * log_z)
        log_density: Array = np.log(self.shape / self.scale) + (self.shape - 1) * log_z - power
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        with np.errstate(over="ignore"):
            return -np.expm1(-((np.maximum(x, 0) / self.scale) ** self.shape))

    def ppf(self, p: ArrayLike) -> Array:
        with np.errstate(divide="ignore", over="ignore"):
            return self.scale * (-np.log1p(-np.asarray(p, dtype=float))) ** (1 / self.shape)


@dataclass(frozen=True)
class Gamma(TauPrior):
    """Gamma prior on a standard deviation.

    Density ``rate^shape / Gamma(shape) x^(shape - 1) exp(-rate x)`` on ``x >= 0``; unbounded at
    zero where ``shape < 1``.

    Parameters
    ----------
    shape : float
    rate : float
        One over a scale in the units of the effect size, as in R's ``dgamma``.

    References
    ----------
    Chung et al. (2013), Psychometrika 78:685, for a shape of 2 that keeps tau off zero.

    Examples
    --------
    >>> print(Gamma(2, 4), Gamma(2, 4).cdf(0.5).round(4))
    gamma(2, 4) 0.594
    """

    shape: float
    rate: float
    name: ClassVar[str] = "gamma"

    def __post_init__(self) -> None:
        require_positive(self, shape=self.shape, rate=self.rate)

    @property
    def typical(self) -> float:
        """Its mean or its scale: of small shapes the median may be next to zero."""
        return max(self.shape, 1.0) / self.rate

    @property
    def farthest(self) -> float:
        """Where prior times tau^2, a gamma of shape + 2, ends."""
        return float(special.gammainccinv(self.shape + 2, 1e-17) / self.rate)

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        constant = self.shape * np.log(self.rate) - special.gammaln(self.shape)
        log_density: Array = constant + (self.shape - 1) * log_tau - self.rate * tau
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        return special.gammainc(self.shape, self.rate * np.maximum(x, 0))

    def ppf(self, p: ArrayLike) -> Array:
        return special.gammaincinv(self.shape, np.asarray(p, dtype=float)) / self.rate


@dataclass(frozen=True)
class PenalisedComplexity(Alias):
    """Penalised-complexity prior on a standard deviation: ``P(tau > u) = a``.

    The exponential of rate ``-log(a) / u``: the prior under which the distance from the model
    without heterogeneity is penalised at a constant rate.

    Parameters
    ----------
    u : float
        In the units of the effect size.
    a : float
        Probability that tau exceeds it, between 0 and 1.

    References
    ----------
    Simpson et al. (2017), Statistical Science 32:1.

    Examples
    --------
    >>> prior = PenalisedComplexity(1, 0.05)
    >>> print(prior, (1 - prior.cdf(1.0)).round(3), prior.plain.rate.__round__(3))
    pc(1, 0.05) 0.05 2.996
    """

    u: float
    a: float
    name: ClassVar[str] = "pc"

    def __post_init__(self) -> None:
        require_positive(self, u=self.u)
        if not 0 < self.a < 1:
            raise InputError(
                f"a of {self} is {self.a:g}: it is P(tau > u), a probability between 0 and 1"
            )

    @property
    def plain(self) -> Exponential:
        return Exponential(-log(self.a) / self.u)
