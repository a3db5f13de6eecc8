"""The pooled course over time of a joint model, over the studies and beside each time alone."""

import textwrap
from math import exp
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from scipy.special import ndtri

from bayesmeta.arrays import Array
from bayesmeta.errors import InputError
from bayesmeta.fit import Fit
from bayesmeta.fit.designs import Designs
from bayesmeta.fit.joint import Joint
from bayesmeta.fit.joint_numbers import TimeNumbers
from bayesmeta.fit.joint_words import joint_heading, joint_remarks, series_heading, series_remarks
from bayesmeta.fit.words import percent
from bayesmeta.plots.axis import Interval, Limits, axis_limits, ticks
from bayesmeta.plots.content import axis_label, favours
from bayesmeta.plots.files import save

CI, CRI, PALE, PALER, GREY = "#1a1a1a", "#1f6fb4", "#a9cbe8", "#e3eef8", "#767676"
SOLE, PRINTED, SERIES = "#c2571a", "#5b8c2a", "#8a3d9c"
MOST_NAMED = 8
"""Studies that are named, and shown with their intervals, in the figure."""
BETWEEN, BETWEEN_OF_CURVE = 101, 13
"""Times at which a smooth course is drawn; fewer where each costs a coefficient."""
STEP = 0.013
"""From one mark at a time to the next, as a share of the range of times."""
BESIDE = 0.4
"""From one study at a time to the next, in steps."""


def course(fit: Fit, ax: Axes) -> Axes:
    """Draw the course of a longitudinal fit on the Axes given, and return the Axes.

    Bands: the credible interval of mu and the prediction interval of a new study. Points and thin
    lines: studies. Beside them the pools of each time alone, and published rows.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from matplotlib.figure import Figure
    >>> ax = course(bm.fit("sledai"), Figure(figsize=(8, 5)).add_subplot())
    >>> ax.get_xlabel()
    'Time (months)'
    """
    joint = _joint(fit)
    ratio = fit.evidence.measure.ratio
    named = len(joint.studies) <= MOST_NAMED
    times = joint.model.times
    reach = float(np.ptp(times)) or 1.0

    def shown(value: Array | float) -> Array:
        return np.exp(value) if ratio else np.asarray(value)

    mu, new = _bands(joint)
    level = percent(fit.ask.level)
    for band, face, what in (
        (new, PALER, f"{level} prediction interval, new study"),
        (mu, PALE, f"{level} credible interval of mu"),
    ):
        at = [one.time for one in band]
        ax.fill_between(
            at,
            shown(np.array([one.ci_low for one in band])),
            shown(np.array([one.ci_high for one in band])),
            color=face,
            linewidth=0,
            label=what,
            zorder=1,
        )
    ax.plot(
        [one.time for one in mu],
        shown(np.array([one.median for one in mu])),
        color=CRI,
        linewidth=1.8,
        label="Pooled course, posterior median",
        zorder=4,
    )
    ax.plot(
        [one.time for one in joint.numbers.mu],
        shown(np.array([one.median for one in joint.numbers.mu])),
        "o",
        color=CRI,
        markersize=5,
        zorder=5,
        label="_own",
    )
    _studies(fit, joint, ax, STEP * reach if named else 0.0)
    _beside(fit, ax, STEP * reach)
    if joint.series is not None:
        _series(fit, joint.series, ax)
    ax.axhline(1.0 if ratio else 0.0, color=GREY, linewidth=0.9, zorder=1.5, label="_none")
    _mark(fit, joint, ax)
    return ax


def course_figure(fit: Fit) -> Figure:
    """Draw the course with its title, legend and notes.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> len(course_figure(bm.fit("proteinuria")).axes)
    1
    """
    joint = _joint(fit)
    series_notes = (
        [*series_heading(fit, joint.series), *series_remarks(joint.series)] if joint.series else []
    )
    notes = [
        line
        for text in [
            *joint_heading(fit, joint),
            "between times with an effect each, lines and bands only join them"
            if joint.how.mean == "per-time"
            else "",
            *joint_remarks(fit, joint),
            *series_notes,
            *fit.warnings,
        ]
        for line in textwrap.wrap(text[:1].upper() + text[1:], 165)
    ]
    below = 0.165 * len(notes) + 0.25
    height = 6.1 + below
    figure = Figure(figsize=(11.0, height))
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0.075, (below + 1.05) / height, 0.885, (height - below - 1.6) / height))
    course(fit, ax)
    figure.text(
        0.015,
        1 - 0.14 / height,
        fit.evidence.title,
        fontsize=12.5,
        weight="bold",
        va="top",
        parse_math=False,
    )
    priors = f"mu {fit.ask.mu}; tau {fit.ask.tau}; rho {joint.how.rho}"
    figure.text(
        0.015,
        1 - 0.38 / height,
        f"All times in one model, exact engine. Priors: {priors}.",
        fontsize=8.5,
        va="top",
        parse_math=False,
    )
    ax.legend(
        loc="upper left",
        bbox_to_anchor=(0.0, -0.62 / (height - below - 1.6)),
        ncols=3 if joint.series is None else 4,
        fontsize=8.5,
        frameon=False,
        borderaxespad=0.0,
        handlelength=1.8,
    )
    figure.text(
        0.015,
        (below - 0.1) / height,
        "\n".join(notes),
        fontsize=8.5,
        va="top",
        color=GREY,
        parse_math=False,
    )
    return figure


