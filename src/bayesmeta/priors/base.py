"""What every prior can be asked."""

from abc import ABC, abstractmethod
from dataclasses import MISSING, fields
from functools import cache
from math import inf, log, pi
from typing import Any, ClassVar

import numpy as np
from scipy import special

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.errors import InputError


class Prior(ABC):
    """A prior distribution: a frozen dataclass whose fields are its parameters.

    Attributes
    ----------
    name : str
        The family's name in the text form, such as ``half-normal``.
    proper : bool
        Whether the density integrates to 1.
    measures : tuple of str
        The effect measures that the family was made for; empty where it serves all.
    """

    __slots__ = ()
    name: ClassVar[str]
    proper: ClassVar[bool] = True
    measures: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        """Return the text form, which `tau_prior` and `mu_prior` read."""
        values = ", ".join(number(getattr(self, name)) for name in parameters(type(self)))
        return f"{self.name}({values})" if values else self.name


class TauPrior(Prior):
    """A prior on the heterogeneity tau, the between-study standard deviation."""

    __slots__ = ()

    def __getitem__(self, rows: object) -> "TauPrior":
        """Return the prior of some of a batch of models: the same for all of them."""
        return self

    @property
    def tail_power(self) -> float:
        """The ``a`` of a density that falls as ``tau^-a``; ``inf`` where faster than any power.

        It decides which posterior moments exist.
        """
        return inf

    @property
    def log_tails(self) -> bool:
        """Whether both tails fall like a power of log tau and no faster, but for ``1 / tau``."""
        return False

    @property
    def boundary_moments(self) -> bool:
        """Whether a moment exists where the power of the tail alone just misses it.

        A log factor in the tail can decide it; True only where what lies beyond the largest
        double is too little to matter.
        """
        return False

    @property
    def support(self) -> tuple[float, float]:
        """Where the density is positive."""
        return (0.0, inf)

    @property
    def typical(self) -> float:
        """A value in the middle of the prior, to choose quadrature nodes by: its median."""
        return float(self.ppf(0.5))

    @property
    def farthest(self) -> float:
        """A value beyond which the prior has no mass that a double could see."""
        return float(self.ppf(1 - 1e-16))

    @property
    def plain(self) -> "TauPrior":
        """The same prior as a family with numbers for parameters."""
        return self

    def bound(self, se: ArrayLike) -> "TauPrior":
        """Return the prior for these standard errors: itself unless it depends on them."""
        return self

    @abstractmethod
    def log_density(self, tau: Array, log_tau: Array) -> Array:
        """Log density at ``tau`` inside the support, up to a constant where it is improper.

        ``log_tau`` is given beside ``tau`` because quadrature nodes reach below the smallest
        float. Analytic, so that it can be differentiated by a complex step; and good for
        parameters that are columns, a row for each of many priors, so that a sweep is one call.
        """

    @abstractmethod
    def cdf(self, x: ArrayLike) -> Array:
        """P(tau <= x)."""

    @abstractmethod
    def ppf(self, p: ArrayLike) -> Array:
        """Quantile function, the inverse of `cdf`."""

    def logpdf(self, x: ArrayLike) -> Array:
        """Log density, ``-inf`` outside the support."""
        x = np.asarray(x, dtype=float)
        low, high = self.support
        inside = (x >= low) & (x <= high)
        safe = np.where(inside, x, 1.0)
        with np.errstate(divide="ignore"):
            return np.where(inside, self.log_density(safe, np.log(safe)), -inf)

    def pdf(self, x: ArrayLike) -> Array:
        """Density."""
        return np.exp(self.logpdf(x))

    def rvs(self, size: int | tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw independent values by inversion."""
        return self.ppf(rng.random(size))


@cache
def parameters(family: type[Prior]) -> list[str]:
    """Names of the parameters in the text form: the fields without a default."""
    own: Any = family
    return [field.name for field in fields(own) if field.default is MISSING]


def number(value: float) -> str:
    """Show a parameter so that it reads back as the same float."""
    return repr(float(value)).removesuffix(".0")


def check_measure(prior: Prior, measure: str) -> None:
    """Raise `InputError` where a prior was made for another effect measure.

    Parameters
    ----------
    prior : Prior
    measure : str
        Name of the measure that is analysed, such as ``OR``.
    """
    if prior.measures and measure not in prior.measures:
        made_for = " or ".join(prior.measures)
        raise InputError(
            f"{prior} is a prior for {made_for}, and the measure is {measure}: choose a prior in "
            f"its units, such as half-normal(0.5) for a log ratio"
        )


def log_t_constant(df: float) -> Array:
    """Log of the standard t density at zero, ``Gamma((df + 1) / 2) / (Gamma(df / 2) sqrt(pi df))``.

    For a large df by the asymptotic series of the ratio: the difference of two log gamma
    functions would lose digits.
    """
    x = np.asarray(df) / 2
    ratio = special.gammaln(x + 0.5) - special.gammaln(x) - np.log(2 * pi * x) / 2
    r = 1 / np.maximum(x, 50)
    series = r * (-1 / 8 + r**2 / 192 - r**4 / 640 + r**6 * 17 / 14336)
    return np.where(x < 50, ratio, series - log(2 * pi) / 2)


def t_quantile(df: float, p: ArrayLike) -> Array:
    """Quantiles of the standard t, by symmetry from the lower half, where scipy's are best."""
    p = np.asarray(p, dtype=float)
    tail = np.minimum(p, 1 - p)
    distance: Array = np.where(tail > 0, -special.stdtrit(df, np.where(tail > 0, tail, 0.5)), inf)
    return np.sign(p - 0.5) * distance


def require_positive(prior: Prior, **parameters: float) -> None:
    """Raise `InputError` unless every parameter is positive and finite."""
    for name, value in parameters.items():
        if not 0 < value < inf:
            raise InputError(f"{name} of {prior} is {value:g}: it must be positive and finite")
