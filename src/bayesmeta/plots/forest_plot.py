"""Forest plot: studies, shrinkage estimates, frequentist pools, posterior, prediction interval."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from bayesmeta.fit import Fit, Row
from bayesmeta.fit.words import formatter, percent
from bayesmeta.plots import content, marks
from bayesmeta.plots.axis import Limits, axis_limits, shared_limits, ticks
from bayesmeta.plots.content import Line
from bayesmeta.plots.files import save
from bayesmeta.plots.layout import Layout, Texts, layout, shortened, width_in_characters

CI, CRI, PALE, GREY = "#1a1a1a", "#1f6fb4", "#c3dcf0", "#767676"
WIDTH, MARGIN = 11.0, 0.15  # inches
ROW, TITLE, LEADING, SPACE = 0.24, 0.3, 0.165, 0.24  # inches
CHARACTERS = 172  # of running text in a line of a figure


def forest(row: Row, fit: Fit, ax: Axes) -> Axes:
    """Draw one pool on the Axes given, its columns of text included, and return the Axes.

    The title above, the labels and notes below lie outside the Axes, as those of any plot do.
    The text shrinks where the Axes is small: 10 inches of width, and a quarter of an inch a
    line, suit it.

    Parameters
    ----------
    row : Row
        One of ``fit.rows``, or of the rows of a variant.
    fit : Fit
    ax : Axes

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from matplotlib.figure import Figure
    >>> fit = bm.fit("adverse_events")
    >>> forest(fit.rows[0], fit, Figure(figsize=(11, 3)).add_subplot()).get_xscale()
    'log'
    """
    places = _draw(row, fit, ax, _limits(row, fit), _texts(content.lines(row, fit), fit))
    wide = width_in_characters(ax, places.size)
    title = f"{fit.evidence.title}. {content.heading(fit, row.pool)}"
    above = "\n".join([title, *wrapped(content.caption(fit), wide)])
    ax.set_title(above, loc="left", fontsize=places.size, parse_math=False)
    below = wrapped([*content.notes(row, fit), *fit.evidence.assumptions], wide)
    _beneath(ax, "\n".join(below), 0.0, 4.6, places.size, "left", GREY)
    return ax


def forest_figure(fit: Fit) -> Figure:
    """Draw all pools of a fit, one above the other; on the same axis where that stays legible.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> len(forest_figure(bm.fit("sledai")).axes)
    4
    """
    each = [_limits(row, fit) for row in fit.rows]
    shared = shared_limits(each)
    panels = list(zip(fit.rows, [shared or limits for limits in each], strict=True))
    texts = [text for row in fit.rows for text in _texts(content.lines(row, fit), fit)]
    head = wrapped(
        [*content.caption(fit), *content.axes_note(len(each), shared is not None)], CHARACTERS
    )
    foot = wrapped(fit.evidence.assumptions, CHARACTERS)
    top, bottom = 0.55 + LEADING * len(head), 0.15 + LEADING * len(foot)
    total = top + sum(_height(row, fit) for row in fit.rows) + bottom
    figure = Figure(figsize=(WIDTH, total))
    FigureCanvasAgg(figure)
    write(figure, total - 0.14, fit.evidence.title, 12.5, CI, weight="bold")
    write(figure, total - 0.42, "\n".join(head), 8.5, CI)
    write(figure, bottom - 0.05, "\n".join(foot), 8.5, GREY)
    at = total - top
    for row, limits in panels:
        _panel(figure, row, fit, limits, texts, at)
        at -= _height(row, fit)
    return figure


def save_forest(fit: Fit, folder: str | Path) -> list[Path]:
    """Write ``forest.png`` and ``forest.svg`` into a folder, atomically, and return their paths."""
    return save(lambda: forest_figure(fit), folder, "forest")


def _limits(row: Row, fit: Fit) -> Limits:
    found = content.lines(row, fit)
    observed = [line.ci for line in found if line.kind == "study" and line.ci]
    return axis_limits(
        observed, [interval for line in found for interval in (line.ci, line.cri) if interval]
    )


# a panel: the Axes of one pool, its heading and its notes


def _height(row: Row, fit: Fit) -> float:
    """Return the height of a panel in inches."""
    text = LEADING * len(wrapped(content.notes(row, fit), CHARACTERS))
    return TITLE + ROW * _rows(content.lines(row, fit)) + _axis_height(fit) + text + SPACE


def _axis_height(fit: Fit) -> float:
    return 0.62 if content.favours(fit) else 0.46


def _panel(
    figure: Figure, row: Row, fit: Fit, limits: Limits, widest: Sequence[Texts], top: float
) -> None:
    """Draw a pool whose panel begins at ``top`` inches above the bottom of the figure."""
    height = ROW * _rows(content.lines(row, fit))
    total, bottom = figure.get_figheight(), top - TITLE - height
    ax = figure.add_axes((MARGIN / WIDTH, bottom / total, 1 - 2 * MARGIN / WIDTH, height / total))
    places = _draw(row, fit, ax, limits, widest)
    write(figure, top - 0.06, content.heading(fit, row.pool), 10.5, CI, weight="bold")
    notes = "\n".join(wrapped(content.notes(row, fit), CHARACTERS))
    write(figure, bottom - _axis_height(fit), notes, min(8.5, places.size), GREY)


def _draw(row: Row, fit: Fit, ax: Axes, limits: Limits, widest: Sequence[Texts]) -> Layout:
    """Draw marks, axis and columns of text of a pool; return where the columns are.

    ``widest`` holds the texts that the columns make room for.
    """
    found = content.lines(row, fit)
    places = layout(ax, widest, _rows(found))
    scale = marks.Scale(limits, fit.evidence.measure.ratio)
    heights = [1.0 + i + (0.0 if line.kind == "study" else 0.3) for i, line in enumerate(found)]
    frame(ax, scale, places, fit, _rows(found))
    _reference(ax, scale, found, heights)
    _squares(ax, scale, found, heights, places)
    for line, y in zip(found, heights, strict=True):
        _line(ax, scale, line, y)
    _columns(ax, _texts(found, fit), [0.0, *heights], places)
    rule(ax, 0.47, 0.9)
    rule(ax, sum(line.kind == "study" for line in found) + 0.65, 0.5)
    return places


def _rows(found: Sequence[Line]) -> float:
    """Return the height of a pool in rows: a header, its lines, space before pools and axis."""
    return len(found) + 1.8


# marks and axis


def _line(ax: Axes, scale: marks.Scale, line: Line, y: float) -> None:
    if line.kind == "study" and line.ci and line.cri:
        marks.whisker(ax, scale, line.ci, y - 0.14, CI, 1.1)
        marks.whisker(ax, scale, line.cri, y + 0.27, CRI, 0.9)
        marks.dot(ax, scale, line.cri.mid, y + 0.27, CRI)
    elif line.kind == "pool" and line.ci:
        marks.diamond(ax, scale, line.ci, y, 0.2, CI, "white")
    elif line.kind == "mu" and line.cri:
        marks.diamond(ax, scale, line.cri, y, 0.34, CRI, CRI)
    elif line.kind == "prediction" and line.cri:
        marks.bar(ax, scale, line.cri, y, 0.16, CRI, PALE)


def _squares(
    ax: Axes, scale: marks.Scale, found: Sequence[Line], heights: Sequence[float], places: Layout
) -> None:
    studies = [
        ((line.ci.mid, y - 0.14), line.weight)
        for line, y in zip(found, heights, strict=True)
        if line.ci and line.weight is not None
    ]
    centres, weights = zip(*studies, strict=True)
    marks.squares(ax, scale, centres, weights, 0.5 * places.row, CI)


def frame(ax: Axes, scale: marks.Scale, places: Layout, fit: Fit, rows: float) -> None:
    """Set scale, limits and ticks: the axis of effects takes its part of the Axes' width."""
    low, high = scale.limits
    unit = scale.limits.span / (places.stop - places.start)
    ax.set_xscale("log" if scale.ratio else "linear")
    ax.set_xlim(scale.x(low - places.start * unit), scale.x(high + (1 - places.stop) * unit))
    ax.set_ylim(rows - 0.6, -0.6)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
    ax.spines["bottom"].set_bounds(scale.x(low), scale.x(high))
    values = ticks(scale.limits, scale.ratio)
    ax.xaxis.set_major_locator(FixedLocator(values))
    ax.xaxis.set_major_formatter(FixedFormatter([f"{x:g}".replace("-", "−") for x in values]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.tick_params(axis="x", labelsize=places.size, length=3)
    ax.set_yticks([])
    words = content.favours(fit)
    if words:
        _beneath(ax, words[0], places.start, 1.3, places.size, "left", CI)
        _beneath(ax, words[1], places.stop, 1.3, places.size, "right", CI)
    middle, lines = (places.start + places.stop) / 2, 2.7 if words else 1.3
    _beneath(ax, content.axis_label(fit.evidence), middle, lines, places.size, "center", CI)


def _reference(
    ax: Axes, scale: marks.Scale, found: Sequence[Line], heights: Sequence[float]
) -> None:
    """Draw the lines of no effect and, through the studies, of the posterior median."""
    none = scale.within(0.0)
    ends = [0.47, heights[-1] + 0.5]
    ax.plot([none, none], ends, color=GREY, linewidth=0.9, zorder=0.5, label="_none")
    for line, y in zip(found, heights, strict=True):
        if line.kind == "mu" and line.cri:
            x = scale.within(line.cri.mid)
            ax.plot([x, x], [0.47, y], color=CRI, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0.5)


# text


def _texts(found: Sequence[Line], fit: Fit) -> list[Texts]:
    """Return the columns of text, header first."""
    show, level = formatter(fit.evidence), percent(fit.ask.level)
    header = ("Study", f"Estimate [{level} CI]", f"Posterior median [{level} CrI]", "Weight")
    return [
        header,
        *(
            (
                shortened(line.label),
                content.interval_text(line.ci, show) if line.ci else "",
                content.interval_text(line.cri, show) if line.cri else "",
                "" if line.weight is None else f"{100 * line.weight:.1f}%",
            )
            for line in found
        ),
    ]


def _columns(ax: Axes, texts: Sequence[Texts], heights: Sequence[float], places: Layout) -> None:
    for i, (row, y) in enumerate(zip(texts, heights, strict=True)):
        bold = i == 0 or i >= len(texts) - 2
        write_row(ax, row, y, places, (CI, CI, CRI, CI), bold=bold)


def write_row(
    ax: Axes,
    texts: Texts,
    y: float,
    places: Layout,
    colors: Sequence[str],
    *,
    bold: bool,
    indent: float = 0.0,
) -> None:
    """Write a line of text into the columns, each in its color."""
    columns = (indent, places.estimate, places.posterior, places.weight)
    sides = ("left", "right", "right", "right")
    for text, x, side, color in zip(texts, columns, sides, colors, strict=True):
        ax.text(
            x,
            y,
            text,
            transform=ax.get_yaxis_transform(),
            ha=side,
            va="center",
            fontsize=places.size,
            fontweight="bold" if bold else "normal",
            color=color,
            parse_math=False,
        )


def rule(ax: Axes, y: float, width: float) -> None:
    """Draw a line across the Axes."""
    ax.plot([0, 1], [y, y], transform=ax.get_yaxis_transform(), color=CI, linewidth=width)


def _beneath(
    ax: Axes, text: str, x: float, lines: float, size: float, side: str, color: str
) -> None:
    """Write below the Axes and its ticks, ``lines`` lines down."""
    ax.annotate(
        text,
        (x, 0),
        xycoords="axes fraction",
        xytext=(0, -6.5 - lines * size),
        textcoords="offset points",
        ha=side,
        va="top",
        fontsize=size,
        color=color,
        parse_math=False,
        annotation_clip=False,
    )


def write(
    figure: Figure, y: float, text: str, size: float, color: str, weight: str = "normal"
) -> None:
    """Write at the left margin, ``y`` inches above the bottom."""
    figure.text(
        MARGIN / WIDTH,
        y / figure.get_figheight(),
        text,
        fontsize=size,
        fontweight=weight,
        color=color,
        va="top",
        linespacing=LEADING * 72 / 8.5 / 1.17,
        parse_math=False,
    )


def wrapped(texts: Sequence[str], width: int) -> list[str]:
    """Break sentences into lines of at most ``width`` characters."""
    return [
        line for text in texts for line in textwrap.wrap(f"{text[:1].upper()}{text[1:]}", width)
    ]
