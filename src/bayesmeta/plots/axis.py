"""The axis of effects: limits that keep the studies legible, and ticks, on either scale.

Limits and intervals are on the analysis scale (log for ratio measures), ticks on the scale shown.
"""

from collections.abc import Iterable, Sequence
from math import ceil, exp, floor, log, log10
from statistics import median
from typing import NamedTuple

REACH = 1.5
"""How far an interval may stretch an axis, in multiples of the range of the estimates."""

LEGIBLE = 2.5
"""How many times wider than a panel needs an axis may be and still be shared."""


class Interval(NamedTuple):
    """A point estimate and its interval, or the two limits of an axis and a point between."""

    low: float
    mid: float
    high: float


class Limits(NamedTuple):
    """The ends of an axis."""

    low: float
    high: float

    @property
    def span(self) -> float:
        """The width."""
        return self.high - self.low

    def clamp(self, x: float) -> float:
        """Return the nearest point within."""
        return min(max(x, self.low), self.high)


def axis_limits(observed: Sequence[Interval], others: Iterable[Interval]) -> Limits:
    """Return limits that hold no effect, every point estimate, and intervals within reason.

    The core is the range of the point estimates and 0, and half a typical confidence interval to
    either side. An interval that goes further stretches the axis, up to `REACH` times the core;
    what is beyond is to be clipped.

    Parameters
    ----------
    observed : sequence of Interval
        The studies, with their confidence intervals.
    others : iterable of Interval
        Everything else that is drawn.

    Examples
    --------
    >>> axis_limits([Interval(-2, -1, 0)], [Interval(-40, -1, 38)])
    Limits(low=-6.74, high=5.74)
    """
    intervals = [*observed, *others]
    half = median((interval.high - interval.low) / 2 for interval in observed)
    centres = [0.0, *(interval.mid for interval in intervals)]
    core = Limits(min(centres) - half, max(centres) + half)
    far = Limits(core.low - REACH * core.span, core.high + REACH * core.span)
    low = far.clamp(min(0.0, *(interval.low for interval in intervals)))
    high = far.clamp(max(0.0, *(interval.high for interval in intervals)))
    pad = 0.02 * (high - low)
    return Limits(low - pad, high + pad)


def shared_limits(each: Sequence[Limits]) -> Limits | None:
    """Return limits that hold all panels, None where one of them would become too narrow.

    Examples
    --------
    >>> shared_limits([Limits(-2, 1), Limits(-1, 2)])
    Limits(low=-2, high=2)
    >>> shared_limits([Limits(-20, 1), Limits(-1, 2)]) is None
    True
    """
    both = Limits(min(limits.low for limits in each), max(limits.high for limits in each))
    legible = all(both.span <= LEGIBLE * limits.span for limits in each)
    return both if legible else None


def ticks(limits: Limits, ratio: bool) -> list[float]:
    """Return ticks on the scale shown.

    Examples
    --------
    >>> ticks(Limits(-6.7, 1.2), ratio=False)
    [-6.0, -4.0, -2.0, 0.0]
    >>> ticks(Limits(-2.5, 1.5), ratio=True)
    [0.1, 0.25, 0.5, 1.0, 2.0, 4.0]
    >>> ticks(Limits(-12, 9), ratio=True)
    [0.0001, 0.01, 1.0, 100.0]
    """
    if not ratio:
        return nice_ticks(limits)
    familiar = _within(
        [x for power in range(-2, 3) for x in _of_decade(power)] + [1000.0, 0.001], limits
    )
    if 3 <= len(familiar) <= 7:
        return familiar
    if len(familiar) < 3:
        return nice_ticks(Limits(exp(limits.low), exp(limits.high)))
    widest = max(abs(limits.low), abs(limits.high)) / log(10)
    stride = max(1, ceil(widest / 3))
    powers = range(0, floor(widest) + 1, stride)
    return _within([10.0**power for n in powers for power in (-n, n)], limits)


def nice_ticks(limits: Limits, most: int = 6) -> list[float]:
    """Return at most ``most`` multiples of 1, 2, 2.5 or 5 times a power of ten."""
    rough = limits.span / most
    power = 10.0 ** floor(log10(rough))
    step = next(
        s * power
        for s in (1, 2, 2.5, 5, 10, 20)
        if floor(limits.high / (s * power)) - ceil(limits.low / (s * power)) < most
    )
    first, last = ceil(limits.low / step), floor(limits.high / step)
    return [round(n * step, 12) for n in range(first, last + 1)]


def _of_decade(power: int) -> list[float]:
    """Return 1, 2, 4 times a power of ten above 1; 1, 0.5, 0.25 times one below."""
    return [10.0**power * m for m in ((1, 2, 4) if power >= 0 else (1, 2.5, 5))]


def _within(values: Iterable[float], limits: Limits) -> list[float]:
    return sorted({x for x in values if limits.low <= log(x) <= limits.high})
