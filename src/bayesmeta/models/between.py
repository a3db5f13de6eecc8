"""Covariances of study effects: over time, unstructured, and of effects within studies."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Self

import numpy as np

from bayesmeta.arrays import Array, Mask
from bayesmeta.errors import InputError
from bayesmeta.models.blocks import Index
from bayesmeta.models.covariance import Correlation, Hyper, hat
from bayesmeta.priors import Prior, RhoSymmetric, TauPrior


class Between(ABC):
    """Covariance T of the study effects at the times of a model.

    Attributes
    ----------
    tau : tuple of TauPrior
        Of its standard deviations, which are the first hyperparameters.
    """

    __slots__ = ()
    tau: tuple[TauPrior, ...]

    @abstractmethod
    def hypers(self, times: Array, typical: float) -> tuple[Hyper, ...]:
        """Return the SDs, of a typical size, and then the correlations."""

    @abstractmethod
    def under(self, priors: Sequence[Prior]) -> Self:
        """Return the same with other priors, in the order of `hypers`."""

    @abstractmethod
    def matrix(self, phi: Array, times: Array) -> Array:
        """Return T, shape (t, t, n), phi of shape (hyperparameters, n)."""

    @abstractmethod
    def variance(self, phi: Array, times: Array, at: Array) -> Array:
        """Return the variance of a new effect at any times, shape (len(at), n)."""

    def shown(self, phi: Array, times: Array, typical: float) -> list[tuple[Hyper, Array]]:
        """Return what a reader is shown of the hyperparameters: a name, a prior, and values."""
        return list(zip(self.hypers(times, typical), phi, strict=True))

    @abstractmethod
    def fall(self, members: Sequence[int], x: Array, study: Index, slot: Index) -> float:
        """Return the power of L by which the likelihood falls as some SDs grow like L.

        One for each estimate, less one for each flat coefficient, columns x, that only they tell
        of.
        """


@dataclass(frozen=True, slots=True)
class OverTime(Between):
    """``T_ts = tau_t tau_s corr(t, s)``, the correlation compound symmetry or AR(1).

    Parameters
    ----------
    tau : tuple of TauPrior
        One, or one a time (heteroscedastic).
    correlation : Correlation
    """

    tau: tuple[TauPrior, ...]
    correlation: Correlation

    def hypers(self, times: Array, typical: float) -> tuple[Hyper, ...]:
        """Return the SDs, then the correlation where there are two times or more."""
        sds = _sds(self.tau, times, typical)
        return (*sds, self.correlation.hyper("rho_between", times)) if len(times) > 1 else sds

    def under(self, priors: Sequence[Prior]) -> Self:
        """Return the same with other priors, in the order of `hypers`."""
        return replace(self, tau=_taus(priors), correlation=self.correlation.under(priors[-1]))

    def matrix(self, phi: Array, times: Array) -> Array:
        """Return T."""
        tau = phi[: len(self.tau)]
        scale = tau[:, None] * tau
        return scale * self.correlation.matrix(phi[-1], times) if len(times) > 1 else scale

    def variance(self, phi: Array, times: Array, at: Array) -> Array:
        """Return tau^2; each time's own is linear in time between them and constant beyond."""
        return _variance(phi[: len(self.tau)], times, at)

    def fall(self, members: Sequence[int], x: Array, study: Index, slot: Index) -> float:
        """Return the power by which the likelihood falls.

        Where rho can be 1, and the prior's density near it is like ``(1 - rho)^(b - 1)``, the part
        of it where ``1 - rho`` is below ``L^-2`` loses ``L^-2b`` but keeps what a study says about
        differences between its times: there the power is one for each study.
        """
        inside: Mask = np.isin(slot, members) | (len(self.tau) == 1)
        each = _fall_of_each(inside, x)
        rho, alike = self.correlation.rho, len(set(slot[inside].tolist())) > 1
        if not alike or rho.support[1] < 1 or rho.support[0] == 1:
            return each
        return min(each, fall_of_shift(inside, x, study) + 2 * (rho.powers[1] + 1))


@dataclass(frozen=True, slots=True)
class LKJ:
    """The prior of Lewandowski, Kurowicka and Joe on a correlation matrix: ``|R|^(eta - 1)``."""

    eta: float = 1.0


