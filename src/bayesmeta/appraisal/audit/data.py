"""The study rows behind a printed table, row by row, as an audit needs them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bayesmeta.appraisal.audit.bounds import Box
from bayesmeta.appraisal.audit.printed import PrintedRow
from bayesmeta.appraisal.audit.ranges import PoolRange, box_of, exact_range, pool_range
from bayesmeta.appraisal.audit.recipes import Recipe
from bayesmeta.evidence.analysis import evidence_of_rows, rows_of_analysis
from bayesmeta.evidence.layouts import layout_of
from bayesmeta.evidence.measures import Measure
from bayesmeta.evidence.pooling import Keys, keys_of, statuses_of, words_of_time
from bayesmeta.evidence.read import evidence_from_table
from bayesmeta.evidence.study import Convention, Evidence, Pool
from bayesmeta.evidence.table import Table, read_table
from bayesmeta.frequentist.pools import studies_of

INDEPENDENT = frozenset({None, "reported", "secondary"})
"""What may be said of a row that was not made from the printed pool."""

MADE = frozenset({"reconstructed", "unverified"})
"""What is said of a row that can be wrong where the printed pool is right."""


@dataclass(frozen=True, slots=True)
class Data:
    """The study rows of one analysis.

    Parameters
    ----------
    evidence : Evidence
    table : Table
        Every row of the outcome, pooled or not; columns named as layouts do.
    keys : Keys
    kept : tuple of int
        Positions of the rows that are pooled.
    changes : bool
        The rows are changes from baseline with an assumed correlation: no pool to recompute.
    arms : tuple of str
        How the data call treatment and control.
    published : Table or None
    beside : mapping of str to Table
        ``arms``, ``alternatives``, ``later_reviews``: CSV files of these names in the folder.
    """

    evidence: Evidence
    table: Table
    keys: Keys
    kept: tuple[int, ...]
    changes: bool
    arms: tuple[str, str]
    published: Table | None
    beside: dict[str, Table]

    @property
    def measure(self) -> Measure:
        """The measure of the analysis."""
        return self.evidence.measure

    def owns(self, row: PrintedRow) -> bool:
        """Say whether rows of this outcome, measure and design stand for a printed row."""
        designs = set(self.table.text("design")) if "design" in self.table else set()
        return (
            row.outcome in self.keys.outcomes
            and row.measure == self.measure
            and (not designs or not row.design or row.design in designs)
        )

    def pool_of(self, row: PrintedRow) -> Pool | None:
        """Return the pool that stands for a printed row."""
        same = (p for p in self.evidence.pools if (p.outcome, p.time) == (row.outcome, row.time))
        return next(same, None)

    def rows_of(self, pool: Pool) -> list[int]:
        """Return the positions of a pool's rows, in its order."""
        place = {
            self.keys.studies[i]: i
            for i in self.kept
            if (self.keys.outcomes[i], self.keys.times[i]) == (pool.outcome, pool.time)
        }
        return [place[study] for study in pool.studies]

    def at(self, row: PrintedRow) -> list[int]:
        """Return the positions of all rows of a printed row's outcome and time."""
        return [
            i
            for i in range(len(self.table))
            if (self.keys.outcomes[i], self.keys.times[i]) == (row.outcome, row.time)
        ]

    def when(self, time: float | None) -> str:
        """Return a time in words."""
        return words_of_time(time, self.evidence.time_unit)

    def sizes(self) -> dict[str, set[tuple[int, int]]]:
        """Return the arm sizes of each trial, as far as the rows have them."""
        if not {"n_treatment", "n_control"} <= set(self.table.columns):
            return {}
        found: dict[str, set[tuple[int, int]]] = {}
        n1, n2 = (self.table.numbers(f"n_{arm}", optional=True) for arm in ("treatment", "control"))
        for study, a, b in zip(self.keys.studies, n1, n2, strict=True):
            if a >= 1 and b >= 1:
                found.setdefault(study, set()).add((int(a), int(b)))
        return found


def pool_at(table: Table, rows: Sequence[int], measure: Measure, convention: Convention) -> Pool:
    """Return some rows of a table as one pool, whatever their times."""
    part = table.select(rows)
    effects = layout_of(part, measure.name)[0].effects(part, measure, convention)
    return Pool(
        outcome="",
        time=None,
        studies=tuple(part.label(i) for i in range(len(part))),
        y=effects.y,
        se=effects.se,
        status=statuses_of(part),
        notes=effects.notes,
        counts=effects.counts,
    )


def pool_ranges(
    pool: Pool, box: Box, recipes: Iterable[Recipe], measure: Measure, convention: Convention
) -> Iterator[PoolRange]:
    """Yield the pools of some rows by each recipe that suits them.

    Counts are exact; other rows can be anything that rounds to them.
    """
    studies = studies_of(pool, measure)
    for recipe in recipes:
        if studies.counts is None:
            if recipe.method != "MH":
                yield pool_range(box, recipe.method, recipe.ci)
        elif recipe.method != "Peto" or measure.name == "OR":
            found = exact_range(studies, recipe.method, recipe.ci, convention)
            if found is not None:
                yield found


def data_of_analysis(path: Path, root: Path) -> Data:
    """Read an analysis, and the tables beside its data."""
    rows = rows_of_analysis(path, root)
    arms = (rows.spec.arms.treatment, rows.spec.arms.control) if rows.spec.arms else _ARMS
    beside = {
        name: read_table(file, f"{name}.csv of {rows.folder.name}")
        for name in BESIDE
        if (file := rows.folder / f"{name}.csv").is_file()
        and file.name != Path(rows.spec.data).name
    }
    return Data(
        evidence=evidence_of_rows(rows),
        table=rows.table,
        keys=rows.keys,
        kept=tuple(rows.kept),
        changes=rows.spec.contrast == "from baseline",
        arms=arms,
        published=rows.published,
        beside=beside,
    )


def data_of_table(
    path: Path, measure: str | None, outcome: str, convention: Convention = "revman5"
) -> Data:
    """Read a table of studies without an analysis file."""
    evidence = evidence_from_table(path, measure=measure, name=outcome, convention=convention)
    table = read_table(path)
    keys = keys_of(table, outcome, "time")
    kept = tuple(range(len(table)))
    return Data(evidence, table, keys, kept, changes=False, arms=_ARMS, published=None, beside={})


def box_of_rows(data: Data, rows: Sequence[int]) -> Box:
    """Return what some rows can have been before they were rounded."""
    return box_of(data.table.select(rows), data.measure, data.evidence.convention)


def listed(names: Iterable[str]) -> str:
    """Join names as a sentence does.

    Examples
    --------
    >>> listed(["A", "B", "C"]), listed(["A"])
    ('A, B and C', 'A')
    """
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last


BESIDE = ("arms", "alternatives", "later_reviews")
_ARMS = ("treatment", "control")
