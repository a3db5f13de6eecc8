"""The joint posterior of mu and tau and the trace of the study effects, side by side."""

from pathlib import Path

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bayesmeta.fit import Fit, Row
from bayesmeta.fit.save import folder_for, whole
from bayesmeta.plots.joint_plot import joint_contours
from bayesmeta.plots.trace_plot import study_trace

MOST_POOLS = 6


def drawn(fit: Fit) -> list[Row]:
    """Return the pools that have something to show: several studies, and a tau that can vary.

    The first `MOST_POOLS` of them.
    """
    low, high = fit.ask.tau.support
    return [row for row in fit.rows if row.pool.k > 1 and low < high][:MOST_POOLS]


def posterior_figure(fit: Fit) -> Figure:
    """Draw both for each pool of two studies and more, one pool above the other.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> len(posterior_figure(bm.fit("sledai")).axes)  # one of its four pools has two studies
    2
    """
    rows = drawn(fit)
    figure = Figure(figsize=(11.5, 5.0 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    for row, (left, right) in zip(rows, figure.subplots(len(rows), 2, squeeze=False), strict=True):
        joint_contours(row, fit, left)
        study_trace(row, fit, right)
    return figure


def save_posterior(fit: Fit, folder: str | Path) -> list[Path]:
    """Write ``posterior.png`` into a folder, atomically; nothing where no pool can be drawn."""
    if not drawn(fit):
        return []
    path = folder_for(Path(folder)) / "posterior.png"
    with matplotlib.style.context("default", after_reset=True), whole(path) as draft:
        posterior_figure(fit).savefig(draft, dpi=120)
    return [path]
