"""Pools of study rows that are rounded themselves: the range of every pooled number."""

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from scipy.special import ndtri, stdtrit

from bayesmeta.appraisal.audit.alone import i2_of_q, p_of_q
from bayesmeta.appraisal.audit.bounds import (
    Bounds,
    Box,
    mean_range,
    q_range,
    spread_range,
    tau2_range,
)
from bayesmeta.appraisal.audit.finding import Interval
from bayesmeta.appraisal.audit.printed import printed
from bayesmeta.appraisal.audit.region import Z, hull, two_sided
from bayesmeta.arrays import Array
from bayesmeta.evidence.effects import effect_of_arms
from bayesmeta.evidence.layouts import layout_of
from bayesmeta.evidence.measures import Measure
from bayesmeta.evidence.study import Convention
from bayesmeta.evidence.table import Table
from bayesmeta.frequentist import COMMON_EFFECT, Inference, Method, Studies, pool

_TINY = 1e-300
_ARMS = ("treatment", "control")


@dataclass(frozen=True, slots=True)
class PoolRange:
    """What a pool can be, on the analysis scale; ``i2`` in per cent."""

    method: Method
    ci: Inference
    estimate: Interval
    ci_low: Interval
    ci_high: Interval
    p: Interval
    q: Interval
    i2: Interval | None
    p_heterogeneity: Interval | None


def box_of(table: Table, measure: Measure, convention: Convention) -> Box:
    """Return what the rows of a table can have been before they were rounded to its digits.

    Counts are exact. For arms every function is monotone in each mean and each SD alone, so its
    extremes are at corners; the variance of a standardised difference has its minimum where the
    difference is 0.

    Examples
    --------
    >>> from bayesmeta.evidence.measures import measure_named
    >>> from bayesmeta.evidence.table import table_of_columns
    >>> table = table_of_columns({"study": ["A"], "estimate": ["-2.1"], "se": ["1.1"]}, "it")
    >>> box_of(table, measure_named("MD"), "revman5").y_low.round(2)
    array([-2.15])
    """
    columns = layout_of(table, measure.name)[0].columns
    if columns[0] == "events_treatment":
        effects = layout_of(table, measure.name)[0].effects(table, measure, convention)
        return Box(effects.y, effects.y, effects.se, effects.se)
    if columns[0] == "mean_treatment":
        return _box_of_arms(table, measure, convention)
    low, high = _bounds(table, "estimate")
    if columns[1] in ("ci_low", "p") and measure.ratio:
        low, high = np.log(np.maximum(low, _TINY)), np.log(high)
    return Box(low, high, *_standard_errors(table, measure, columns[1], low, high))


def pool_range(box: Box, method: Method, ci: Inference = "wald") -> PoolRange:
    """Return the range of a pool by inverse variance: bounds of tau2 and the SEs bound the rest.

    Peto's pool of (O - E) / V with variances 1 / V is one of inverse variance. Hartung and Knapp's
    SE is ``(Q(tau2) / ((k - 1) sum w))^1/2``; beside their interval RevMan Web prints Wald's P, so
    the range of P holds both. I2 is (Q - df) / Q in RevMan 5 and in metafor tau2 / (tau2 + typical
    variance), which differ unless tau2 is DerSimonian and Laird's: its range holds both too.

    Examples
    --------
    >>> y, se = np.array([1.0, 2.0]), np.array([1.0, 1.0])
    >>> found = pool_range(Box(y - 0.05, y + 0.05, se, se), "IV").estimate
    >>> round(found.low, 9), round(found.high, 9)
    (1.45, 1.55)
    """
    df = box.k - 1
    tau2 = Interval(0.0, 0.0) if method in COMMON_EFFECT else tau2_range(method, box)
    common, weights = box.weights(Interval(0.0, 0.0)), box.weights(tau2)
    q, mu = q_range(box, common), mean_range(box, weights)
    se = wald = Interval(*(float(w.sum() ** -0.5) for w in reversed(weights)))
    t, p = Z, _p_range(mu, wald)
    if ci != "wald" and df:
        se = _hartung_knapp(box, weights)
        if ci == "hksj-floor":
            se = Interval(max(se.low, wald.low), max(se.high, wald.high))
        t = float(stdtrit(df, 0.975))
        p = _both(p, _p_range(mu, se, df))
    i2 = i2_of_q(q, df) if df else None
    if i2 and method not in (*COMMON_EFFECT, "DL"):
        i2 = _both(i2, _i2_of_tau2(tau2, spread_range(common), df))
    return PoolRange(
        method=method,
        ci=ci,
        estimate=mu,
        ci_low=Interval(mu.low - t * se.high, mu.high - t * se.low),
        ci_high=Interval(mu.low + t * se.low, mu.high + t * se.high),
        p=p,
        q=q,
        i2=i2,
        p_heterogeneity=p_of_q(q, df) if df else None,
    )


