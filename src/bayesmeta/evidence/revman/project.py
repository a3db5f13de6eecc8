"""A review as a project that ``fit`` runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bayesmeta.evidence.project import Project, write_project
from bayesmeta.evidence.revman.analysis import analysis_names, analysis_text, subgroups_of
from bayesmeta.evidence.revman.pools import pool_of
from bayesmeta.evidence.revman.read import read_review
from bayesmeta.evidence.revman.tables import TABLES, csv_text, published_row, study_rows
from bayesmeta.evidence.revman.values import Outcome, Review


@dataclass(frozen=True, slots=True)
class Written:
    """An analysis of the project: its name, its outcome, its number of studies."""

    name: str
    outcome: Outcome
    k: int


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """An outcome, a subgroup or a row that the project does not hold, and why."""

    id: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a review."""

    project: Project
    review: Review
    written: tuple[Written, ...]
    left_out: tuple[LeftBehind, ...]


def import_review(path: str | Path, folder: str | Path) -> Imported:
    """Write a RevMan review as a project that ``fit`` runs.

    ``data/`` gets a table for each kind of data and ``published.csv``, RevMan's stored totals;
    ``models/`` an analysis file for each outcome that can be estimated, its subgroups as
    variants; ``README.md`` is the data dictionary. The folder appears whole or not at all.

    Parameters
    ----------
    path : path
        A file that `read_review` reads.
    folder : path
        New, or empty.

    Raises
    ------
    InputError
        If the review cannot be read, or the folder has something in it.
    """
    review = read_review(path)
    source = Path(review.source).name
    names = analysis_names(review.outcomes)
    tables: dict[str, list[dict[str, str]]] = {name: [] for name in (*TABLES, "published.csv")}
    files: dict[str, bytes] = {}
    written: list[Written] = []
    left_out: list[LeftBehind] = []
    for outcome in review.outcomes:
        if outcome.type == "other":
            left_out.append(LeftBehind(outcome.id, outcome.name, "text, without numbers to pool"))
            continue
        table, rows, dropped = study_rows(outcome)
        tables[table] += rows
        left_out += [LeftBehind(outcome.id, *row) for row in dropped]
        subgroups, empty = subgroups_of(outcome)
        left_out += [LeftBehind(part.id, part.name, _why(part.studies)) for part in empty]
        pool, _ = pool_of(outcome)
        if pool is None:
            left_out.append(LeftBehind(outcome.id, outcome.name, _why(outcome.studies)))
            continue
        stored = published_row(outcome, source)
        tables["published.csv"] += [stored] if stored else []
        text = analysis_text(
            outcome, table, subgroups, source, sized=pool.n is not None, published=bool(stored)
        )
        files[f"models/{names[outcome.id]}.toml"] = text.encode()
        written.append(Written(names[outcome.id], outcome, pool.k))
    files |= {
        f"data/{name}": csv_text(name, rows).encode() for name, rows in tables.items() if rows
    }
    files["README.md"] = _readme(review, source, written, left_out).encode()
    return Imported(write_project(folder, files), review, tuple(written), tuple(left_out))


def _why(studies: Sequence[object]) -> str:
    return "none of its studies can be estimated" if studies else "it has no studies"


def _readme(
    review: Review, source: str, written: Sequence[Written], left_out: Sequence[LeftBehind]
) -> str:
    analyses = "\n".join(
        f"| `{one.name}` | {one.outcome.id} | {one.outcome.name.replace('|', '/')} | "
        f"{one.outcome.measure.name} | "
        f"{one.outcome.method}, {one.outcome.model} | {one.k} |"
        for one in written
    )
    absent = "\n".join(f"- {one.id}, {one.what}: {one.reason}" for one in left_out)
    return _README.format(
        title=review.title or source, source=source, analyses=analyses, absent=absent or "Nothing."
    )


_README = """\
# {title}

Written by `bayesmeta import` from `{source}`. Each analysis below runs with

```
bayesmeta fit NAME --project .
```

| Analysis | RevMan's id | Outcome | Measure | RevMan's method | Studies |
| --- | --- | --- | --- | --- | --- |
{analyses}

## Data dictionary

`data/dichotomous.csv`, `data/continuous.csv` and `data/estimates.csv`, those that the review has,
hold one row for each study in each outcome or subgroup:

| Column | What it is |
| --- | --- |
| `outcome` | RevMan's id of the outcome |
| `subgroup`, `subgroup_name` | RevMan's id and name of the subgroup, empty without one |
| `in_total` | `no` for a row that RevMan counts in its subgroup alone |
| `study` | Study and year; its second row in one outcome ends in (2) |
| `events_`, `n_` | Patients with the event, and all, by arm; those without it where RevMan swaps |
| `mean_`, `sd_`, `n_` | Mean, standard deviation and number of patients by arm |
| `estimate`, `se` | Effect and standard error, on the log scale for ratio measures |
| `o_minus_e`, `variance_o_minus_e` | Observed less expected events; estimate = (O - E) / V |
| `status` | `derived` where the estimate comes from O - E and V |
| `note` | RevMan's footnotes |

`data/published.csv`: the totals that RevMan stored and the review shows, ratios as ratios.

## Left out

{absent}
"""
