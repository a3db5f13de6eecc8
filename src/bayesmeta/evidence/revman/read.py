"""One door for RevMan's files: what a file is, is told from what it holds."""

from pathlib import Path

from bayesmeta.errors import InputError
from bayesmeta.evidence.revman.datarows import read_data_rows
from bayesmeta.evidence.revman.rm5 import read_rm5
from bayesmeta.evidence.revman.sheet import fold
from bayesmeta.evidence.revman.values import Review
from bayesmeta.evidence.revman.web import read_web
from bayesmeta.evidence.table import Table, read_table

_ROWS = "data-rows.csv"
_SETTINGS = "overall-estimates-and-settings.csv"
_SUBGROUPS = "subgroup-estimates.csv"
_BESIDE = (_SETTINGS, _SUBGROUPS, "risk-of-bias.csv", "study-information.csv")
_ARCHIVES = {b"PK": "a zip archive", b"\x1f\x8b": "a gzip archive", b"7z\xbc\xaf": "a 7z archive"}
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def read_review(path: str | Path) -> Review:
    """Read a review: RevMan 5's ``.rm5``, its CSV of data rows, or RevMan Web's.

    RevMan Web's ``...-data-rows.csv`` holds no settings, so
    ``...-overall-estimates-and-settings.csv`` is read from the same folder, and
    ``...-subgroup-estimates.csv`` where there is one.

    Raises
    ------
    InputError
        One line: what the file is, where it is damaged, which number is missing or impossible.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> rows = (
    ...     "Comparison Number,Outcome Number,Subgroup Number,Name,Data Type,Effect Measure",
    ...     "1,0,0,BCG against none,,",
    ...     "1,1,0,Tuberculosis,DIC,RR",
    ... )
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "bcg.csv"
    ...     with path.open("w") as file:
    ...         print(*rows, sep=chr(10), file=file)
    ...     review = read_review(path)
    >>> [(outcome.id, outcome.comparison, outcome.name) for outcome in review.outcomes]
    [('CMP-001.01', 'BCG against none', 'Tuberculosis')]
    """
    path = Path(path)
    source = str(path)
    raw = _bytes(path)
    start = raw[:1024].lstrip()
    for mark in _MARKS:
        start = start.removeprefix(mark).lstrip(b"\0 \t\r\n")
    if not start:
        raise InputError(f"{source} is empty: a review of RevMan is expected")
    for magic, kind in _ARCHIVES.items():
        if start.startswith(magic):
            raise InputError(
                f"{source} is {kind}: unpack it and give the .rm5 or the {_ROWS} inside"
            )
    if any(tag in start.lower() for tag in (b"<!doctype html", b"<html")):
        raise InputError(f"{source} is a web page, not a review: was the download refused?")
    if start.startswith(b"<"):
        return read_rm5(raw, source)
    if path.suffix.lower() != ".csv" and b"," not in start.splitlines()[0]:
        raise InputError(
            f"{source} is no review of RevMan: XML (.rm5) or a CSV file of data rows is expected"
        )
    table = read_table(path)
    title = path.stem.replace("_", " ")
    headers = {fold(name) for name in table.columns}
    if {"analysisgroup", "analysisnumber", "study"} <= headers:
        return _web(path, table, title)
    return read_data_rows(table, title)


def reviews_in(folder: str | Path) -> list[Path]:
    """Return the files in a folder, and in folders in it, that may be reviews, sorted.

    ``*.rm5`` and ``*.csv``, without the other files of RevMan Web's data packages and without
    what begins with a dot.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    folder = Path(folder)
    try:
        found = [
            path
            for path in folder.rglob("*")
            if path.suffix.lower() in (".rm5", ".csv") and path.is_file()
        ]
    except OSError as error:
        raise InputError(f"cannot read {folder}: {(error.strerror or '').lower()}") from None
    return sorted(
        path
        for path in found
        if not path.name.endswith(_BESIDE)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def files_of(path: Path) -> list[Path]:
    """Return the files that a review is read from, itself and those of RevMan Web beside it."""
    if not path.name.endswith(_ROWS):
        return [path]
    stem = path.name.removesuffix(_ROWS)
    beside = (path.with_name(stem + name) for name in (_SETTINGS, _SUBGROUPS))
    return [path, *(file for file in beside if file.is_file())]


def _web(path: Path, rows: Table, title: str) -> Review:
    stem = path.name.removesuffix(_ROWS)
    settings, subgroups = path.with_name(stem + _SETTINGS), path.with_name(stem + _SUBGROUPS)
    if stem == path.name or not settings.is_file():
        raise InputError(
            f"{path} holds data rows of RevMan Web, without method and measure: a name that ends "
            f"in {_ROWS} is expected, and {settings.name} beside it"
        )
    return read_web(
        rows,
        read_table(settings),
        read_table(subgroups) if subgroups.is_file() and _has_rows(subgroups) else None,
        title.removesuffix(f"-{_ROWS.removesuffix('.csv')}"),
    )


def _has_rows(path: Path) -> bool:
    """Say whether there is more than a header, which is all that reviews without subgroups have."""
    return len(_bytes(path).splitlines()) > 1


def _bytes(path: Path) -> bytes:
    if path.is_char_device():
        raise InputError(f"{path} is a device: a review of RevMan is expected")
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {path}: {reason.lower()}") from None
