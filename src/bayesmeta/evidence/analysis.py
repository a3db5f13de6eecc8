"""From an analysis file to its evidence: rows selected, effects computed, published rows beside."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.evidence.change import change_table, effects_of_change
from bayesmeta.evidence.layouts import Effects, layout_of
from bayesmeta.evidence.measures import Measure, measure_named
from bayesmeta.evidence.overlap import overlap_warnings, shared_centres
from bayesmeta.evidence.pooling import Keys, keys_of, pools_of, words_of_time
from bayesmeta.evidence.project import Project
from bayesmeta.evidence.published import published_rows
from bayesmeta.evidence.selection import left_out, matching, preferred
from bayesmeta.evidence.study import Evidence, JointSpec, LeftOut, Pool, SeriesSpec, Variant
from bayesmeta.evidence.table import Table, read_table

if TYPE_CHECKING:
    from bayesmeta.evidence.schema import AnalysisFile


def evidence_from_analysis(path: str | Path, project_root: str | Path) -> Evidence:
    """Read an analysis file and the tables it names.

    Parameters
    ----------
    path : path
        The analysis file; ``AnalysisFile`` documents its keys.
    project_root : path
        The folder with ``data/``.

    Returns
    -------
    Evidence

    Raises
    ------
    InputError
        One line that names the file and the key, or the row and column.

    Examples
    --------
    >>> from bayesmeta.evidence import bundled_project
    >>> project = bundled_project()
    >>> evidence = evidence_from_analysis(project.find("sledai"), project.root)
    >>> [(pool.time, pool.studies) for pool in evidence.pools[:2]]
    [(2.0, ('Tang 2016',)), (3.0, ('Yang 2014',))]
    """
    return evidence_of_rows(rows_of_analysis(path, project_root))


def evidence_of_rows(rows: "AnalysisRows") -> Evidence:
    """Pool the rows of an analysis."""
    path, shown = rows.path, shown_path(rows.path)
    spec, measure, table, keys, kept = rows.spec, rows.measure, rows.table, rows.keys, rows.kept
    pools, not_estimable = _pools(table.select(kept), spec, measure, path.stem)
    if rows.published is not None:
        published = published_rows(rows.published, measure, table)
        pools = tuple(
            dataclasses.replace(pool, published=published.get((pool.outcome, pool.time)))
            for pool in pools
        )
    alternatives = _alternatives(pools, spec, measure, rows.data, shown)
    return Evidence(
        name=path.stem,
        title=spec.title,
        measure=measure,
        direction=spec.direction,
        unit=spec.unit,
        time_unit=spec.time_unit,
        convention=spec.convention,
        controlled=spec.contrast == "between arms" and measure.name != "MC",
        mu=spec.mu,
        tau=spec.tau,
        prior_reason=spec.tau_reason,
        source=f"data/{spec.data}",
        pools=pools,
        left_out=(
            *left_out(table, spec.rows, keys),
            *rows.second,
            *not_estimable,
        ),
        variants=_variants(table, keys, kept, spec, measure, shown),
        alternatives=alternatives,
        joint=_joint(spec, alternatives, shown),
        series=_series(spec, measure, rows.data.parent, shown),
        assumptions=(*_assumptions(spec), *spec.notes),
        warnings=overlap_warnings(table.select(kept), pools, spec.centre, spec.time_unit),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class AnalysisRows:
    """The rows of an analysis before they are pooled.

    ``path`` is that of the analysis file. ``table`` holds every row of the outcome, its columns
    named as layouts do; ``kept`` are the positions of those that the analysis pools, ``second``
    those that gave way to a preferred row. ``data`` is the project's data
    folder, ``folder`` where the table lies in it, ``published`` the
    printed rows.
    """

    path: Path
    spec: "AnalysisFile"
    measure: Measure
    table: Table
    keys: Keys
    kept: list[int]
    second: list[LeftOut]
    data: Path
    folder: Path
    published: Table | None


def rows_of_analysis(path: str | Path, project_root: str | Path) -> AnalysisRows:
    """Read an analysis file and its tables, and select its rows.

    Raises
    ------
    InputError
        One line that names the file and the key, or the row and column.

    Examples
    --------
    >>> from bayesmeta.evidence import bundled_project
    >>> project = bundled_project()
    >>> rows = rows_of_analysis(project.find("sledai"), project.root)
    >>> len(rows.table), len(rows.kept)
    (6, 5)
    """
    from bayesmeta.evidence.schema import read_analysis  # pydantic, which a bare table spares

    path, data = Path(path), Path(project_root) / "data"
    shown = shown_path(path)
    spec = read_analysis(path, shown)
    measure = _measure(spec, shown)
    table = _table(spec, "data", spec.data, data, shown)
    keys = keys_of(table, path.stem, _time_column(spec))
    matched = matching(table, spec.rows, f"{shown}: rows")
    kept, second = preferred(table, matched, spec.prefer, keys, f"{shown}: prefer")
    published = None
    if spec.published is not None:
        published = read_table(*_inside(data, spec.published, shown, "published"))
    folder = _inside(data, spec.data, shown, "data")[0].parent
    return AnalysisRows(path, spec, measure, table, keys, kept, second, data, folder, published)


def shown_path(path: Path) -> str:
    """Return the path as messages print it: from the current folder where it lies inside."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _measure(spec: "AnalysisFile", shown: str) -> Measure:
    try:
        measure = measure_named(spec.measure)
    except InputError as error:
        raise InputError(f"{shown}: measure: {error}") from None
    if spec.contrast == "from baseline" and measure.name != "MC":
        raise InputError(
            f"{shown}: measure is {spec.measure!r} but contrast is 'from baseline': MC is expected"
        )
    return measure


