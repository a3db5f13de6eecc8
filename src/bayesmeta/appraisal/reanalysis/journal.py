"""The rows of a library on disk as they come, so that no review is done twice."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
from pathlib import Path
from typing import Any

from bayesmeta.appraisal.reanalysis.record import COLUMNS, TEXT
from bayesmeta.errors import InputError
from bayesmeta.fit.save import whole

type Key = tuple[str, str]
"""A review: its path in the folder, and the digest of what it holds and what was asked."""

KEY = ("review", "digest", "row", "rows")
HEADER = (*KEY, *COLUMNS)
_GROUP = 20_000


class Journal:
    """A CSV file that grows by the rows of one review at a time.

    Each row says which of how many rows of its review it is. What an interrupt left of a review,
    at the end of the file, is cut off when the file is opened again.

    Attributes
    ----------
    path : Path
    blocks : dict
        Where the rows of each review are: from byte to byte, by its key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.blocks: dict[Key, tuple[int, int]] = {}
        header = _text([HEADER])
        if not path.exists() or path.stat().st_size == 0:
            path.write_bytes(header)
        with path.open("rb") as file:
            if file.readline() != header:
                raise InputError(
                    f"{path} was begun by another version: remove it, and all reviews are done anew"
                )
            self._end = self._scan(file, len(header))
        with path.open("r+b") as file:
            file.truncate(self._end)

    def add(self, key: Key, rows: Sequence[dict[str, Any]]) -> None:
        """Append the rows of a review, in one write."""
        block = _text(
            (*key, at, len(rows), *(row[name] for name in COLUMNS))
            for at, row in enumerate(rows, 1)
        )
        with self.path.open("ab") as file:
            file.write(block)
        self.blocks[key] = self._end, self._end + len(block)
        self._end += len(block)

    def write(self, output: Path, keys: Iterable[Key]) -> int:
        """Write the table of these reviews, in their order, whole or not at all; count its rows.

        ``output`` ends in ``.csv`` or ``.parquet``.
        """
        blocks = [self.blocks[key] for key in keys]
        with whole(output) as partial, self.path.open("rb") as file:
            if output.suffix == ".parquet":
                return _parquet(partial, _lines(file, blocks))
            with partial.open("wb") as table:
                table.write(_text([HEADER]))
                n = 0
                for line in _lines(file, blocks):
                    table.write(line)
                    n += 1
                return n

    def _scan(self, file: io.BufferedReader, end: int) -> int:
        """Find the blocks of a file from a byte on, and return the end of the last whole one."""
        at, expected = end, 1
        for line in file:
            try:
                review, digest, row, rows = _place(line)
            except ValueError:
                break
            if row != expected:
                break
            at, expected = at + len(line), row + 1
            if row == rows:
                self.blocks[review, digest] = end, at
                end, expected = at, 1
        return end


def _place(line: bytes) -> tuple[str, str, int, int]:
    if not line.endswith(b"\n"):
        raise ValueError
    review, digest, row, rows, *_ = next(csv.reader([line.decode()]))
    return review, digest, int(row), int(rows)


def _lines(file: io.BufferedReader, blocks: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    for start, end in blocks:
        file.seek(start)
        yield from io.BytesIO(file.read(end - start))


def _text(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _parquet(path: Path, lines: Iterator[bytes]) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    read = dict.fromkeys((*KEY[:2], *TEXT), str) | dict.fromkeys((*KEY[2:], "k"), int)
    kinds = [read.get(name, float) for name in HEADER]
    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema([(name, types[kind]) for name, kind in zip(HEADER, kinds, strict=True)])
    n = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for group in batched(lines, _GROUP):
            columns = zip(*csv.reader(line.decode() for line in group), strict=True)
            arrays = [
                pa.array([kind(cell) if cell else None for cell in column], types[kind])
                for kind, column in zip(kinds, columns, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            n += len(group)
    return n