@dataclass(frozen=True, slots=True)
class Unstructured(Between):
    """A tau per time and any correlation matrix.

    Its hyperparameters are the partial correlations of times i < j given those before i, which
    are independent: ``beta(b, b)`` on (-1, 1), ``b = eta + (t - 2 - i) / 2``. One correlation alone
    is ``beta(b, b)`` with ``b = eta - 1 + t / 2``.

    Parameters
    ----------
    tau : tuple of TauPrior
        One a time.
    lkj : LKJ

    References
    ----------
    Lewandowski, Kurowicka and Joe (2009), Journal of Multivariate Analysis 100:1989, section 2.4.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> both = Unstructured((HalfNormal(1.0),) * 2)
    >>> both.matrix(np.array([[2.0], [1.0], [0.5]]), np.array([3.0, 6.0]))[0, :, 0]
    array([4., 1.])
    """

    tau: tuple[TauPrior, ...]
    lkj: LKJ = LKJ()

    def hypers(self, times: Array, typical: float) -> tuple[Hyper, ...]:
        """Return the SDs, then the partial correlations."""
        eta = self.lkj.eta
        if len(self.tau) != len(times) or eta <= 0:
            raise InputError(
                f"an unstructured covariance over {len(times)} times needs a prior on tau for each "
                f"and eta above 0: {len(self.tau)} priors and eta {eta:g} given"
            )
        partial = []
        for i, j in combinations(range(len(times)), 2):
            given = ",".join(f"{time:g}" for time in times[:i])
            name = f"rho_between {times[i]:g},{times[j]:g}" + (f" given {given}" if given else "")
            partial.append(Hyper(name, RhoSymmetric(eta + (len(times) - 2 - i) / 2)))
        return (*_sds(self.tau, times, typical), *partial)

    def under(self, priors: Sequence[Prior]) -> Self:
        """Return the same with other priors on the SDs."""
        return replace(self, tau=_taus(priors))

    def matrix(self, phi: Array, times: Array) -> Array:
        """Return T, by the Cholesky factor of the correlations that partial ones make."""
        count = len(times)
        factor = np.zeros((count, count, phi.shape[1]))
        left = np.ones((count, phi.shape[1]))
        for (i, j), rho in zip(combinations(range(count), 2), phi[count:], strict=True):
            factor[j, i] = rho * np.sqrt(left[j])
            left[j] *= 1 - rho * rho
        factor[np.arange(count), np.arange(count)] = np.sqrt(np.maximum(left, 0.0))
        factor *= phi[:count, None]
        product: Array = np.einsum("ikn,jkn->ijn", factor, factor)
        return product

    def shown(self, phi: Array, times: Array, typical: float) -> list[tuple[Hyper, Array]]:
        """Return the SDs and the correlations, not the partial ones."""
        count, matrix = len(times), self.matrix(phi, times)
        prior = RhoSymmetric(self.lkj.eta - 1 + count / 2)
        shown = list(zip(_sds(self.tau, times, typical), phi[:count], strict=True))
        for i, j in combinations(range(count), 2):
            name = f"rho_between {times[i]:g},{times[j]:g}"
            shown.append((Hyper(name, prior), matrix[i, j] / (phi[i] * phi[j])))
        return shown

    def variance(self, phi: Array, times: Array, at: Array) -> Array:
        """Return tau^2, linear in tau between the times and constant beyond."""
        return _variance(phi[: len(self.tau)], times, at)

    def fall(self, members: Sequence[int], x: Array, study: Index, slot: Index) -> float:
        """Return the power by which the likelihood falls; a bound where R is near singular."""
        inside = np.isin(slot, members)
        each = _fall_of_each(inside, x)
        return min(each, fall_of_shift(inside, x, study)) if len(members) > 1 else each


@dataclass(frozen=True, slots=True)
class Multilevel(Between):
    """Effects within studies: ``T = tau_between^2 11' + tau_within^2 I``.

    Parameters
    ----------
    tau : tuple of TauPrior
        That of the studies, and that of the effects of a study.

    References
    ----------
    Konstantopoulos (2011), Research Synthesis Methods 2:61.
    """

    tau: tuple[TauPrior, ...]

    def hypers(self, times: Array, typical: float) -> tuple[Hyper, ...]:
        """Return both SDs."""
        names = ("tau_between", "tau_within")
        return tuple(
            Hyper(name, prior, typical) for name, prior in zip(names, self.tau, strict=True)
        )

    def under(self, priors: Sequence[Prior]) -> Self:
        """Return the same with other priors."""
        return replace(self, tau=_taus(priors))

    def matrix(self, phi: Array, times: Array) -> Array:
        """Return T."""
        shared, own = phi * phi
        matrix: Array = shared + own * np.eye(len(times))[:, :, None]
        return matrix

    def variance(self, phi: Array, times: Array, at: Array) -> Array:
        """Return the sum of both variances."""
        return np.broadcast_to((phi * phi).sum(0), (len(at), phi.shape[1]))

    def fall(self, members: Sequence[int], x: Array, study: Index, slot: Index) -> float:
        """Return the power by which the likelihood falls: one a study if only studies vary."""
        every: Mask = np.full(len(slot), True)
        return fall_of_shift(every, x, study) if 1 not in members else _fall_of_each(every, x)


def _sds(tau: tuple[TauPrior, ...], times: Array, typical: float) -> tuple[Hyper, ...]:
    if len(tau) == 1:
        return (Hyper("tau", tau[0], typical),)
    if len(tau) != len(times):
        raise InputError(
            f"{len(tau)} priors on tau for {len(times)} times: give one, or one a time"
        )
    pairs = zip(times.tolist(), tau, strict=True)
    return tuple(Hyper(f"tau at {time:g}", prior, typical) for time, prior in pairs)


def _taus(priors: Sequence[Prior]) -> tuple[TauPrior, ...]:
    return tuple(prior for prior in priors if isinstance(prior, TauPrior))


def _variance(tau: Array, times: Array, at: Array) -> Array:
    if len(tau) > 1:
        tau = hat(times, at) @ tau
    return np.broadcast_to(tau * tau, (len(at), tau.shape[1]))


def _fall_of_each(inside: Mask, x: Array) -> float:
    """One for each estimate inside, less what only they tell of."""
    return float(inside.sum() - (x.shape[1] - _rank(x[~inside])))


def fall_of_shift(inside: Mask, x: Array, study: Index) -> float:
    """One for each study, less the coefficients that differences within studies do not tell of."""
    studies, within = np.unique(study[inside], return_inverse=True)
    sums = np.zeros((len(studies), x.shape[1]))
    np.add.at(sums, within, x[inside])
    centred = x.copy()
    centred[inside] -= (sums / np.bincount(within)[:, None])[within]
    return float(len(studies) - (x.shape[1] - _rank(centred)))


def _rank(x: Array) -> int:
    return int(np.linalg.matrix_rank(x)) if x.size else 0