def _inside(data: Path, name: str, shown: str, key: str) -> tuple[Path, str]:
    """Return the path of a table and its printed form; it must lie in the data folder."""
    try:
        path, folder = (data / name).resolve(), data.resolve()
        inside = path.is_relative_to(folder) and path != folder
    except (OSError, ValueError):
        inside = False
    if not inside:
        raise InputError(f"{shown}: {key} is {name!r}: a file inside {data} is expected")
    if not path.exists():
        there = sorted(str(p.relative_to(data)) for p in data.rglob("*.csv"))
        hint = did_you_mean(name, there) if there else "the folder has no CSV files"
        raise InputError(f"{shown}: {key} is {name!r} and {data} has no such file: {hint}")
    return path, shown_path(data / name)


def _table(spec: "AnalysisFile", key: str, name: str, data: Path, shown: str) -> Table:
    """Read a table; name its columns as layouts do; keep the outcome, and pairs if asked."""
    table = read_table(*_inside(data, name, shown, key))
    if spec.arms is not None:
        words = {spec.arms.treatment: "treatment", spec.arms.control: "control"}
        table = table.rename(
            {
                name: f"{what}_{words[arm]}"
                for name in table.columns
                for what, _, arm in (name.partition("_"),)
                if arm in words
            }
        )
    if spec.time is not None:
        table.need([spec.time], f"which {shown} gives as time")
    if spec.outcome is not None:
        outcomes = table.text("outcome")
        keep = [i for i, name in enumerate(outcomes) if name == spec.outcome]
        if not keep:
            hint = did_you_mean(spec.outcome, dict.fromkeys(outcomes))
            raise InputError(
                f"{shown}: no row of {table.source} has outcome {spec.outcome!r}: {hint}"
            )
        table = table.select(keep)
    _check_measure(table, spec, shown)
    if spec.contrast == "from baseline":
        table = change_table(table, _time_column(spec), spec.baseline_time)
    return table


def _check_measure(table: Table, spec: "AnalysisFile", shown: str) -> None:
    for i, found in enumerate(table.text("measure") if "measure" in table else ()):
        if found and found.upper() != spec.measure.upper():
            raise InputError(
                f"measure is {found} in {table.where(i)} and {spec.measure} in {shown}: "
                "the same is expected"
            )


def _pools(
    table: Table,
    spec: "AnalysisFile",
    measure: Measure,
    stem: str,
    correlation: float | None = None,
) -> tuple[tuple[Pool, ...], tuple[LeftOut, ...]]:
    r = spec.pre_post_correlation if correlation is None else correlation
    effects: Effects
    if spec.contrast == "from baseline":
        effects = effects_of_change(table, r)
    else:
        effects = layout_of(table, measure.name)[0].effects(table, measure, spec.convention)
    return pools_of(table, effects, keys_of(table, stem, _time_column(spec)), measure)


