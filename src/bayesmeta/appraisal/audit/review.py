"""What a whole review has to say: rows left out, single studies, other reconstructions, pools."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from bayesmeta.appraisal.audit.against import METHODS, disagreements
from bayesmeta.appraisal.audit.alone import span
from bayesmeta.appraisal.audit.data import Data, box_of_rows, listed
from bayesmeta.appraisal.audit.finding import Finding
from bayesmeta.appraisal.audit.printed import PrintedRow, read_printed
from bayesmeta.appraisal.audit.ranges import Box, box_of, fixed_range, random_range
from bayesmeta.appraisal.audit.region import on_scale
from bayesmeta.evidence.pooling import keys_of
from bayesmeta.evidence.table import Table

MOST = 20_000
"""Selections of rows that are pooled one by one, at most."""
SHOWN = 4


def check_single_studies(rows: Sequence[PrintedRow]) -> Iterator[Finding]:
    """Count the rows that rest on one study and carry the name of a model."""
    single = [row for row in rows if row.k == 1 and row.model is not None]
    if single:
        models = listed(sorted({str(row.model) for row in single}))
        where: dict[str, list[str]] = {}
        for row in single:
            where.setdefault(row.outcome, []).append("" if row.time is None else f"{row.time:g}")
        places = "; ".join(f"{name} {', '.join(times)}".strip() for name, times in where.items())
        yield Finding(
            "warning",
            "model",
            f"{len(single)} of {len(rows)} rows rest on one study and are labelled {models}: "
            f"nothing is pooled there, whatever the model ({places})",
            printed=models,
        )


def check_significance(rows: Sequence[PrintedRow]) -> Iterator[Finding]:
    """Say at which times an outcome's interval excludes no effect, for what the text claims."""
    groups: dict[tuple[str, str, str], list[PrintedRow]] = {}
    for row in rows:
        if row.time is not None:
            groups.setdefault((row.outcome, row.measure.name, row.design), []).append(row)
    for (outcome, _, _), group in groups.items():
        if len(group) < 2:
            continue
        times: dict[str, list[str]] = {}
        for row in group:
            low, high = (on_scale(x.range, row.measure) for x in (row.ci_low, row.ci_high))
            word = (
                "excludes no effect"
                if low.low > 0 or high.high < 0
                else "includes it"
                if low.high < 0 < high.low
                else "cannot be told from its digits"
            )
            times.setdefault(word, []).append(f"{row.time:g}")
        text = ", ".join(f"{word} at {listed(at)}" for word, at in sorted(times.items()))
        yield Finding("note", "times", f"the interval {text}", outcome)


def check_left_out(data: Data) -> Iterator[Finding]:
    """Name the studies whose rows of the outcome are in no pool of their time."""
    pooled = {(p.outcome, p.time): set(p.studies) for p in data.evidence.pools}
    found: dict[tuple[str, str, float | None], list[str]] = {}
    for i in range(len(data.table)):
        key = data.keys.outcomes[i], data.keys.times[i]
        if data.keys.studies[i] not in pooled.get(key, set()):
            scale = data.table.text("scale")[i] if "scale" in data.table else ""
            found.setdefault((data.keys.studies[i], *key), []).append(scale)
    for (study, outcome, time), scales in found.items():
        how = f" (as {listed(filter(None, scales))})" if any(scales) else ""
        yield Finding(
            "warning",
            "left out",
            f"{study} has the outcome{how} and is in no pool of this time",
            outcome,
            time,
        )


