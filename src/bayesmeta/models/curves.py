"""Means over time with a hyperparameter: a plateau that is approached, and a random walk.

Their coefficients are values of the mean at knots, ``beta = R(h) b``: few free ones b, or many with
a prior, given the hyperparameter h.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.errors import InputError
from bayesmeta.models.covariance import Hyper
from bayesmeta.models.design import CoefficientPrior, Course
from bayesmeta.priors import Fixed, Normal, Prior, TauPrior


@dataclass(frozen=True, slots=True)
class Curve(Course):
    """A mean over time with one positive hyperparameter.

    Parameters
    ----------
    prior : TauPrior
        Of the hyperparameter.
    knots : tuple of float
        The times at which the mean is followed; set by `over`.
    """

    prior: TauPrior
    knots: tuple[float, ...] = ()
    parameter: ClassVar[str]
    parameter_words: ClassVar[str]

    def __str__(self) -> str:
        return f"{self.word}({self.prior})"

    def over(self, times: ArrayLike) -> Self:
        """Return the same mean, followed at these times."""
        return replace(self, knots=tuple(np.unique(times).tolist()))

    def under(self, prior: Prior) -> Self:
        """Return the same with another prior."""
        assert isinstance(prior, TauPrior)
        return replace(self, prior=prior)

    @property
    def names(self) -> tuple[str, ...]:
        """Values at the knots."""
        return tuple(f"mu at {knot:g}" for knot in self.knots)

    def design(self, at: Array) -> Array:
        """Return rows that take the value at a knot."""
        for time in at.tolist():
            if time not in self.knots:
                raise InputError(
                    f"a {self.word} mean is not followed at time {time:g}: name it in also_at"
                )
        rows: Array = (at[:, None] == np.array(self.knots)).astype(float)
        return rows

    @abstractmethod
    def hyper(self, times: Array, typical: float) -> Hyper:
        """Return the hyperparameter, for data at these times with errors of a typical size."""

    @abstractmethod
    def basis(self, value: float, times: Array) -> Array:
        """Return R, shape (knots, b)."""

    @abstractmethod
    def priors(self, value: float, first: CoefficientPrior) -> Sequence[CoefficientPrior]:
        """Return the priors on b, that on the first of them given."""


class Plateau(Curve):
    """Exponential approach to a plateau, by half in every half-life.

    b are the means at the first and the last time of the data, F and L: with
    ``e(t) = 2^(-(t - F) / h)``, ``mu(t) = ((e(t) - e(L)) b_1 + (1 - e(t)) b_2) / (1 - e(L))``. The
    plateau is the mean at time inf.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> curve = Plateau(HalfNormal(6.0)).over([0.0, 2.0, np.inf])
    >>> curve.basis(1.0, np.array([0.0, 2.0])).round(3)
    array([[ 1.   ,  0.   ],
           [ 0.   ,  1.   ],
           [-0.333,  1.333]])
    """

    __slots__ = ()
    word: ClassVar[str] = "plateau"
    parameter: ClassVar[str] = "half_life"
    parameter_words: ClassVar[str] = "half-life"

    def hyper(self, times: Array, typical: float) -> Hyper:
        """Return the half-life, of the order of the time from first to last."""
        if len(times) < 2:
            raise InputError("a plateau mean needs two times or more")
        if isinstance(self.prior, Fixed) and self.prior.value <= 0:
            raise InputError(f"{self.prior} on the half-life of a plateau: it must be above 0")
        return Hyper(self.parameter, self.prior, float(times[-1] - times[0]) / 2)

    def basis(self, value: float, times: Array) -> Array:
        """Return the weights of the means at the first and the last time."""
        rate = np.log(2) / value
        gone = -np.expm1(-rate * (np.array(self.knots) - times[0]))
        share = gone / -np.expm1(-rate * (times[-1] - times[0]))
        return np.stack([1 - share, share], -1)

    def priors(self, value: float, first: CoefficientPrior) -> Sequence[CoefficientPrior]:
        """Return that on the mean at the first time, for both."""
        return (first, first)


class RandomWalk(Curve):
    """Brownian motion over time: changes ``N(0, sd^2 (t - s))``, independent.

    b are the mean at the first knot and the changes from knot to knot.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> RandomWalk(HalfNormal(0.5)).over([0.0, 4.0]).priors(0.5, Normal(0, 10))
    (Normal(mean=0, sd=10), Normal(mean=0.0, sd=1.0))
    """

    __slots__ = ()
    word: ClassVar[str] = "random-walk"
    parameter: ClassVar[str] = "walk_sd"
    parameter_words: ClassVar[str] = "walk SD"

    def hyper(self, times: Array, typical: float) -> Hyper:
        """Return the SD of the change in one unit of time."""
        span = max(float(times[-1] - times[0]), 1e-300)
        return Hyper(self.parameter, self.prior, typical / np.sqrt(span))

    def basis(self, value: float, times: Array) -> Array:
        """Return the sums of the changes so far."""
        return np.tri(len(self.knots))

    def priors(self, value: float, first: CoefficientPrior) -> Sequence[CoefficientPrior]:
        """Return the given one and those of the changes."""
        changes = value * np.sqrt(np.diff(self.knots))
        return (first, *(Normal(0.0, float(sd)) for sd in changes))