def _variants(
    table: Table,
    keys: Keys,
    kept: Sequence[int],
    spec: "AnalysisFile",
    measure: Measure,
    shown: str,
) -> tuple[Variant, ...]:
    stem = Path(shown).stem
    variants = []
    for name, selection in spec.variants.items():
        owner = f"{shown}: variants.{name}"
        rows = matching(table, selection.rows, f"{owner}.rows")
        rows, _ = preferred(table, rows, selection.prefer, keys, f"{owner}.prefer")
        pools, _ = _pools(table.select(rows), spec, measure, stem)
        variants.append(Variant(name, selection.reason, pools))
    if spec.contrast == "from baseline":
        for r in spec.pre_post_correlation_also:
            pools, _ = _pools(table.select(kept), spec, measure, stem, r)
            reason = "pre-post correlation assumed, not reported"
            variants.append(Variant(f"r = {r:g}", reason, pools))
    return tuple(variants)


def _alternatives(
    pools: tuple[Pool, ...], spec: "AnalysisFile", measure: Measure, data: Path, shown: str
) -> tuple[Variant, ...]:
    """Return the pools with each set of other rows in the place of those it replaces.

    A set that replaces none of them belongs to another analysis.
    """
    if spec.alternatives is None:
        return ()
    table = _table(spec, "alternatives", spec.alternatives, data, shown)
    names = table.text("alternative")
    notes = table.text("note") if "note" in table else names
    given = {(pool.outcome, pool.time): pool for pool in pools}
    found = []
    for name in dict.fromkeys(names):
        rows = [i for i, other in enumerate(names) if other == name]
        others, _ = _pools(table.select(rows), spec, measure, Path(shown).stem)
        replaced = {
            key: dataclasses.replace(pool, published=given[key].published)
            for pool in others
            if (key := (pool.outcome, pool.time)) in given
        }
        if replaced:
            reason = "; ".join(dict.fromkeys(notes[i] for i in rows if notes[i]))
            found.append(Variant(name, reason, tuple((given | replaced).values())))
    return tuple(found)


def _joint(spec: "AnalysisFile", alternatives: tuple[Variant, ...], shown: str) -> JointSpec | None:
    """Return how the times are joined; weights must be of sets of rows that there are."""
    if spec.joint is None:
        return None
    names = ("main", *(other.name for other in alternatives))
    for name in spec.joint.weights:
        if name not in names:
            raise InputError(f"{shown}: joint.weights names {name!r}: {did_you_mean(name, names)}")
    if spec.joint.weights and not any(spec.joint.weights.get(name, 1.0) for name in names):
        raise InputError(f"{shown}: joint.weights are all 0: one above 0 is expected")
    return spec.joint.spec()


def _series(
    spec: "AnalysisFile", measure: Measure, project_root: str | Path, shown: str
) -> SeriesSpec | None:
    """Read the analysis of the uncontrolled series that stand beside the contrasts."""
    if (found := spec.series) is None:
        return None
    if spec.joint is None or measure.name != "MD":
        raise InputError(f"{shown}: series stand beside mean differences in one model: add [joint]")
    from bayesmeta.evidence.schema import read_analysis

    path = Project(Path(project_root)).find(found.analysis)
    if read_analysis(path, shown_path(path)).contrast != "from baseline":
        raise InputError(
            f"{shown}: series.analysis is {found.analysis!r}, no change from "
            f"baseline: an analysis of series is expected"
        )
    beside = evidence_from_analysis(path, project_root)
    if beside.unit != spec.unit:
        raise InputError(
            f"{shown}: unit is {spec.unit!r}, and {beside.unit!r} in {found.analysis}: one is "
            f"expected"
        )
    return SeriesSpec(
        found.analysis,
        beside.pools,
        found.design,
        found.bias,
        found.bias_sd,
        found.inflation,
        found.reason,
        shared_centres(beside.pools),
    )


def _assumptions(spec: "AnalysisFile") -> tuple[str, ...]:
    if spec.contrast != "from baseline":
        return ()
    since = words_of_time(spec.baseline_time, spec.time_unit)
    also = " and ".join(f"{r:g}" for r in spec.pre_post_correlation_also)
    return (
        f"change since {since}, SE^2 = (sd0^2 + sd1^2 - 2 r sd0 sd1) / n with a pre-post "
        f"correlation r = {spec.pre_post_correlation:g} assumed"
        + (f"; {also} beside it" if also else ""),
        "no control group: a change includes the natural course and regression to the mean",
    )


def _time_column(spec: "AnalysisFile") -> str:
    return spec.time if spec.time is not None else "time"
