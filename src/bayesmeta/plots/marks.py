"""The marks of a forest plot: squares, whiskers, diamonds, bars, and arrows where one is clipped.

Each draws an interval of the analysis scale at height ``y`` of an Axes on the scale shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from matplotlib.axes import Axes
from matplotlib.markers import CARETLEFTBASE, CARETRIGHTBASE
from matplotlib.patches import Polygon, Rectangle

from bayesmeta.plots.axis import Interval, Limits


@dataclass(frozen=True, slots=True)
class Scale:
    """Limits of the axis of effects, on the analysis scale, and whether it is a ratio's."""

    limits: Limits
    ratio: bool

    def x(self, value: float) -> float:
        """Return where a value lies on the scale shown."""
        return exp(value) if self.ratio else value

    def within(self, value: float) -> float:
        """Return where a value lies on the scale shown, or the end of the axis before it."""
        return self.x(self.limits.clamp(value))


def squares(
    ax: Axes,
    scale: Scale,
    centres: Sequence[tuple[float, float]],
    weights: Sequence[float],
    side: float,
    color: str,
) -> None:
    """Draw squares of area proportional to weight, the largest of ``side`` points."""
    largest = max(weights)
    ax.scatter(
        [scale.within(x) for x, _ in centres],
        [y for _, y in centres],
        s=[side**2 * weight / largest for weight in weights],
        marker="s",
        color=color,
        linewidths=0,
        zorder=3,
        label="_squares",
    )


def whisker(ax: Axes, scale: Scale, interval: Interval, y: float, color: str, width: float) -> None:
    """Draw a line from end to end."""
    ends = [scale.within(interval.low), scale.within(interval.high)]
    ax.plot(ends, [y, y], color=color, linewidth=width, solid_capstyle="butt", label="_whisker")
    _arrows(ax, scale, interval, y, color)


def dot(ax: Axes, scale: Scale, x: float, y: float, color: str) -> None:
    """Draw a small disc."""
    ax.plot([scale.within(x)], [y], marker="o", markersize=3, color=color, label="_dot")


def diamond(
    ax: Axes, scale: Scale, interval: Interval, y: float, half: float, color: str, face: str
) -> None:
    """Draw a diamond from end to end, ``2 half`` high, cut off where the axis ends."""

    def rise(x: float) -> float:
        end = interval.low if x < interval.mid else interval.high
        return half if x == interval.mid else half * (x - end) / (interval.mid - end)

    upper = [(scale.x(x), rise(x)) for x in map(scale.limits.clamp, interval)]
    corners = [(x, y - up) for x, up in upper] + [(x, y + up) for x, up in reversed(upper)]
    ax.add_patch(
        Polygon(corners, facecolor=face, edgecolor=color, linewidth=1, zorder=2, label="_diamond")
    )
    _arrows(ax, scale, interval, y, color)


def bar(
    ax: Axes, scale: Scale, interval: Interval, y: float, half: float, color: str, face: str
) -> None:
    """Draw a bar from end to end, with a tick at the point estimate."""
    low, mid, high = (scale.within(x) for x in interval)
    ax.add_patch(
        Rectangle(
            (low, y - half),
            high - low,
            2 * half,
            facecolor=face,
            edgecolor=color,
            linewidth=0.8,
            zorder=2,
            label="_bar",
        )
    )
    ax.plot([mid, mid], [y - half, y + half], color=color, linewidth=1.2, label="_tick")
    _arrows(ax, scale, interval, y, color)


def _arrows(ax: Axes, scale: Scale, interval: Interval, y: float, color: str) -> None:
    """Mark the ends that lie beyond the axis with arrows outward from it."""
    low, high = scale.limits
    for beyond, end, marker in (
        (interval.low < low, low, CARETLEFTBASE),
        (interval.high > high, high, CARETRIGHTBASE),
    ):
        if beyond:
            ax.plot(
                [scale.x(end)],
                [y],
                marker=marker,
                markersize=6,
                color=color,
                zorder=4,
                label="_arrow",
            )
