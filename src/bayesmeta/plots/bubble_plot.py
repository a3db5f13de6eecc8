"""Bubble plot of a meta-regression: studies over a moderator, the mean effect and a new study's."""

import textwrap
from math import exp
from pathlib import Path
from statistics import median_low

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator

from bayesmeta.arrays import Array, Mask
from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.evidence.moderators import Value
from bayesmeta.fit import Fit
from bayesmeta.fit.regression import Prediction, Regression
from bayesmeta.fit.regression_words import regression_heading, regression_remarks, words_of_point
from bayesmeta.fit.words import percent
from bayesmeta.plots.axis import Interval, axis_limits
from bayesmeta.plots.content import axis_label, favours
from bayesmeta.plots.files import save
from bayesmeta.plots.joint_plot import mark_axis

GREY = "#767676"
COLORS = ("#1f6fb4", "#c2571a", "#5b8c2a", "#7b4fa3")
POINTS = 61
LARGEST = 420.0
"""Area of the bubble of the study that weighs most, in square points."""


def bubble(fit: Fit, moderator: str, ax: Axes) -> Axes:
    """Draw the studies over one moderator on the Axes given, and return the Axes.

    Areas are by weight. Lines and bands are the mean effect and its credible interval, dotted
    lines the prediction interval: for each level of a factor in the formula, numbers at their
    median.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from matplotlib.figure import Figure
    >>> trials = {"study": ["A", "B", "C"], "estimate": [-1.4, -0.2, -0.5],
    ...           "se": [0.3, 0.1, 0.1], "latitude": [44, 13, 19]}
    >>> fit = bm.fit(trials, measure="RR", formula="~ latitude")
    >>> bubble(fit, "latitude", Figure().add_subplot()).get_xlabel()
    'latitude'
    """
    found = _regression(fit)
    if moderator not in found.moderators.values:
        hint = did_you_mean(moderator, found.moderators.values)
        raise InputError(f"{moderator!r} is no moderator: {hint}")
    factor = bool(found.moderators.levels(moderator))
    drawn = _levels(fit, found, moderator, ax) if factor else _lines(fit, found, moderator, ax)
    ax.axhline(
        1.0 if fit.evidence.measure.ratio else 0.0, color=GREY, linewidth=0.9, zorder=1, label="_no"
    )
    _mark(fit, found, drawn, ax)
    ax.set_xlabel(moderator, fontsize=9.5, parse_math=False)
    return ax


def bubble_figure(fit: Fit) -> Figure:
    """Draw a panel for each moderator, with title and notes.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> trials = {"study": ["A", "B", "C"], "estimate": [-1.4, -0.2, -0.5],
    ...           "se": [0.3, 0.1, 0.1], "latitude": [44, 13, 19]}
    >>> len(bubble_figure(bm.fit(trials, measure="RR", formula="~ latitude")).axes)
    1
    """
    found = _regression(fit)
    names = list(found.moderators.values)
    width = 7.2 * max(1, len(names)) if len(names) < 3 else 15.0
    notes = [
        line
        for text in [
            *regression_heading(fit, found),
            f"Area by posterior mean weight. Bands and bars: {percent(fit.ask.level)} credible "
            f"interval of the mean effect; dotted and thin: prediction interval of a new study. "
            "Other moderators at their median or first level.",
            *regression_remarks(fit, found),
        ]
        for line in textwrap.wrap(text, int(15 * width))
    ]
    below = 0.17 * len(notes) + 0.15
    height = 5.6 + below
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    gap = 0.75 / width
    wide = (1 - 0.25 / width) / len(names)
    for at, name in enumerate(names):
        place = (at * wide + gap, (below + 0.6) / height, wide - gap - 0.3 / width)
        ax = figure.add_axes((*place, (height - below - 1.2) / height))
        bubble(fit, name, ax)
        if ax.get_legend_handles_labels()[1]:
            ax.legend(fontsize=8.5, frameon=False, loc="best", markerscale=0.5)
    for up, text, size, weight in (
        (0.12, fit.evidence.title, 12.5, "bold"),
        (
            0.38,
            f"Meta-regression {found.formula}, exact engine. Prior on tau: {fit.ask.tau}.",
            8.5,
            "normal",
        ),
    ):
        figure.text(
            0.15 / width,
            1 - up / height,
            text,
            fontsize=size,
            weight=weight,
            va="top",
            parse_math=False,
        )
    figure.text(
        0.15 / width,
        (below - 0.05) / height,
        "\n".join(notes),
        fontsize=8.5,
        va="top",
        color=GREY,
        parse_math=False,
    )
    return figure


def save_bubble(fit: Fit, folder: str | Path) -> list[Path]:
    """Write ``bubble.png`` and ``bubble.svg``, atomically; nothing without moderators."""
    if fit.regression is None or not fit.regression.moderators.values:
        return []
    return save(lambda: bubble_figure(fit), folder, "bubble")


def _regression(fit: Fit) -> Regression:
    if fit.regression is None:
        raise InputError("this fit has no meta-regression: give a formula, such as '~ latitude'")
    return fit.regression


def _groups(found: Regression, moderator: str) -> list[dict[str, Value]]:
    """Return the values at which the other moderators are held: the levels of a factor."""
    held: dict[str, Value] = {}
    split: str | None = None
    for name, values in found.moderators.values.items():
        if name == moderator:
            continue
        levels = found.moderators.levels(name)
        if not levels:
            held[name] = median_low(value for value in values if not isinstance(value, str))
        elif split is None and len(levels) <= len(COLORS):
            split = name
        else:
            held[name] = levels[0]
    if split is None:
        return [held]
    return [held | {split: level} for level in found.moderators.levels(split)]


