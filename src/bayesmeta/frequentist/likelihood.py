"""Maximum likelihood and restricted maximum likelihood of tau2, the global maxima.

Arrays of shape (..., k): effects ``y`` and variances ``v``, infinite where a study is left out;
results have shape (...).
"""

from typing import Any, cast

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.frequentist.homogeneity import by_precision, count, spread, weighted_mean

_STEP = 0.5


def maximum_likelihood(y: Array, v: Array) -> Array:
    """Return the tau2 >= 0 that maximises the likelihood, mu at its maximum for each tau2.

    ``l(t) = (sum log w - sum w (y - mu)^2) / 2``, ``w = 1 / (v + t)``; its derivative is
    ``(sum w^2 (y - mu)^2 - sum w) / 2``.

    References
    ----------
    Hardy and Thompson (1996), Statistics in Medicine 15:619.
    """
    return _maximum(y, v, restricted=False)


def restricted_maximum_likelihood(y: Array, v: Array) -> Array:
    """Return the tau2 >= 0 that maximises the likelihood with mu integrated out.

    ``l(t) = (sum log w - log sum w - sum w (y - mu)^2) / 2``; its derivative is
    ``(sum w^2 (y - mu)^2 - sum w + sum w^2 / sum w) / 2``.

    References
    ----------
    Viechtbauer (2005), Journal of Educational and Behavioral Statistics 30:261.
    """
    return _maximum(y, v, restricted=True)


def _maximum(y: Array, v: Array, *, restricted: bool) -> Array:
    """Find where the derivative changes its sign beside the highest maximum, then the root there.

    In the eigenbasis of the residuals the restricted likelihood is a sum of terms
    ``-log(l + t) - z^2 / (l + t)``, each smooth on the scale of ``log(l + t)``, and falls beyond
    ``sum z^2 = sum (y - mean)^2``; the likelihood falls beyond twice that.
    """
    from scipy.optimize import elementwise

    y, v = by_precision(y, v)
    least, mean = v[..., 0], y.sum(axis=-1) / count(v)
    squares = ((y - mean[..., None]) ** 2).sum(axis=-1, where=np.isfinite(v))
    scale = np.log1p(2 * squares / least)
    steps = int(np.ceil(scale.max(initial=1.0, where=np.isfinite(scale)) / _STEP))
    before, slope_before = _likelihood(y, v, np.zeros(scale.shape), restricted)
    peak, highest = np.zeros(scale.shape), np.where(slope_before > 0, -np.inf, before)
    for step in range(1, steps + 1):
        height, slope = _likelihood(y, v, least * np.expm1(step / steps * scale), restricted)
        higher = (slope_before > 0) & ~(slope > 0) & (np.maximum(before, height) > highest)
        peak = np.where(higher, step, peak)
        highest = np.where(higher, np.maximum(before, height), highest)
        before, slope_before = height, slope
    inside = np.asarray(peak > 0)
    ends = [least * np.expm1(end / steps * scale) for end in (peak - 1, peak)]
    y, v = y[inside], v[inside]
    found = cast(Any, elementwise).find_root(  # its stubs know no args
        lambda t, at: _likelihood(y[at], v[at], t, restricted)[1],
        tuple(np.asarray(end)[inside] for end in ends),
        args=(np.arange(len(y)),),
    )
    tau2 = np.zeros(scale.shape)
    tau2[inside] = found.x
    return tau2


def _likelihood(y: Array, v: Array, tau2: Array, restricted: bool) -> tuple[Array, Array]:
    """Return twice the logarithm and twice its derivative, the most precise study first."""
    w = 1 / (v + tau2[..., None])
    mean, total = weighted_mean(y, w)
    residual = y - mean[..., None]
    height = np.log(w, where=w > 0, out=np.zeros_like(w)).sum(axis=-1)
    height -= (w * residual**2).sum(axis=-1)
    squares = ((w * residual) ** 2).sum(axis=-1)
    if not restricted:
        return height, squares - total
    return height - np.log(total), squares - spread(w)
