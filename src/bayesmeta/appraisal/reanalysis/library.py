"""Many reviews: a folder of them into one table, by all the processes or machines there are."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from bayesmeta import __version__
from bayesmeta.appraisal.reanalysis.journal import Journal
from bayesmeta.appraisal.reanalysis.record import flat
from bayesmeta.appraisal.reanalysis.run import SUMMARIES, Priors, reanalyse_review
from bayesmeta.appraisal.reanalysis.workers import answers
from bayesmeta.errors import InputError
from bayesmeta.evidence.revman import files_of, read_review, reviews_in
from bayesmeta.fit.save import folder_for
from bayesmeta.priors import MuPrior, TauPrior


@dataclass(frozen=True, slots=True)
class Library:
    """What became of a folder of reviews.

    Attributes
    ----------
    output : Path
        The table.
    rows : int
        Outcomes and subgroups in it.
    reviews, before : int
        Reviews in it, and how many of these an earlier run had done.
    failed : tuple of (str, str)
        Reviews that are not in it, and why.
    """

    output: Path
    rows: int
    reviews: int
    before: int
    failed: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a review, or why there are none."""

    review: str
    digest: str = ""
    rows: tuple[dict[str, Any], ...] = ()
    error: str = ""


def reanalyse_folder(
    folder: str | Path,
    output: str | Path,
    *,
    mu: MuPrior | str | None = None,
    tau: TauPrior | str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    start: Callable[[int], None] = lambda n: None,
    done: Callable[[], None] = lambda: None,
) -> Library:
    """Reanalyse every review in a folder, and in folders in it, into one table.

    The rows of a review are written to ``<output>.partial``, a CSV file, as soon as they are
    there. After an interrupt the next run takes them from it, but for reviews whose files, priors
    or version of this package are others; in the end they are sorted by review into the output,
    which appears whole or not at all. The ``.partial`` file stays where a review failed.

    Parameters
    ----------
    folder : path
        With ``*.rm5`` and ``*.csv``, as `reanalyse` reads them.
    output : path
        ``*.parquet`` or ``*.csv``.
    mu, tau : prior or str, optional
        As in `reanalyse`.
    workers : int, optional
        Local processes; as many as there are CPUs unless given.
    scheduler : str, optional
        Address of a Dask scheduler in place of local processes. Its workers have this package,
        and see the folder under the same path.
    start, done : callable
        Called with the number of reviews to do, and as each of them is done.

    Returns
    -------
    Library

    Raises
    ------
    InputError
        When there are no reviews, or the output cannot be written.
    """
    priors = Priors.of(mu, tau)
    root, table = Path(folder).resolve(), _table_at(Path(output))
    count = os.cpu_count() or 1 if workers is None else workers
    if count < 1:
        raise InputError(f"workers is {workers}: expected 1 or more")
    reviews = [str(path.relative_to(root)) for path in reviews_in(root) if path != table.resolve()]
    if not reviews:
        raise InputError(f"{folder} has no reviews in it: files *.rm5 or *.csv are expected")
    journal = Journal(table.with_name(f"{table.name}.partial"))
    keys = {review: (review, digest) for review, digest in _digests(root, journal, priors)}
    keys = {review: key for review, key in keys.items() if key in journal.blocks}
    before, failed = len(keys), []
    todo = [review for review in reviews if review not in keys]
    start(len(todo))
    task = partial(_answer, root=root, priors=priors)
    for answer in answers(task, _failed, todo, count, scheduler):
        if answer.error:
            failed.append((answer.review, answer.error))
        else:
            keys[answer.review] = answer.review, answer.digest
            journal.add(keys[answer.review], answer.rows)
        done()
    rows = journal.write(table, [keys[review] for review in reviews if review in keys])
    if not failed:
        journal.path.unlink(missing_ok=True)
    return Library(table, rows, len(keys), before, tuple(sorted(failed)))


def _answer(review: str, root: Path, priors: Priors) -> Answer:
    """Reanalyse one review; whatever goes wrong with it is its answer."""
    path = root / review
    try:
        digest = _digest(path, priors)
        found = reanalyse_review(read_review(path), priors, SUMMARIES)
        return Answer(review, digest, tuple(map(flat, found.every)))
    except InputError as error:
        return _failed(review, str(error))
    except Exception as error:
        words = " ".join(str(error).split())
        return _failed(review, f"{path}: {type(error).__name__}: {words} (a fault of the program)")


def _failed(review: str, reason: str) -> Answer:
    return Answer(review, error=reason)


def _digests(root: Path, journal: Journal, priors: Priors) -> Iterator[tuple[str, str]]:
    """Yield the digests, as things are now, of the reviews of the journal that can be read."""
    for name in {review for review, _ in journal.blocks}:
        with suppress(InputError):
            yield name, _digest(root / name, priors)


def _digest(path: Path, priors: Priors) -> str:
    """Return a digest of the files of a review, of what is asked and of who answers."""
    told = sha256(f"{__version__} {priors!r}".encode())
    for file in files_of(path):
        try:
            told.update(sha256(file.read_bytes()).digest())
        except OSError as error:
            raise InputError(f"cannot read {file}: {(error.strerror or '').lower()}") from None
    return told.hexdigest()[:16]


def _table_at(output: Path) -> Path:
    if output.suffix not in (".csv", ".parquet"):
        raise InputError(
            f"output is {str(output)!r}: a name that ends in .parquet or .csv is expected"
        )
    if output.is_dir():
        raise InputError(f"output is {str(output)!r}: a file is expected, and it is a folder")
    return folder_for(output.absolute().parent) / output.name
