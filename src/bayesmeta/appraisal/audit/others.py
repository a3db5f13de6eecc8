"""Other reconstructions of the study rows, and what later reviews made of the same trials."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, prod

from bayesmeta.appraisal.audit.against import disagreements
from bayesmeta.appraisal.audit.alone import span
from bayesmeta.appraisal.audit.bounds import Box
from bayesmeta.appraisal.audit.data import Data, listed
from bayesmeta.appraisal.audit.finding import Finding
from bayesmeta.appraisal.audit.printed import PrintedRow, read_printed, time_column
from bayesmeta.appraisal.audit.ranges import PoolRange, box_of, pool_range
from bayesmeta.appraisal.audit.region import on_scale
from bayesmeta.evidence.pooling import Keys, keys_of
from bayesmeta.evidence.table import Table

MOST = 20_000
"""Selections of rows that are pooled one by one, at most."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Study rows of one outcome, at any time, each between bounds."""

    name: str
    keys: Keys
    words: tuple[str, ...]
    box: Box


def check_alternatives(data: Data, row: PrintedRow) -> Iterator[Finding]:
    """Say whether other reconstructions give the printed row too: then it does not decide."""
    for name, table in _alternatives(data).items():
        rows = _rows(name, table, data)
        places = zip(rows.keys.outcomes, rows.keys.times, strict=True)
        at = [i for i, place in enumerate(places) if place == (row.outcome, row.time)]
        if not at:
            continue
        recipes = [one for one in row.label.meant(len(at)) if one.method != "MH"]
        wanted = [pool_range(rows.box[at], one.method, one.ci) for one in recipes]
        off = min((disagreements(row, pool) for pool in wanted), key=len)
        misses = "; ".join(f"{what} {span(x)}, printed {p.text}" for what, p, x in off)
        result = f"but for {misses}" if off else "too, which cannot decide between them"
        values = ", ".join(f"{rows.keys.studies[i]} {table.text('estimate')[i]}" for i in at)
        yield row.finding(
            "note", "alternatives", f"{name} ({values}) gives the printed row {result}", row.shown
        )


def check_later(data: Data) -> Iterator[Finding]:
    """Look for the rows, at most one a study, that give a later review's pool of these trials."""
    later = data.beside.get("later_reviews")
    if later is None or not _has_estimates(data):
        return
    sets = [_rows("", data.table, data)]
    for name, table in _alternatives(data).items():
        sets.append(_rows(name, _replaced(data, table), data))
    designs = set(data.table.text("design")) if "design" in data.table else set()
    for row in read_printed(later):
        if (
            row.outcome in data.keys.outcomes
            and row.measure == data.measure
            and (not designs or row.design in designs)
        ):
            found = "; ".join(filter(None, (_search(row, rows) for rows in sets)))
            yield row.finding(
                "note", "later pool", f"{row.shown}, {row.source}: {found}", row.shown
            )


def _search(row: PrintedRow, rows: _Rows) -> str:
    """Say which selections of rows round to a printed pool, and what they have in common."""
    by_study: dict[str, list[int | None]] = {study: [None] for study in rows.keys.studies}
    for i, study in enumerate(rows.keys.studies):
        by_study[study].append(i)
    owner = f"with {rows.name}" if rows.name else "with the rows as they are"
    if prod(map(len, by_study.values())) > MOST:
        return f"{owner} there are too many selections to try"
    found: list[list[int]] = []
    nearest, closest, tried = inf, [0], 0
    for chosen in product(*by_study.values()):
        selection = [i for i in chosen if i is not None]
        if len(selection) < 2:
            continue
        tried += 1
        pools = [pool_range(rows.box[selection], method) for method in ("IV", "DL")]
        if any(not disagreements(row, pool) for pool in pools):
            found.append(selection)
        gap = min(_gap(row, pool) for pool in pools)
        if gap < nearest:
            nearest, closest = gap, selection
    if not found:
        return (
            f"{owner} none of {tried} selections of at most one row a study gives it, and the "
            f"nearest ({_listed(rows, closest)}) is off by {nearest:.2g} beyond rounding"
        )
    what = f"of {tried} selections of at most one row a study"
    if len(found) == 1:
        return f"{owner} 1 {what} gives it: {_listed(rows, found[0])}"
    common = [i for i in found[0] if all(i in selection for selection in found)]
    shared = f"all with {_listed(rows, common)}" if common else "with no row in common"
    return f"{owner} {len(found)} {what} give it, {shared}"


def _gap(row: PrintedRow, pool: PoolRange) -> float:
    """Return how far a pool is from the printed one on the analysis scale, beyond rounding."""
    pairs = (
        (row.estimate, pool.estimate),
        (row.ci_low, pool.ci_low),
        (row.ci_high, pool.ci_high),
    )
    scaled = ((on_scale(cell.range, row.measure), ours) for cell, ours in pairs)
    return max(max(0.0, theirs.low - ours.high, ours.low - theirs.high) for theirs, ours in scaled)


def _listed(rows: _Rows, selection: Sequence[int]) -> str:
    return listed(rows.words[i] for i in selection)


def _has_estimates(data: Data) -> bool:
    return not data.changes and "estimate" in data.table


def _alternatives(data: Data) -> dict[str, Table]:
    """Return the alternative sets of rows of the outcome, by name."""
    table = data.beside.get("alternatives")
    if table is None or not _has_estimates(data):
        return {}
    table.need(("alternative", "study", "outcome"), "which the audit reads in alternatives.csv")
    sets: dict[str, list[int]] = {}
    for i, name in enumerate(table.text("alternative")):
        if table.text("outcome")[i] in data.keys.outcomes:
            sets.setdefault(name, []).append(i)
    return {name: table.select(rows) for name, rows in sets.items()}


def _rows(name: str, table: Table, data: Data) -> _Rows:
    keys = keys_of(table, data.keys.outcomes[0], time_column(table) or "")
    scales = table.text("scale") if "scale" in table else ("",) * len(table)
    words = tuple(
        study
        + ("" if time is None else f" at {time:g}")
        + (" (change)" if scale == "change" else "")
        for study, time, scale in zip(keys.studies, keys.times, scales, strict=True)
    )
    return _Rows(name, keys, words, box_of(table, data.measure, data.evidence.convention))


def _replaced(data: Data, table: Table) -> Table:
    """Put an alternative in the place of the pooled rows of its outcomes and times."""
    keys = keys_of(table, data.keys.outcomes[0], time_column(table) or "")
    gone = set(zip(keys.outcomes, keys.times, strict=True))
    here = list(zip(data.keys.outcomes, data.keys.times, strict=True))
    stay = data.table.select(
        [i for i, place in enumerate(here) if place not in gone or i not in data.kept]
    )
    columns = {
        name: stay.columns[name] + table.columns[name] for name in stay.columns if name in table
    }
    return Table(table.source, columns, (*stay.rows, *table.rows), {})