def exact_range(
    studies: Studies, method: Method, ci: Inference, convention: Convention
) -> PoolRange | None:
    """Return the range of a pool of 2x2 tables, without rounding; None without an estimate.

    P of Hartung and Knapp's interval and I2 have the ranges of `pool_range`.
    """
    around: Literal["IV", "MH"] = "MH" if convention == "revman5" else "IV"
    found = pool(studies, method, ci=ci, profile=convention, around=around)
    web = pool(studies, method, ci=ci, profile="revman-web", around=around)
    if found is None or web is None:
        return None
    i2s = [100 * one.i2 for one in (found, web) if one.i2 is not None]
    return PoolRange(
        method=method,
        ci=found.ci,
        estimate=Interval(found.estimate, found.estimate),
        ci_low=Interval(found.ci_low, found.ci_low),
        ci_high=Interval(found.ci_high, found.ci_high),
        p=Interval(min(found.p, web.p), max(found.p, web.p)),
        q=Interval(found.q, found.q),
        i2=Interval(min(i2s), max(i2s)) if i2s else None,
        p_heterogeneity=(
            None
            if found.p_heterogeneity is None
            else Interval(found.p_heterogeneity, found.p_heterogeneity)
        ),
    )


def _hartung_knapp(box: Box, weights: Bounds) -> Interval:
    q, df = q_range(box, weights), box.k - 1
    least, most = (float(w.sum()) for w in weights)
    return Interval((q.low / df / most) ** 0.5, (q.high / df / least) ** 0.5)


def _p_range(mu: Interval, se: Interval, df: int | None = None) -> Interval:
    nearest = 0.0 if mu.low <= 0 <= mu.high else min(abs(mu.low), abs(mu.high))
    farthest = max(abs(mu.low), abs(mu.high))
    z = np.array([nearest / max(se.high, _TINY), farthest / max(se.low, _TINY)])
    return hull(two_sided(z, df))


def _i2_of_tau2(tau2: Interval, c: Interval, df: int) -> Interval:
    """Return ``tau2 / (tau2 + df / C)`` in per cent."""
    low, high = (100 * t * w / (t * w + df) for t, w in ((tau2.low, c.low), (tau2.high, c.high)))
    return Interval(low, high)


def _both(one: Interval, other: Interval) -> Interval:
    return Interval(min(one.low, other.low), max(one.high, other.high))


def _bounds(table: Table, column: str) -> tuple[Array, Array]:
    ranges = [printed(cell).range for cell in table.text(column)]
    return np.array([x.low for x in ranges]), np.array([x.high for x in ranges])


def _standard_errors(
    table: Table, measure: Measure, column: str, low: Array, high: Array
) -> tuple[Array, Array]:
    """Return the bounds of the standard errors, by the column that gives them."""
    if column == "ci_low":
        bounds = (_bounds(table, name) for name in ("ci_low", "ci_high"))
        if measure.ratio:
            bounds = (
                (np.log(np.maximum(a, _TINY)), np.log(np.maximum(b, _TINY))) for a, b in bounds
            )
        (l0, l1), (h0, h1) = bounds
        return np.maximum(h0 - l1, 0.0) / (2 * Z), (h1 - l0) / (2 * Z)
    if column == "p":
        p0, p1 = _bounds(table, "p")
        nearest = np.where((low <= 0) & (high >= 0), 0.0, np.minimum(abs(low), abs(high)))
        farthest = np.maximum(abs(low), abs(high))
        return nearest / -ndtri(np.maximum(p0, _TINY) / 2), farthest / -ndtri(
            np.minimum(p1, 1 - 1e-16) / 2
        )
    s0, s1 = _bounds(table, column)
    if column == "variance":
        return np.sqrt(np.maximum(s0, 0.0)), np.sqrt(s1)
    return np.maximum(s0, 0.0), s1


def _box_of_arms(table: Table, measure: Measure, convention: Convention) -> Box:
    positive = measure.name == "ROM"
    means, sds = ([_bounds(table, f"{what}_{arm}") for arm in _ARMS] for what in ("mean", "sd"))
    n1, n2 = (table.numbers(f"n_{arm}") for arm in _ARMS)

    def effect(m1: Array, m2: Array, s1: Array, s2: Array) -> tuple[Array, Array]:
        if positive:
            m1, m2 = np.maximum(m1, 1e-12), np.maximum(m2, 1e-12)
        s1, s2 = np.maximum(s1, 1e-12), np.maximum(s2, 1e-12)
        return effect_of_arms((m1, s1, n1), (m2, s2, n2), measure.name, convention)

    corners = [effect(*corner) for corner in product(*means, *sds)]
    y, se = (np.array(part) for part in zip(*corners, strict=True))
    low, high, se_low = y.min(axis=0), y.max(axis=0), se.min(axis=0)
    if measure.name == "SMD":
        alike = effect(means[0][0], means[0][0], sds[0][0], sds[1][0])[1]
        se_low = np.where((low < 0) & (high > 0), alike, se_low)
    return Box(low, high, se_low, se.max(axis=0))
