"""The analysis file of an outcome of RevMan, and its name."""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence

from bayesmeta.evidence.revman.pools import pool_of
from bayesmeta.evidence.revman.values import Outcome, Subgroup

_LONGEST = 40
_METHODS = {"MH": "Mantel-Haenszel", "IV": "inverse variance", "Peto": "Peto"}


def analysis_names(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Return a file name for each outcome, by id: the numbers of the id, then words of the name.

    Examples
    --------
    >>> from bayesmeta.evidence.measures import MEASURES
    >>> outcome = Outcome(id="CMP-001.02", name="Décès (all causes)", comparison="",
    ...                   type="iv", measure=MEASURES["HR"], measure_label="Hazard Ratio")
    >>> analysis_names([outcome])
    {'CMP-001.02': '001_02_deces_all_causes'}
    """
    names: dict[str, str] = {}
    for outcome in outcomes:
        number = _slug(outcome.id.removeprefix("CMP-"))
        words = _slug(outcome.name)
        if len(words) > _LONGEST:
            words = words[: _LONGEST + 1].rpartition("_")[0] or words[:_LONGEST]
        stem = "_".join(filter(None, (number, words))) or "outcome"
        name, copy = stem, 1
        while name in names.values():
            copy += 1
            name = f"{stem}_{copy}"
        names[outcome.id] = name
    return names


def subgroups_of(outcome: Outcome) -> tuple[list[Subgroup], list[Subgroup]]:
    """Return the subgroups, nested ones too, that can be estimated, and those that cannot."""
    able: list[Subgroup] = []
    empty: list[Subgroup] = []
    for part in _all(outcome.subgroups):
        (empty if pool_of(outcome, part)[0] is None else able).append(part)
    return able, empty


def analysis_text(
    outcome: Outcome,
    table: str,
    subgroups: Sequence[Subgroup],
    source: str,
    *,
    sized: bool,
    published: bool,
) -> str:
    """Return the analysis file.

    Parameters
    ----------
    outcome : Outcome
    table : str
        Its table in ``data/``.
    subgroups : sequence of Subgroup
        Those that can be estimated, which become variants.
    source : str
        The file of the review.
    sized : bool
        Whether every study says how many patients it had.
    published : bool
        Whether ``published.csv`` has its total.
    """
    title = outcome.name or outcome.id
    if outcome.comparison:
        title += f" ({outcome.comparison})"
    lines = [
        f"# {outcome.id} of {source}. RevMan: {outcome.measure_label or outcome.measure.name}, "
        f"{_METHODS[outcome.method]}, {outcome.model}, {100 * outcome.level:g} % CI.",
        f"title = {_quoted(title)}",
        f"data = {_quoted(table)}",
        f"outcome = {_quoted(outcome.id)}",
        f"measure = {_quoted(outcome.measure.name)}",
        'convention = "revman5"',
    ]
    if not all(row.in_total for part in outcome.subgroups for row in part.studies):
        lines.append('rows = {in_total = "yes"}')
    if outcome.direction:
        words = " | ".join(outcome.favours)
        lines.append(f"direction = {_quoted(outcome.direction)}  # the graph says: {words}")
    if published:
        lines.append('published = "published.csv"')
    if not sized and not outcome.measure.ratio and outcome.measure.name != "SMD":
        lines.append('tau = "uniform-shrinkage"')
        lines.append(f"tau_reason = {_quoted(_NO_SIZES)}")
    if notes := [*_notes(outcome)]:
        lines.append(f"notes = [{', '.join(map(_quoted, notes))}]")
    for name, part in zip(_distinct([part.name for part in subgroups]), subgroups, strict=True):
        ids = [one.id for one in (part, *_all(part.subgroups))]
        lines += [
            "",
            f"[variants.{_quoted(name)}]",
            f"reason = {_quoted(f'subgroup {part.id} of the review')}",
            f"rows = {{subgroup = [{', '.join(map(_quoted, ids))}]}}",
        ]
    return "\n".join([*lines, ""])


_NO_SIZES = (
    "the review gives no numbers of patients, so no scale follows from the unit information: "
    "uniform shrinkage takes its scale from the standard errors"
)


def _notes(outcome: Outcome) -> Iterator[str]:
    if outcome.totals != "YES":
        what = "subtotals alone" if outcome.totals == "SUB" else "no totals"
        yield f"the review shows {what}: the pool of all rows is not one of its results"
    if outcome.swap_events:
        yield "events are those without the event of the name, as the review analyses them"
    if outcome.method == "Peto" and outcome.type == "dichotomous":
        yield "the review pools by Peto's method; effect sizes here are log odds ratios of counts"


def _all(parts: Sequence[Subgroup]) -> Iterator[Subgroup]:
    for part in parts:
        yield part
        yield from _all(part.subgroups)


def _distinct(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        stem, copy = name or "subgroup", 1
        label = stem
        while label in found:
            copy += 1
            label = f"{stem} ({copy})"
        found.append(label)
    return found


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.sub("[^a-z0-9]+", "_", plain.casefold()).strip("_")


def _quoted(text: str) -> str:
    """Return a TOML string, which JSON's escapes make of printable text."""
    return json.dumps(text, ensure_ascii=False)
