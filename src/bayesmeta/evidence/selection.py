"""Which rows of a table an analysis takes, and why the others are left out."""

from collections.abc import Mapping, Sequence

from bayesmeta.errors import InputError
from bayesmeta.evidence.pooling import Keys, describe
from bayesmeta.evidence.study import LeftOut
from bayesmeta.evidence.table import Table

type Cell = str | int | float
type Rows = Mapping[str, Cell | list[Cell]]
type Preference = Mapping[str, list[str]]


def matching(table: Table, rows: Rows, owner: str) -> list[int]:
    """Return the positions of the rows whose cells are among those asked for.

    Raises
    ------
    InputError
        If a column is not there or no row is left; ``owner`` is the file and key that asked.
    """
    table.need(rows, f"which {owner} asks for")
    keep = list(range(len(table)))
    for column, wanted in rows.items():
        cells = table.text(column)
        keep = [i for i in keep if _among(cells[i], wanted)]
        if not keep:
            there = ", ".join(repr(cell) for cell in sorted(set(cells)))
            raise InputError(
                f"{owner}.{column} is {wanted!r} and no row of {table.source} is left: "
                f"expected one of its cells there, {there}"
            )
    return keep


def left_out(table: Table, rows: Rows, keys: Keys) -> list[LeftOut]:
    """Say of each row that does not match which cell keeps it out, and its note."""
    notes = table.text("note") if "note" in table else ("",) * len(table)
    reasons: dict[int, str] = {}
    for column, wanted in rows.items():
        for i, cell in enumerate(table.text(column)):
            if not _among(cell, wanted):
                note = f": {notes[i]}" if notes[i] else ""
                reasons.setdefault(i, f"{table.name(column)} is {cell or 'missing'}{note}")
    return [
        LeftOut(keys.studies[i], keys.times[i], describe(table, i), reasons[i])
        for i in sorted(reasons)
    ]


def preferred(
    table: Table, keep: Sequence[int], prefer: Preference, keys: Keys, owner: str
) -> tuple[list[int], list[LeftOut]]:
    """Keep one row a study, outcome and time: the first by the order of ``prefer``.

    Rows of equal rank all stay, to be refused as duplicates.
    """
    table.need(prefer, f"which {owner} asks for")

    def rank(i: int) -> tuple[int, ...]:
        cells = ((table.columns[column][i], order) for column, order in prefer.items())
        return tuple(order.index(c) if c in order else len(order) for c, order in cells)

    by_key: dict[tuple[str, str, float | None], list[int]] = {}
    for i in keep:
        by_key.setdefault((keys.studies[i], keys.outcomes[i], keys.times[i]), []).append(i)
    best = {i: min(group, key=rank) for group in by_key.values() for i in group}
    kept = [i for i in keep if rank(i) == rank(best[i])]
    second = [
        LeftOut(
            keys.studies[i],
            keys.times[i],
            describe(table, i),
            f"{' '.join(f'{c} {table.columns[c][best[i]]}' for c in prefer)} is preferred",
        )
        for i in keep
        if rank(i) != rank(best[i])
    ]
    return kept, second


def _among(cell: str, wanted: Cell | list[Cell]) -> bool:
    options = wanted if isinstance(wanted, list) else [wanted]
    return any(_same(cell, option) for option in options)


def _same(cell: str, option: Cell) -> bool:
    if isinstance(option, str):
        return cell == option
    try:
        return float(cell) == option
    except ValueError:
        return False
