"""From cells to values: what RevMan 5's XML, its CSV and RevMan Web's CSV have in common."""

import dataclasses
import math
from collections.abc import Sequence

from bayesmeta.errors import InputError
from bayesmeta.evidence.revman.cells import NOT_NEGATIVE, Cells
from bayesmeta.evidence.revman.settings import (
    measure_of,
    method_of,
    model_of,
    swapped,
    totals_of,
    type_of,
)
from bayesmeta.evidence.revman.values import DataType, Outcome, Stored, StudyRow, Subgroup

_NEEDED: dict[DataType, tuple[tuple[str, str], ...]] = {
    "dichotomous": (
        ("events_treatment", "EVENTS_1"),
        ("n_treatment", "TOTAL_1"),
        ("events_control", "EVENTS_2"),
        ("n_control", "TOTAL_2"),
    ),
    "continuous": (
        ("mean_treatment", "MEAN_1"),
        ("sd_treatment", "SD_1"),
        ("n_treatment", "TOTAL_1"),
        ("mean_control", "MEAN_2"),
        ("sd_control", "SD_2"),
        ("n_control", "TOTAL_2"),
    ),
    "iv": (("se", "SE"),),
    "oe": (("o_minus_e", "O_E"), ("variance", "VAR")),
    "other": (),
}
_ALSO: dict[DataType, tuple[tuple[str, str], ...]] = {
    "iv": (("n_treatment", "TOTAL_1"), ("n_control", "TOTAL_2")),
    "oe": (
        ("events_treatment", "EVENTS_1"),
        ("n_treatment", "TOTAL_1"),
        ("events_control", "EVENTS_2"),
        ("n_control", "TOTAL_2"),
    ),
}


def outcome_of(cells: Cells, outcome_id: str, comparison: str) -> Outcome:
    """Return an outcome with its settings and its stored total, without rows."""
    kind = type_of(cells)
    if kind == "other":
        return Outcome(
            id=outcome_id,
            name=cells.text("NAME"),
            comparison=comparison,
            type=kind,
            measure=measure_of(cells, kind),
            measure_label="",
            totals="NO",
        )
    return Outcome(
        id=outcome_id,
        name=cells.text("NAME"),
        comparison=comparison,
        type=kind,
        measure=measure_of(cells, kind),
        measure_label=cells.text("EFFECT_MEASURE"),
        method=method_of(cells, kind),
        model=model_of(cells),
        tau2_method="REML" if cells.text("TAU2_METHOD").casefold().startswith("r") else "DL",
        ci_method="hksj" if cells.text("CI_METHOD").casefold().startswith("h") else "wald",
        level=cells.level("CI_TOTAL"),
        study_level=cells.level("CI_STUDY"),
        totals=totals_of(cells),
        swap_events=kind == "dichotomous" and swapped(cells),
        arms=(cells.text("GROUP_LABEL_1"), cells.text("GROUP_LABEL_2")),
        favours=(cells.text("GRAPH_LABEL_1"), cells.text("GRAPH_LABEL_2")),
        stored=stored_of(cells),
    )


def stored_of(cells: Cells) -> Stored:
    """Return the stored result; without the cell ``ESTIMABLE``, one is where its effect is."""
    estimate, low, high = (cells.result(name) for name in ("EFFECT_SIZE", "CI_START", "CI_END"))
    estimable = cells.yes("ESTIMABLE")
    if estimable is None:
        estimable = estimate is not None and (estimate, low, high) != (0.0, 0.0, 0.0)
    if not estimable:
        return Stored(estimable=False)
    return Stored(
        estimable=True,
        estimate=estimate,
        ci_low=low,
        ci_high=high,
        weight=cells.result("WEIGHT"),
        z=cells.result("Z"),
        p=cells.result("P_Z"),
        q=cells.result("CHI2"),
        df=cells.result("DF"),
        p_q=cells.result("P_CHI2"),
        i2=cells.result("I2"),
        tau2=cells.result("TAU2"),
        q_subgroups=cells.result("Q"),
        p_subgroups=cells.result("P_Q"),
        pi_low=cells.result("PI_START"),
        pi_high=cells.result("PI_END"),
    )


