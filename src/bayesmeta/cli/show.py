"""What ``fit`` prints for a person."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bayesmeta.fit import Fit, Row
from bayesmeta.fit.words import (
    formatter,
    heading,
    percent,
    pool_lines,
    pool_remarks,
    pool_title,
    probability,
    span,
    study_lines,
)

if TYPE_CHECKING:
    from bayesmeta.fit.joint_sampled import JointSampled
    from bayesmeta.fit.sampled import Sampled


def console(*, stderr: bool = False) -> Console:
    """Return a console; into a file or a pipe it is as wide as the tables need."""
    plain = Console(stderr=stderr, highlight=False)
    if plain.is_terminal:
        return plain
    return Console(stderr=stderr, highlight=False, width=max(plain.width, 140), soft_wrap=False)


type Bar = tuple[Callable[[int], None], Callable[..., None]]
"""What sets the length of a progress bar, and what advances it by one or by more."""


@contextmanager
def progress(what: str, total: int | None = None, *, left: bool = False) -> Iterator[Bar]:
    """Show a progress bar on standard error, with the time left if asked."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = TextColumn(what), BarColumn(), MofNCompleteColumn()
    more = (TimeRemainingColumn(), TextColumn("left")) if left else ()
    to = console(stderr=True)
    unseen = not to.is_terminal
    with Progress(*columns, *more, console=to, transient=True, disable=unseen) as bar:
        task = bar.add_task("", total=total)
        yield lambda n: bar.update(task, total=n), lambda n=1: bar.advance(task, n)


def sampling(total: int | None = None) -> AbstractContextManager[Bar]:
    """Show the progress of NUTS."""
    return progress("NUTS (compiling takes most of the time)", total)


def answer(to: Console, fit: Fit) -> None:
    """Print the exact answer: what was pooled, the pools, the studies, and what was left out."""
    title, *rest = heading(fit)
    for warning in fit.warnings:
        to.print(Text(f"Warning: {warning}", style="bold"))
    to.print(Text(title, style="bold"))
    for line in rest:
        to.print(Text(line, style="dim"))
    to.print(_pools(fit))
    remarks: dict[str, list[str]] = {}
    for row in fit.rows:
        for remark in pool_remarks(fit, row):
            remarks.setdefault(remark, []).append(pool_title(fit, row.pool))
    for remark, pools in remarks.items():
        everywhere = len(pools) == len(fit.rows)
        to.print(Text(remark if everywhere else f"{'; '.join(pools)}: {remark}"))
    to.print(_studies(fit))
    _statuses(to, fit)
    if fit.evidence.left_out:
        to.print(_left_out(fit))
    for variant in fit.variants:
        to.print()
        to.print(Text(f"Also: {variant.name}. {variant.reason}", style="bold"))
        to.print(_brief(fit, variant.rows))


