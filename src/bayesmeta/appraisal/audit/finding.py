"""What an audit finds."""

from dataclasses import dataclass
from typing import Literal

type Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval: all that a number can be.

    Examples
    --------
    >>> Interval(0.835, 0.845).meets(Interval(0.84, 0.9))
    True
    """

    low: float
    high: float

    def meets(self, other: "Interval") -> bool:
        """Say whether the two have a point in common, with a slack for floating point."""
        slack = _SLACK * max(
            map(abs, filter(_finite, (self.low, other.low, self.high, other.high))), default=0.0
        )
        return self.low <= other.high + slack and other.low <= self.high + slack

    @property
    def middle(self) -> float:
        """The middle."""
        return (self.low + self.high) / 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an audit has to say.

    Parameters
    ----------
    severity : {"error", "warning", "note"}
        ``error``: printed numbers contradict each other, or the data, and no rounding explains
        it. ``warning``: the same, where the reading or the data are in doubt, or something that
        changes what a reader may conclude. ``note``: worth knowing.
    check : str
        Which check.
    message : str
        One sentence or two, with the arithmetic.
    outcome : str
        Empty where the finding is about the table.
    time : float or None
    printed : str
        What was printed.
    recomputed : Interval or None
        What it could have been, on the scale of ``printed``.
    """

    severity: Severity
    check: str
    message: str
    outcome: str = ""
    time: float | None = None
    printed: str = ""
    recomputed: Interval | None = None


_SLACK = 1e-9
"""Relative: far above the error of floating point, far below half a unit of a printed digit."""


def _finite(x: float) -> bool:
    return abs(x) < float("inf")
