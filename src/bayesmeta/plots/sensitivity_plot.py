"""Three views of prior sensitivity, side by side: ribbon, map, priors and posteriors of tau."""

from pathlib import Path

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bayesmeta.appraisal.conclusions import BENEFIT
from bayesmeta.appraisal.scales import scales_of
from bayesmeta.appraisal.sensitivity import Sensitivity
from bayesmeta.fit.save import folder_for, whole
from bayesmeta.plots.benefit_map import benefit_heat_map
from bayesmeta.plots.posterior_plot import MOST_POOLS
from bayesmeta.plots.prior_posterior_plot import COLOURS, prior_posterior
from bayesmeta.plots.ribbon_plot import interval_ribbon

_WIDTHS = (7.5, 7.0, 5.5)
"""Of the three views, in inches."""


def sensitivity_figure(found: Sensitivity) -> Figure:
    """Draw the three for each of the first pools, one above the other.

    Without a direction there is no P(benefit) to map.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> len(sensitivity_figure(bm.sensitivity("adverse_events")).axes)
    3
    """
    rows = found.fit.rows[:MOST_POOLS]
    scales = scales_of(found)
    shown = dict(list(scales.families.items())[: len(COLOURS)])
    widths = _WIDTHS if found.fit.direction else (_WIDTHS[0], _WIDTHS[-1])
    figure = Figure(figsize=(sum(widths), 5.2 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(rows), len(widths), squeeze=False, width_ratios=widths)
    for at, axes in enumerate(grid):
        row, fit = rows[at], found.fit
        of_mu, of_new = scales.intervals[at]
        tipping = found.checks[at].tipping
        interval_ribbon(scales.multiples, of_mu, of_new, row, fit, axes[0], tipping)
        prior_posterior(shown, row, fit, axes[-1])
        if found.fit.direction:
            names = [f"x {factor:g}" for factor in scales.factors]
            own = 0, scales.factors.index(1.0)
            benefit_heat_map(
                scales.benefit[at],
                list(scales.families),
                names,
                row,
                fit,
                axes[1],
                level=BENEFIT,
                reference=own,
            )
    return figure


def save_sensitivity(found: Sensitivity, folder: str | Path) -> list[Path]:
    """Write ``sensitivity.png`` into a folder, atomically, and return its path."""
    path = folder_for(Path(folder)) / "sensitivity.png"
    with matplotlib.style.context("default", after_reset=True), whole(path) as draft:
        sensitivity_figure(found).savefig(draft, dpi=120)
    return [path]
