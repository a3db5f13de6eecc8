"""Uncontrolled series: pairs of a study's baseline and each later time."""

import numpy as np

from bayesmeta.errors import InputError
from bayesmeta.evidence.effects import mean_change
from bayesmeta.evidence.layouts import Effects
from bayesmeta.evidence.pooling import STATUSES, keys_of
from bayesmeta.evidence.table import ABOVE_ZERO, SIZE, Table

_BASELINE = ("baseline_mean", "baseline_sd")


def change_table(table: Table, time: str, baseline_time: float) -> Table:
    """Put each study's baseline beside its later rows, and drop the rows of the baseline.

    A row with ``baseline_mean, baseline_sd`` of its own keeps them. ``baseline_n`` is the number
    of patients at baseline, missing where the pair has a baseline of its own. The status of a
    pair is the weaker of its two.
    """
    table.need(["study", time, "mean", "sd", "n"], "which a change from baseline needs")
    keys, times = keys_of(table, "change", time), table.numbers(time)
    start: dict[tuple[str, str], int] = {}
    for i in np.flatnonzero(times == baseline_time).tolist():
        if start.setdefault((keys.studies[i], keys.outcomes[i]), i) != i:
            raise InputError(f"{table.where(i)} is a second baseline of the study: one is expected")
    later = [int(i) for i in np.flatnonzero(times != baseline_time)]
    if not later:
        raise InputError(
            f"{table.source} has no row after {time} {baseline_time:g}: "
            "a time of follow-up is expected"
        )
    own = {i: tuple(_cell(table, column, i) for column in _BASELINE) for i in later}
    cells: dict[str, list[str]] = {name: [] for name in (*_BASELINE, "baseline_n", "status")}
    for i in later:
        j = start.get((keys.studies[i], keys.outcomes[i]))
        if not any(own[i]) and j is None:
            raise InputError(
                f"no baseline of {table.where(i)}: a row of the study at {time} {baseline_time:g}, "
                "or baseline_mean and baseline_sd, are expected"
            )
        pair = own[i] if any(own[i]) else tuple(table.columns[c][j or 0] for c in ("mean", "sd"))
        cells["baseline_mean"].append(pair[0])
        cells["baseline_sd"].append(pair[1])
        cells["baseline_n"].append("" if any(own[i]) else table.columns["n"][j or 0])
        cells["status"].append(_weaker(_cell(table, "status", i), _cell(table, "status", j)))
    kept = table.select(later)
    columns = {**kept.columns, **{name: tuple(column) for name, column in cells.items()}}
    return Table(kept.source, columns, kept.rows, kept.printed)


def effects_of_change(table: Table, correlation: float) -> Effects:
    """Mean change from baseline of each row of a ``change_table``.

    The note says where baseline mean and SD of all patients stand for those followed up.
    """
    m0, m1 = table.numbers("baseline_mean"), table.numbers("mean")
    s0, s1 = table.numbers("baseline_sd", ABOVE_ZERO), table.numbers("sd", ABOVE_ZERO)
    n, n0 = table.numbers("n", SIZE), table.numbers("baseline_n", SIZE, optional=True)
    y, se = mean_change((m0, s0), (m1, s1), n, correlation)
    table.reject(
        ~(se > 0),
        lambda i: (
            f"the change in {table.where(i)} has a standard error of 0: "
            "a correlation below 1 is expected"
        ),
    )
    notes = tuple(
        f"own baseline of this pair: {m0[i]:g} (SD {s0[i]:g})"
        if np.isnan(n0[i])
        else f"baseline mean and SD of {n0[i]:g} taken as those of the {n[i]:g} followed up"
        if n0[i] != n[i]
        else ""
        for i in range(len(table))
    )
    return Effects(y, se, notes, n, s0)


def _cell(table: Table, column: str, i: int | None) -> str:
    return table.text(column)[i] if column in table and i is not None else ""


def _weaker(*statuses: str) -> str:
    unknown = [status for status in statuses if status not in STATUSES]
    known = [status for status in statuses if status in STATUSES]
    return next(filter(None, unknown), "") or max(known, key=STATUSES.index, default="")