def row_of(
    cells: Cells,
    outcome: Outcome,
    study: str,
    year: int | None,
    note: str = "",
    *,
    in_total: bool = True,
) -> StudyRow:
    """Return a study row of the outcome.

    Raises
    ------
    InputError
        If a number that the type of the outcome needs is missing from a row that RevMan calls
        estimable, is no number, or is impossible.
    """
    stored = stored_of(cells)
    numbers = {
        name: _input(cells, name, attribute)
        for name, attribute in _NEEDED[outcome.type] + _ALSO.get(outcome.type, ())
    }
    if outcome.type == "iv":
        numbers["estimate"] = _estimate(cells, outcome)
    if cells.yes("ESTIMABLE") is not False:
        for name, attribute in _NEEDED[outcome.type]:
            if numbers[name] is None:
                raise cells.wrong(attribute, _EXPECTED.get(attribute[:5], "a number is expected"))
        if outcome.type == "iv" and not cells.text(_estimate_cell(cells)):
            raise cells.wrong(_estimate_cell(cells), "an effect estimate is expected")
    if outcome.type == "dichotomous":
        for arm, number in (("treatment", 1), ("control", 2)):
            events, n = numbers[f"events_{arm}"], numbers[f"n_{arm}"]
            if events is not None and n is not None and events > n:
                raise cells.wrong(
                    f"EVENTS_{number}", f"an arm cannot have more events than patients, {n:g}"
                )
    return StudyRow(
        study=study,
        year=year,
        order=cells.whole("ORDER"),
        note=note,
        in_total=in_total,
        stored=stored,
        **numbers,
    )


def check_ids(outcomes: Sequence[Outcome], source: str) -> None:
    """Refuse a file without outcomes, or with two outcomes or subgroups of one id."""
    if not outcomes:
        raise InputError(
            f"{source} has no outcomes: a review with comparisons, outcomes and studies is expected"
        )
    seen: set[str] = set()
    parts: list[Outcome | Subgroup] = [*outcomes]
    while parts:
        part = parts.pop()
        if part.id in seen:
            raise InputError(f"{source} has two outcomes or subgroups {part.id}: ids must differ")
        seen.add(part.id)
        parts.extend(part.subgroups)


def with_rows(
    outcome: Outcome, rows: Sequence[StudyRow], subgroups: Sequence[Subgroup] = ()
) -> Outcome:
    """Return the outcome with its rows and subgroups."""
    return dataclasses.replace(outcome, rows=tuple(rows), subgroups=tuple(subgroups))


_EXPECTED = {
    "TOTAL": "a whole number of patients, 0 or more, is expected",
    "EVENT": "a whole number of patients, 0 or more, is expected",
}


def _input(cells: Cells, name: str, attribute: str) -> float | None:
    if attribute.startswith(("EVENTS", "TOTAL")):
        return cells.count(attribute)
    if attribute.startswith(("SD", "SE", "VAR")):
        return cells.number(attribute, NOT_NEGATIVE)
    return cells.number(attribute)


def _estimate_cell(cells: Cells) -> str:
    return "ESTIMATE" if "ESTIMATE" in cells.values else "EFFECT_SIZE"


def _estimate(cells: Cells, outcome: Outcome) -> float | None:
    """Return the estimate as entered, on the log scale for ratios.

    ``ESTIMATE`` is that; a CSV of RevMan 5 has ``EFFECT_SIZE`` alone, a ratio as a ratio, which
    is 0 where it is not estimable.
    """
    cell = _estimate_cell(cells)
    value = cells.number(cell)
    if value is None or cell == "ESTIMATE" or not outcome.measure.ratio:
        return value
    if value < 0:
        raise cells.wrong(cell, "a ratio, above 0, is expected")
    return math.log(value) if value else None
