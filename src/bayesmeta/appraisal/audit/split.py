"""A pool of two studies, split back into them, with the range that rounding allows.

With v1, v2 the variances of the two, ``a = v1 / (v1 + v2)``, mu and s the pool's estimate and SE,
``Q = (y1 - y2)^2 / (v1 + v2)`` and DerSimonian and Laird's ``tau2 = (Q - 1) (v1 + v2) / 2`` (its C
is ``2 / (v1 + v2)``), put ``h = max(0, (Q - 1) / 2)``, or 0 in a fixed-effect pool. Then::

    fixed     y1 - mu = +- s sqrt(Q a / (1 - a))           v1 = s^2 / (1 - a)
    Q <= 1    the same
    random    y1 - mu = +- s sqrt((a + h) / (1 - a + h))   v1 = a s^2 Q / ((a + h) (1 - a + h))

and study 2 has 1 - a for a and the other sign. Estimate, SE and Q leave one number free: a.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from math import sqrt

import numpy as np

from bayesmeta.appraisal.audit.finding import Interval
from bayesmeta.appraisal.audit.recipes import Model
from bayesmeta.appraisal.audit.region import Region, hull

EQUAL = Interval(0.5, 0.5)
WIDE = Interval(0.1, 0.9)
"""The shares of the variance that a range is given for where nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Component:
    """One study of a pool: the range of its estimate and of its standard error."""

    y: Interval
    se: Interval


@dataclass(frozen=True, slots=True)
class Pair:
    """The other study of a pool of two, and the Q of both."""

    other: Component
    q: Interval


def split_pool(
    region: Region, q: Interval, model: Model, share: Interval = EQUAL
) -> tuple[Component, Component]:
    """Split a pool of two studies; which component is whose it cannot say.

    All is linear in mu and s, and monotone in a and, to either side of 1, in Q, so the extremes
    are at the ends.

    Parameters
    ----------
    region : Region
        Estimate and SE of the pool.
    q : Interval
        Of Cochran's Q.
    model : {"fixed", "random"}
    share : Interval
        Of ``a = v1 / (v1 + v2)``; equal variances by default.

    Returns
    -------
    Component, Component
        The one with the larger estimate first.

    Examples
    --------
    >>> region = Region(np.array([[0.94, 0.7475]]), None)  # albumin at 12 months
    >>> higher, lower = split_pool(region, Interval(2.0723, 2.0723), "fixed")
    >>> round(higher.y.low, 2), round(lower.y.low, 2), round(lower.se.low, 3)
    (2.02, -0.14, 1.057)
    """
    return (
        _component(region, q, model, share, sign=1),
        _component(region, q, model, Interval(1 - share.high, 1 - share.low), sign=-1),
    )


def other_of_two(region: Region, known: Component, model: Model) -> Pair | None:
    """Return the other study of a pool of two when one is known, and the Q that the two have.

    With ``e = y1 - mu``, in a fixed-effect pool and in a random one with ``tau2 = 0``, which is
    ``v1 >= s^2 + e^2``; and in a random one with ``tau2 > 0``::

        v2 = (s^-2 - v1^-1)^-1      y2 = mu - e v2 / v1    Q = e^2 / (v1 - s^2)
        v2 = v1 - e^2 + s^4 / e^2   y2 = mu - s^2 / e      Q = (e + s^2 / e)^2 / (v1 + v2)

    Bounds of the parts bound the whole.

    Returns
    -------
    Pair or None
        None where the numbers leave it without bounds, or leave no such study.

    Examples
    --------
    >>> region = Region(np.array([[-2.0, 0.9235]]), None)  # proteinuria at 6 months
    >>> deng = Component(Interval(-2.1, -2.1), Interval(1.139, 1.139))
    >>> pair = other_of_two(region, deng, "fixed")
    >>> round(pair.other.y.low, 2), round(pair.other.se.low, 2), round(pair.q.low, 4)
    (-1.81, 1.58, 0.0225)
    """
    e = Interval(known.y.low - region.mu.high, known.y.high - region.mu.low)
    v1 = Interval(known.se.low**2, known.se.high**2)
    if model == "fixed":
        return _without_tau(region, e, v1)
    s, nearest, farthest = region.se, _least(e), max(map(abs, _ends(e)))
    pairs = []
    if v1.high >= s.low**2 + nearest**2:
        pairs.append(_without_tau(region, e, v1))
    if v1.low <= s.high**2 + farthest**2:
        pairs.append(_with_tau(region, e, v1) if nearest > 0 else None)
    possible = [pair for pair in pairs if pair is not None]
    if not possible or len(possible) < len(pairs):
        return None
    return Pair(
        Component(_join(p.other.y for p in possible), _join(p.other.se for p in possible)),
        _join(p.q for p in possible),
    )