def _lines(fit: Fit, found: Regression, moderator: str, ax: Axes) -> list[Prediction]:
    """Draw lines, bands and bubbles over a number."""
    at = np.array(found.moderators.values[moderator], dtype=float)
    grid = np.linspace(at.min(), at.max(), POINTS)
    groups = _groups(found, moderator)
    factors = (
        {name for point in groups for name in point if found.moderators.levels(name)}
        if len(groups) > 1
        else set()
    )
    drawn: list[Prediction] = []
    for group, color in zip(groups, COLORS, strict=False):
        predicted = found.predict([group | {moderator: float(x)} for x in grid])
        drawn += [predicted[0], predicted[-1]]
        mu = _shown(fit, [[p.mu.ci_low, p.mu.median, p.mu.ci_high] for p in predicted])
        new = _shown(fit, [[p.theta_new.ci_low, p.theta_new.ci_high] for p in predicted])
        ax.fill_between(grid, mu[:, 0], mu[:, 2], color=color, alpha=0.16, linewidth=0, label="_ci")
        ax.plot(grid, new, color=color, linewidth=0.9, linestyle=":", label="_pi")
        mine = [
            all(found.moderators.values[name][i] == group[name] for name in factors)
            for i in range(found.pool.k)
        ]
        label = words_of_point({n: v for n, v in group.items() if n in factors}) if factors else ""
        ax.plot(grid, mu[:, 1], color=color, linewidth=1.8, label=label or "_mean")
        _bubbles(fit, found, at, np.array(mine), color, ax)
    return drawn


def _levels(fit: Fit, found: Regression, moderator: str, ax: Axes) -> list[Prediction]:
    """Draw bars and bubbles over the levels of a factor, all else at its middle."""
    levels = found.moderators.levels(moderator)
    held: dict[str, Value] = {}
    for name, values in found.moderators.values.items():
        numbers = [value for value in values if not isinstance(value, str)]
        held[name] = median_low(numbers) if numbers else found.moderators.levels(name)[0]
    predicted = list(found.predict([held | {moderator: level} for level in levels]))
    mine = found.moderators.values[moderator]
    for place, (level, one) in enumerate(zip(levels, predicted, strict=True)):
        low, mid, high = _shown(fit, [one.mu.ci_low, one.mu.median, one.mu.ci_high])
        new = _shown(fit, [one.theta_new.ci_low, one.theta_new.ci_high])
        ax.plot([place + 0.28] * 2, new, color=COLORS[0], linewidth=1.0, label="_pi")
        ax.plot(
            [place + 0.28] * 2,
            [low, high],
            color=COLORS[0],
            linewidth=5,
            alpha=0.55,
            solid_capstyle="butt",
            label="_ci",
        )
        ax.plot([place + 0.28], [mid], "D", color=COLORS[0], markersize=6, label="_mean")
        rows = [i for i, value in enumerate(mine) if value == level]
        spread = (np.arange(len(rows)) - (len(rows) - 1) / 2) * min(0.12, 0.4 / max(1, len(rows)))
        where = np.full(found.pool.k, np.nan)
        where[rows] = place - 0.05 + spread
        _bubbles(fit, found, where, np.isin(np.arange(found.pool.k), rows), "#1a1a1a", ax)
    ax.set_xlim(-0.5, len(levels) - 0.3)
    ax.xaxis.set_major_locator(FixedLocator(list(range(len(levels)))))
    ax.xaxis.set_major_formatter(FixedFormatter(list(levels)))
    return predicted


def _bubbles(fit: Fit, found: Regression, at: Array, mine: Mask, color: str, ax: Axes) -> None:
    size = LARGEST * found.weights / found.weights.max()
    ax.scatter(
        at[mine],
        _shown(fit, found.pool.y[mine]),
        s=np.maximum(size[mine], 8.0),
        facecolors=color,
        alpha=0.45,
        edgecolors=color,
        linewidths=1.0,
        zorder=3,
        label="_studies",
    )


def _shown(fit: Fit, values: object) -> Array:
    array = np.asarray(values, dtype=float)
    return np.exp(array) if fit.evidence.measure.ratio else array


def _mark(fit: Fit, found: Regression, drawn: list[Prediction], ax: Axes) -> None:
    ratio = fit.evidence.measure.ratio
    y, se = found.pool.y.tolist(), found.pool.se.tolist()
    observed = [Interval(a - s / 2, a, a + s / 2) for a, s in zip(y, se, strict=True)]
    bands = [
        Interval(part.ci_low, part.median, part.ci_high)
        for one in drawn
        for part in (one.mu, one.theta_new)
    ]
    limits = axis_limits(observed, bands)
    ax.set_yscale("log" if ratio else "linear")
    ax.set_ylim(*(exp(x) if ratio else x for x in limits))
    mark_axis(ax, "y", limits, ratio)
    ax.set_ylabel(axis_label(fit.evidence), fontsize=9.5, parse_math=False)
    if (words := favours(fit)) is not None:
        for place, word, va in ((0.0, words[0], "bottom"), (1.0, words[1], "top")):
            ax.text(
                1.012,
                place,
                word,
                transform=ax.transAxes,
                rotation=90,
                va=va,
                fontsize=8.5,
                color=GREY,
            )
