"""How many patients, or studies, a prior on mu is worth: its effective sample size by ELIR."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.engines.exact import Posterior
from bayesmeta.errors import InputError
from bayesmeta.fit import Row
from bayesmeta.priors import MuPrior, StudentT, unit_information_sd

type Unit = Literal["patients", "studies"]

_REACH = 12
"""SDs to either side of each normal that are integrated over: exp(-72) is left out."""


@dataclass(frozen=True, slots=True)
class PriorSize:
    """Effective sample size of a prior on mu.

    Attributes
    ----------
    value : float
        0 for a flat prior.
    unit : {'patients', 'studies'}
    unit_sd : float
        One unit's information about mu is that of an observation with this standard deviation.
    """

    value: float
    unit: Unit
    unit_sd: float

    @property
    def words(self) -> str:
        """Say what the prior is worth.

        Examples
        --------
        >>> PriorSize(16.0, "patients", 4.0).words
        'effective sample size of the prior on mu by ELIR: 16 patients'
        """
        return f"effective sample size of the prior on mu by ELIR: {self.value:.3g} {self.unit}"


def effective_sample_size(prior: MuPrior, unit_sd: float) -> float:
    """Return the effective sample size of a prior on mu by the expected local information ratio.

    ``ESS = E_p[i(p(mu)) / i_F(mu)]``, ``i(p(mu)) = -d^2 log p(mu) / dmu^2`` and
    ``i_F = 1 / unit_sd^2``, the Fisher information of one unit. The expectation is that of
    ``(dlog p / dmu)^2``, by parts, which is summed without cancellation: by Gauss-Legendre rules
    between all ``m_c + j s_c`` of a mixture of normals. In closed form ``unit_sd^2 / s^2`` for a
    normal and ``unit_sd^2 (df + 1) / ((df + 3) scale^2)`` for a Student-t.

    Parameters
    ----------
    prior : MuPrior
        0 where it is flat.
    unit_sd : float
        Such as the unit information standard deviation, for an answer in patients.

    References
    ----------
    Neuenschwander, Weber, Schmidli and O'Hagan (2020), Biometrics 76:578.

    Examples
    --------
    >>> from bayesmeta.priors import Normal, NormalMixture
    >>> effective_sample_size(Normal(0, 1), unit_sd=4)
    16.0
    >>> round(effective_sample_size(NormalMixture((0.5, 0.5), (0, 3), (2, 4)), unit_sd=10), 5)
    10.82796
    """
    if not 0 < unit_sd < np.inf:
        raise InputError(f"unit_sd is {unit_sd:g}: expected a positive number")
    return unit_sd**2 * _information(prior)


def prior_size(row: Row) -> PriorSize:
    """Return the effective sample size of the prior on mu that a pool was fitted with.

    In patients, by the unit information standard deviation of the pool, where every study's n is
    known; else in studies, one of them having the mean information ``sum w_i / k``,
    ``w_i = 1 / (se_i^2 + tau^2)``, at the posterior median of tau.

    References
    ----------
    Roever et al. (2021), Research Synthesis Methods 12:448, for the unit information SD.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> fit = bm.fit("adverse_events", mu="normal(0, 1)")
    >>> print(prior_size(fit.rows[0]).words)
    effective sample size of the prior on mu by ELIR: 23.9 patients
    """
    prior, pool = row.posterior.model.mu, row.pool
    if pool.n is not None and np.all(np.isfinite(pool.n)):
        unit: Unit = "patients"
        unit_sd = unit_information_sd(pool.n, pool.se)
    else:
        unit, unit_sd = "studies", study_sd(row.posterior, row.exact.tau.median or 0.0)
    return PriorSize(effective_sample_size(prior, unit_sd), unit, unit_sd)


def study_sd(posterior: Posterior, tau: float) -> float:
    """Return the SD of an observation as informative as a study is on average, given tau."""
    se = posterior.model.unit * posterior.model.se[0]
    return float(np.mean(1 / (se * se + tau * tau)) ** -0.5)


def _information(prior: MuPrior) -> float:
    """Fisher information of location: ``int p'(x)^2 / p(x) dx``."""
    if not prior.proper:
        return 0.0
    if isinstance(prior, StudentT):
        return (prior.df + 1) / (prior.df + 3) / prior.scale**2
    weights, means, sds = prior.components()
    if len(weights) == 1:
        return float(sds[0] ** -2.0)
    cuts = np.unique(means + sds * np.arange(-_REACH, _REACH + 1)[:, None])
    at, mass = np.polynomial.legendre.leggauss(24)
    half = np.diff(cuts)[:, None] / 2
    x = cuts[:-1, None] + half * (1 + at)
    return float((_slope_squared(x.ravel(), weights, means, sds) * (half * mass).ravel()).sum())


def _slope_squared(x: Array, weights: Array, means: Array, sds: Array) -> Array:
    """Return ``p'(x)^2 / p(x)`` of a mixture of normals."""
    z = (x[:, None] - means) / sds
    parts = weights / (sds * np.sqrt(2 * np.pi)) * np.exp(-z * z / 2)
    density, slope = parts.sum(-1), (parts * z / sds).sum(-1)
    found: Array = np.divide(slope * slope, density, out=np.zeros_like(x), where=density > 0)
    return found