def save_course(fit: Fit, folder: str | Path) -> list[Path]:
    """Write ``course.png`` and ``course.svg``, atomically; nothing without a joint model."""
    if fit.joint is None or len(fit.joint.numbers.times) == 1:
        return []
    return save(lambda: course_figure(fit), folder, "course")


def _joint(fit: Fit) -> Joint:
    if fit.joint is None:
        raise InputError("this fit has no course over time: fit with model='longitudinal'")
    return fit.joint


def _bands(joint: Joint) -> tuple[tuple[TimeNumbers, ...], tuple[TimeNumbers, ...]]:
    """Return mu and theta_new where they are drawn: a mean for each time is joined by lines."""
    if joint.how.mean == "per-time":
        return joint.numbers.mu, joint.numbers.theta_new
    times = joint.model.times
    between = BETWEEN if joint.model.curve is None else BETWEEN_OF_CURVE
    return joint.course(np.union1d(np.linspace(times[0], times[-1], between), times))


def _studies(fit: Fit, joint: Joint, ax: Axes, step: float) -> None:
    model, named = joint.model, step > 0
    y = np.exp(model.y) if fit.evidence.measure.ratio else model.y
    earlier = np.tri(len(model.slot), k=-1) * (model.slot[:, None] == model.slot)
    at = model.times[model.slot] + step * (1 + BESIDE * earlier.sum(1))
    size = 60 * (model.se.min() / model.se) if named else 36 * (model.se.min() / model.se)
    z = float(ndtri((1 + fit.ask.level) / 2))
    for study, name in enumerate(joint.studies):
        rows = np.flatnonzero(model.study == study)
        rows = rows[np.argsort(at[rows])]
        ax.plot(
            at[rows],
            y[rows],
            color=CI,
            linewidth=0.9 if named else 0.5,
            alpha=0.8 if named else 0.35,
            zorder=2.5,
            label="_study",
        )
        if named:
            last = rows[-1]
            ax.annotate(
                name,
                (at[last], y[last]),
                (7, 0),
                textcoords="offset points",
                fontsize=8,
                va="center",
                color=CI,
                zorder=6,
                parse_math=False,
                bbox={"facecolor": "white", "alpha": 0.85, "linewidth": 0, "pad": 0.8},
            )
    if named:
        low, high = model.y - z * model.se, model.y + z * model.se
        if fit.evidence.measure.ratio:
            low, high = np.exp(low), np.exp(high)
        ax.vlines(at, low, high, color=CI, linewidth=0.8, alpha=0.7, zorder=2.5, label="_ci")
    ax.scatter(
        at,
        y,
        s=np.maximum(size, 5),
        color=CI,
        alpha=1.0 if named else 0.5,
        linewidths=0,
        zorder=3,
        label=f"Studies{f', {percent(fit.ask.level)} CI' if named else ''}; area by 1 / SE",
    )


def _series(fit: Fit, found: Designs, ax: Axes) -> None:
    """Draw uncontrolled series as observed, and the course that they lead to."""
    ratio = fit.evidence.measure.ratio
    path: list[tuple[float, float]] = []
    for name in dict.fromkeys(name for pool in found.spec.pools for name in pool.studies):
        path += sorted(_seen(found, name))
        path.append((np.nan, np.nan))
    times, y = np.array(path).T
    ax.plot(
        times,
        np.exp(y) if ratio else y,
        "o--",
        color=SERIES,
        markerfacecolor="white",
        markersize=5,
        linewidth=0.8,
        zorder=3,
        label="Uncontrolled series, as observed",
    )
    mu = found.numbers.mu
    words = "of series alone" if found.spec.design == "separate" else "with the series"
    for name, width in (("median", 1.6), ("ci_low", 0.7), ("ci_high", 0.7)):
        y = np.array([getattr(one, name) for one in mu])
        ax.plot(
            [one.time for one in mu],
            np.exp(y) if ratio else y,
            color=SERIES,
            linewidth=width,
            zorder=3.8,
            label=f"Course {words}, {percent(fit.ask.level)} CrI" if name == "median" else "_ends",
        )


