"""Tables of text: hostile until parsed, and errors that name file, row and column."""

import csv
import io
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from bayesmeta.arrays import Array, Mask
from bayesmeta.errors import InputError

MISSING = frozenset({"", "NA"})
LARGEST = 1e60  # its fourth power, in DerSimonian and Laird's sums, is finite


@dataclass(frozen=True, slots=True)
class Rule:
    """What a number must be, as a test and in words."""

    holds: Callable[[float], bool]
    expected: str


NUMBER = Rule(lambda x: True, "a number is expected")
ABOVE_ZERO = Rule(lambda x: x > 1 / LARGEST, "it must be above 0")
STANDARD_ERROR = Rule(lambda x: x > 1 / LARGEST, "a standard error must be above 0")
VARIANCE = Rule(lambda x: x > 1 / LARGEST, "a variance must be above 0")
COUNT = Rule(lambda x: x >= 0 and x == int(x), "a whole number of patients, 0 or more, is expected")
SIZE = Rule(lambda x: x >= 1 and x == int(x), "a whole number of patients, 1 or more, is expected")
P_VALUE = Rule(lambda x: 0 < x < 1, "a P value above 0 and below 1 is expected")


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of text with the name of their source.

    Parameters
    ----------
    source : str
        The file, as messages name it.
    columns : mapping of str to tuple of str
        Cells, stripped; ``""`` and ``NA`` are missing.
    rows : tuple of int
        Row numbers in the source, counted from 1 after the header.
    printed : mapping of str to str
        The name in the file of a column that is called otherwise here.
    """

    source: str
    columns: Mapping[str, tuple[str, ...]]
    rows: tuple[int, ...]
    printed: Mapping[str, str]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def __contains__(self, column: object) -> bool:
        """Say whether there is a column of that name."""
        return column in self.columns

    def name(self, column: str) -> str:
        """Return the name of the column in the file."""
        return self.printed.get(column, column)

    def text(self, column: str) -> tuple[str, ...]:
        """Return the cells of a column, ``""`` where missing."""
        self.need([column])
        return tuple("" if cell in MISSING else cell for cell in self.columns[column])

    def label(self, i: int) -> str:
        """Return study and year of row ``i``, ``""`` if it has no study."""
        study = self.columns["study"][i] if "study" in self else ""
        year = self.columns["year"][i] if "year" in self else ""
        return f"{study} {year.removesuffix('.0')}" if study and year not in MISSING else study

    def where(self, i: int) -> str:
        """Return the place of row ``i`` in words: number, study, file."""
        label = self.label(i)
        return f"row {self.rows[i]}{f' ({label})' if label else ''} of {self.source}"

    def need(self, columns: Iterable[str], purpose: str = "", used: Collection[str] = ()) -> None:
        """Raise an error that names the columns that are not there, and the nearest unused."""
        absent = [column for column in columns if column not in self]
        if not absent:
            return
        folded = {name.casefold(): self.name(name) for name in self.columns}
        near = [
            folded[match]
            for column in absent
            for match in get_close_matches(self.name(column).casefold(), folded, n=1)
            if folded[match] not in map(self.name, used)
        ]
        hint = (
            f"is it {near[0]!r}?" if near else f"it has {', '.join(map(self.name, self.columns))}"
        )
        names = ", ".join(map(self.name, absent))
        raise InputError(
            f"{self.source} has no column {names}{f', {purpose}' if purpose else ''}: {hint}"
        )

    def fail(self, column: str, i: int, expected: str) -> NoReturn:
        """Raise the error of one cell."""
        cell = self.columns[column][i]
        found = "missing" if cell in MISSING else cell if _is_number(cell) else repr(cell[:60])
        raise InputError(f"{self.name(column)} is {found} in {self.where(i)}: {expected}")

    def reject(self, bad: Mask, sentence: Callable[[int], str]) -> None:
        """Raise the sentence about the first bad row, if there is one."""
        for i in np.flatnonzero(bad)[:1].tolist():
            raise InputError(sentence(i))

    def numbers(self, column: str, rule: Rule = NUMBER, *, optional: bool = False) -> Array:
        """Return the column as numbers that obey the rule; NaN where an optional one is missing."""
        self.need([column])
        values = np.full(len(self), np.nan)
        for i, cell in enumerate(self.columns[column]):
            if optional and cell in MISSING:
                continue
            try:
                x = _number(cell)
            except ValueError:
                self.fail(column, i, _why_no_number(cell, rule))
            if not abs(x) < LARGEST:
                self.fail(column, i, "a finite number is expected")
            if not rule.holds(x):
                self.fail(column, i, rule.expected)
            values[i] = x
        return values

    def select(self, keep: Sequence[int]) -> "Table":
        """Return the rows of those positions, with their numbers."""
        columns = {name: tuple(cells[i] for i in keep) for name, cells in self.columns.items()}
        return replace(self, columns=columns, rows=tuple(self.rows[i] for i in keep))

    def rename(self, names: Mapping[str, str]) -> "Table":
        """Return the table with columns called otherwise; errors keep the name in the file."""
        for old, new in names.items():
            if old != new and old in self and new in self:
                raise InputError(f"{self.source} has both {old} and {new}: one is expected")
        columns = {names.get(name, name): cells for name, cells in self.columns.items()}
        printed = {new: old for old, new in names.items() if old in self.columns}
        return replace(self, columns=columns, printed={**self.printed, **printed})


def read_table(path: str | Path, shown: str | None = None) -> Table:
    """Read a CSV file: UTF-8 with or without byte order mark, a header, one row a line.

    Raises
    ------
    InputError
        If it cannot be read as such; one line that names the file and the row.
    """
    source = shown if shown is not None else str(path)
    text = read_text(path, source)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{source} has a NUL byte in line {line}: a CSV text file is expected")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        lines = [[" ".join(cell.split()) for cell in line] for line in reader]
    except csv.Error as error:
        raise InputError(
            f"{source} is not a CSV file, near line {reader.line_num}: {error}"
        ) from None
    while lines and not any(lines[0]):
        del lines[0]
    if not lines:
        raise InputError(f"{source} is empty: a header and a row for each study are expected")
    header, body = lines[0], [(i, line) for i, line in enumerate(lines[1:], 1) if any(line)]
    for i, row in body:
        if len(row) != len(header):
            raise InputError(
                f"row {i} of {source} has {len(row)} cells but the header has {len(header)}: "
                "as many are expected (a comma inside a cell needs quotes around the cell)"
            )
    return _table(source, header, body)


def table_of_columns(columns: Mapping[str, Iterable[Any]], source: str) -> Table:
    """Make a table of columns in memory; None, NaN and pandas' NA are missing.

    Examples
    --------
    >>> table = table_of_columns({"study": ["A"], "estimate": [28.39]}, "the data frame")
    >>> table.numbers("estimate")
    array([28.39])
    """
    cells = {
        str(name).strip(): [_cell(value) for value in column] for name, column in columns.items()
    }
    lengths = {name: len(column) for name, column in cells.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"the columns of {source} differ in length: {lengths}")
    body = [(i, list(line)) for i, line in enumerate(zip(*cells.values(), strict=True), 1)]
    return _table(source, list(cells), body)


def read_text(path: str | Path, source: str) -> str:
    """Return the text of a UTF-8 file, without byte order mark."""
    try:
        raw = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {source}: {reason.lower()}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{source} is not UTF-8 text: byte 0x{raw[error.start]:02x} in line {line}; "
            "save it as CSV UTF-8"
            if source.endswith(".csv")
            else f"{source} is not UTF-8 text: byte 0x{raw[error.start]:02x} in line {line}"
        ) from None


def _table(source: str, header: list[str], body: list[tuple[int, list[str]]]) -> Table:
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise InputError(f"{source} has two columns named {twice[0]!r}: names must differ")
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise InputError(
            f"{source} has one column, {header[0]!r}: columns separated by commas are expected"
        )
    columns = {}
    for j, name in enumerate(header):
        cells = tuple(line[j] for _, line in body)
        if name:
            columns[name] = cells
        elif any(cells):
            raise InputError(f"column {j + 1} of {source} has no name: a header is expected")
    if not body:
        raise InputError(f"{source} has a header but no rows: a row for each study is expected")
    return Table(source, columns, tuple(i for i, _ in body), {})


def _cell(value: Any) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return "" if text in {"nan", "<NA>", "NaT"} and not isinstance(value, str) else text


def _number(cell: str) -> float:
    if "_" in cell:
        raise ValueError(cell)
    return float(cell.replace("\N{MINUS SIGN}", "-"))


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(_number(cell))
    except ValueError:
        return False


def _why_no_number(cell: str, rule: Rule) -> str:
    if _is_number(cell.replace(",", ".", 1)):
        return "a number with a decimal point, not a comma, is expected"
    if cell[:1] in {"<", ">"} and _is_number(cell[1:]):
        return "the number itself, not a bound, is expected"
    return (
        rule.expected
        if "expected" in rule.expected
        else f"a number is expected, and {rule.expected}"
    )
