"""Maximum likelihood and restricted maximum likelihood of tau2, the global maxima.

Arrays of shape (..., k): effects ``y`` and variances ``v``, infinite where a study is left out;
results have shape (...).
"""

from typing import Any, cast

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.frequentist.homogeneity import count, weighted_mean

_SCAN = 33


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
    """Scan for the highest of the maxima, then find the root of the derivative beside it.

    In the eigenbasis of the residuals the restricted likelihood is a sum over terms
    ``-log(l + t) - z^2 / (l + t)``, each smooth on the scale of ``log(l + t)``, and falls beyond
    ``sum z^2 = sum (y - mean)^2``; the likelihood falls beyond twice that.
    """
    from scipy.optimize import elementwise

    kept = np.isfinite(v)
    least = v.min(axis=-1)
    mean = y.sum(axis=-1, where=kept) / count(v)
    most = 2 * ((y - mean[..., None]) ** 2).sum(axis=-1, where=kept)
    growth = np.log1p(most / least) / (_SCAN - 1)
    shape = y.shape[:-1]
    best, highest = np.zeros(shape), np.full(shape, -np.inf)
    for step in range(_SCAN):
        height = _log_likelihood(y, v, least * np.expm1(step * growth), restricted)
        best = np.where(height > highest, step, best)
        highest = np.maximum(height, highest)
    tau2 = np.array(least * np.expm1(best * growth))
    rising = _score(y, v, tau2, restricted) > 0
    other = least * np.expm1((best + np.where(rising, 1, -1)) * growth)
    inside = np.asarray((rising | (best > 0)) & (most > 0))
    ends, y, v = np.sort([tau2, other], axis=0)[:, inside], y[inside], v[inside]
    found = cast(Any, elementwise).find_root(  # its stubs know no args
        lambda t, at: _score(y[at], v[at], t, restricted), tuple(ends), args=(np.arange(len(y)),)
    )
    tau2[inside] = found.x
    return np.where(inside, tau2, 0.0)


def _log_likelihood(y: Array, v: Array, tau2: Array, restricted: bool) -> Array:
    w = 1 / (v + tau2[..., None])
    mean, total = weighted_mean(y, w)
    height = np.log(w, where=w > 0, out=np.zeros_like(w)).sum(axis=-1)
    height -= (w * (y - mean[..., None]) ** 2).sum(axis=-1)
    return height - np.log(total) if restricted else height


def _score(y: Array, v: Array, tau2: Array, restricted: bool) -> Array:
    w = 1 / (v + tau2[..., None])
    mean, total = weighted_mean(y, w)
    slope = ((w * (y - mean[..., None])) ** 2).sum(axis=-1) - total
    return np.asarray(slope + (w**2).sum(axis=-1) / total if restricted else slope)