def _seen(found: Designs, name: str) -> list[tuple[float, float]]:
    return [
        (pool.time or 0.0, float(pool.y[pool.studies.index(name)]))
        for pool in found.spec.pools
        if name in pool.studies
    ]


def _beside(fit: Fit, ax: Axes, step: float) -> None:
    ratio = fit.evidence.measure.ratio
    alone = [
        (
            row.pool.time or 0.0,
            Interval(
                row.exact.mu.ci_low or 0.0, row.exact.mu.median or 0.0, row.exact.mu.ci_high or 0.0
            ),
        )
        for row in fit.rows
    ]
    printed = [
        (row.pool.time or 0.0, Interval(p.ci_low, p.estimate, p.ci_high))
        for row in fit.rows
        if (p := row.pool.published) is not None
    ]
    for found, side, color, marker, label in (
        (alone, -1, SOLE, "s", f"Each time alone, {percent(fit.ask.level)} CrI"),
        (printed, -2, PRINTED, "D", "Published rows, 95% CI"),
    ):
        if not found:
            continue
        values = np.array([interval for _, interval in found])
        values = np.exp(values) if ratio else values
        ax.errorbar(
            [time + side * step for time, _ in found],
            values[:, 1],
            np.abs(values[:, [0, 2]] - values[:, [1]]).T,
            fmt=marker,
            markersize=4.5,
            color=color,
            elinewidth=1.1,
            capsize=0,
            zorder=3.5,
            label=label,
        )


def _mark(fit: Fit, joint: Joint, ax: Axes) -> None:
    limits = _limits(fit, joint)
    ratio = fit.evidence.measure.ratio
    ax.set_yscale("log" if ratio else "linear")
    ax.set_ylim(*(exp(x) if ratio else x for x in limits))
    values = ticks(limits, ratio)
    ax.yaxis.set_major_locator(FixedLocator(values))
    ax.yaxis.set_major_formatter(FixedFormatter([f"{x:g}".replace("-", "−") for x in values]))
    ax.yaxis.set_minor_locator(NullLocator())
    times = joint.model.times
    if joint.series is not None:
        times = np.union1d(times, joint.series.numbers.times)
    reach = float(np.ptp(times)) or 1.0
    named = len(joint.studies) <= MOST_NAMED
    ax.set_xlim(times[0] - 0.06 * reach, times[-1] + (0.14 if named else 0.05) * reach)
    ax.xaxis.set_major_locator(FixedLocator(times.tolist()))
    ax.xaxis.set_major_formatter(FixedFormatter([f"{time:g}" for time in times]))
    ax.tick_params(labelsize=9, length=3)
    unit = f" ({fit.evidence.time_unit})" if fit.evidence.time_unit else ""
    ax.set_xlabel(f"Time{unit}", fontsize=9.5)
    ax.set_ylabel(axis_label(fit.evidence), fontsize=9.5, parse_math=False)
    for name in ("top", "right"):
        ax.spines[name].set_visible(False)
    if (words := favours(fit)) is not None:
        for y, word, va in ((0.0, words[0], "bottom"), (1.0, words[1], "top")):
            ax.text(
                1.012, y, word, transform=ax.transAxes, rotation=90, va=va, fontsize=8.5, color=GREY
            )


def _limits(fit: Fit, joint: Joint) -> Limits:
    model = joint.model
    named = len(joint.studies) <= MOST_NAMED
    z = float(ndtri((1 + fit.ask.level) / 2)) if named else 0.0
    observed = [
        Interval(y - z * se, y, y + z * se)
        for y, se in zip(model.y.tolist(), model.se.tolist(), strict=True)
    ]
    bands = [
        Interval(one.ci_low, one.median, one.ci_high)
        for one in (*joint.numbers.mu, *joint.numbers.theta_new)
    ]
    if (series := joint.series) is not None:
        bands += [Interval(one.ci_low, one.median, one.ci_high) for one in series.numbers.mu]
        bands += [Interval(y, y, y) for pool in series.spec.pools for y in pool.y.tolist()]
    return axis_limits(observed, bands)
