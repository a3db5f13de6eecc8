"""From a table and its effect sizes to pools: labels put on, rows sorted into outcome and time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.evidence.layouts import Effects
from bayesmeta.evidence.measures import Measure
from bayesmeta.evidence.study import LeftOut, Pool
from bayesmeta.evidence.table import Table

STATUSES = ("reported", "secondary", "derived", "reconstructed", "unverified")


@dataclass(frozen=True, slots=True)
class Keys:
    """What says to which pool a row belongs, one entry a row."""

    studies: tuple[str, ...]
    outcomes: tuple[str, ...]
    times: tuple[float | None, ...]


def keys_of(table: Table, outcome: str, time: str) -> Keys:
    """Return study, outcome and time of every row.

    Parameters
    ----------
    outcome : str
        The outcome's name where the table has no column ``outcome``.
    time : str
        The column of the time; a table without it has no times.
    """
    for i, study in enumerate(table.text("study")):
        if not study:
            table.fail("study", i, "a name is expected")
    studies = tuple(table.label(i) for i in range(len(table)))
    outcomes = table.text("outcome") if "outcome" in table else (outcome,) * len(table)
    for i, name in enumerate(outcomes):
        if not name:
            table.fail("outcome", i, "a name is expected")
    times: tuple[float | None, ...] = (None,) * len(table)
    if time in table:
        values = table.numbers(time, optional=True)
        times = tuple(None if np.isnan(x) else float(x) for x in values)
        timed = {name for name, x in zip(outcomes, times, strict=True) if x is not None}
        for i, (name, x) in enumerate(zip(outcomes, times, strict=True)):
            if x is None and name in timed:
                table.fail(time, i, "a number is expected, as in other rows of the outcome")
    return Keys(studies, outcomes, times)


def pools_of(
    table: Table, effects: Effects, keys: Keys, measure: Measure, *, repeats: bool = False
) -> tuple[tuple[Pool, ...], tuple[LeftOut, ...]]:
    """Sort rows into one pool per outcome and time; leave out what cannot be estimated.

    Outcomes stay in the order of the table, times are sorted, rows of one pool keep their order.
    With ``repeats`` a study may have several rows in one pool, which are numbered.

    Raises
    ------
    InputError
        If a study is twice in one pool, or no row is left.
    """
    groups_of = keys.studies
    if repeats:
        keys = _numbered(keys)
    else:
        _refuse_duplicates(table, keys)
    fine = np.isfinite(effects.y) & np.isfinite(effects.se)
    left_out = tuple(
        LeftOut(keys.studies[i], keys.times[i], describe(table, i), _why_not(effects, i, measure))
        for i in map(int, np.flatnonzero(~fine))
    )
    groups: dict[tuple[str, float | None], list[int]] = {}
    for i in np.flatnonzero(fine):
        groups.setdefault((keys.outcomes[i], keys.times[i]), []).append(int(i))
    if not groups:
        raise InputError(f"no row of {table.source} can be pooled: {left_out[0].reason}")
    rank = {name: j for j, name in reversed(list(enumerate(keys.outcomes)))}
    order = sorted(groups, key=lambda key: (rank[key[0]], -np.inf if key[1] is None else key[1]))
    statuses, notes = statuses_of(table), notes_of(table, effects)
    pools = tuple(
        Pool(
            outcome=outcome,
            time=time,
            studies=tuple(keys.studies[i] for i in rows),
            y=effects.y[rows],
            se=effects.se[rows],
            status=tuple(statuses[i] for i in rows),
            notes=tuple(notes[i] for i in rows),
            n=_rows(effects.n, rows),
            within_sd=_rows(effects.within_sd, rows),
            counts=_rows(effects.counts, rows),
            cells={name: tuple(cells[i] for i in rows) for name, cells in table.columns.items()},
            groups=tuple(groups_of[i] for i in rows) if repeats else None,
        )
        for outcome, time in order
        for rows in (groups[outcome, time],)
    )
    return pools, left_out


def describe(table: Table, i: int) -> str:
    """Return what row ``i`` holds, as the table has it."""
    held = [
        f"{table.name(name)} {table.columns[name][i]}"
        for name in table.columns
        if name in _NUMBERS and table.columns[name][i]
    ]
    scale = [table.columns["scale"][i]] if "scale" in table else []
    return ", ".join(scale + held)


def statuses_of(table: Table) -> tuple[str | None, ...]:
    """Return the status of every row, None where the table does not say."""
    if "status" not in table:
        return (None,) * len(table)
    for i, status in enumerate(table.text("status")):
        if status and status not in STATUSES:
            table.fail("status", i, did_you_mean(status, STATUSES))
    return tuple(status or None for status in table.text("status"))


def notes_of(table: Table, effects: Effects) -> tuple[str, ...]:
    """Join the table's note on a row and that of the arithmetic."""
    written = table.text("note") if "note" in table else ("",) * len(table)
    pairs = zip(written, effects.notes, strict=True)
    return tuple("; ".join(filter(None, pair)) for pair in pairs)


def words_of_time(time: float | None, unit: str = "") -> str:
    """Return ``"6 months"``, ``"1 month"``, ``"time 6"`` without a unit, ``""`` without a time."""
    if time is None:
        return ""
    return f"{time:g} {unit.removesuffix('s') if time == 1 else unit}" if unit else f"time {time:g}"


_NUMBERS = frozenset(
    f"{what}{arm}"
    for what in ("events", "n", "mean", "sd")
    for arm in ("", "_treatment", "_control")
) | {"estimate", "se", "variance", "ci_low", "ci_high", "p"}


def _numbered(keys: Keys) -> Keys:
    """Tell the rows of a study in one pool apart."""
    places = list(zip(keys.studies, keys.outcomes, keys.times, strict=True))
    names = [
        f"{place[0]} ({places[: i + 1].count(place)})" if places.count(place) > 1 else place[0]
        for i, place in enumerate(places)
    ]
    return Keys(tuple(names), keys.outcomes, keys.times)


def _refuse_duplicates(table: Table, keys: Keys) -> None:
    first: dict[tuple[str, str, float | None], int] = {}
    for i, key in enumerate(zip(keys.studies, keys.outcomes, keys.times, strict=True)):
        if (j := first.setdefault(key, i)) != i:
            at = f" at {words_of_time(keys.times[i])}" if keys.times[i] is not None else ""
            raise InputError(
                f"study {keys.studies[i]!r}{at} is in rows {table.rows[j]} and {table.rows[i]} of "
                f"{table.source}: one row a study and time is expected"
            )


def _why_not(effects: Effects, i: int, measure: Measure) -> str:
    assert effects.counts is not None
    nobody = not effects.counts[i, [0, 2]].any()
    who = "nobody" if nobody else "everybody"
    return f"{who} had an event, so there is no {measure.label}"


def _rows(values: Array | None, rows: Sequence[int]) -> Array | None:
    return None if values is None else values[rows]
