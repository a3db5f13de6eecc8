"""What every prior can be asked."""

from abc import ABC, abstractmethod
from dataclasses import astuple
from math import inf
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Prior(ABC):
    """A prior distribution: a frozen dataclass whose fields are its parameters.

    Attributes
    ----------
    name : str
        The family's name in the text form, such as ``half-normal``.
    proper : bool
        Whether the density integrates to 1.
    """

    __slots__ = ()
    name: ClassVar[str]
    proper: ClassVar[bool] = True

    def __str__(self: "DataclassInstance") -> str:
        """Return the text form, which `bayesmeta.priors.parse_prior` reads."""
        parameters = ", ".join(f"{value!r}".removesuffix(".0") for value in astuple(self))
        return f"{self.name}({parameters})" if parameters else self.name  # type: ignore[attr-defined]


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

    @abstractmethod
    def log_density(self, tau: Array, log_tau: Array) -> Array:
        """Log density at ``tau`` inside the support.

        ``log_tau`` is given beside ``tau`` because quadrature nodes reach below the smallest
        float. Analytic, so that it can be differentiated by a complex step.
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


def require_positive(prior: Prior, **parameters: float) -> None:
    """Raise `InputError` unless every parameter is positive and finite."""
    for name, value in parameters.items():
        if not 0 < value < inf:
            raise InputError(f"{name} of {prior} is {value:g}: it must be positive and finite")
