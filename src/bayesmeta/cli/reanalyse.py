"""``bayesmeta reanalyse``: a RevMan review, or a folder of them, pooled again."""

import csv
import json
import sys
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bayesmeta.appraisal.reanalysis.library import reanalyse_folder
from bayesmeta.appraisal.reanalysis.record import COLUMNS, flat
from bayesmeta.appraisal.reanalysis.run import Priors, reanalyse_review
from bayesmeta.appraisal.reanalysis.values import Reanalysed, Reanalysis, RevManResult
from bayesmeta.cli import show
from bayesmeta.cli.fit import priors_of
from bayesmeta.engines.exact import TOLERANCE
from bayesmeta.errors import InputError
from bayesmeta.evidence.revman import read_review
from bayesmeta.fit.words import count, formatter, percent, span


def run(
    source: Path,
    priors: tuple[str, ...],
    format: str,
    output: Path | None,
    workers: int | None,
    scheduler: str | None,
) -> int:
    """Reanalyse a review and print it, or a folder of them; return the exit status."""
    named = priors_of(priors)
    if source.is_dir():
        if format != "table":
            raise InputError(
                f"--format {format} is for one review: the results of a folder go to --output"
            )
        table = output or Path("bayesmeta-output") / f"{source.resolve().name}.parquet"
        return _folder(source, table, named, workers, scheduler)
    for option, value in (("output", output), ("workers", workers), ("scheduler", scheduler)):
        if value is not None:
            raise InputError(f"--{option} is for a folder of reviews, and {source} is none")
    _one(source, Priors.of(**named), format)
    return 0


def _folder(
    source: Path, table: Path, named: dict[str, Any], workers: int | None, scheduler: str | None
) -> int:
    with show.progress("Reviews", left=True) as (start, done):
        found = reanalyse_folder(
            source,
            table,
            **named,
            workers=workers,
            scheduler=scheduler,
            start=start,
            done=done,
        )
    before = f", {found.before} of them by an earlier run" if found.before else ""
    print(
        f"{table}: {count(found.rows, 'result', 'results')} of "
        f"{count(found.reviews, 'review', 'reviews')}{before}"
    )
    for _, reason in found.failed:
        print(f"bayesmeta: {reason}", file=sys.stderr)
    if found.failed:
        failed = count(len(found.failed), "review", "reviews")
        print(
            f"bayesmeta: {failed} could not be done; the next run does those alone",
            file=sys.stderr,
        )
    return 1 if found.failed else 0


def _one(path: Path, priors: Priors, format: str) -> None:
    review = read_review(path)
    with show.progress("Posteriors") as (start, done):
        found = reanalyse_review(review, priors, start=start, done=done)
    if format == "json":
        print(json.dumps(found.to_dict(), indent=2, allow_nan=False, ensure_ascii=False))
    elif format == "csv":
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(flat, found.every))
    else:
        _print(show.console(), found)


def _print(to: Console, found: Reanalysis) -> None:
    review = found.review
    to.print(Text(review.title or review.source, style="bold"))
    levels = ", ".join(sorted({percent(one.outcome.level) for one in found.outcomes}))
    to.print(
        Text(
            f"{count(len(found.outcomes), 'outcome', 'outcomes')} of {review.source}; {levels} "
            f"intervals. Stored by RevMan; recomputed by its rules ({review.profile}), fixed or "
            "random as RevMan does; posterior median and prediction of random effects always",
            style="dim",
        )
    )
    to.print(_table(found))
    for title, lines in (
        ("What a reader would conclude otherwise", _lines(_changes(found))),
        ("Without a result, or not to be relied on", _lines(_reasons(found))),
        ("Priors", _lines(_priors(found))),
    ):
        if lines:
            to.print(Text(title, style="bold"))
            for line in lines:
                to.print(Text(line))
            to.print()
    to.print(_agreement(found))


def _table(found: Reanalysis) -> Table:
    table = Table(
        "Outcome, and how RevMan pools it",
        "k",
        "Stored (CI)",
        "Recomputed (CI)",
        "Posterior (CrI)",
        "New study (PI)",
        "",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in table.columns[1:]:
        column.no_wrap = True
    table.columns[1].justify = "right"
    for outcome in found.outcomes:
        for one in outcome.every:
            table.add_row(*map(Text, _cells(one)), style="" if one is outcome else "dim")
    return table


def _cells(one: Reanalysed) -> Iterator[str]:
    outcome = one.outcome
    how = f" ({outcome.measure.name} {outcome.method} {outcome.model})"
    yield f"{one.id} {one.name}{'' if one.part or outcome.type == 'other' else how}"
    yield str(one.k)
    yield _result(one, one.stored)
    yield _result(one, one.recomputed)
    if one.posterior is None:
        yield from ("", "", "")
        return
    shown = formatter(one.evidence)
    mu, new = one.posterior.mu, one.posterior.theta_new
    yield f"{shown(mu.median)} ({span(shown, mu.ci_low, mu.ci_high)})"
    yield span(shown, new.ci_low, new.ci_high)
    yield "changes" if one.changed else ""


def _result(one: Reanalysed, result: RevManResult | None) -> str:
    if result is None or not one.evidence.pools:
        return ""
    shown = formatter(one.evidence)
    middle, low, high = (
        log(x) if result.scale == "ratio" and x is not None and x > 0 else x
        for x in (result.estimate, result.ci_low, result.ci_high)
    )
    return f"{shown(middle)} ({span(shown, low, high)})"


def _changes(found: Reanalysis) -> Iterator[tuple[str, str]]:
    for one in found.every:
        yield from ((sentence, one.id) for sentence in one.changed)


def _reasons(found: Reanalysis) -> Iterator[tuple[str, str]]:
    for one in found.every:
        why: dict[str, list[str]] = {}
        for which, reason in one.reasons.items():
            why.setdefault(reason, []).append(which)
        yield from ((f"{' and '.join(which)}: {reason}", one.id) for reason, which in why.items())
        error = one.posterior and one.posterior.numerical_error
        if error and error > TOLERANCE:
            yield f"posterior: quadrature reached an error of {error:.1e}, above 1e-10", one.id


def _priors(found: Reanalysis) -> Iterator[tuple[str, str]]:
    for one in found.outcomes:
        asks = [part.ask for part in one.every if part.ask is not None]
        if asks:
            words = (
                f"{name} {prior}{' (default)' if name in one.default_priors else ''}"
                for name, prior in (("mu", asks[0].mu), ("tau", asks[0].tau))
            )
            on = f" on the log {one.outcome.measure.name}" if one.outcome.measure.ratio else ""
            yield f"{', '.join(words)}{on}", one.id


def _lines(told: Iterator[tuple[str, str]]) -> list[str]:
    """Return each text once, after the ids it is true of."""
    ids: dict[str, list[str]] = {}
    for text, name in told:
        ids.setdefault(text, []).append(name)
    return [f"{', '.join(names)}: {text}" for text, names in ids.items()]


def _agreement(found: Reanalysis) -> str:
    compared = [(one.difference, one.id) for one in found.every if one.difference is not None]
    if not compared:
        return "RevMan stored no results to compare the recomputed ones with."
    worst, where = max(compared)
    return (
        f"{count(len(compared), 'result', 'results')} recomputed and stored: the largest "
        f"difference of any number is {worst:.1e} ({where}), relative where it is above 1."
    )
