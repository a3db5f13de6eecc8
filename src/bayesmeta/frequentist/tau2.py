"""Estimators of the heterogeneity variance tau2.

Arrays of shape (..., k): effects ``y`` and variances ``v``, infinite where a study is left out;
results have shape (...) and are 0 with one study.
"""

from collections.abc import Callable, Mapping

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.frequentist.homogeneity import cochran_q, count, spread, tau2_at_q, weighted_mean
from bayesmeta.frequentist.likelihood import maximum_likelihood, restricted_maximum_likelihood


def dersimonian_laird(y: Array, v: Array, centre: Array | None = None) -> Array:
    """Return ``(Q - (k - 1)) / (sum w - sum w^2 / sum w)``, w = 1 / v, at least 0.

    Parameters
    ----------
    centre : ndarray, shape (...), optional
        What Q is taken around: the inverse-variance estimate by default, the Mantel-Haenszel
        estimate in RevMan's Mantel-Haenszel random effects.

    References
    ----------
    DerSimonian and Laird (1986), Controlled Clinical Trials 7:177.
    """
    if centre is None:
        centre = weighted_mean(y, 1 / v)[0]
    excess = cochran_q(y, v, centre) - (count(v) - 1)
    return _floored(excess, spread(-np.sort(-1 / v, axis=-1)), v)


def hedges(y: Array, v: Array) -> Array:
    """Return the variance of y less the mean of v, at least 0.

    References
    ----------
    Hedges and Olkin (1985), Statistical methods for meta-analysis, section 9B.
    """
    k = count(v)
    squares, mean_v = _unweighted(y, v)
    return _floored(squares - (k - 1) * mean_v, k - 1, v)


def hunter_schmidt(y: Array, v: Array) -> Array:
    """Return ``(Q - k) / sum w``, w = 1 / v, at least 0.

    References
    ----------
    Hunter and Schmidt (1990), Methods of meta-analysis; in this form Viechtbauer (2005), Journal
    of Educational and Behavioral Statistics 30:261.
    """
    mean, total = weighted_mean(y, 1 / v)
    return _floored(cochran_q(y, v, mean) - count(v), total, v)


def sidik_jonkman(y: Array, v: Array) -> Array:
    """Return ``t Q(t) / (k - 1)``, t the mean squared deviation of y; above 0 unless all y agree.

    References
    ----------
    Sidik and Jonkman (2005), Applied Statistics 54:367, equation 7.
    """
    start = _unweighted(y, v)[0] / count(v)
    total = v + start[..., None]
    q = cochran_q(y, total, weighted_mean(y, 1 / total)[0])
    return _floored(start * q, count(v) - 1, v)


def paule_mandel(y: Array, v: Array) -> Array:
    """Return the tau2 at which the generalised Q is k - 1.

    The empirical Bayes estimator solves the same equation.

    References
    ----------
    Paule and Mandel (1982), Journal of Research of the National Bureau of Standards 87:377.
    Morris (1983), Journal of the American Statistical Association 78:47. Their equality: Sidik
    and Jonkman (2007), Statistics in Medicine 26:1964, and Viechtbauer et al. (2015), Psychological
    Methods 20:360.
    """
    return np.where(count(v) > 1, tau2_at_q(y, v, np.maximum(count(v) - 1.0, 1.0)), 0.0)


TAU2: Mapping[str, Callable[[Array, Array], Array]] = {
    "DL": dersimonian_laird,
    "PM": paule_mandel,
    "REML": restricted_maximum_likelihood,
    "ML": maximum_likelihood,
    "EB": paule_mandel,
    "SJ": sidik_jonkman,
    "HE": hedges,
    "HS": hunter_schmidt,
}
"""The estimators by their names in metafor."""


def _unweighted(y: Array, v: Array) -> tuple[Array, Array]:
    """Return the sum of squared deviations of y from its mean, and the mean of v."""
    kept, k = np.isfinite(v), count(v)
    mean = y.sum(axis=-1, where=kept) / k
    squares = ((y - mean[..., None]) ** 2).sum(axis=-1, where=kept)
    return squares, v.sum(axis=-1, where=kept) / k


def _floored(excess: Array, per_tau2: Array, v: Array) -> Array:
    """Return excess / per_tau2, at least 0, and 0 with one study."""
    found = excess / np.where(count(v) > 1, per_tau2, np.inf)
    return np.where(found > 0, found, 0.0)
