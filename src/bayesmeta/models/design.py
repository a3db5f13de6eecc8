"""The mean over time: what the coefficients are and what the course is given them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.models.covariance import hat
from bayesmeta.priors import Flat, Normal

type CoefficientPrior = Flat | Normal
"""What keeps everything Gaussian given the hyperparameters."""


def mean_and_sd(prior: CoefficientPrior) -> tuple[float, float]:
    """Return the mean and the SD of a prior, infinite where it is flat."""
    return (prior.mean, prior.sd) if isinstance(prior, Normal) else (0.0, inf)


class Course(ABC):
    """A mean over time that is linear in its coefficients."""

    __slots__ = ()
    word: ClassVar[str]

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""

    @abstractmethod
    def design(self, at: Array) -> Array:
        """Return the rows of the design matrix at these times, shape (len(at), p)."""


@dataclass(frozen=True, slots=True)
class _AtKnots(Course):
    """The coefficients are the values of the course at its knots."""

    knots: tuple[float, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"mu at {knot:g}" for knot in self.knots)

    def _inside(self, at: Array) -> Array:
        """Return the knots, where all times lie between the first and the last of them."""
        first, last = self.knots[0], self.knots[-1]
        if outside := [time for time in at.tolist() if not first <= time <= last]:
            raise InputError(
                f"time {outside[0]:g} lies outside the data ({first:g} to {last:g}), where a "
                f"{self.word} mean says nothing: ask for a time between, or use a linear mean"
            )
        return np.array(self.knots)


class PerTime(_AtKnots):
    """One parameter for each time; linear between neighbouring times.

    Examples
    --------
    >>> PerTime((0.0, 2.0)).design(np.array([0.0, 0.5]))
    array([[1.  , 0.  ],
           [0.75, 0.25]])
    """

    __slots__ = ()
    word: ClassVar[str] = "per-time"

    @classmethod
    def over(cls, times: Array) -> "PerTime":
        """Take every time."""
        return cls(tuple(times.tolist()))

    def design(self, at: Array) -> Array:
        """Return weights of linear interpolation."""
        return hat(self._inside(at), at)


class Spline(_AtKnots):
    """Natural cubic spline through its values at the knots.

    The second derivatives at the inner knots solve a tridiagonal system, those at the ends are 0.

    References
    ----------
    Green and Silverman (1994), Nonparametric Regression and Generalized Linear Models,
    section 2.1.

    Examples
    --------
    >>> Spline((0.0, 1.0, 3.0)).design(np.array([1.0])).round(12)
    array([[0., 1., 0.]])
    """

    __slots__ = ()
    word: ClassVar[str] = "spline"

    @classmethod
    def over(cls, times: Array) -> "Spline":
        """Take up to four knots: the ends, and times that cut the rest into equal numbers."""
        places = np.linspace(0, len(times) - 1, min(len(times), 4)).round().astype(int)
        return cls(tuple(times[places].tolist()))

    def design(self, at: Array) -> Array:
        """Return the values of the cardinal splines.

        Between knots a and b, with ``u = (t - a) / (b - a)``: linear interpolation of the values
        plus ``(b - a)^2 / 6`` times that of ``(u^3 - u)`` and its mirror in the second
        derivatives (Green and Silverman 1994, equation 2.22).
        """
        knots = self._inside(at)
        if len(knots) < 3:
            return hat(knots, at)
        gaps = np.diff(knots)
        bends = np.zeros((len(knots), len(knots)))
        inner = np.diag((gaps[:-1] + gaps[1:]) / 3)
        inner += np.diag(gaps[1:-1] / 6, 1) + np.diag(gaps[1:-1] / 6, -1)
        slopes = np.diff(np.eye(len(knots)), axis=0) / gaps[:, None]
        bends[1:-1] = np.linalg.solve(inner, np.diff(slopes, axis=0))
        left = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(gaps) - 1)
        u = ((at - knots[left]) / gaps[left])[:, None]
        curve = (u**3 - u) * bends[left + 1] + ((1 - u) ** 3 - (1 - u)) * bends[left]
        return hat(knots, at) + (gaps[left] ** 2)[:, None] / 6 * curve


class Linear(Course):
    """Straight line: the value at time 0 and the slope a unit of time."""

    __slots__ = ()
    word: ClassVar[str] = "linear"

    @classmethod
    def over(cls, times: Array) -> "Linear":
        """Return the line."""
        return cls()

    @property
    def names(self) -> tuple[str, ...]:
        """Intercept and slope."""
        return ("intercept", "time")

    def design(self, at: Array) -> Array:
        """Return 1 and t."""
        return np.stack([np.ones_like(at), at], -1)


class LogLinear(Course):
    """Straight line in log time: the value at time 1 and the change for e times the time."""

    __slots__ = ()
    word: ClassVar[str] = "log-linear"

    @classmethod
    def over(cls, times: Array) -> "LogLinear":
        """Return the line."""
        return cls()

    @property
    def names(self) -> tuple[str, ...]:
        """Value at time 1 and slope."""
        return ("mu at 1", "log time")

    def design(self, at: Array) -> Array:
        """Return 1 and log t."""
        if np.any(at <= 0):
            raise InputError(
                f"time {at.min():g} has no logarithm: a log-linear mean needs times above 0; use "
                f"linear or spline"
            )
        return np.stack([np.ones_like(at), np.log(at)], -1)


COURSES: dict[str, Callable[[Array], Course]] = {
    course.word: course.over for course in (PerTime, Linear, LogLinear, Spline)
}
"""How to make each kind of mean for data at increasing times."""


def course(word: str, times: Array) -> Course:
    """Return the mean over time by its name, for data at these times.

    Raises
    ------
    InputError
        For an unknown name, or times that it cannot take.

    Examples
    --------
    >>> course("linear", np.array([3.0, 12.0])).names
    ('intercept', 'time')
    """
    if word not in COURSES:
        raise InputError(f"unknown mean over time {word!r}: {did_you_mean(word, COURSES)}")
    return COURSES[word](times)
