"""CSV files of RevMan, whose headers differ by version: rows as cells named like XML attributes."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.evidence.revman.cells import Cells
from bayesmeta.evidence.table import Table


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a CSV file by the names of RevMan 5's XML attributes."""

    source: str
    columns: Mapping[str, Sequence[str]]
    printed: Mapping[str, str]
    rows: Sequence[int]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def cells(self, i: int, place: str = "") -> Cells:
        """Return one row; its place is the row number unless it is told."""
        values = {name: column[i] for name, column in self.columns.items()}
        return Cells(values, place or self.where(i), self.printed)

    def where(self, i: int) -> str:
        """Return the row number and the file."""
        return f"row {self.rows[i]} of {self.source}"

    def groups(self, key: Callable[[int], str]) -> dict[str, list[int]]:
        """Return the positions of the rows by key, both in the order of the file."""
        found: dict[str, list[int]] = {}
        for i in range(len(self)):
            found.setdefault(key(i), []).append(i)
        return found


def sheet_of(table: Table, names: Mapping[str, str], needed: Iterable[str]) -> Sheet:
    """Name the columns of a table.

    Parameters
    ----------
    table : Table
    names : mapping of str to str
        XML attribute by folded header (``fold``).
    needed : iterable of str
        Headers, as RevMan writes them, without which the file cannot be read.

    Raises
    ------
    InputError
        For a missing column, with the nearest that is there.
    """
    columns, printed = {}, {}
    for header, cells in table.columns.items():
        name = names.get(fold(header))
        if name and name not in columns:
            columns[name], printed[name] = cells, header
    unused = [header for header in table.columns if fold(header) not in names]
    for header in needed:
        if names[fold(header)] not in columns:
            hint = did_you_mean(header, unused) if unused else "a whole export is expected"
            raise InputError(f"{table.source} has no column {header!r} of a RevMan export: {hint}")
    return Sheet(table.source, columns, printed, table.rows)


def fold(header: str) -> str:
    """Return a header without case, spaces, brackets and damaged squares.

    Examples
    --------
    >>> fold(" I²(Q)"), fold("Events.1"), fold("O-E"), fold("Heterogeneity Tau²")
    ('i2q', 'events1', 'oe', 'heterogeneitytau2')
    """
    squared = header.replace("Â²", "2").replace("²", "2")
    return re.sub(r"[^a-z0-9]", "", squared.casefold())
