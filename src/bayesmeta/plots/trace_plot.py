"""Trace plot: mu and the study effects against tau, above the posterior of tau."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes

from bayesmeta.appraisal.joint import trace
from bayesmeta.arrays import Array
from bayesmeta.fit import Fit, Row
from bayesmeta.fit.words import percent
from bayesmeta.plots.axis import Limits
from bayesmeta.plots.content import axis_label
from bayesmeta.plots.forest_plot import CI, CRI, GREY, PALE
from bayesmeta.plots.joint_plot import mark_axis, tau_label, title_of
from bayesmeta.plots.layout import shortened

MOST_LABELS = 25
"""Beyond so many studies their names would lie upon each other at any size."""

_BELOW = 0.24
"""Share of the Axes' height that the posterior of tau is drawn in."""


def study_trace(row: Row, fit: Fit, ax: Axes) -> Axes:
    """Draw mu and the study effects against tau on the Axes given, and return it.

    Each line is the mean given tau and the data: at tau = 0 all studies share one effect, for
    large tau each keeps its own estimate. Blue, mu, shaded its central interval given tau, of
    the level of the fit; below, the posterior density of tau, which says where to look, with its
    median. Exact engine.

    Parameters
    ----------
    row : Row
        One of ``fit.rows``, or of the rows of a variant.
    fit : Fit
    ax : Axes

    References
    ----------
    Rubin (1981), J Educ Stat 6:377; `traceplot` of R's bayesmeta.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from matplotlib.figure import Figure
    >>> fit = bm.fit("sledai", at=12)
    >>> study_trace(fit.rows[0], fit, Figure().add_subplot()).get_xlabel()
    'tau'
    """
    from scipy.special import ndtri

    found = trace(row.posterior.model)
    ratio = fit.evidence.measure.ratio
    z = float(ndtri((1 + fit.ask.level) / 2))
    low, high = found.mu_mean - z * found.mu_sd, found.mu_mean + z * found.mu_sd

    def show(values: Array) -> Array:
        return np.exp(values) if ratio else values

    drawn = [*found.theta_mean.ravel(), *low, *high]
    pad = 0.03 * (max(drawn) - min(drawn))
    limits = Limits(float(min(drawn) - pad), float(max(drawn) + pad))
    bottom = limits.low - _BELOW / (1 - _BELOW) * limits.span
    ax.set_yscale("log" if ratio else "linear")
    ax.set_ylim(*(float(show(np.array(end))) for end in (bottom, limits.high)))
    ax.set_xlim(0, found.tau[-1])
    ax.fill_between(
        found.tau, show(low), show(high), color=PALE, linewidth=0, zorder=0.4, label="_interval"
    )
    if limits.low < 0 < limits.high:
        ax.axhline(1.0 if ratio else 0.0, color=GREY, linewidth=0.9, zorder=0.5, label="_none")
    for mean in found.theta_mean:
        ax.plot(found.tau, show(mean), color=CI, linewidth=0.9, label="_study")
    ax.plot(found.tau, show(found.mu_mean), color=CRI, linewidth=1.8, label="_mu")
    _names(
        ax,
        [*map(shortened, row.pool.studies), "mu"],
        np.append(found.theta_mean[:, -1], found.mu_mean[-1]),
        Limits(bottom, limits.high),
        show,
    )
    _posterior_of_tau(ax, row, found.tau, found.density)
    mark_axis(ax, "y", limits, ratio)
    ax.set_ylabel(axis_label(fit.evidence), fontsize=9, parse_math=False)
    ax.set_xlabel(tau_label(fit), fontsize=9)
    title_of(
        row,
        fit,
        ax,
        f"Study effects and mu (blue, {percent(fit.ask.level)}) given tau; below, tau's posterior",
    )
    return ax


def _names(
    ax: Axes, labels: list[str], ends: Array, limits: Limits, show: Callable[[Array], Array]
) -> None:
    """Write the names at the right margin, moved apart where their lines end too close."""
    if len(labels) > MOST_LABELS:
        labels, ends = labels[-1:], ends[-1:]
    apart = min(limits.span * 0.035, 0.9 * limits.span / len(labels))
    order = np.argsort(ends)
    places = ends[order] - apart * np.arange(len(ends))
    # The nearest non-decreasing sequence: pools of equal values (isotonic regression).
    blocks: list[tuple[float, int]] = []
    for place in places:
        value, size = float(place), 1
        while blocks and blocks[-1][0] > value:
            before, count = blocks.pop()
            value, size = (value * size + before * count) / (size + count), size + count
        blocks.append((value, size))
    spread = np.concatenate([np.full(size, value) for value, size in blocks])
    spread += apart * np.arange(len(ends))
    for at, place in zip(order, spread, strict=True):
        mu = at == len(labels) - 1
        ax.annotate(
            labels[at],
            (1.0, float(show(ends[at]))),
            xycoords=ax.get_yaxis_transform(),
            xytext=(1.03, float(show(place))),
            textcoords=ax.get_yaxis_transform(),
            va="center",
            fontsize=8,
            color=CRI if mu else CI,
            fontweight="bold" if mu else "normal",
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0},
            annotation_clip=False,
            parse_math=False,
        )


def _posterior_of_tau(ax: Axes, row: Row, tau: Array, density: Array) -> None:
    """Draw the density along the bottom, cut off where it is unbounded at 0, and the median."""
    # A density that is unbounded at 0 would leave nothing of the rest to see.
    most = min(float(density.max()), 3 * float(density[len(density) // 20 :].max()))
    height = 0.85 * _BELOW * np.minimum(density / most, 1.0)
    along = ax.get_xaxis_transform()
    ax.fill_between(tau, height, color=PALE, linewidth=0, transform=along, label="_tau")
    ax.plot(tau, height, color=CRI, linewidth=1.0, transform=along, label="_tau")
    median = row.exact.tau.median
    if median is not None:
        top = float(np.interp(median, tau, height))
        ax.plot(
            [median, median], [0, top], color=CRI, linewidth=1, transform=along, label="_median"
        )
    ax.plot([0, 1], [_BELOW] * 2, transform=ax.transAxes, color=CI, linewidth=0.5, label="_divide")
