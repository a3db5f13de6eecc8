"""What a joint model gives for each value of its hyperparameters, and where it is asked."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from bayesmeta.arrays import Array

_ROUNDING = 1e-14


@dataclass(frozen=True, slots=True)
class JointGiven:
    """What is known for each node, that is, for each value of the hyperparameters.

    Attributes
    ----------
    log_likelihood : ndarray, shape (n,)
        ``log p(y | phi)`` with the coefficients and the study effects integrated out.
    mean : ndarray, shape (p, n)
        Of the coefficients beta.
    covariance : ndarray, shape (p, p, n)
    """

    log_likelihood: Array
    mean: Array
    covariance: Array

    @classmethod
    def joined(cls, parts: "list[JointGiven]") -> Self:
        """Put nodes side by side."""
        names = ("log_likelihood", "mean", "covariance")
        return cls(*(np.concatenate([getattr(p, name) for p in parts], -1) for name in names))

    def linear(self, rows: Array) -> tuple[Array, Array]:
        """Return the mean and the variance of ``rows @ beta``, shape (q, n), rows (q, p).

        What a curve fixes has a variance of rounding errors, which is kept positive.
        """
        squares = (rows[:, :, None] * rows[:, None, :]).reshape(len(rows), rows.shape[1] ** 2)
        variance = squares @ self.covariance.reshape(squares.shape[1], -1)
        least = _ROUNDING * np.einsum("ppn->n", self.covariance)
        return rows @ self.mean, np.maximum(variance, least)


@dataclass(frozen=True, slots=True)
class Points:
    """Where a mean is asked for.

    Attributes
    ----------
    rows : ndarray, shape (q, p)
        ``mu = rows @ beta``.
    times : ndarray, shape (q,)
        At which a new study would be seen; without a meaning where the model has one time.
    """

    rows: Array
    times: Array
