"""The audit of a table, an analysis or a whole project."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from bayesmeta.appraisal.audit.against import check_against
from bayesmeta.appraisal.audit.alone import check_alone
from bayesmeta.appraisal.audit.apart import Sizes, check_counts, check_split
from bayesmeta.appraisal.audit.data import Data, data_of_analysis, data_of_table
from bayesmeta.appraisal.audit.finding import SEVERITIES, Finding, Severity
from bayesmeta.appraisal.audit.others import check_alternatives, check_later
from bayesmeta.appraisal.audit.printed import PrintedRow, read_printed
from bayesmeta.appraisal.audit.recipes import LEVEL
from bayesmeta.appraisal.audit.review import (
    check_agreement,
    check_left_out,
    check_overlap,
    check_significance,
    check_single_studies,
)
from bayesmeta.appraisal.audit.trials import check_trials
from bayesmeta.errors import InputError
from bayesmeta.evidence.project import Project, bundled_project
from bayesmeta.evidence.table import Table, read_table
from bayesmeta.fit.words import percent

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Audit:
    """What was audited, and what was found.

    Parameters
    ----------
    published : tuple of str
        The tables of printed rows.
    analyses : tuple of str
        The analyses whose study rows they were compared with.
    rows : int
        Number of printed rows.
    findings : tuple of Finding
        Errors first, then warnings, then notes; each in the order of the table, after what
        concerns all of it.
    """

    published: tuple[str, ...]
    analyses: tuple[str, ...]
    rows: int
    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """Return how many findings are this severe."""
        return sum(finding.severity == severity for finding in self.findings)

    def table(self) -> "pd.DataFrame":
        """Return one row a finding."""
        import pandas as pd

        return pd.DataFrame([as_record(finding) for finding in self.findings], columns=COLUMNS)


COLUMNS = [
    "severity",
    "outcome",
    "time",
    "check",
    "message",
    "printed",
    "recomputed_low",
    "recomputed_high",
]


def as_record(finding: Finding) -> dict[str, str | float | None]:
    """Return a finding as one flat row; a range without end has None for it."""
    found = finding.recomputed
    values = (
        finding.severity,
        finding.outcome,
        finding.time,
        finding.check,
        finding.message,
        finding.printed,
        None if found is None else _finite(found.low),
        None if found is None else _finite(found.high),
    )
    return dict(zip(COLUMNS, values, strict=True))


def audit(
    source: str | Path | Sequence[str | Path] | None = None,
    published: str | Path | None = None,
    *,
    project: str | Path | None = None,
) -> Audit:
    """Check a table of pooled results against itself and against its study rows.

    Every printed number stands for all that rounds to it, and ranges are carried through every
    check, so what rounding can explain is never an error. Checked are, in each row: the middle of
    the interval, SE and P from it, Q, its P and I2 against each other, df and k; against the data:
    k, patients, the pool by RevMan 5's arithmetic; 2x2 tables of whole patients that can have
    produced an OR, RR or RD whose counts are not reported; the two studies of a pool of two; and
    in the review as a whole: rows left out, arms, baselines, other reconstructions, later reviews
    (in ``arms.csv``, ``alternatives.csv`` and ``later_reviews.csv`` beside the data, where there).

    Parameters
    ----------
    source : str, Path or a sequence of them, optional
        Names of analyses, or CSV files of studies (with ``published``, whose measure they take,
        and its outcome where it has one and they name none). By default every analysis of the
        project; none where ``published`` is given.
    published : path, optional
        A table of pooled rows in place of those that the analyses name; `read_printed` lists its
        columns. Without ``source`` only the checks of a row against itself are made.
    project : path, optional
        Folder with ``data/`` and ``models/`` of your own.

    Returns
    -------
    Audit

    Raises
    ------
    InputError
        One line that says what cannot be used, and what is expected.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> found = bm.audit("proteinuria")
    >>> [(f.time, f.check) for f in found.findings if f.severity == "warning" and f.time == 6]
    [(6.0, 'two-study split'), (6.0, 'baseline')]
    """
    home = bundled_project() if project is None else Project(Path(project))
    given = None if published is None else read_table(Path(published))
    data = [_data(name, home, given) for name in _names(source, home, given)]
    rows: list[PrintedRow] = []
    findings: list[Finding] = []
    for table in _tables(data, given):
        owners = [d for d in data if given is not None or _same(d.published, table)]
        pairs = [(row, _owner(row, owners)) for row in read_printed(table)]
        if source is not None and given is None:
            pairs = [(row, owner) for row, owner in pairs if owner is not None]
        rows += [row for row, _ in pairs]
        trials = owners if given is not None else _all_behind(table, home, data)
        findings += _of_rows(pairs, _sizes(trials), beside=bool(owners))
    for d in data:
        for check in (check_trials, check_left_out, check_overlap, check_later):
            findings += check(d)
    return Audit(
        published=tuple(table.source for table in _tables(data, given)),
        analyses=tuple(d.evidence.name for d in data),
        rows=len(rows),
        findings=_sorted(findings, rows),
    )


def _sorted(findings: Sequence[Finding], rows: Sequence[PrintedRow]) -> tuple[Finding, ...]:
    """Return the findings in order, each once: two analyses may pool the same rows."""
    found = list(dict.fromkeys(findings))
    names = ["", *(row.outcome for row in rows), *(finding.outcome for finding in found)]
    order = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return tuple(
        sorted(
            found,
            key=lambda finding: (
                SEVERITIES.index(finding.severity),
                order[finding.outcome],
                -inf if finding.time is None else finding.time,
            ),
        )
    )


def _of_rows(
    pairs: Sequence[tuple[PrintedRow, Data | None]], sizes: Sizes, *, beside: bool
) -> Iterator[Finding]:
    rows = [row for row, _ in pairs]
    yield from check_single_studies(rows)
    yield from check_significance(rows)
    yield from check_agreement(pairs)
    for row, data in pairs:
        if row.label.level != LEVEL:
            yield row.finding(
                "note", "level", f"an interval of {percent(row.label.level)}: not checked"
            )
            continue
        yield from check_alone(row)
        if data is not None:
            yield from check_against(row, data)
            yield from check_alternatives(data, row)
        elif beside:
            yield row.finding("warning", "k", "no study rows of this outcome are here")
        yield from check_counts(row, data, sizes)
        yield from check_split(row, data)


def _names(
    source: str | Path | Sequence[str | Path] | None, home: Project, given: Table | None
) -> list[str | Path]:
    if source is None:
        return [] if given is not None else [analysis.name for analysis in home.analyses()]
    return [source] if isinstance(source, (str, Path)) else list(dict.fromkeys(source))


def _data(name: str | Path, home: Project, given: Table | None) -> Data:
    """Read the study rows of an analysis, or of a CSV file."""
    if not str(name).lower().endswith(".csv"):
        return data_of_analysis(home.find(str(name)), home.root)
    if given is None:
        raise InputError(f"{name} is a table of studies: --published FILE is expected with it")
    measures, outcomes = (sorted(set(given.text(name))) for name in ("measure", "outcome"))
    if len(measures) != 1:
        raise InputError(
            f"{given.source} has the measures {', '.join(measures)}: one is expected beside {name}"
        )
    outcome = outcomes[0] if len(outcomes) == 1 else Path(name).stem
    return data_of_table(Path(name), measures[0], outcome)


def _tables(data: Sequence[Data], given: Table | None) -> list[Table]:
    """Return the tables of printed rows, each once."""
    if given is not None:
        return [given]
    return list({d.published.source: d.published for d in data if d.published}.values())


def _same(one: Table | None, other: Table) -> bool:
    return one is not None and one.source == other.source


def _owner(row: PrintedRow, owners: Sequence[Data]) -> Data | None:
    """Return the data that hold the rows of a printed row: outcome, measure and design agree."""
    return next((data for data in owners if data.owns(row)), None)


def _all_behind(table: Table, home: Project, data: Sequence[Data]) -> list[Data]:
    """Return every analysis of the project that names this table of printed rows."""
    known = {one.evidence.name: one for one in data}
    every = [
        known[analysis.name]
        if analysis.name in known
        else data_of_analysis(analysis.path, home.root)
        for analysis in home.analyses()
    ]
    return [one for one in every if _same(one.published, table)]


def _sizes(data: Sequence[Data]) -> Sizes:
    """Return the arm sizes of every trial."""
    found: dict[str, set[tuple[int, int]]] = {}
    for one in data:
        for study, arms in one.sizes().items():
            found.setdefault(study, set()).update(arms)
    return found


def _finite(x: float) -> float | None:
    return x if isfinite(x) else None
