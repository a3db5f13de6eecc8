"""Published, recomputed and Bayesian pools side by side."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmeta.appraisal.audit.data import Data, data_of_analysis, data_of_table
from bayesmeta.appraisal.audit.printed import PrintedRow, read_printed
from bayesmeta.appraisal.compared import Compared, compared
from bayesmeta.errors import InputError
from bayesmeta.evidence.project import Project, bundled_project
from bayesmeta.evidence.study import Convention, Direction, Evidence
from bayesmeta.evidence.table import Table, read_table
from bayesmeta.fit import Fit
from bayesmeta.fit.numbers import Ask
from bayesmeta.fit.run import (
    analysis_of,
    check_level,
    fit_evidence,
    gather,
    is_table,
    priors_for,
)
from bayesmeta.fit.save import folder_for, whole
from bayesmeta.frequentist import PROFILES, Profile, known
from bayesmeta.priors import MuPrior, TauPrior

if TYPE_CHECKING:
    import pandas as pd

type Source = "str | Path | pd.DataFrame | Mapping[str, Iterable[Any]]"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pools as published, recomputed and Bayesian, one row an outcome and time.

    Attributes
    ----------
    fits : tuple of Fit
        One an analysis.
    profile : str or None
        Whose arithmetic was asked for; each analysis's own by default.
    rows : tuple of Compared
    without_rows : tuple of str
        Outcome, time and measure of each row of a table given that no study rows belong to.
    """

    fits: tuple[Fit, ...]
    profile: Profile | None
    rows: tuple[Compared, ...]
    without_rows: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The analysis, ``comparison`` where there are several."""
        return f"{self.fits[0].name}-comparison" if len(self.fits) == 1 else "comparison"

    def of(self, fit: Fit) -> list[Compared]:
        """Return the rows of an analysis."""
        return [row for row in self.rows if row.fit is fit]

    def summary(self) -> "pd.DataFrame":
        """Return the table that ``--format csv`` prints.

        One row an outcome and time, on the analysis scale (log for ratio measures); widths are
        ratios to that of the published interval.

        Examples
        --------
        >>> import bayesmeta as bm
        >>> table = bm.compare("sledai", at=12).summary()
        >>> table[["published_estimate", "recomputed_estimate", "posterior_estimate"]].round(2)
           published_estimate  recomputed_estimate  posterior_estimate
        0                -1.0                 -1.0               -0.77
        """
        import pandas as pd

        from bayesmeta.appraisal.comparison_record import flat

        return pd.DataFrame([flat(row) for row in self.rows])

    def to_dict(self) -> dict[str, Any]:
        """Return the object that ``--format json`` prints."""
        from bayesmeta.appraisal.comparison_record import record

        return record(self)

    def save(self, folder: str | Path) -> list[Path]:
        """Write ``comparison.csv`` and ``comparison.json`` into a folder, each whole or not at all.

        Returns
        -------
        list of Path
            The files written.
        """
        folder = folder_for(Path(folder))
        written = [folder / "comparison.csv", folder / "comparison.json"]
        with whole(written[0]) as path:
            self.summary().to_csv(path, index=False)
        with whole(written[1]) as path:
            text = json.dumps(self.to_dict(), indent=2, allow_nan=False, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8")
        return written


def compare(
    source: "Source | Sequence[str | Path] | None" = None,
    *,
    measure: str | None = None,
    mu: MuPrior | str | None = None,
    tau: TauPrior | str | None = None,
    at: float | None = None,
    direction: Direction | None = None,
    level: float = 0.95,
    profile: str | None = None,
    published: str | Path | None = None,
    project: str | Path | None = None,
) -> Comparison:
    """Put published pools beside the same recomputed and beside posteriors; say why they differ.

    Parameters
    ----------
    source : str, Path, DataFrame, mapping, or a sequence of names and paths, optional
        As of `bayesmeta.fit`. By default every analysis of the project, those of the same rows
        and priors once.
    measure, mu, tau, at, direction, level, project
        As of `bayesmeta.fit`.
    profile : {"metafor", "revman5", "revman-web"}, optional
        Whose arithmetic: that of the analysis file, ``metafor`` for a table. Where nothing is
        published it decides the method: ``REML``, DerSimonian-Laird, and ``REML`` with Hartung and
        Knapp's interval.
    published : path, optional
        A table of pooled rows, as of `bayesmeta.audit`, in place of those that analyses name.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        One line that says what in the input cannot be used, and what is expected.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> row = bm.compare("adverse_events").rows[0]
    >>> row.recipe.words, row.agreement, round(row.width_ratio(row.posterior), 2)
    ('Mantel-Haenszel', 'digits', 1.13)
    """
    check_level(level, direction)
    rules = None if profile is None else known(profile, PROFILES, "profile")
    given = None if published is None else read_table(Path(published))
    read: dict[str, tuple[PrintedRow, ...]] = {}
    fits: list[Fit] = []
    rows: list[Compared] = []
    seen: set[object] = set()
    sources = _sources(source, project)
    for one in sources:
        evidence, data = _gathered(one, project, given, measure, direction, rules)
        content = _content(evidence)
        if source is None and content in seen:
            continue
        seen.add(content)
        if len(sources) > 1 and at is not None and at not in {pool.time for pool in evidence.pools}:
            continue
        fit = _fit(evidence, mu, tau, at, direction, level)
        fits.append(fit)
        printed = [row for row in _read(given, data, read) if _owns(fit, data, row)]
        rules_here = rules or evidence.convention
        rows += [compared(fit, row, printed, data, rules_here) for row in fit.rows]
    if not fits:
        raise InputError(f"nothing at time {at:g} in any of {len(sources)} analyses")
    return Comparison(tuple(fits), rules, tuple(rows), tuple(_without_rows(given, read, rows, at)))


def _content(evidence: Evidence) -> object:
    """What two analyses have in common whose pools are the same."""
    pools = ((pool.key, pool.studies, *pool.y, *pool.se) for pool in evidence.pools)
    return evidence.measure.name, evidence.mu, evidence.tau, *pools


def _without_rows(
    given: Table | None,
    read: Mapping[str, Sequence[PrintedRow]],
    rows: Sequence[Compared],
    at: float | None,
) -> Iterator[str]:
    if given is None:
        return
    used = {id(row.printed) for row in rows}
    for row in read[given.source]:
        if id(row) not in used and (at is None or row.time in (None, at)):
            time = "" if row.time is None else f" at {row.time:g}"
            yield f"{row.outcome}{time} ({row.measure.name}) of {given.source}"


def _sources(
    source: "Source | Sequence[str | Path] | None", project: str | Path | None
) -> "list[Source]":
    if source is None:
        home = bundled_project() if project is None else Project(Path(project))
        return [analysis.name for analysis in home.analyses()]
    if isinstance(source, Sequence) and not isinstance(source, str):
        return list(dict.fromkeys(source))
    return [source]


def _read(
    given: Table | None, data: Data | None, read: dict[str, tuple[PrintedRow, ...]]
) -> tuple[PrintedRow, ...]:
    """Return the printed rows that an analysis has beside it, each table read once."""
    table = given if given is not None or data is None else data.published
    if table is None:
        return ()
    if table.source not in read:
        read[table.source] = read_printed(table)
    return read[table.source]


def _gathered(
    source: "Source",
    project: str | Path | None,
    given: Table | None,
    measure: str | None,
    direction: Direction | None,
    profile: Profile | None,
) -> tuple[Evidence, Data | None]:
    """Return the evidence, and the rows as printed; tables in memory have no printed digits."""
    convention: Convention = "metafor" if profile in (None, "metafor") else "revman5"
    if isinstance(source, (str, Path)):
        if is_table(source):
            name = _one(given, "outcome") or Path(source).stem
            measure = measure or _one(given, "measure")
            data = data_of_table(Path(source), measure, name, convention)
        else:
            data = data_of_analysis(*analysis_of(str(source), measure=measure, project=project))
        evidence = data.evidence
    else:
        data = None
        evidence = gather(
            source, measure=measure, direction=direction, project=None, convention=convention
        )
    if profile and convention != evidence.convention:
        raise InputError(
            f"profile is {profile!r} but {evidence.name!r} computes its effects by the rules of "
            f"{evidence.convention}: a profile with these is expected"
        )
    return evidence, data


def _one(given: Table | None, column: str) -> str | None:
    """Return what is the same in all rows of a table."""
    values = set() if given is None else set(given.text(column))
    return values.pop() if len(values) == 1 else None


def _fit(
    evidence: Evidence,
    mu: MuPrior | str | None,
    tau: TauPrior | str | None,
    at: float | None,
    direction: Direction | None,
    level: float,
) -> Fit:
    priors = priors_for(evidence, mu, tau)
    ask = Ask(*priors, level, "central", direction or evidence.direction)
    named = {"mu": mu or evidence.mu, "tau": tau or evidence.tau}
    defaults = frozenset(name for name, prior in named.items() if prior is None)
    return fit_evidence(evidence, ask, defaults, at=at)


def _owns(fit: Fit, data: Data | None, row: PrintedRow) -> bool:
    if data is not None:
        return data.owns(row)
    outcomes = {pool.outcome for pool in fit.evidence.pools}
    return row.outcome in outcomes and row.measure == fit.evidence.measure
