"""``bayesmeta audit``: what a published table says against itself and its data."""

import csv
import json
import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bayesmeta.appraisal.audit import Audit, Finding, audit
from bayesmeta.appraisal.audit.finding import SEVERITIES
from bayesmeta.appraisal.audit.run import COLUMNS, as_record
from bayesmeta.cli import show
from bayesmeta.fit.words import count

_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold"}


def run(names: list[str] | None, published: Path | None, project: Path | None, format: str) -> None:
    """Audit and print; whatever is found is no failure of the command."""
    found = audit(names, published, project=project)
    if format == "json":
        print(json.dumps(_object(found), indent=2, allow_nan=False))
    elif format == "csv":
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(as_record, found.findings))
    else:
        _print(show.console(), found)


def _object(found: Audit) -> dict[str, object]:
    return {
        "published": found.published,
        "analyses": found.analyses,
        "rows": found.rows,
        **{f"{severity}s": found.count(severity) for severity in SEVERITIES},
        "findings": [as_record(finding) for finding in found.findings],
    }


def _print(to: Console, found: Audit) -> None:
    tables = " and ".join(found.published) or "no published table"
    beside = f", beside {count(len(found.analyses), 'analysis', 'analyses')}"
    to.print(
        Text(
            f"{count(found.rows, 'printed row', 'printed rows')} of {tables}"
            f"{beside if found.analyses else ''}",
            style="bold",
        )
    )
    for severity in SEVERITIES:
        findings = [finding for finding in found.findings if finding.severity == severity]
        if findings:
            title = count(len(findings), severity, f"{severity}s")
            to.print(_table(findings, Text(title, style=_STYLES[severity])))
    counts = (count(found.count(s), s, f"{s}s") for s in SEVERITIES)
    to.print(
        f"{', '.join(counts)}. A printed number stands for every number that rounds to it; an "
        "error is what none of them explains."
    )


def _table(findings: list[Finding], title: Text) -> Table:
    table = Table(
        "Outcome",
        "Time",
        "Check",
        "Finding",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=title,
        title_justify="left",
    )
    for column in table.columns[:3]:
        column.no_wrap = True
    for finding in findings:
        time = "" if finding.time is None else f"{finding.time:g}"
        table.add_row(*map(Text, (finding.outcome or "all", time, finding.check, finding.message)))
    return table
