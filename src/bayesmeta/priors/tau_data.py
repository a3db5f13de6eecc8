"""Priors on tau that depend on the standard errors of the studies.

Unbound, as the text form gives them, they have a name only; `bound` gives them the data. With
``v_i = se_i^2 + tau^2``; densities of those by Jeffreys' rule are up to a constant.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf
from typing import ClassVar, Self

import numpy as np
from scipy import special

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.errors import InputError
from bayesmeta.priors.base import TauPrior


@dataclass(frozen=True)
class DataDependent(TauPrior):
    """A prior that waits for the standard errors.

    Parameters
    ----------
    se : tuple of float
        Empty until it is bound.
    """

    se: tuple[float, ...] = ()

    def bound(self, se: ArrayLike) -> Self:
        """Return the prior for these standard errors, shape (k,)."""
        return replace(self, se=tuple(np.asarray(se, dtype=float).ravel().tolist()))

    @property
    def variances(self) -> Array:
        """The ``se_i^2``, shape (k,)."""
        if not self.se:
            raise InputError(
                f"{self} depends on the standard errors of the studies: give them by "
                f"prior.bound(se) before asking for a density"
            )
        return np.square(self.se)

    @property
    def typical(self) -> float:
        """``s_0``, the root of the harmonic mean of the squared standard errors."""
        return float(1 / np.sqrt(np.mean(1 / self.variances)))

    @property
    def farthest(self) -> float:
        """The tail is a power of tau from about the largest standard error on."""
        return float(np.sqrt(self.variances.max()))

    def cdf(self, x: ArrayLike) -> Array:
        raise InputError(f"{self} on tau is improper: it has no distribution function")

    def ppf(self, p: ArrayLike) -> Array:
        raise InputError(f"{self} on tau is improper: it has no quantiles and no draws")

    def _information(self, tau: Array) -> Array:
        """Log of ``sum v_i^-2``, without overflow: as multiples of the first."""
        v = self._total(tau)
        ratio = v[..., :1] / v
        log_sum: Array = np.log((ratio * ratio).sum(-1)) - 2 * np.log(v[..., 0])
        return log_sum

    def _total(self, tau: Array) -> Array:
        return self.variances + (tau * tau)[..., None]


@dataclass(frozen=True)
class Jeffreys(DataDependent):
    """Jeffreys' prior for tau with mu set apart: Tibshirani's, and Berger and Bernardo's.

    Density proportional to ``sqrt(sum (tau / v_i)^2)``. Improper; the posterior needs two
    studies, one under a normal prior on mu.

    References
    ----------
    Bodnar, Link and Elster (2016), Bayesian Analysis 11:25; Roever (2020), J Stat Softw 93(6).

    Examples
    --------
    >>> prior = Jeffreys().bound([1.0, 2.0])
    >>> print(prior, prior.pdf(1.0).round(4))
    jeffreys 0.5385
    """

    name: ClassVar[str] = "jeffreys"
    proper: ClassVar[bool] = False

    @property
    def tail_power(self) -> float:
        return 1.0

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        return log_tau + self._information(tau) / 2


@dataclass(frozen=True)
class OverallJeffreys(DataDependent):
    """Jeffreys' prior for mu and tau together.

    Density proportional to ``sqrt(sum 1 / v_i * sum (tau / v_i)^2)``. Over tau alone it has a
    finite integral; but the rule gives it jointly with a flat mu and up to a constant, so it
    counts as improper, as in R's bayesmeta.

    References
    ----------
    Roever (2020), J Stat Softw 93(6), section 2, which advises against it.

    Examples
    --------
    >>> print(OverallJeffreys().bound([1.0, 2.0]).pdf(1.0).round(4))
    0.4506
    """

    name: ClassVar[str] = "overall-jeffreys"
    proper: ClassVar[bool] = False

    @property
    def tail_power(self) -> float:
        return 2.0

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        precision = np.log((1 / self._total(tau)).sum(-1))
        return log_tau + (self._information(tau) + precision) / 2


@dataclass(frozen=True)
class BergerDeely(DataDependent):
    """Berger and Deely's prior, Jeffreys' where all standard errors are alike.

    Density proportional to ``prod (tau / v_i)^(1 / k)``. Improper; the posterior needs two
    studies, one under a normal prior on mu.

    References
    ----------
    Berger and Deely (1988), JASA 83:364.

    Examples
    --------
    >>> print(BergerDeely().bound([1.0, 2.0]).pdf(1.0).round(4))
    0.3162
    """

    name: ClassVar[str] = "berger-deely"
    proper: ClassVar[bool] = False

    @property
    def tail_power(self) -> float:
        return 1.0

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        return log_tau - np.log(self._total(tau)).mean(-1)


@dataclass(frozen=True)
class Conventional(DataDependent):
    """The conventional prior, a proper variation of Berger and Deely's for testing.

    Density proportional to ``prod (tau / v_i^(3/2))^(1 / k)``; its constant, CDF and quantiles by
    the trapezoidal rule in log tau.

    References
    ----------
    Berger and Deely (1988), JASA 83:364; Roever (2020), J Stat Softw 93(6), section 2.

    Examples
    --------
    >>> prior = Conventional().bound([1.0, 1.0])  # then tau / (1 + tau^2)^(3/2)
    >>> prior.pdf(1.0).round(4), prior.ppf(0.5).round(4)
    (np.float64(0.3536), np.float64(1.7321))
    """

    name: ClassVar[str] = "conventional"

    @property
    def tail_power(self) -> float:
        return 2.0

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        variances = self.variances
        return _conventional(variances, tau, log_tau) - _integrated(self.se)[3]

    def cdf(self, x: ArrayLike) -> Array:
        with np.errstate(divide="ignore"):
            return self._cdf_of_log(np.log(np.maximum(np.asarray(x, dtype=float), 0)))

    def ppf(self, p: ArrayLike) -> Array:
        p = np.asarray(p, dtype=float)
        nodes = _integrated(self.se)[0]
        low, high = np.full(p.shape, nodes[0]), np.full(p.shape, nodes[-1])
        for _ in range(60):
            middle = (low + high) / 2
            above = self._cdf_of_log(middle) > p
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.where(p <= 0, 0.0, np.where(p >= 1, inf, np.exp(low)))

    def _cdf_of_log(self, log_x: Array) -> Array:
        """By sinc indefinite integration (Stenger 1993, section 3.6)."""
        nodes, weights, step, _ = _integrated(self.se)
        inside = np.clip(log_x, nodes[0], nodes[-1])
        distance = (inside[..., None] - nodes) * (np.pi / step)
        cdf = np.clip(0.5 + special.sici(distance)[0] @ weights / np.pi, 0, 1)
        return np.where(log_x <= nodes[0], 0.0, np.where(log_x >= nodes[-1], 1.0, cdf))


@dataclass(frozen=True)
class DuMouchel(DataDependent):
    """DuMouchel's prior: density ``s_0 / (s_0 + tau)^2``, with median s_0.

    ``s_0^2`` is the harmonic mean of the squared standard errors.

    References
    ----------
    DuMouchel and Normand (2000); Spiegelhalter, Abrams and Myles (2004), section 5.7.3.

    Examples
    --------
    >>> prior = DuMouchel().bound([1.0, 1.0])
    >>> prior.pdf(1.0), prior.ppf(0.5)
    (np.float64(0.25), np.float64(1.0))
    """

    name: ClassVar[str] = "dumouchel"

    @property
    def tail_power(self) -> float:
        return 2.0

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        s0 = self.typical
        log_density: Array = np.log(s0) - 2 * np.log(s0 + tau)
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        with np.errstate(divide="ignore"):
            odds: Array = np.maximum(np.asarray(x, dtype=float), 0) / self.typical
            return 1 / (1 + 1 / odds)

    def ppf(self, p: ArrayLike) -> Array:
        return self.typical * _odds(p)


@dataclass(frozen=True)
class UniformShrinkage(DataDependent):
    """Uniform prior on the shrinkage ``s_0^2 / (s_0^2 + tau^2)``.

    Density ``2 s_0^2 tau / (s_0^2 + tau^2)^2``, ``s_0^2`` the harmonic mean of the squared
    standard errors. R's bayesmeta calls it ``shrinkage``.

    References
    ----------
    Daniels (1999), Canadian Journal of Statistics 27:567; Spiegelhalter, Abrams and Myles (2004),
    section 5.7.3.

    Examples
    --------
    >>> prior = UniformShrinkage().bound([1.0, 1.0])
    >>> prior.pdf(1.0), prior.ppf(0.5)
    (np.float64(0.5), np.float64(1.0))
    """

    name: ClassVar[str] = "uniform-shrinkage"

    @property
    def tail_power(self) -> float:
        return 3.0

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        s2 = self._square()
        log_density: Array = np.log(2 * s2) + log_tau - 2 * np.log(s2 + tau * tau)
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        with np.errstate(divide="ignore"):
            odds: Array = np.square(np.maximum(np.asarray(x, dtype=float), 0)) / self._square()
            return 1 / (1 + 1 / odds)

    def ppf(self, p: ArrayLike) -> Array:
        return np.sqrt(self._square() * _odds(p))

    def _square(self) -> float:
        return self.typical**2


@dataclass(frozen=True)
class UniformI2(UniformShrinkage):
    """Uniform prior on ``I^2 = tau^2 / (tau^2 + s^2)``.

    As the uniform shrinkage prior, with Higgins and Thompson's typical variance
    ``s^2 = (k - 1) sum w / ((sum w)^2 - sum w^2)``, ``w = se^-2``, for ``s_0^2``; ``se^2`` where
    k = 1. R's bayesmeta calls it ``I2``.

    References
    ----------
    Roever (2020), J Stat Softw 93(6), section 2.

    Examples
    --------
    >>> UniformI2().bound([1.0, 1.0]).ppf(0.5)
    np.float64(1.0)
    """

    name: ClassVar[str] = "i2-uniform"

    def _square(self) -> float:
        w = 1 / self.variances
        if len(w) == 1:
            return float(1 / w[0])
        return float((len(w) - 1) * w.sum() / (w.sum() ** 2 - (w * w).sum()))


def _odds(p: ArrayLike) -> Array:
    p = np.asarray(p, dtype=float)
    with np.errstate(divide="ignore"):
        odds: Array = p / (1 - p)
    return odds


def _conventional(variances: Array, tau: Array, log_tau: Array) -> Array:
    return log_tau - 1.5 * np.log(variances + (tau * tau)[..., None]).mean(-1)


@lru_cache(maxsize=1024)
def _integrated(se: tuple[float, ...]) -> tuple[Array, Array, float, float]:
    """Nodes in log tau, their probabilities, the step, and the log of the integral.

    The integrand of log tau is analytic within pi / 2 of the real line and falls like tau^2 and
    1 / tau: with step 0.12 the rule leaves exp(-41).
    """
    variances = Conventional(se).variances
    step = 0.12
    low, high = np.log(variances.min()) / 2 - 20, np.log(variances.max()) / 2 + 40
    log_tau = np.arange(low, high, step)
    log_f = _conventional(variances, np.exp(log_tau), log_tau) + log_tau
    f = np.exp(log_f - log_f.max())
    return log_tau, f / f.sum(), step, float(np.log(step * f.sum()) + log_f.max())
