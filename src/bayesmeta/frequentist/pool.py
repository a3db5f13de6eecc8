"""Pool studies: one common effect, or random effects with tau2 estimated."""

import numpy as np
from scipy.special import chdtrc

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.errors import InputError
from bayesmeta.evidence.study import Convention
from bayesmeta.frequentist.homogeneity import (
    cochran_q,
    count,
    i2_of_q,
    q_profile,
    typical_variance,
    weighted_mean,
)
from bayesmeta.frequentist.inference import hartung_knapp, hksj_se, wald
from bayesmeta.frequentist.names import COMMON_EFFECT, Centre, Inference, Method, Profile
from bayesmeta.frequentist.prediction import Ends, Prediction, prediction_intervals
from bayesmeta.frequentist.result import FrequentistPool, Pools
from bayesmeta.frequentist.studies import Studies, peto_studies
from bayesmeta.frequentist.tables import Weighted, mantel_haenszel_mean, telling
from bayesmeta.frequentist.tau2 import TAU2, dersimonian_laird


def pool(
    studies: Studies,
    method: Method = "REML",
    *,
    ci: Inference = "wald",
    level: float = 0.95,
    profile: Profile = "metafor",
    around: Centre | None = None,
) -> FrequentistPool | None:
    """Pool the studies of one outcome.

    Parameters
    ----------
    studies : Studies, with arrays of shape (k,)
    method : str
        ``IV`` inverse variance, ``MH`` Mantel-Haenszel or ``Peto`` with one common effect; else
        random effects by inverse variance, with that estimator of tau2.
    ci : str
        ``wald``, ``hksj`` or ``hksj-floor``, for random effects.
    level : float
    profile : str
        Whose arithmetic: ``metafor``, ``revman5`` or ``revman-web``.
    around : {"IV", "MH"}, optional
        What Q is taken around under random effects. By default the Mantel-Haenszel estimate for
        2x2 tables in RevMan, which calls these random effects Mantel-Haenszel then; else the
        inverse-variance estimate.

    Returns
    -------
    FrequentistPool or None
        None where it cannot be estimated.

    Examples
    --------
    >>> found = pool(Studies.of_effects([-0.001, -0.930], [0.0745, 0.126]), "DL")
    >>> round(found.estimate, 2), round(found.ci_low, 2), round(found.ci_high, 2)
    (-0.46, -1.37, 0.45)
    """
    if not studies.kept.any():
        return None
    return pool_batch(studies, method, ci=ci, level=level, profile=profile, around=around)[()]


def pool_batch(
    studies: Studies,
    method: Method = "REML",
    *,
    ci: Inference = "wald",
    level: float = 0.95,
    profile: Profile = "metafor",
    around: Centre | None = None,
) -> Pools:
    """Pool many outcomes at once, studies of shape (..., k), as `pool` does one.

    References
    ----------
    Deeks and Higgins (2010), Statistical algorithms in Review Manager 5. Hartung and Knapp
    (2001), Statistics in Medicine 20:3875, and Sidik and Jonkman (2002), 21:3153; the floor:
    Knapp and Hartung (2003), 22:2693. I2 and H2: Higgins and Thompson (2002), 21:1539.

    Examples
    --------
    >>> studies = Studies.of_effects([[1, 2, 4], [1, 3, np.nan]], np.ones((2, 3)))
    >>> pool_batch(studies, "DL").tau2
    array([1.33333333, 1.        ])
    """
    if around is None:
        around = "MH" if studies.counts is not None and profile != "metafor" else "IV"
    weights = method if method in COMMON_EFFECT else around
    if weights != "IV":
        _need_tables(studies, weights)
    with np.errstate(all="ignore"):
        mean, told = _common_effect(studies, weights, profile)
        q, df = cochran_q(told.y, told.v, mean.estimate), count(told.v) - 1
        typical = typical_variance(told.v)
        tau2 = np.full(q.shape, np.nan)
        prediction: dict[Prediction, Ends] = {}
        i2, h2 = i2_of_q(q, df), q / df
        inferred = wald(mean.estimate, mean.se, level)
        if method not in COMMON_EFFECT:
            y, v = studies.y, studies.v
            tau2 = dersimonian_laird(y, v, mean.estimate) if method == "DL" else TAU2[method](y, v)
            mean = _inverse_variance(y, v + tau2[..., None])
            simple, se = wald(mean.estimate, mean.se, level), hksj_se(y, v, tau2)
            inferred = simple
            if ci != "wald":
                inferred = hartung_knapp(simple, mean.estimate, se, df, ci, level)
            if profile == "revman-web":
                inferred = inferred._replace(z=simple.z, p=simple.p)
            prediction = prediction_intervals(*mean[:2], se, tau2, df + 1, level)
            if profile != "revman5":
                i2, h2 = tau2 / (tau2 + typical), 1 + tau2 / typical
        tau2_low, tau2_high = q_profile(told.y, told.v, level)
        return Pools(
            method=method,
            ci="wald" if method in COMMON_EFFECT else ci,
            estimate=mean.estimate,
            **inferred._asdict(),
            tau2=tau2,
            tau2_ci_low=tau2_low,
            tau2_ci_high=tau2_high,
            i2=np.where(df > 0, i2, np.nan),
            i2_ci_low=tau2_low / (tau2_low + typical),
            i2_ci_high=tau2_high / (tau2_high + typical),
            h2=np.where(df > 0, h2, np.nan),
            q=q,
            df=df,
            p_heterogeneity=chdtrc(np.where(df > 0, df, np.nan), q),
            weights=mean.weights,
            prediction=prediction,
        )


