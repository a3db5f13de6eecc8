"""What ``fit`` prints of a joint model."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bayesmeta.fit import Fit
from bayesmeta.fit.designs import Designs
from bayesmeta.fit.joint import Joint
from bayesmeta.fit.joint_words import (
    joint_assumptions,
    joint_contrasts,
    joint_heading,
    joint_hypers,
    joint_remarks,
    joint_times,
    series_heading,
    series_remarks,
    series_rows,
)
from bayesmeta.fit.words import percent


def joint_answer(to: Console, fit: Fit) -> None:
    """Print the joint model of a fit, where it has one."""
    joint = fit.joint
    if joint is None:
        return
    level = percent(fit.ask.level)
    prob = word_of_benefit(fit)
    scale = " (ratio)" if fit.evidence.measure.ratio else ""
    to.print()
    to.print(Text("All times in one model", style="bold"))
    for line in joint_heading(fit, joint):
        to.print(Text(line, style="dim"))
    columns = [
        "Time",
        f"mu ({level} CrI)",
        prob,
        f"New study ({level} PI)",
        "Width / alone",
        "Information",
    ]
    print_table(to, columns, joint_times(fit, joint))
    later = prob.replace("benefit", "later is better") if fit.direction else "P(change < 0)"
    print_table(to, [f"Change of mu{scale}", f"({level} CrI)", later], joint_contrasts(fit, joint))
    print_table(
        to,
        ["Hyperparameter", f"Posterior ({level} CrI)", "Prior", "Moved"],
        joint_hypers(fit, joint),
    )
    times = [f"mu at {time:g}" for time in joint.numbers.times]
    print_table(to, ["If", *times], joint_assumptions(fit, joint))
    for line in joint_remarks(fit, joint):
        to.print(Text(line))
    if joint.series is not None:
        _series(to, fit, joint, joint.series)


def _series(to: Console, fit: Fit, joint: Joint, found: Designs) -> None:
    to.print()
    to.print(Text("Uncontrolled series beside the randomised contrasts", style="bold"))
    for line in series_heading(fit, found):
        to.print(Text(line, style="dim"))
    answers, rows = series_rows(fit, joint, found)
    print_table(to, ["mu at", *answers], rows)
    for line in series_remarks(found):
        to.print(Text(line))


def word_of_benefit(fit: Fit) -> str:
    """Name the probability that is shown of a mean effect."""
    if fit.direction is None:
        return f"P({fit.evidence.measure.name} < 1)" if fit.evidence.measure.ratio else "P(mu < 0)"
    return "P(benefit)" if fit.evidence.controlled else "P(improvement)"


def print_table(to: Console, columns: list[str], rows: list[tuple[str, ...]]) -> None:
    """Print a table, nothing without rows."""
    if rows:
        table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
        for row in rows:
            table.add_row(*(Text(cell, overflow="fold") for cell in row))
        to.print(table)