def agreement(to: Console, fit: Fit) -> None:
    """Print how far NUTS is from the exact engine, and its diagnostics."""
    if not fit.converged:
        for warning in fit.warnings:
            to.print(Text(f"Warning: {warning}", style="bold red"))
    table = Table(
        "Pool",
        "R-hat",
        "ESS bulk",
        "ESS tail",
        "Divergent",
        "BFMI",
        "mu (MCSE)",
        "Compared",
        "Farthest from exact",
        title=f"NUTS, 4 chains of {fit.draws} draws, against the exact engine",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    differences = []
    show = formatter(fit.evidence)
    sampled = [(pool_title(fit, row.pool), row.sampled) for row in fit.rows]
    for title, found in [*sampled, ("all times in one model", fit.joint_nuts)]:
        if found is None:
            continue
        checks, largest = found.diagnostics, found.largest
        differences += [comparison.difference for comparison in found.comparisons]
        table.add_row(
            title,
            f"{checks.r_hat_max:.3f}",
            f"{checks.ess_bulk_min:.0f}",
            f"{checks.ess_tail_min:.0f}",
            str(checks.divergences),
            f"{checks.bfmi_min:.2f}",
            _sampled_mu(found, show),
            str(len(found.comparisons)),
            f"{abs(largest.difference):.1f} MCSE, {largest.quantity}",
        )
    to.print(table)
    rms = sqrt(sum(d * d for d in differences) / len(differences))
    to.print(
        f"{len(differences)} comparisons of quantiles, means and SDs: root mean square difference "
        f"{rms:.2f} MCSE (1 is expected of two right answers), largest "
        f"{max(map(abs, differences)):.1f}."
    )
    if fit.regression is not None:
        to.print(f"Not sampled: {fit.regression.formula}.")


def _sampled_mu(found: "Sampled | JointSampled", show: Callable[[float | None], str]) -> str:
    """Return mu with its Monte Carlo error, where there is one mu."""
    mu, error = found.numbers.mu, found.mcse.mu
    if isinstance(mu, tuple) or isinstance(error, tuple):
        return ""
    return f"{show(mu.median)} ({error.median or 0.0:.2g})"


def closing(to: Console, saved: list[Path], folder: Path) -> None:
    """Print which files are where, last."""
    names = ["one .nc a pool", *(path.name for path in saved if path.suffix != ".nc")]
    to.print(Text(f"Saved {', '.join(names)} in", style="dim"))
    to.print(Text(str(folder)), soft_wrap=True)


def _pools(fit: Fit) -> Table:
    scale = f" ({fit.evidence.measure.name})"
    table = Table("", f"Estimate{scale}", "", "Interval", "", box=box.SIMPLE_HEAD, pad_edge=False)
    table.columns[1].justify = table.columns[3].justify = "right"
    for row, numbers in zip(fit.rows, fit.shown, strict=True):
        table.add_row(Text(pool_title(fit, row.pool), style="bold underline"))
        for line in pool_lines(fit, row, numbers):
            cells = line.label, line.estimate, line.kind, line.interval, line.note
            style = "bold" if line.strong else ""
            table.add_row(*(Text(cell, style=style) for cell in cells))
        table.add_section()
    return table


def _studies(fit: Fit) -> Table:
    level = percent(fit.ask.level)
    table = Table(
        "Pool",
        "Study",
        f"Observed ({level} CI)",
        f"Given all, shrunk ({level} CrI)",
        "Weight",
        "Data",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for row, numbers in zip(fit.rows, fit.shown, strict=True):
        for at, line in enumerate(study_lines(fit, row, numbers)):
            pool = pool_title(fit, row.pool) if at == 0 else ""
            cells = pool, line.study, line.observed, line.shrunk, line.weight, line.status
            table.add_row(*map(Text, cells))
    return table


def _statuses(to: Console, fit: Fit) -> None:
    places: dict[str, list[str]] = {}
    for row in fit.rows:
        for study, status in zip(row.pool.studies, row.pool.status, strict=True):
            if status not in (None, "reported"):
                time = "" if row.pool.time is None else f" at {row.pool.time:g}"
                places.setdefault(str(status), []).append(f"{study}{time}")
    for status, rows in sorted(places.items()):
        to.print(Text(f"Not as reported, {status}: {', '.join(rows)}"))
    notes = {
        f"{study}: {note}"
        for row in fit.rows
        for study, note in zip(row.pool.studies, row.pool.notes, strict=True)
        if note
    }
    for note in sorted(notes):
        to.print(Text(note, style="dim"))


def _left_out(fit: Fit) -> Table:
    unit = f" ({fit.evidence.time_unit})" if fit.evidence.time_unit else ""
    table = Table(
        "Left out",
        f"Time{unit}",
        "Row",
        "Why",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title="Rows of the outcome that are not pooled",
        title_justify="left",
    )
    for row in fit.evidence.left_out:
        time = "" if row.time is None else f"{row.time:g}"
        table.add_row(*map(Text, (row.study, time, row.description, row.reason)))
    return table


def _brief(fit: Fit, rows: tuple[Row, ...]) -> Table:
    level = percent(fit.ask.level)
    table = Table(
        "Pool",
        "Studies",
        f"mu ({level} CrI)",
        f"New study ({level} PI)",
        "P(benefit)" if fit.evidence.controlled else "P(improvement)",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for row in rows:
        numbers, show = row.exact, formatter(fit.evidence)
        prob = numbers.prob_benefit
        table.add_row(
            pool_title(fit, row.pool),
            ", ".join(row.pool.studies),
            f"{show(numbers.mu.median)} ({span(show, numbers.mu.ci_low, numbers.mu.ci_high)})",
            span(show, numbers.theta_new.ci_low, numbers.theta_new.ci_high),
            "" if prob is None else probability(prob),
        )
    return table