def check_overlap(data: Data) -> Iterator[Finding]:
    """Pass on what the evidence warns of: one centre twice in a pool."""
    for warning in data.evidence.warnings:
        yield Finding("warning", "overlap", warning, data.evidence.pools[0].outcome)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Rows that a selection may take: at most one a study."""

    studies: tuple[str, ...]
    words: tuple[str, ...]
    times: tuple[float | None, ...]
    box: Box


def check_alternatives(data: Data, row: PrintedRow) -> Iterator[Finding]:
    """Say whether other reconstructions give the printed row too: then it does not decide."""
    for name, table in _alternatives(data).items():
        keys = keys_of(table, "", _time(table))
        box = box_of(table, data.measure, data.evidence.convention)
        places = zip(keys.outcomes, keys.times, strict=True)
        at = [i for i, place in enumerate(places) if place == (row.outcome, row.time)]
        if not at:
            continue
        ranges = [fixed_range(box[at]), random_range(box[at])]
        wanted = [x for x in ranges if x.method in METHODS[row.model]]
        off = min((disagreements(row, x) for x in wanted), key=len)
        values = ", ".join(f"{keys.studies[i]} {table.text('estimate')[i]}" for i in at)
        misses = "; ".join(f"{what} {span(x)}, printed {p.text}" for what, p, x in off)
        result = (
            f"does not give the printed row: {misses}"
            if off
            else "gives the printed row too, which cannot decide between them"
        )
        yield row.finding("note", "alternatives", f"{name} ({values}) {result}", row.shown)


def check_later(data: Data) -> Iterator[Finding]:
    """Look for the rows, one a study, that give the pool of a later review of the same trials."""
    later = data.beside.get("later_reviews")
    if later is None or data.changes or "estimate" not in data.table:
        return
    designs = set(data.table.text("design")) if "design" in data.table else set()
    outcomes = set(data.keys.outcomes)
    for row in read_printed(later):
        if row.outcome not in outcomes or row.measure != data.measure:
            continue
        if designs and row.design not in designs:
            continue
        sets = [("", data.table, box_of_rows(data, range(len(data.table))))]
        for name, table in _alternatives(data).items():
            sets.append((name, *_replaced(data, table)))
        lines = []
        for name, table, box in sets:
            candidates = _candidates(table, box, data)
            sizes = prod(n + 1 for n in _per_study(candidates).values())
            if sizes > MOST:
                return
            found, nearest = _selections(row, candidates)
            lines.append(_words(row, name, found, nearest))
        yield row.finding("note", "later pool", f"{row.shown} of {row.source}: " + "; ".join(lines))


def _words(row: PrintedRow, name: str, found: list[str], nearest: float) -> str:
    owner = f"with the rows of {name}" if name else "with the rows as they are"
    if not found:
        return f"{owner} no selection of one row a study meets it (nearest: off by {nearest:.2g})"
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"{owner} it is met by {' or by '.join(found[:SHOWN])}{more}"


def _alternatives(data: Data) -> dict[str, Table]:
    """Return the alternative sets of rows of the outcome, by name."""
    table = data.beside.get("alternatives")
    if table is None or data.changes or "estimate" not in data.table:
        return {}
    table.need(("alternative", "study", "outcome"), "which the audit reads in alternatives.csv")
    outcomes = set(data.keys.outcomes)
    sets: dict[str, list[int]] = {}
    for i, name in enumerate(table.text("alternative")):
        if table.text("outcome")[i] in outcomes:
            sets.setdefault(name, []).append(i)
    return {name: table.select(rows) for name, rows in sets.items()}


def _time(table: Table) -> str:
    return next((name for name in table.columns if name.startswith("time")), "time")


def _replaced(data: Data, table: Table) -> tuple[Table, Box]:
    """Put an alternative in the place of the rows of its outcome and times."""
    keys = keys_of(table, "", _time(table))
    gone = set(zip(keys.outcomes, keys.times, strict=True))
    stay = [
        i
        for i in range(len(data.table))
        if (data.keys.outcomes[i], data.keys.times[i]) not in gone or i not in data.kept
    ]
    kept = data.table.select(stay)
    shared = [name for name in kept.columns if name in table]
    joined = Table(
        table.source,
        {name: kept.columns[name] + table.columns[name] for name in shared},
        (*kept.rows, *table.rows),
        {},
    )
    return joined, box_of(joined, data.measure, data.evidence.convention)


def _candidates(table: Table, box: Box, data: Data) -> _Candidates:
    keys = keys_of(table, data.keys.outcomes[0], _time(table))
    scales = table.text("scale") if "scale" in table else ("",) * len(table)
    words = tuple(
        f"{study} at {time:g}" + (" (change)" if scale == "change" else "")
        if time is not None
        else study
        for study, time, scale in zip(keys.studies, keys.times, scales, strict=True)
    )
    return _Candidates(keys.studies, words, keys.times, box)


def _per_study(candidates: _Candidates) -> dict[str, int]:
    return {study: candidates.studies.count(study) for study in candidates.studies}


def _selections(row: PrintedRow, candidates: _Candidates) -> tuple[list[str], float]:
    """Return the selections whose pool rounds to the row, largest first, and the nearest miss."""
    by_study = [
        [None, *(i for i, name in enumerate(candidates.studies) if name == study)]
        for study in _per_study(candidates)
    ]
    found: list[tuple[int, str]] = []
    nearest = np.inf
    for chosen in product(*by_study):
        rows = [i for i in chosen if i is not None]
        if len(rows) < 2:
            continue
        box = candidates.box[rows]
        for pool, name in ((fixed_range(box), "fixed"), (random_range(box), "random")):
            off = [
                max(0.0, theirs.low - ours.high, ours.low - theirs.high)
                for theirs, ours in (
                    (on_scale(row.estimate.range, row.measure), pool.estimate),
                    (on_scale(row.ci_low.range, row.measure), pool.ci_low),
                    (on_scale(row.ci_high.range, row.measure), pool.ci_high),
                )
            ]
            nearest = min(nearest, max(off))
            if not disagreements(row, pool):
                text = f"{listed(candidates.words[i] for i in rows)} ({name})"
                found.append((-len(rows), text))
    return [text for _, text in sorted(found, key=lambda x: x[0])], nearest
