"""``bayesmeta compare``: published, recomputed and Bayesian, then the files."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bayesmeta.appraisal.compared import Compared, Estimate
from bayesmeta.appraisal.comparison import Comparison, compare
from bayesmeta.cli import show
from bayesmeta.cli.fit import priors_of
from bayesmeta.fit import Fit
from bayesmeta.fit.save import folder_for
from bayesmeta.fit.words import better, formatter, percent, pool_title, probability, span

type Show = Callable[[float | None], str]


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    names: tuple[str, ...]
    measure: str | None
    published: Path | None
    profile: str | None
    priors: tuple[str, ...]
    at: float | None
    level: float
    direction: str | None
    format: str
    output: Path | None
    project: Path | None


def run(request: Request) -> None:
    """Compare, print and save."""
    found = compare(
        request.names or None,
        measure=request.measure,
        **priors_of(request.priors),
        at=request.at,
        direction=cast(Any, request.direction),
        level=request.level,
        profile=request.profile,
        published=request.published,
        project=request.project,
    )
    folder = folder_for(request.output or Path("bayesmeta-output") / found.name)
    console = show.console() if request.format == "table" else None
    if console:
        _print(console, found)
    elif request.format == "csv":
        found.summary().to_csv(sys.stdout, index=False)
    else:
        print(json.dumps(found.to_dict(), indent=2, allow_nan=False, ensure_ascii=False))
    from bayesmeta.plots import save_comparison

    written = [*found.save(folder), *save_comparison(found, folder)]
    if console:
        console.print(Text(f"Saved {', '.join(path.name for path in written)} in", style="dim"))
        console.print(Text(str(folder)), soft_wrap=True)


def _print(to: Console, found: Comparison) -> None:
    for printed in found.without_rows:
        to.print(Text(f"Warning: {printed}: no study rows belong to it", style="bold"))
    for fit in found.fits:
        rows = found.of(fit)
        for warning in fit.warnings:
            to.print(Text(f"Warning: {warning}", style="bold"))
        to.print(Text(fit.evidence.title, style="bold"))
        to.print(Text(_heading(fit), style="dim"))
        to.print(_table(fit, rows))
        for row in rows:
            to.print(Text(f"{pool_title(fit, row.row.pool)}:", style="bold"))
            to.print(Padding(Text(" ".join(row.sentences)), (0, 0, 0, 2)))
        to.print()
    to.print(
        Text(
            "Width: of an interval, over that of the published one, on the analysis scale (log for "
            "ratios). The recomputed prediction interval is Higgins, Thompson and Spiegelhalter's, "
            "t with k - 2.",
            style="dim",
        )
    )


def _heading(fit: Fit) -> str:
    evidence = fit.evidence
    unit = f" ({evidence.unit})" if evidence.unit else ""
    priors = "; ".join(
        f"{name} {prior}{' (default)' if name in fit.default_priors else ''}"
        for name, prior in (("mu", fit.ask.mu), ("tau", fit.ask.tau))
    )
    return (
        f"{evidence.measure.label}{unit}, {better(fit.direction)}; {percent(fit.ask.level)} "
        f"intervals; priors: {priors}"
    )


def _table(fit: Fit, rows: list[Compared]) -> Table:
    table = Table(
        "",
        f"{fit.evidence.measure.name} (interval)",
        "Width",
        "New study",
        _event(fit),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    show_effect = formatter(fit.evidence)
    for row in rows:
        table.add_row(Text(_place(fit, row), style="bold underline"))
        for cells, style in _lines(row, show_effect):
            table.add_row(*(Text(cell, style=style) for cell in cells))
        table.add_section()
    return table


def _event(fit: Fit) -> str:
    if fit.direction is None:
        measure = fit.evidence.measure
        return f"P({measure.name} < {1 if measure.ratio else 0})"
    return "P(benefit)" if fit.evidence.controlled else "P(improvement)"


def _place(fit: Fit, row: Compared) -> str:
    """Return the title of a pool without its number of studies, which the sentences give."""
    return pool_title(fit, row.row.pool).rpartition(", ")[0]


def _lines(row: Compared, show_effect: Show) -> list[tuple[tuple[str, ...], str]]:
    exact = row.row.exact
    lines: list[tuple[tuple[str, ...], str]] = []
    if row.printed is not None and row.published is not None:
        cells = row.printed.estimate, row.printed.ci_low, row.printed.ci_high
        estimate, low, high = (cell.text for cell in cells)
        named = row.printed.label.short
        label = f"Published ({named})" if named else "Published"
        ratio = _ratio(row.width_ratio(row.published))
        lines.append(((label, f"{estimate} ({low} to {high})", ratio, "", ""), ""))
    if row.recomputed is not None:
        words = f"Recomputed ({row.recipe.code})"
        lines.append((_cells(row, words, row.recomputed, _predicted(row, show_effect), None), ""))
    new = span(show_effect, row.prediction.ci_low, row.prediction.ci_high)
    prob = exact.prob_benefit if row.fit.direction else exact.prob_below_zero
    lines.append((_cells(row, "Bayesian", row.posterior, new, prob), "bold"))
    return lines


def _cells(
    row: Compared, label: str, found: Estimate, new: str, benefit: float | None
) -> tuple[str, ...]:
    show_effect = formatter(row.fit.evidence)
    return (
        label,
        f"{show_effect(found.estimate)} ({span(show_effect, found.ci_low, found.ci_high)})",
        _ratio(row.width_ratio(found)),
        new,
        "" if benefit is None else probability(benefit),
    )


def _predicted(row: Compared, show_effect: Show) -> str:
    limits = row.pool and row.pool.prediction and row.pool.prediction["hts"]
    return span(show_effect, limits.ci_low, limits.ci_high) if limits else ""


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"
