"""Cochran's Q, the typical variance, I2 and H2, and tau2 by inverting the generalised Q.

Arrays of shape (..., k): effects ``y`` and variances ``v``, infinite where a study is left out;
results have shape (...).
"""

import numpy as np
from scipy.special import chdtri

from bayesmeta.arrays import Array, ArrayLike

_STEPS = 100
_STALLED = 2**-51


def count(v: Array) -> Array:
    """Return the number of studies that are not left out, as a float."""
    return np.asarray(np.isfinite(v).sum(axis=-1), dtype=float)


def weighted_mean(y: Array, w: Array) -> tuple[Array, Array]:
    """Return ``sum w y / sum w`` and ``sum w``."""
    total = w.sum(axis=-1)
    return (w * y).sum(axis=-1) / total, total


def by_precision(y: Array, v: Array) -> tuple[Array, Array]:
    """Return the studies from the most to the least precise, y less that of the first.

    Its distance from the mean can be below the last digit of y and still count, since its weight
    is the largest: here it is exact.
    """
    order = v.argsort(axis=-1)
    y, v = (np.take_along_axis(x, order, axis=-1) for x in (y, v))
    return np.where(np.isfinite(v), y - y[..., :1], 0.0), v


def cochran_q(y: Array, v: Array, centre: ArrayLike) -> Array:
    """Return ``sum (y - centre)^2 / v``."""
    return np.asarray(((y - np.asarray(centre)[..., None]) ** 2 / v).sum(axis=-1))


def generalised_q(y: Array, v: Array, tau2: Array) -> tuple[Array, Array]:
    """Return Q(tau2) and its derivative.

    ``Q(t) = sum w (y - mu)^2`` and ``Q' = -sum w^2 (y - mu)^2`` with ``w = 1 / (v + t)`` and mu
    the mean weighted by w.
    """
    w = 1 / (v + tau2[..., None])
    residual = w * (y - weighted_mean(y, w)[0][..., None])
    return (residual * residual / w).sum(axis=-1, where=w > 0), -(residual**2).sum(axis=-1)


def tau2_at_q(y: Array, v: Array, target: Array) -> Array:
    """Return the tau2 >= 0 at which the generalised Q has fallen to the target.

    1 / Q is a weighted harmonic mean of ``v + tau2`` in the eigenbasis of the residuals, so it
    grows and is concave: Newton's method on it from 0 comes up to the root from below, whatever
    the data, and is exact in one step where the variances are equal.
    """
    y, v = by_precision(y, v)
    tau2 = np.zeros(np.broadcast_shapes(y.shape[:-1], target.shape))
    for _ in range(_STEPS):
        q, slope = generalised_q(y, v, tau2)
        above = q > target
        step = np.divide(q * (q / target - 1), -slope, where=above, out=np.zeros(above.shape))
        tau2 = tau2 + step
        if not (step > _STALLED * tau2).any():
            break
    return tau2


def q_profile(y: Array, v: Array, level: float) -> tuple[Array, Array]:
    """Return the interval of tau2 by the Q-profile method; NaN with fewer than two studies.

    The ends solve ``Q(tau2) = chi2(k - 1)`` at the quantiles (1 + level) / 2 and (1 - level) / 2.

    References
    ----------
    Viechtbauer (2007), Statistics in Medicine 26:37.

    Examples
    --------
    >>> low, high = q_profile(np.array([0.0, 2.0, 5.0]), np.ones(3), 0.95)
    >>> round(float(low), 4), round(float(high), 1)
    (0.7169, 249.2)
    """
    df = count(v) - 1
    tails = np.multiply.outer([(1 - level) / 2, (1 + level) / 2], np.ones(np.shape(df)))
    low, high = tau2_at_q(y, v, chdtri(np.where(df > 0, df, np.nan), tails))
    return np.where(df > 0, low, np.nan), np.where(df > 0, high, np.nan)


def typical_variance(v: Array) -> Array:
    """Return ``(k - 1) sum w / ((sum w)^2 - sum w^2)``, w = 1 / v; the variance where k = 1.

    References
    ----------
    Higgins and Thompson (2002), Statistics in Medicine 21:1539, equation 9.
    """
    w = -np.sort(-1 / v, axis=-1)
    return np.where(count(v) > 1, (count(v) - 1) / spread(w), 1 / w[..., 0])


def spread(w: Array) -> Array:
    """Return ``sum w - sum w^2 / sum w`` of weights with the largest first.

    As ``(w_1 r + sum_i w_i (W - w_i)) / W``, i from 2 and r the sum of the other weights, which
    ``W - w_1`` would lose where w_1 is nearly all.
    """
    first, rest, total = w[..., 0], w[..., 1:], w.sum(axis=-1)
    others = (rest * (total[..., None] - rest)).sum(axis=-1)
    return np.asarray((first * rest.sum(axis=-1) + others) / total)


def i2_of_q(q: Array, df: Array) -> Array:
    """Return ``max(0, (Q - df) / Q)``, 0 where Q is 0 (Higgins and Thompson 2002, section 3.3)."""
    return np.where(q > df, (q - df) / q, 0.0)
