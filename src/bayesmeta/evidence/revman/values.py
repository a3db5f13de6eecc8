"""What a RevMan file holds: outcomes, their subgroups and study rows, and the results it stores."""

import re
from dataclasses import dataclass, field
from typing import Literal

from bayesmeta.evidence.measures import Measure
from bayesmeta.evidence.study import Direction

type DataType = Literal["dichotomous", "continuous", "iv", "oe", "other"]
type Method = Literal["MH", "IV", "Peto"]
type Model = Literal["fixed", "random"]
type Totals = Literal["YES", "NO", "SUB"]
type Profile = Literal["revman5", "revman-web"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A result as RevMan stored it, ratios as ratios; None where it has none.

    Parameters
    ----------
    estimable : bool
        Whether RevMan gives a result; without one the numbers are None.
    estimate, ci_low, ci_high, z, p : float or None
    weight, i2 : float or None
        In per cent.
    q, df, p_q, tau2 : float or None
        Heterogeneity.
    q_subgroups, p_subgroups : float or None
        The test for subgroup differences, of a total.
    pi_low, pi_high : float or None
        Prediction interval, of RevMan Web.
    """

    estimable: bool
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    weight: float | None = None
    z: float | None = None
    p: float | None = None
    q: float | None = None
    df: float | None = None
    p_q: float | None = None
    i2: float | None = None
    tau2: float | None = None
    q_subgroups: float | None = None
    p_subgroups: float | None = None
    pi_low: float | None = None
    pi_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """One study in one outcome, or in one of its subgroups: what was entered, what was stored.

    Numbers that the type of the outcome does not have are None; so are missing ones of a row that
    RevMan calls not estimable. Events are those entered, also where RevMan swaps them.

    Parameters
    ----------
    study : str
    year, order : int or None
        Of publication; RevMan's place of the row.
    note : str
        Its footnotes.
    in_total : bool
        False for a row of RevMan Web that counts in its subgroup alone.
    estimate, se : float or None
        As entered: on the log scale for ratio measures.
    o_minus_e, variance : float or None
        Observed less expected events, and the variance of the difference.
    stored : Stored
    """

    study: str
    year: int | None = None
    order: int | None = None
    note: str = ""
    in_total: bool = True
    events_treatment: float | None = None
    n_treatment: float | None = None
    events_control: float | None = None
    n_control: float | None = None
    mean_treatment: float | None = None
    sd_treatment: float | None = None
    mean_control: float | None = None
    sd_control: float | None = None
    estimate: float | None = None
    se: float | None = None
    o_minus_e: float | None = None
    variance: float | None = None
    stored: Stored

    @property
    def label(self) -> str:
        """The study, and the year where its name has none."""
        told = self.year is None or re.search(r"(?<!\d)(19|20)\d\d(?!\d)", self.study)
        return self.study if told else f"{self.study} {self.year}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroup:
    """A subgroup of an outcome, which may have subgroups of its own.

    Parameters
    ----------
    id : str
        RevMan's, ``CMP-001.01.01``.
    name : str
    rows : tuple of StudyRow
        Its own rows; ``studies`` are these and those of its subgroups.
    subgroups : tuple of Subgroup
    stored : Stored
    """

    id: str
    name: str
    rows: tuple[StudyRow, ...] = ()
    subgroups: "tuple[Subgroup, ...]" = ()
    stored: Stored

    @property
    def studies(self) -> tuple[StudyRow, ...]:
        """Its rows and those of its subgroups, in their order."""
        return self.rows + tuple(row for part in self.subgroups for row in part.studies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An outcome of a comparison, with RevMan's settings.

    Parameters
    ----------
    id, name, comparison : str
        RevMan's id, ``CMP-001.01``; its name; the name of the comparison.
    type : {"dichotomous", "continuous", "iv", "oe", "other"}
        What rows hold: counts, means, estimates, O - E and V; ``other`` is text alone.
    measure : Measure
        GEN, or RATIO on the log scale, where the text of the file names none that is known.
    measure_label : str
        The measure as the file has it.
    method : {"MH", "IV", "Peto"}
    model : {"fixed", "random"}
    tau2_method : {"DL", "REML"}
    ci_method : {"wald", "hksj"}
        RevMan 5 has DL and Wald alone.
    level, study_level : float
        Of the intervals of totals and of studies, 0.95 for 95 %.
    totals : {"YES", "NO", "SUB"}
        Whether the review shows a total, none, or subtotals only.
    swap_events : bool
        Whether RevMan analyses those without the event in place of those with it.
    arms : tuple of str
        Names of the treatment and the control.
    favours : tuple of str
        Words on the left and the right of the graph.
    rows : tuple of StudyRow
        Those in no subgroup; ``studies`` are all that the total takes.
    subgroups : tuple of Subgroup
    stored : Stored
        The total.
    """

    id: str
    name: str
    comparison: str
    type: DataType
    measure: Measure
    measure_label: str
    method: Method = "IV"
    model: Model = "fixed"
    tau2_method: Literal["DL", "REML"] = "DL"
    ci_method: Literal["wald", "hksj"] = "wald"
    level: float = 0.95
    study_level: float = 0.95
    totals: Totals = "YES"
    swap_events: bool = False
    arms: tuple[str, str] = ("", "")
    favours: tuple[str, str] = ("", "")
    rows: tuple[StudyRow, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    stored: Stored = field(default=Stored(estimable=False))

    @property
    def studies(self) -> tuple[StudyRow, ...]:
        """All rows that the total takes, in their order."""
        nested = (row for part in self.subgroups for row in part.studies)
        return tuple(row for row in (*self.rows, *nested) if row.in_total)

    @property
    def direction(self) -> Direction | None:
        """Which is better by the words of the graph, where they name the arms; else None.

        Examples
        --------
        >>> from bayesmeta.evidence.measures import MEASURES
        >>> death = Outcome(
        ...     id="CMP-001.01", name="Death", comparison="", type="dichotomous",
        ...     measure=MEASURES["OR"], measure_label="OR", arms=("Aspirin", "Control"),
        ...     favours=("Favours aspirin", "Favours control"),
        ... )
        >>> death.direction
        'lower'
        """
        left, right = (_favoured(words) for words in self.favours)
        treatment = {self.arms[0].casefold(), "treatment", "experimental", "intervention"} - {""}
        control = {self.arms[1].casefold(), "control"} - {""}
        if left in treatment and right in control:
            return "lower"
        return "higher" if left in control and right in treatment else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The outcomes of one RevMan file, and which RevMan computed its results."""

    title: str
    source: str
    outcomes: tuple[Outcome, ...]
    profile: Profile = "revman5"


def _favoured(words: str) -> str:
    """Return whom the words favour: ``"Favours [control]"`` is for ``"control"``."""
    verb, _, arm = words.casefold().partition(" ")
    return arm.strip("[]() ") if verb in {"favours", "favors", "favour", "favor"} else ""
