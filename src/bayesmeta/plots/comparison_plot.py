"""Published, recomputed and Bayesian intervals of an analysis on one axis."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bayesmeta.appraisal.compared import Compared
from bayesmeta.appraisal.comparison import Comparison
from bayesmeta.fit import Fit
from bayesmeta.fit.words import formatter, percent, probability
from bayesmeta.plots import content, marks
from bayesmeta.plots.axis import Interval, axis_limits
from bayesmeta.plots.files import save
from bayesmeta.plots.forest_plot import (
    CHARACTERS,
    CI,
    CRI,
    GREY,
    LEADING,
    MARGIN,
    PALE,
    ROW,
    WIDTH,
    frame,
    rule,
    wrapped,
    write,
    write_row,
)
from bayesmeta.plots.layout import Layout, Texts, layout, shortened

_GAP = 0.55
"""Between two outcomes or times, in rows."""

_INDENT = 0.01
"""Of the intervals under their heading, as a share of the width."""


class Line(NamedTuple):
    """One interval: its words, its numbers as text, its colour, and how it is drawn."""

    label: str
    interval: Interval
    text: str
    color: str
    marker: str
    ratio: float | None
    benefit: float | None

    @property
    def of_new_study(self) -> bool:
        """Whether it is the prediction, drawn as a bar."""
        return not self.marker


class Block(NamedTuple):
    """The intervals of one outcome and time, under its heading."""

    heading: str
    lines: list[Line]


def comparison(rows: Sequence[Compared], ax: Axes) -> Axes:
    """Draw the rows of one analysis on the Axes given, columns of text included, and return it.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from matplotlib.figure import Figure
    >>> found = bm.compare("adverse_events")
    >>> comparison(found.rows, Figure(figsize=(11, 3)).add_subplot()).get_xscale()
    'log'
    """
    fit, blocks = rows[0].fit, [_block(row) for row in rows]
    texts = [text for block in blocks for text in map(_texts, block.lines)]
    high, header = _height(blocks), _header(fit, blocks)
    places = layout(ax, [header, *texts], high)
    every = [line for block in blocks for line in block.lines]
    known = [line.interval for line in every if line.color != CRI]
    limits = axis_limits(
        known or [line.interval for line in every], [line.interval for line in every]
    )
    scale = marks.Scale(limits, fit.evidence.measure.ratio)
    frame(ax, scale, places, fit, high)
    none = scale.within(0.0)
    ax.plot([none, none], [0.47, high - 0.7], color=GREY, linewidth=0.9, zorder=0.5, label="_none")
    _write(ax, header, 0.0, places, CI, bold=True)
    rule(ax, 0.47, 0.9)
    y = 1.0
    for at, block in enumerate(blocks):
        if at:
            rule(ax, y - 0.5 - _GAP / 2, 0.3)
        _write(ax, (block.heading, "", "", ""), y, places, CI, bold=True)
        for line in block.lines:
            y += 1
            _mark(ax, scale, line, y)
            _write(ax, _texts(line), y, places, line.color, bold=line.marker == "D")
        y += 1 + _GAP
    return ax


def comparison_figure(rows: Sequence[Compared]) -> Figure:
    """Draw the rows of one analysis with a title and what the colours mean.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> len(comparison_figure(bm.compare("sledai").rows).axes)
    1
    """
    fit, high = rows[0].fit, ROW * _height([_block(row) for row in rows])
    head, foot = wrapped(_caption(rows), CHARACTERS), wrapped(fit.evidence.assumptions, CHARACTERS)
    top, bottom = 0.45 + LEADING * len(head), 0.7 + LEADING * len(foot)
    total = top + high + bottom
    figure = Figure(figsize=(WIDTH, total))
    FigureCanvasAgg(figure)
    write(figure, total - 0.14, fit.evidence.title, 12.5, CI, weight="bold")
    write(figure, total - 0.42, "\n".join(head), 8.5, CI)
    write(figure, LEADING * len(foot) + 0.05, "\n".join(foot), 8.5, GREY)
    inner = (MARGIN / WIDTH, bottom / total, 1 - 2 * MARGIN / WIDTH, high / total)
    comparison(rows, figure.add_axes(inner))
    return figure


def save_comparison(found: Comparison, folder: str | Path) -> list[Path]:
    """Write ``<analysis>.png`` and ``.svg`` of each analysis into a folder, atomically."""
    written = []
    for fit in found.fits:
        written += save(partial(comparison_figure, found.of(fit)), folder, fit.name)
    return written


def _block(row: Compared) -> Block:
    exact, label = row.row.exact, row.printed and row.printed.label.short
    show = formatter(row.fit.evidence)
    lines = [
        (f"Published{f', {label}' if label else ''}", row.published, GREY, "s", None),
        (f"Recomputed, {row.recipe.short}", row.recomputed, CI, "o", None),
        ("Bayesian, pooled effect", row.posterior, CRI, "D", exact.prob_benefit),
        ("Bayesian, new study", row.prediction, CRI, "", exact.prob_benefit_new),
    ]
    return Block(
        content.heading(row.fit, row.row.pool),
        [
            Line(
                words,
                interval := Interval(found.ci_low, found.estimate, found.ci_high),
                content.interval_text(interval, show) if color != GREY else _as_printed(row),
                color,
                marker,
                row.width_ratio(found),
                benefit,
            )
            for words, found, color, marker, benefit in lines
            if found is not None
        ],
    )


def _as_printed(row: Compared) -> str:
    """Return the published numbers with their own digits."""
    assert row.printed is not None
    cells = row.printed.estimate, row.printed.ci_low, row.printed.ci_high
    estimate, low, high = (cell.text for cell in cells)
    return f"{estimate} [{low}, {high}]".replace("-", "−")


def _height(blocks: Sequence[Block]) -> float:
    """Return the height in rows: header, headings, lines, gaps between, space above the axis."""
    return 1.4 + sum(1 + len(block.lines) for block in blocks) + _GAP * (len(blocks) - 1) + 0.4


def _header(fit: Fit, blocks: Sequence[Block]) -> Texts:
    benefit = "P(benefit)" if fit.evidence.controlled else "P(improvement)"
    known = any(line.ratio is not None for block in blocks for line in block.lines)
    return (
        "",
        f"Estimate [{percent(fit.ask.level)} interval]",
        "Width" if known else "",
        benefit if fit.direction else "",
    )


def _texts(line: Line) -> Texts:
    return (
        shortened(line.label),
        line.text,
        "" if line.ratio is None else f"{line.ratio:.2f}",
        "" if line.benefit is None else probability(line.benefit),
    )


def _mark(ax: Axes, scale: marks.Scale, line: Line, y: float) -> None:
    if line.of_new_study:
        marks.bar(ax, scale, line.interval, y, 0.2, line.color, PALE)
        return
    marks.whisker(ax, scale, line.interval, y, line.color, 1.8)
    ax.plot(
        [scale.within(line.interval.mid)],
        [y],
        marker=line.marker,
        markersize=5.5,
        color=line.color,
        markeredgecolor="white",
        markeredgewidth=0.6,
        zorder=3,
        label="_estimate",
    )


def _write(ax: Axes, texts: Texts, y: float, places: Layout, color: str, *, bold: bool) -> None:
    """Write a line of text into the columns."""
    indent = _INDENT if any(texts[1:]) and texts[0] else 0.0
    write_row(ax, texts, y, places, 4 * (color,), bold=bold, indent=indent)


def _caption(rows: Sequence[Compared]) -> list[str]:
    """Return what the colours and the columns mean."""
    fit = rows[0].fit
    first = content.caption(fit)
    warnings = [line for line in first if line.startswith("Warning")]
    level = percent(fit.ask.level)
    published = any(row.printed for row in rows)
    widths = (
        f"Width: of an interval, over that of the published one"
        f"{' (log scale)' if fit.evidence.measure.ratio else ''}. "
    )
    return [
        *first[: len(warnings) + 1],
        f"{'Grey: as published. ' if published else ''}Black: recomputed from the study rows. "
        f"Blue: posterior median and {level} credible interval; the bar, {level} prediction "
        "interval of a new study.",
        f"{widths if published else ''}Arrows: beyond the axis.",
    ]
