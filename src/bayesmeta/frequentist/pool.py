"""Pools of estimates: inverse variance, common effect and DerSimonian-Laird."""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, ndtr, ndtri

from bayesmeta.arrays import Array, ArrayLike


@dataclass(frozen=True, slots=True)
class FrequentistPool:
    """A pooled estimate with its confidence interval, on the analysis scale.

    Parameters
    ----------
    method : str
        ``IV`` inverse variance, ``MH`` Mantel-Haenszel, both common-effect; ``DL``
        DerSimonian-Laird random effects.
    ci : str
        ``wald``: estimate plus and minus z SE.
    estimate, ci_low, ci_high, p : float
    tau2 : float or None
        None where the method has no heterogeneity.
    i2 : float or None
        ``max(0, (Q - df) / Q)``, a fraction; None with one study.
    q : float
        Cochran's Q around the common-effect estimate of the method.
    p_heterogeneity : float or None
        None with one study.
    """

    method: str
    ci: str
    estimate: float
    ci_low: float
    ci_high: float
    p: float
    tau2: float | None
    i2: float | None
    q: float
    p_heterogeneity: float | None


def inverse_variance(y: ArrayLike, se: ArrayLike, level: float = 0.95) -> FrequentistPool:
    """Pool by inverse variance, one common effect.

    ``mu = sum w y / sum w``, ``SE = (sum w)^-1/2``, ``w = se^-2``, ``Q = sum w (y - mu)^2``.

    Parameters
    ----------
    y, se : array_like, shape (k,)
    level : float

    Examples
    --------
    >>> pool = inverse_variance([-1.81, -2.10], [1.580, 1.139])
    >>> round(pool.estimate, 2), round(pool.ci_low, 2), round(pool.ci_high, 2)
    (-2.0, -3.81, -0.19)
    """
    y, se = np.asarray(y, dtype=float), np.asarray(se, dtype=float)
    mu, se_mu = weighted_mean(y, se**-2)
    return wald("IV", mu, se_mu, cochran_q(y, se, mu), y.size, level)


def dersimonian_laird(
    y: ArrayLike, se: ArrayLike, level: float = 0.95, centre: float | None = None
) -> FrequentistPool:
    """Pool by inverse variance with the heterogeneity of DerSimonian and Laird.

    ``tau2 = max(0, (Q - (k - 1)) / (sum w - sum w^2 / sum w))`` with ``w = se^-2``; then
    ``mu = sum w* y / sum w*``, ``w* = 1 / (se^2 + tau2)``.

    Parameters
    ----------
    y, se : array_like, shape (k,)
    level : float
    centre : float, optional
        What Q is taken around: the inverse-variance estimate by default, the Mantel-Haenszel
        estimate in RevMan's Mantel-Haenszel random effects.

    References
    ----------
    DerSimonian and Laird (1986), Controlled Clinical Trials 7:177.

    Examples
    --------
    >>> pool = dersimonian_laird([-0.001, -0.930], [0.0745, 0.126])
    >>> round(pool.estimate, 2), round(pool.ci_low, 2), round(pool.ci_high, 2)
    (-0.46, -1.37, 0.45)
    """
    y, se = np.asarray(y, dtype=float), np.asarray(se, dtype=float)
    w = se**-2
    q = cochran_q(y, se, weighted_mean(y, w)[0] if centre is None else centre)
    spread = w.sum() - (w**2).sum() / w.sum()
    tau2 = max(0.0, (q - (y.size - 1)) / float(spread)) if spread > 0 else 0.0
    mu, se_mu = weighted_mean(y, 1 / (se**2 + tau2))
    return wald("DL", mu, se_mu, q, y.size, level, tau2)


def weighted_mean(y: Array, w: Array) -> tuple[float, float]:
    """Return the weighted mean and ``(sum w)^-1/2``."""
    return float(w @ y / w.sum()), float(w.sum() ** -0.5)


def cochran_q(y: Array, se: Array, centre: float) -> float:
    """Return ``sum ((y - centre) / se)^2``."""
    return float((((y - centre) / se) ** 2).sum())


def wald(
    method: str,
    estimate: float,
    se: float,
    q: float,
    k: int,
    level: float,
    tau2: float | None = None,
) -> FrequentistPool:
    """Complete a pool with the Wald interval and the tests of effect and heterogeneity."""
    half, df = float(ndtri((1 + level) / 2)) * se, k - 1
    return FrequentistPool(
        method=method,
        ci="wald",
        estimate=estimate,
        ci_low=estimate - half,
        ci_high=estimate + half,
        p=float(2 * ndtr(-abs(estimate / se))),
        tau2=tau2,
        i2=(max(0.0, 1 - df / q) if q > 0 else 0.0) if df > 0 else None,
        q=q,
        p_heterogeneity=float(chdtrc(df, q)) if df > 0 else None,
    )
