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
        There from the first review on.
    blocks : dict
        Where the rows of each review are: from byte to byte, by its key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.blocks: dict[Key, tuple[int, int]] = {}
        self._end = 0
        if not path.exists():
            return
        with path.open("r+b") as file:
            header, expected = file.readline(), _text([HEADER])
            if not expected.startswith(header):
                raise InputError(
                    f"{path} was begun by another version: remove it, and all reviews are done anew"
                )
            self._end = self._scan(file, len(header)) if header == expected else 0
            file.truncate(self._end)

    def add(self, key: Key, rows: Sequence[dict[str, Any]]) -> None:
        """Append the rows of a review, in one write."""
        header = b"" if self._end else _text([HEADER])
        cells = ([row[name] for name in COLUMNS] for row in rows)
        block = _text([*key, at, len(rows), *row] for at, row in enumerate(cells, 1))
        with self.path.open("ab") as file:
            file.write(header + block)
        start = self._end + len(header)
        self._end = start + len(block)
        self.blocks[key] = start, self._end

    def write(self, output: Path, keys: Iterable[Key]) -> int:
        """Write the table of these reviews, in their order, whole or not at all; count its rows.

        ``output`` ends in ``.csv`` or ``.parquet``.
        """
        lines = self._lines([self.blocks[key] for key in keys])
        write = _parquet if output.suffix == ".parquet" else _csv
        with whole(output) as partial:
            return write(partial, lines)

    def _lines(self, blocks: Sequence[tuple[int, int]]) -> Iterator[bytes]:
        if not blocks:
            return
        with self.path.open("rb") as file:
            for start, end in blocks:
                file.seek(start)
                yield from io.BytesIO(file.read(end - start))

    def _scan(self, lines: Iterable[bytes], end: int) -> int:
        """Find the blocks from a byte of the file on, and return the end of the last whole one."""
        at, expected = end, 1
        for line in lines:
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
        raise ValueError("cut short")
    review, digest, row, rows, *_ = next(csv.reader([line.decode()]))
    return review, digest, int(row), int(rows)


def _text(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _csv(path: Path, lines: Iterator[bytes]) -> int:
    n = 0
    with path.open("wb") as table:
        table.write(_text([HEADER]))
        for line in lines:
            table.write(line)
            n += 1
    return n


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