def _without_tau(region: Region, e: Interval, v1: Interval) -> Pair | None:
    mu, s = region.mu, region.se
    if v1.low <= s.high**2:
        return None
    v2 = [1 / (1 / s_**2 - 1 / v) for s_, v in product(_ends(s), _ends(v1))]
    ratio = [1 / (v / s_**2 - 1) for s_, v in product(_ends(s), _ends(v1))]
    y2 = [m - e_ * r for m, e_, r in product(_ends(mu), _ends(e), ratio)]
    largest = max(e_**2 for e_ in _ends(e)) / (v1.low - s.high**2)
    q = Interval(_least(e) ** 2 / (v1.high - s.low**2), largest)
    return Pair(Component(hull(np.array(y2)), hull(np.sqrt(v2))), q)


def _with_tau(region: Region, e: Interval, v1: Interval) -> Pair | None:
    mu, s = region.mu, region.se
    v2 = [v - e_**2 + s_**4 / e_**2 for v, e_, s_ in product(_ends(v1), _ends(e), _ends(s))]
    if max(v2) <= 0:
        return None
    y2 = [m - s_**2 / e_ for m, s_, e_ in product(_ends(mu), _ends(s), _ends(e))]
    sizes = [abs(e_) for e_ in _ends(e)]
    gaps = [s_**2 / size for s_, size in product(_ends(s), sizes)]
    least, most = max(0.0, min(v2)), max(v2)
    q = Interval(
        (min(sizes) + min(gaps)) ** 2 / (v1.high + most),
        (max(sizes) + max(gaps)) ** 2 / (v1.low + least) if v1.low + least > 0 else np.inf,
    )
    se = Interval(sqrt(least), sqrt(most))
    return Pair(Component(hull(np.array(y2)), se), q)


def _component(region: Region, q: Interval, model: Model, share: Interval, sign: int) -> Component:
    bend = (1.0,) if q.low < 1 < q.high else ()
    ends = list(product((*_ends(q), *bend), _ends(share)))
    distance = [_distance(x, a, model) for x, a in ends]
    scale = [_scale(x, a, model) for x, a in ends]
    mu, s = region.vertices.T
    y = [m + sign * s_ * d for m, s_ in zip(mu, s, strict=True) for d in distance]
    se = [s_ * r for s_ in _ends(region.se) for r in scale]
    return Component(hull(np.array(y)), hull(np.array(se)))


def _distance(q: float, a: float, model: Model) -> float:
    """Return ``abs(y1 - mu) / s``."""
    if model == "fixed" or q <= 1:
        return sqrt(q * a / (1 - a))
    h = (q - 1) / 2
    return sqrt((a + h) / (1 - a + h)) if np.isfinite(h) else 1.0


def _scale(q: float, a: float, model: Model) -> float:
    """Return ``SE1 / s``."""
    if model == "fixed" or q <= 1:
        return 1 / sqrt(1 - a)
    h = (q - 1) / 2
    return sqrt(a * q / ((a + h) * (1 - a + h))) if np.isfinite(h) else 0.0


def _ends(x: Interval) -> tuple[float, float]:
    return x.low, x.high


def _least(x: Interval) -> float:
    """Return the smallest absolute value."""
    return 0.0 if x.low <= 0 <= x.high else min(abs(x.low), abs(x.high))


def _join(ranges: Iterable[Interval]) -> Interval:
    ends = [end for x in ranges for end in _ends(x)]
    return Interval(min(ends), max(ends))
