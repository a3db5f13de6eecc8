"""A fit as HTML, for notebooks."""

from html import escape
from typing import TYPE_CHECKING

from bayesmeta.fit.words import heading, pool_lines, pool_remarks, pool_title, study_lines

if TYPE_CHECKING:
    from bayesmeta.fit.result import Fit

_LEFT, _RIGHT = ' style="text-align:left"', ' style="text-align:right"'


def html(fit: "Fit") -> str:
    """Return the tables that the command line prints, as HTML."""
    title, *rest = heading(fit)
    parts = [f"<div><b>{escape(title)}</b><br>{'<br>'.join(map(escape, rest))}"]
    parts += [f"<p><b>{escape(warning)}</b></p>" for warning in fit.warnings]
    for row, numbers in zip(fit.rows, fit.shown, strict=True):
        parts.append(f"<p><b>{escape(pool_title(fit, row.pool))}</b></p><table>")
        for line in pool_lines(fit, row, numbers):
            cells = line.label, line.estimate, line.kind, line.interval, line.note
            parts.append(_table_row(cells, "th" if line.strong else "td"))
        parts.append("</table>")
        parts += [f"<p>{escape(remark)}</p>" for remark in pool_remarks(fit, row)]
        parts.append("<table>")
        header = "Study", f"Observed ({fit.ask.level:.0%} CI)", "Given all (CrI)", "Weight", "Data"
        parts.append(_table_row(header, "th"))
        for study in study_lines(fit, row, numbers):
            cells = study.study, study.observed, study.shrunk, study.weight, study.status
            parts.append(_table_row(cells, "td"))
        parts.append("</table>")
    return "".join(parts) + "</div>"


def _table_row(cells: tuple[str, ...], tag: str) -> str:
    aligned = (
        f"<{tag}{_LEFT if at in (0, len(cells) - 1) else _RIGHT}>{escape(cell)}</{tag}>"
        for at, cell in enumerate(cells)
    )
    return f"<tr>{''.join(aligned)}</tr>"
