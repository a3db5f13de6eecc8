"""Interval ribbon: the posterior of mu and the prediction against the scale of the prior on tau."""

from collections.abc import Iterable, Sequence
from math import log

import numpy as np
from matplotlib.axes import Axes

from bayesmeta.appraisal.tipping import Tipping
from bayesmeta.arrays import Array
from bayesmeta.fit import Fit, Row
from bayesmeta.fit.words import percent
from bayesmeta.plots.axis import Limits
from bayesmeta.plots.content import axis_label
from bayesmeta.plots.forest_plot import CI, CRI, GREY, PALE
from bayesmeta.plots.joint_plot import mark_axis, title_of

type Turn = tuple[float, bool, str]

_REACH = 0.75
"""How far mu may stretch the axis beyond the prediction at c = 1, in widths of the latter."""

_ROW = 0.055
"""Height of a line of words at the foot, as a share of the Axes."""


def interval_ribbon(
    scales: Array,
    mu: Array,
    theta_new: Array,
    row: Row,
    fit: Fit,
    ax: Axes,
    tipping: Iterable[Tipping] = (),
) -> Axes:
    """Draw intervals against the scale of the prior on tau on the Axes given, and return it.

    Shaded, the credible interval of mu about its median; dashed, the prediction interval of a new
    study; an upright line at the prior of the fit. Rings, and their words at the foot, mark where
    an interval touches no effect and where P(benefit) crosses its level.

    Parameters
    ----------
    scales : ndarray, shape (n,)
        Increasing factors c: the prior on tau is that of c tau.
    mu, theta_new : ndarray, shape (3, n)
        Lower bound, median and upper bound under each, on the analysis scale.
    row : Row
        What was fitted with the prior that c = 1 stands for.
    fit : Fit
    ax : Axes
    tipping : iterable of Tipping
        Such as that of mu and that of theta_new.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from matplotlib.figure import Figure
    >>> fit = bm.fit("adverse_events")
    >>> c = np.array([0.5, 1, 2])
    >>> mu = np.array([[-2, -3, -4], [-1, -1, -1], [0, 0, 1]])
    >>> ax = interval_ribbon(c, mu, 1.5 * mu, fit.rows[0], fit, Figure().add_subplot())
    >>> ax.get_xlabel()
    'Scale of the prior on tau, as a multiple of half-normal(0.5)'
    """
    ratio = fit.evidence.measure.ratio
    turns = sorted(turn for found in tipping for turn in _turns(found, scales, fit))
    limits = _limits(scales, mu, theta_new)
    foot = _ROW * (len(turns) + 0.8) if turns else 0.0
    bottom = limits.low - foot / (1 - foot) * limits.span

    def show(values: Array | float) -> Array:
        return np.exp(values) if ratio else np.asarray(values)

    ax.set_xscale("log")
    ax.set_yscale("log" if ratio else "linear")
    ax.set_xlim(scales[0], scales[-1])
    ax.set_ylim(float(show(bottom)), float(show(limits.high)))
    held = np.clip([mu, theta_new], limits.low, limits.high + limits.span)
    (low, middle, high), (new_low, _, new_high) = map(show, held)
    level = percent(fit.ask.level)
    ax.fill_between(scales, low, high, color=PALE, linewidth=0, label=f"mu, {level} CrI")
    ax.plot(scales, middle, color=CRI, linewidth=1.8, label="mu, median")
    for values, label in ((new_low, f"new study, {level} PI"), (new_high, "_prediction")):
        seen = np.where((values > show(limits.low)) & (values < show(limits.high)), values, np.nan)
        ax.plot(scales, seen, "--", color=CI, linewidth=1.0, label=label)
    if limits.low < 0 < limits.high:
        ax.axhline(float(show(0.0)), color=GREY, linewidth=0.9, zorder=1.5, label="_none")
    ax.axvline(1.0, foot, color=CI, linewidth=0.9, linestyle=":", label="prior of the analysis")
    _mark(ax, turns, float(show(0.0)), foot)
    mark_axis(ax, "y", limits, ratio)
    mark_axis(ax, "x", Limits(log(scales[0]), log(scales[-1])), ratio=True)
    ax.set_ylabel(axis_label(fit.evidence), fontsize=9, parse_math=False)
    ax.set_xlabel(
        f"Scale of the prior on tau, as a multiple of {fit.ask.tau}", fontsize=9, parse_math=False
    )
    ax.legend(loc="lower left", bbox_to_anchor=(-0.01, 0.995), fontsize=8, frameon=False, ncols=4)
    title_of(row, fit, ax, "Intervals against the scale of the prior on tau", above=22)
    return ax


def _limits(scales: Array, mu: Array, theta_new: Array) -> Limits:
    """Hold mu, no effect and the prediction under the reference; the rest as far as is legible."""
    at = int(np.abs(np.log(scales)).argmin())
    core = Limits(min(0.0, theta_new[0, at]), max(0.0, theta_new[2, at]))
    slack = _REACH * core.span
    low = min(core.low, max(float(mu[0].min()), core.low - slack))
    high = max(core.high, min(float(mu[2].max()), core.high + slack))
    pad = 0.04 * (high - low)
    return Limits(low - pad, high + pad)


def _turns(found: Tipping, scales: Array, fit: Fit) -> list[Turn]:
    """Where it turns, whether on the line of no effect, and what does."""
    word = "benefit" if fit.evidence.controlled else "improvement"
    name = "mu" if found.quantity == "mu" else "new study"
    turns = [(c, True, f"{name}: interval touches no effect") for c in found.interval]
    turns += [(c, False, f"{name}: P({word}) = {found.level:g}") for c in found.benefit]
    return [(c, ring, words) for c, ring, words in turns if scales[0] < c < scales[-1]]


def _mark(ax: Axes, turns: Sequence[Turn], none: float, foot: float) -> None:
    """Draw a ring for each turn on the line of no effect; say all, each in a line of its own."""
    along = ax.get_xaxis_transform()
    if turns:
        ax.plot(
            [0, 1], [foot, foot], color=CI, linewidth=0.5, transform=ax.transAxes, label="_foot"
        )
    for at, (c, ring, words) in enumerate(turns):
        height = _ROW * (len(turns) - at - 0.2)
        left = ax.transAxes.inverted().transform(ax.transData.transform((c, none)))[0] < 0.68
        ax.plot([c, c], [0, height], color=GREY, linewidth=0.8, transform=along, label="_turn")
        ax.annotate(
            f"{words} at {c:.3g}",
            (c, height),
            xycoords=along,
            xytext=(4 if left else -4, 0),
            textcoords="offset points",
            ha="left" if left else "right",
            va="center",
            fontsize=8,
            color=CI,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
            parse_math=False,
        )
        if ring:
            ax.plot([c], [none], "o", mfc="white", mec=CI, markersize=5, zorder=3, label="_ring")
