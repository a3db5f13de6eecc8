"""Pools of study rows that are rounded themselves: the range of every pooled number."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import ndtri

from bayesmeta.appraisal.audit.alone import i2_of_q, p_of_q
from bayesmeta.appraisal.audit.finding import Interval
from bayesmeta.appraisal.audit.printed import printed
from bayesmeta.appraisal.audit.region import Z, hull, two_sided
from bayesmeta.arrays import Array
from bayesmeta.evidence.effects import effect_of_arms
from bayesmeta.evidence.layouts import layout_of
from bayesmeta.evidence.measures import Measure
from bayesmeta.evidence.study import Convention
from bayesmeta.evidence.table import Table
from bayesmeta.frequentist import FrequentistPool

_TINY = 1e-300
_LEAST_SE = 1e-75  # its fourth power is above 0
_ARMS = ("treatment", "control")


@dataclass(frozen=True, slots=True)
class Box:
    """Estimates and standard errors of k studies, each between two bounds, shape (k,)."""

    y_low: Array
    y_high: Array
    se_low: Array
    se_high: Array

    def __getitem__(self, rows: list[int]) -> "Box":
        """Return the box of some of the studies."""
        return Box(self.y_low[rows], self.y_high[rows], self.se_low[rows], self.se_high[rows])


@dataclass(frozen=True, slots=True)
class PoolRange:
    """What a pool can be, on the analysis scale; ``i2`` in per cent."""

    method: str
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


def fixed_range(box: Box) -> PoolRange:
    """Return the range of the inverse-variance pool.

    ``sum w y / sum w`` rises with every y, and is monotone in every w: its largest value has each
    w at its upper bound where y is above the mean and at its lower one elsewhere, so the k + 1
    cuts of the sorted y hold it. Q is the least of ``sum w (y - c)^2`` over c, so it rises with
    every w; and its root is a seminorm of y, so it moves by at most ``sqrt(sum w r^2)`` where each
    y moves by at most r. The limits are bounded by those of estimate and SE.
    """
    w_low, w_high = _weights(box)
    return _pool_range("IV", box, w_low, w_high, _q_range(box, w_low, w_high))


def random_range(box: Box) -> PoolRange:
    """Return the range of the DerSimonian-Laird pool.

    ``tau2 = max(0, (Q - df) / C)`` with ``C = sum w - sum w^2 / sum w``, which rises with every w:
    ``dC/dw_i = (1 - p_i)^2 + sum_(j != i) p_j^2`` with ``p = w / sum w``. Bounds of Q and C bound
    tau2, and those of tau2 and the SEs the pool.
    """
    w_low, w_high = _weights(box)
    q, df = _q_range(box, w_low, w_high), len(w_low) - 1
    if df == 0:
        return _pool_range("DL", box, w_low, w_high, q)
    least, most = _spread(w_low), _spread(w_high)
    tau2_low, tau2_high = max(0.0, (q.low - df) / most), max(0.0, (q.high - df) / least)
    return _pool_range("DL", box, 1 / (1 / w_low + tau2_high), 1 / (1 / w_high + tau2_low), q)


def exact(pool: FrequentistPool) -> PoolRange:
    """Return the range of a pool without rounding: points."""

    def point(x: float) -> Interval:
        return Interval(x, x)

    return PoolRange(
        method=pool.method,
        estimate=point(pool.estimate),
        ci_low=point(pool.ci_low),
        ci_high=point(pool.ci_high),
        p=point(pool.p),
        q=point(pool.q),
        i2=None if pool.i2 is None else point(100 * pool.i2),
        p_heterogeneity=None if pool.p_heterogeneity is None else point(pool.p_heterogeneity),
    )


def _weights(box: Box) -> tuple[Array, Array]:
    return box.se_high**-2, np.maximum(box.se_low, _LEAST_SE) ** -2


def _spread(w: Array) -> float:
    """Return ``sum w - sum w^2 / sum w = sum_(i != j) w_i w_j / sum w``, without cancellation."""
    pairs = np.outer(w, w)
    np.fill_diagonal(pairs, 0.0)
    return float(pairs.sum() / w.sum())


def _pool_range(method: str, box: Box, w_low: Array, w_high: Array, q: Interval) -> PoolRange:
    df = len(w_low) - 1
    mu = Interval(
        -_largest_mean(-box.y_low, w_low, w_high), _largest_mean(box.y_high, w_low, w_high)
    )
    se = Interval(float(w_high.sum() ** -0.5), float(w_low.sum() ** -0.5))
    nearest = 0.0 if mu.low <= 0 <= mu.high else min(abs(mu.low), abs(mu.high))
    farthest = max(abs(mu.low), abs(mu.high))
    return PoolRange(
        method=method,
        estimate=mu,
        ci_low=Interval(mu.low - Z * se.high, mu.high - Z * se.low),
        ci_high=Interval(mu.low + Z * se.low, mu.high + Z * se.high),
        p=hull(two_sided(np.array([nearest / se.high, farthest / se.low]))),
        q=q,
        i2=i2_of_q(q, df) if df else None,
        p_heterogeneity=p_of_q(q, df) if df else None,
    )


def _largest_mean(y: Array, w_low: Array, w_high: Array) -> float:
    order = np.argsort(-y)
    y, low, high = y[order], w_low[order], w_high[order]
    zero = np.zeros(1)

    def cut(values: Array) -> Array:
        """Sum the first j at their upper weight and the others at their lower, j = 0, ..., k."""
        upper = np.concatenate([zero, np.cumsum(values * high)])
        lower = np.concatenate([zero, np.cumsum(values * low)])
        return np.asarray(upper + lower[-1] - lower)

    return float((cut(y) / cut(np.ones_like(y))).max())


def _q_range(box: Box, w_low: Array, w_high: Array) -> Interval:
    y, r = (box.y_low + box.y_high) / 2, (box.y_high - box.y_low) / 2

    def root(w: Array) -> tuple[float, float]:
        centred = y - w @ y / w.sum()
        return float(np.sqrt(w @ centred**2)), float(np.sqrt(w @ r**2))

    (least, shift), (most, wider) = root(w_low), root(w_high)
    return Interval(max(0.0, least - shift) ** 2, (most + wider) ** 2)


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
