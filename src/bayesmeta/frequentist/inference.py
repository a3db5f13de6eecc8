"""Confidence intervals and tests of a pooled effect: Wald, and Hartung-Knapp-Sidik-Jonkman."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from bayesmeta.arrays import Array
from bayesmeta.frequentist.homogeneity import by_precision, count, generalised_q
from bayesmeta.frequentist.names import Inference


class Inferred(NamedTuple):
    """SE, ends of the interval, estimate / SE and two-sided P, arrays of one shape."""

    se: Array
    ci_low: Array
    ci_high: Array
    z: Array
    p: Array


def wald(estimate: Array, se: Array, level: float) -> Inferred:
    """Return ``estimate -+ z SE`` and the normal test.

    Examples
    --------
    >>> found = wald(np.array(1.0), np.array(0.5), 0.95)
    >>> round(float(found.ci_low), 4), round(float(found.p), 4)
    (0.02, 0.0455)
    """
    half, z = ndtri((1 + level) / 2) * se, estimate / se
    return Inferred(se, estimate - half, estimate + half, z, 2 * ndtr(-np.abs(z)))


def hksj_se(y: Array, v: Array, tau2: Array) -> Array:
    """Return ``(sum w (y - mu)^2 / ((k - 1) sum w))^1/2``, ``w = 1 / (v + tau2)``.

    References
    ----------
    Hartung and Knapp (2001), Statistics in Medicine 20:3875, equation 9. Sidik and Jonkman
    (2002), Statistics in Medicine 21:3153.
    """
    df = count(v) - 1
    total = (1 / (v + tau2[..., None])).sum(axis=-1)
    return np.where(
        df > 0, np.sqrt(generalised_q(*by_precision(y, v), tau2)[0] / df / total), np.nan
    )


def hartung_knapp(
    simple: Inferred, estimate: Array, se: Array, df: Array, ci: Inference, level: float
) -> Inferred:
    """Return ``estimate -+ t SE`` and the t test, where there are degrees of freedom.

    Parameters
    ----------
    simple : Inferred
        Wald's, which stands where df is 0 and whose SE is the floor of ``hksj-floor``.
    estimate, se, df : ndarray
        ``se`` by `hksj_se`.
    ci : {"hksj", "hksj-floor"}
    level : float

    References
    ----------
    The floor: Knapp and Hartung (2003), Statistics in Medicine 22:2693.
    """
    se = np.maximum(se, simple.se) if ci == "hksj-floor" else se
    t = estimate / se
    half = stdtrit(np.where(df > 0, df, np.nan), (1 + level) / 2) * se
    p = np.where(t == t, 2 * stdtr(df, -np.abs(t)), 1.0)  # 0 / 0: studies that agree on no effect
    found = Inferred(se, estimate - half, estimate + half, t, p)
    return Inferred(*(np.where(df > 0, *pair) for pair in zip(found, simple, strict=True)))
