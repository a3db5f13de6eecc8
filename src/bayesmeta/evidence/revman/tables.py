"""The tables of an imported review, as text."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

from bayesmeta.evidence.layouts import ARMS, COUNTS
from bayesmeta.evidence.published import COLUMNS
from bayesmeta.evidence.revman.pools import describe, unique_labels, unusable
from bayesmeta.evidence.revman.values import DataType, Outcome, StudyRow, Subgroup

_WHERE = ("outcome", "subgroup", "subgroup_name", "in_total", "study")
TABLES = {
    "dichotomous.csv": COUNTS,
    "continuous.csv": ARMS,
    "estimates.csv": (
        "estimate",
        "se",
        "n_treatment",
        "n_control",
        "o_minus_e",
        "variance_o_minus_e",
    ),
}
_TABLE_OF: dict[DataType, str] = {
    "dichotomous": "dichotomous.csv",
    "continuous": "continuous.csv",
    "iv": "estimates.csv",
    "oe": "estimates.csv",
}


def study_rows(
    outcome: Outcome,
) -> tuple[str, list[dict[str, str]], list[tuple[str, str]]]:
    """Return the table of an outcome, its rows as text, and rows left out with the reason."""
    placed: list[tuple[Subgroup | None, StudyRow]] = [(None, row) for row in outcome.rows]
    placed += [pair for part in outcome.subgroups for pair in _placed(part)]
    labels = unique_labels([row for _, row in placed])
    rows, dropped = [], []
    for (part, row), label in zip(placed, labels, strict=True):
        if reason := unusable(outcome, row):
            dropped.append((f"{label} ({describe(outcome, row) or 'no numbers'})", reason))
            continue
        where = (
            outcome.id,
            part.id if part else "",
            part.name if part else "",
            "yes" if row.in_total else "no",
            label,
        )
        status = "derived" if outcome.type == "oe" else ""
        rows.append(
            dict(zip(_WHERE, where, strict=True))
            | {name: _cell(number) for name, number in _numbers(outcome, row).items()}
            | {"status": status, "note": row.note}
        )
    return _TABLE_OF[outcome.type], rows, dropped


def published_row(outcome: Outcome, source: str) -> dict[str, str] | None:
    """Return the stored total as a published row; None where the review shows none."""
    found = outcome.stored
    ends = found.estimate, found.ci_low, found.ci_high
    if outcome.totals != "YES" or None in ends or found.df is None:
        return None
    if outcome.measure.ratio and min(x for x in ends if x is not None) <= 0:
        return None
    level = "" if outcome.level == 0.95 else f", {100 * outcome.level:g} % CI"
    values = (
        outcome.id,
        outcome.measure.name,
        f"{outcome.model}, {outcome.method}{level}",
        f"{found.df + 1:g}",
        *map(repr, ends),
        "" if found.p_q is None or not found.df else f"{found.p_q:.3g}",
        "" if found.p is None else f"{found.p:.3g}",
        source,
    )
    return dict(zip(COLUMNS, values, strict=True))


def csv_text(name: str, rows: Sequence[Mapping[str, str]]) -> str:
    """Return a table of the project as CSV."""
    columns = (*_WHERE, *TABLES[name], "status", "note") if name in TABLES else COLUMNS
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _placed(part: Subgroup) -> Iterator[tuple[Subgroup | None, StudyRow]]:
    """Yield each row with the innermost subgroup that holds it."""
    yield from ((part, row) for row in part.rows)
    for nested in part.subgroups:
        yield from _placed(nested)


def _numbers(outcome: Outcome, row: StudyRow) -> dict[str, float | None]:
    numbers = {name: getattr(row, name, None) for name in TABLES[_TABLE_OF[outcome.type]]}
    if outcome.swap_events:
        for arm in ("treatment", "control"):
            numbers[f"events_{arm}"] = _without_event(row, arm)
    if outcome.type == "oe":
        assert row.o_minus_e is not None
        assert row.variance is not None
        numbers["estimate"] = row.o_minus_e / row.variance
        numbers["se"] = row.variance**-0.5
        numbers["variance_o_minus_e"] = row.variance
    if outcome.type in ("iv", "oe") and not (row.n_treatment and row.n_control):
        numbers["n_treatment"] = numbers["n_control"] = None
    return numbers


def _without_event(row: StudyRow, arm: str) -> float:
    return float(getattr(row, f"n_{arm}") - getattr(row, f"events_{arm}"))


def _cell(number: float | None) -> str:
    return "" if number is None else repr(number).removesuffix(".0")
