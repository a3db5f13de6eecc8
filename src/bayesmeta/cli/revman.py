"""``bayesmeta import``: what became of a RevMan review."""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bayesmeta.evidence.revman import import_review


def run(review: Path, project: Path) -> None:
    """Import the review and print what was written, and what was left out and why."""
    found = import_review(review, project)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=max(console.width, 140))
    console.print(Text(found.review.title, style="bold"))
    table = Table("Analysis", "Outcome", "Measure", "RevMan", "Studies", box=None)
    table.columns[0].no_wrap, table.columns[0].overflow = True, "fold"
    table.columns[-1].justify = "right"
    for one in found.written:
        outcome = one.outcome
        table.add_row(
            Text(one.name),
            Text(f"{outcome.id} {outcome.name}"),
            outcome.measure.name,
            f"{outcome.method}, {outcome.model}",
            str(one.k),
        )
    if found.written:
        console.print(table)
    if found.left_out:
        console.print(Text("Left out", style="bold"))
        for row in found.left_out:
            console.print(Text(f"{row.id} {row.what}: {row.reason}"))
    count = len(found.written)
    print(f"{project}: {count} of {len(found.review.outcomes)} outcomes written.", end=" ")
    if found.written:
        print(f"Next: bayesmeta fit {found.written[0].name} --project {project}")
    else:
        print("None can be fitted.")
