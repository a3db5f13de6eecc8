"""What ``sensitivity`` prints for a person."""

import textwrap
from math import sqrt
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bayesmeta.appraisal.cells import AS_GIVEN
from bayesmeta.appraisal.conclusions import Conclusion
from bayesmeta.appraisal.sensitivity import Sensitivity
from bayesmeta.appraisal.sensitivity_words import (
    MovedLine,
    benefit_word,
    heading,
    joint_benefit,
    joint_lines,
    moved_lines,
    other_line,
    pool_name,
    remarks,
    sentences,
    warnings,
)
from bayesmeta.evidence.pooling import words_of_time
from bayesmeta.fit.words import percent

_WIDEST_DATA = 18
"""Characters of the column of data sets, whose names have hyphens to break them at."""


def answer(to: Console, found: Sensitivity) -> None:
    """Print how far each conclusion moves, what other data say, and whether it holds."""
    title, *rest = heading(found)
    for warning in warnings(found):
        to.print(Text(f"Warning: {warning}", style="bold"))
    to.print(Text(title, style="bold"))
    for line in rest:
        to.print(Text(line, style="dim"))
    moved = [(pool_name(found, one), moved_lines(found, one)) for one in found.main]
    scale = f"({found.evidence.measure.name})"
    to.print(_moved(f"How far conclusions move over the grid {scale}", "tau; mu", moved))
    if others := [c for c in found.conclusions if c not in found.main]:
        to.print(_others(found, others))
        reasons = {v.name: v.reason for v in found.evidence.alternatives}
        for name in dict.fromkeys(c.data for c in others if c.data != AS_GIVEN):
            to.print(Text(f"{name}: {reasons[name]}", style="dim"))
    if joint := found.joint:
        unit = found.evidence.time_unit
        at_times = [
            (words_of_time(at.time, unit), joint_lines(found, joint, at)) for at in joint.moved
        ]
        title = f"How far all times in one model move over {len(joint.triples)} priors {scale}"
        to.print(_moved(title, "where not its own", at_times))
        if line := joint_benefit(found, joint):
            to.print(Text(line))
    for conclusion in found.main:
        to.print(Text(f"{pool_name(found, conclusion)}:", style="bold"))
        for sentence in sentences(found, conclusion):
            to.print(Text(f"  {sentence}"))
        for remark in remarks(found, conclusion):
            to.print(Text(f"  {remark}", style="dim"))


def agreement(to: Console, found: Sensitivity) -> None:
    """Print how far NUTS is from the exact engine, its diagnostics, and power-scaling."""
    for one in found.sampled:
        for problem in one.diagnostics.problems:
            where = f"{one.pool}, {one.under.tau} on tau with {one.under.mu} on mu"
            to.print(Text(f"Warning: {where}: NUTS did not converge: {problem}", style="bold red"))
    table = Table(
        "",
        "R-hat",
        "ESS bulk",
        "Divergent",
        "Farthest from exact",
        "Prior, likelihood: mu",
        "tau",
        "theta_new",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title="NUTS against the exact engine, and sensitivity to the power of prior and likelihood",
        title_justify="left",
    )
    before = ""
    for one in found.sampled:
        if one.pool != before:
            table.add_row(Text(one.pool, style="bold underline"))
            before = one.pool
        checks, largest = one.diagnostics, one.largest
        powers = (one.power[name] for name in ("mu", "tau", "theta_new"))
        cells = (
            f"{one.under.tau}; {one.under.mu}",
            f"{checks.r_hat_max:.3f}",
            f"{checks.ess_bulk_min:.0f}",
            str(checks.divergences),
            f"{abs(largest.difference):.1f} MCSE, {largest.quantity}",
            *(f"{power['prior']:.2f}, {power['likelihood']:.2f}" for power in powers),
        )
        table.add_row(*map(Text, cells))
    to.print(table)
    differences = [c.difference for one in found.sampled for c in one.comparisons]
    rms = sqrt(sum(d * d for d in differences) / len(differences))
    to.print(
        f"{len(differences)} comparisons: root mean square difference {rms:.2f} MCSE (1 is "
        f"expected of two right answers), largest {max(map(abs, differences)):.1f}. A "
        "sensitivity of 0.05 or more counts: to the prior alone, the prior is strong or the data "
        "say little; to both, they may disagree (Kallioinen et al. 2024)."
    )


def closing(to: Console, written: list[Path]) -> None:
    """Print where the files are, last."""
    to.print(Text(f"Saved {', '.join(path.name for path in written)} in", style="dim"))
    to.print(Text(str(written[0].parent)), soft_wrap=True)


def _moved(title: str, under: str, parts: list[tuple[str, list[MovedLine]]]) -> Table:
    table = Table(
        "",
        "Reference",
        "Lowest",
        f"under ({under})",
        "Highest",
        f"under ({under})",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=title,
        title_justify="left",
    )
    for column in (1, 2, 4):
        table.columns[column].justify = "right"
    for name, lines in parts:
        table.add_row(Text(name, style="bold underline"))
        for line in lines:
            cells = line.label, line.reference, line.low, line.low_under
            table.add_row(*map(Text, (*cells, line.high, line.high_under)))
        table.add_section()
    return table


def _others(found: Sensitivity, conclusions: list[Conclusion]) -> Table:
    level, word = percent(found.fit.ask.level), benefit_word(found)
    table = Table(
        "Pool",
        "Data",
        "Left out",
        f"mu ({level} CrI)",
        f"New study ({level} PI)",
        "tau",
        word if found.fit.direction else "P(below zero)",
        "over the grid",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title="Other data and studies left out, under the reference priors",
        title_justify="left",
    )
    table.columns[3].no_wrap = table.columns[4].no_wrap = True
    before = ("", "")
    for conclusion in conclusions:
        line = other_line(found, conclusion)
        place = line.pool, textwrap.fill(line.data, _WIDEST_DATA)
        cells = line.left_out, line.estimate, line.prediction, line.tau, line.benefit, line.over
        table.add_row(*map(Text, (*_changed(before, place), *cells)))
        before = place
    return table


def _changed(before: tuple[str, str], place: tuple[str, str]) -> tuple[str, str]:
    """The pool and the data of a row, empty where they are those of the row above."""
    pool, data = place
    same_pool = pool == before[0]
    return "" if same_pool else pool, "" if same_pool and data == before[1] else data