def inverse_variance(y: ArrayLike, se: ArrayLike, level: float = 0.95) -> FrequentistPool:
    """Pool by inverse variance, one common effect.

    ``mu = sum w y / sum w``, ``SE = (sum w)^-1/2``, ``w = se^-2``, ``Q = sum w (y - mu)^2``.

    Examples
    --------
    >>> found = inverse_variance([-1.81, -2.10], [1.580, 1.139])
    >>> round(found.estimate, 2), round(found.ci_low, 2), round(found.ci_high, 2)
    (-2.0, -3.81, -0.19)
    """
    found = pool(Studies.of_effects(y, se), "IV", level=level)
    assert found is not None
    return found


def mantel_haenszel(
    counts: ArrayLike, measure: str, level: float = 0.95, convention: Convention = "metafor"
) -> FrequentistPool | None:
    """Pool odds ratios, risk ratios or risk differences by Mantel and Haenszel.

    Parameters
    ----------
    counts : array_like, shape (k, 4)
        events_treatment, n_treatment, events_control, n_control.
    measure : {"OR", "RR", "RD"}
    level : float
    convention : {"metafor", "revman5"}

    Returns
    -------
    FrequentistPool or None
        None where it cannot be estimated: no events in one of the arms of all tables, say.

    Examples
    --------
    >>> found = mantel_haenszel([[2, 12, 2, 6], [3, 20, 9, 20]], "OR")
    >>> [round(float(np.exp(x)), 2) for x in (found.estimate, found.ci_low, found.ci_high)]
    [0.26, 0.07, 0.89]
    """
    studies = Studies.of_counts(counts, measure, convention)
    return pool(studies, "MH", level=level, profile=convention)


def _need_tables(studies: Studies, method: Method) -> None:
    if studies.counts is None:
        what = "Peto" if method == "Peto" else "Mantel-Haenszel"
        raise InputError(f"{what} pools 2x2 tables: events and n of both arms are expected")
    if method == "Peto" and studies.measure != "OR":
        raise InputError(f"Peto pools odds ratios: measure OR is expected, not {studies.measure}")


def _common_effect(studies: Studies, method: str, profile: Profile) -> tuple[Weighted, Studies]:
    """Return the mean with one common effect, and the studies that Q and its df are taken over."""
    if method == "MH":
        convention: Convention = "metafor" if profile == "metafor" else "revman5"
        return mantel_haenszel_mean(studies, convention), telling(studies, convention)
    studies = peto_studies(studies) if method == "Peto" else studies
    return _inverse_variance(studies.y, studies.v), studies


def _inverse_variance(y: Array, v: Array) -> Weighted:
    mean, total = weighted_mean(y, 1 / v)
    return Weighted(mean, total**-0.5, 1 / v / total[..., None])
