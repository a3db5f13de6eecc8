"""Joint posterior of mu and tau: contours of its highest-density regions."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from bayesmeta.appraisal.joint import LEVELS, joint_density
from bayesmeta.fit import Fit, Row
from bayesmeta.plots.axis import Limits, ticks
from bayesmeta.plots.content import axis_label, heading
from bayesmeta.plots.forest_plot import CI, CRI, GREY, PALE


def joint_contours(row: Row, fit: Fit, ax: Axes, levels: Sequence[float] = LEVELS) -> Axes:
    """Draw the contours of the joint posterior of one pool on the Axes given, and return it.

    Shaded where the density is high; lines enclose 50, 90, 95 and 99 % of the posterior. Dashed,
    the mean of mu given tau; dotted, one and two of its standard deviations to either side. Exact
    engine.

    Parameters
    ----------
    row : Row
        One of ``fit.rows``, or of the rows of a variant.
    fit : Fit
    ax : Axes
    levels : sequence of float
        Probabilities enclosed.

    References
    ----------
    Roever (2020), J Stat Softw 93(6).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from matplotlib.figure import Figure
    >>> fit = bm.fit("sledai", at=12)
    >>> joint_contours(fit.rows[0], fit, Figure().add_subplot()).get_ylabel()
    'tau'
    """
    found = joint_density(row.posterior.model, levels)
    ratio = fit.evidence.measure.ratio
    shown = np.exp(found.mu) if ratio else found.mu
    heights = {density: p for p, density in found.levels.items()}
    at = sorted(heights)
    density = np.minimum(found.density, 2 * max(at[-1], float(np.median(found.density))))
    steps = np.linspace(at[0], max(density.max(), at[-1] * 1.001), 24)
    ax.contourf(shown, found.tau, density, levels=steps, cmap=_pale(), zorder=0)
    lines = ax.contour(shown, found.tau, found.density, levels=at, colors=CRI, linewidths=1.0)
    ax.clabel(lines, fmt={d: f"{100 * p:g}%" for d, p in heights.items()}, fontsize=8)
    mean, sd = found.mu_given
    for z, style in ((0, "--"), (1, ":"), (-1, ":"), (2, ":"), (-2, ":")):
        values = mean + z * sd
        label = f"_mu given tau, {z:+d} SD"
        path = np.exp(values) if ratio else values
        ax.plot(path, found.tau, color=CI, linewidth=0.9, linestyle=style, label=label)
    ax.axvline(1.0 if ratio else 0.0, color=GREY, linewidth=0.9, zorder=1, label="_none")
    limits = Limits(float(found.mu[0]), float(found.mu[-1]))
    ax.set_xscale("log" if ratio else "linear")
    ax.set_xlim(float(shown[0]), float(shown[-1]))
    ax.set_ylim(0.0 if found.tau[0] < 0.05 * found.tau[-1] else found.tau[0], found.tau[-1])
    mark_axis(ax, "x", limits, ratio)
    ax.set_xlabel(f"mu: {axis_label(fit.evidence)}", fontsize=9, parse_math=False)
    ax.set_ylabel(tau_label(fit), fontsize=9)
    title_of(row, fit, ax, "Joint posterior of mu and tau; black: mu given tau, mean, 1 and 2 SD")
    return ax


def mark_axis(ax: Axes, side: str, limits: Limits, ratio: bool) -> None:
    """Put the ticks of a forest plot on one axis, and take away frame lines without a scale."""
    axis = ax.xaxis if side == "x" else ax.yaxis
    values = ticks(limits, ratio)
    axis.set_major_locator(FixedLocator(values))
    axis.set_major_formatter(FixedFormatter([f"{x:g}".replace("-", "−") for x in values]))
    axis.set_minor_locator(NullLocator())
    ax.tick_params(labelsize=8.5, length=3)
    for name in ("top", "right"):
        ax.spines[name].set_visible(False)


def tau_label(fit: Fit) -> str:
    """Name the axis of tau, which is never a log axis, but of a ratio's logarithm."""
    measure = fit.evidence.measure
    return f"tau, on the log {measure.name}" if measure.ratio else "tau"


def title_of(row: Row, fit: Fit, ax: Axes, what: str, above: float = 6) -> None:
    """Name what is drawn, the analysis and pool, and the priors, some points above the Axes."""
    words = f"{fit.evidence.title}. {heading(fit, row.pool)}"
    priors = f"Priors{' (log scale)' if fit.evidence.measure.ratio else ''}: mu {fit.ask.mu}; "
    text = f"{what}\n{words}\n{priors}tau {fit.ask.tau}. Exact engine."
    ax.set_title(text, loc="left", fontsize=9, color=CI, pad=above, parse_math=False)


def _pale() -> Colormap:
    return LinearSegmentedColormap.from_list("pale", ["#ffffff", PALE, "#7fb2dd"])
