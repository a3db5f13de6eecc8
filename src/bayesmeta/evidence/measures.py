"""Effect measures: their names, their scale, and the value that means no effect."""

from dataclasses import dataclass
from typing import Literal

from bayesmeta.errors import InputError, did_you_mean


@dataclass(frozen=True, slots=True)
class Measure:
    """An effect measure.

    ``ratio`` measures are analysed on the log scale and shown on their own; no effect is 0 on
    the analysis scale of every measure.
    """

    name: str
    label: str
    ratio: bool

    @property
    def scale(self) -> Literal["log", "natural"]:
        """The scale of the analysis."""
        return "log" if self.ratio else "natural"


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("OR", "odds ratio", ratio=True),
        Measure("RR", "risk ratio", ratio=True),
        Measure("RD", "risk difference", ratio=False),
        Measure("HR", "hazard ratio", ratio=True),
        Measure("MD", "mean difference", ratio=False),
        Measure("SMD", "standardised mean difference (Hedges g)", ratio=False),
        Measure("ROM", "ratio of means", ratio=True),
        Measure("MC", "mean change from baseline", ratio=False),
        Measure("GEN", "effect, as given", ratio=False),
        Measure("RATIO", "ratio, as given", ratio=True),
    )
}


def measure_named(name: str) -> Measure:
    """Return the measure of that name, in any case.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one.

    Examples
    --------
    >>> measure_named("or").label
    'odds ratio'
    """
    try:
        return MEASURES[name.upper()]
    except KeyError:
        raise InputError(f"unknown measure {name!r}: {did_you_mean(name, MEASURES)}") from None
