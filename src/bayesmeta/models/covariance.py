"""Hyperparameters, and correlations over time that have one."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np

from bayesmeta.arrays import Array, Mask
from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.priors import Prior, RhoPrior, TauPrior

type Kind = Literal["cs", "ar1"]
KINDS: tuple[Kind, ...] = ("cs", "ar1")

_BIASES = 4.0
"""Order of the SD of biases in standard errors: of 1 to 8, 4 and 8 took half the nodes of 1."""

_ROOTS = range(1, 13)
"""``rho^gap`` is a polynomial in the m-th root of rho where m times every gap is whole."""


@dataclass(frozen=True, slots=True)
class Hyper:
    """One hyperparameter: a standard deviation or another positive scale, or a correlation.

    Parameters
    ----------
    name : str
    prior : TauPrior or RhoPrior
    typical : float
        The order of a positive scale, in its own units.
    power : float
        A correlation is smooth to integrate as ``rho ** power``.
    ragged : bool
        Whether what depends on a correlation is not analytic at rho = 0.
    """

    name: str
    prior: TauPrior | RhoPrior
    typical: float = 1.0
    power: float = 1.0
    ragged: bool = False

    @property
    def fixed(self) -> bool:
        """Whether its prior is one point."""
        low, high = self.prior.support
        return low == high

    def log_density(self, value: Array) -> Array:
        """Log prior density at values inside the support."""
        if isinstance(self.prior, RhoPrior):
            return self.prior.log_density(value)
        with np.errstate(divide="ignore"):
            return self.prior.log_density(value, np.log(value))


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation matrix over times with one parameter.

    Parameters
    ----------
    kind : {"cs", "ar1"}
        Compound symmetry, ``rho`` for any two times, or continuous-time AR(1),
        ``rho^(|t - s| / lag)``.
    rho : RhoPrior
    lag : float
        The gap between two times that are correlated by rho, in the unit of the times.

    Examples
    --------
    >>> from bayesmeta.priors import RhoFixed
    >>> times = np.array([0.0, 1.0, 3.0])
    >>> Correlation("ar1", RhoFixed(0.5)).matrix(np.array([0.5]), times)[0, :, 0]
    array([1.   , 0.5  , 0.125])
    """

    kind: Kind
    rho: RhoPrior
    lag: float = 1.0

    def matrix(self, rho: Array, times: Array, others: Array | None = None) -> Array:
        """Return the correlations of times with times, or with others, shape (t, s, n)."""
        gaps = np.abs(times[:, None] - (times if others is None else others)) / self.lag
        if self.kind == "ar1":
            return np.power(rho, gaps[:, :, None])
        return np.where(gaps[:, :, None] == 0, 1.0, rho)

    def under(self, rho: Prior | None) -> Self:
        """Return the same with another prior, where there is one."""
        return replace(self, rho=rho) if isinstance(rho, RhoPrior) else self

    def hyper(self, name: str, times: Array) -> Hyper:
        """Return the correlation as a hyperparameter over these times, two or more.

        Raises
        ------
        InputError
            Where its prior reaches values at which the matrix is not positive definite.
        """
        low, high = self.rho.support
        lowest = 0.0 if self.kind == "ar1" else -1 / (len(times) - 1)
        inside = low >= lowest if self.kind == "ar1" or low < high else low > lowest
        if not inside:
            what = (
                "correlations of AR(1) lie in [0, 1)"
                if self.kind == "ar1"
                else f"compound symmetry over {len(times)} times is positive definite in "
                f"({lowest:.4g}, 1)"
            )
            advice = f"uniform({lowest:.4g}, {high:g})" if high > lowest else "uniform(0, 1)"
            raise InputError(f"{self.rho} on {name}: {what}; use {advice}, for instance")
        if self.kind == "cs":
            return Hyper(name, self.rho)
        gaps = np.diff(times) / self.lag
        for root in _ROOTS:
            if np.all(np.abs(root * gaps - np.round(root * gaps)) < 1e-9):
                return Hyper(name, self.rho, 1.0, 1 / root)
        return Hyper(name, self.rho, 1.0, min(1.0, float(gaps.min())), ragged=True)


@dataclass(frozen=True, slots=True)
class Bias:
    """A bias of their own in some studies, ``d_i ~ N(0, sd^2)``, the same at all their times.

    Parameters
    ----------
    sd : TauPrior
        Prior on its SD between studies.
    studies : ndarray of bool, shape (k,)
        Which studies have one.
    """

    name: ClassVar[str] = "bias_sd"
    sd: TauPrior
    studies: Mask

    def hyper(self, typical: float) -> Hyper:
        """Return the SD as a hyperparameter, for estimates with errors of a typical size."""
        return Hyper(self.name, self.sd, _BIASES * typical)

    def under(self, sd: Prior) -> Self:
        """Return the same with another prior."""
        assert isinstance(sd, TauPrior)
        return replace(self, sd=sd)


def correlation(kind: str, rho: RhoPrior, lag: float = 1.0) -> Correlation:
    """Return a correlation over time from the words of a user.

    Raises
    ------
    InputError
        For an unknown kind or a lag that is not positive.
    """
    known = {str(one): one for one in KINDS}
    if kind not in known:
        raise InputError(f"unknown correlation over time {kind!r}: {did_you_mean(kind, known)}")
    if not 0 < lag < np.inf:
        raise InputError(f"the lag of a correlation is {lag:g}: it must be positive and finite")
    return Correlation(known[kind], rho, lag)


def hat(knots: Array, at: Array) -> Array:
    """Weights of linear interpolation between knots, constant beyond, shape (len(at), knots)."""
    return np.stack([np.interp(at, knots, column) for column in np.eye(len(knots))], -1)
