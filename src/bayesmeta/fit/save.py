"""Files of a fit, each written whole or not at all."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bayesmeta.errors import InputError
from bayesmeta.evidence.study import Pool

if TYPE_CHECKING:
    from bayesmeta.fit.result import Fit


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it takes the place of `path` only when all went well."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o666 & ~_umask())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def folder_for(folder: Path) -> Path:
    """Create a folder for results and return it.

    Raises
    ------
    InputError
        When it cannot be created or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from None
    return folder


def save(fit: "Fit", folder: Path) -> list[Path]:
    """Write ``fit.json``, ``summary.csv`` and ``<outcome>-<time>.nc``, ``joint.nc`` where all times
    are in one model, and return their paths.
    """
    from bayesmeta.fit.datatree import datatree

    folder_for(folder)
    written = [folder / "fit.json", folder / "summary.csv"]
    with whole(written[0]) as path:
        path.write_text(to_json(fit) + "\n", encoding="utf-8")
    with whole(written[1]) as path:
        fit.summary().to_csv(path, index=False)
    for row in fit.rows:
        name = folder / f"{stem(row.pool)}.nc"
        while name in written:
            name = name.with_name(f"{name.stem}_.nc")
        written.append(name)
        with whole(written[-1]) as path:
            datatree(fit, row).to_netcdf(path, engine="h5netcdf")
    if fit.joint is not None:
        from bayesmeta.fit.joint_tree import joint_datatree

        written.append(folder / "joint.nc")
        with whole(written[-1]) as path:
            joint_datatree(fit, fit.joint).to_netcdf(path, engine="h5netcdf")
    return written


def to_json(fit: "Fit") -> str:
    """Return the strict JSON of a fit: null, never NaN; full double precision."""
    return json.dumps(fit.to_dict(), indent=2, allow_nan=False, ensure_ascii=False)


def stem(pool: Pool) -> str:
    """Return the name of a pool's files: its outcome, and its time where it has one."""
    outcome = "".join(c if c.isalnum() or c in "-_" else "_" for c in pool.outcome)
    return outcome if pool.time is None else f"{outcome}-{pool.time:g}"


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
