"""Heat map: P(benefit) by family and scale of the prior on tau."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from scipy.special import ndtri

from bayesmeta.arrays import Array
from bayesmeta.fit import Fit, Row
from bayesmeta.fit.words import probability
from bayesmeta.plots.forest_plot import CI, CRI, GREY, PALE
from bayesmeta.plots.joint_plot import title_of

_COLOURS = LinearSegmentedColormap.from_list("benefit", [GREY, "#ffffff", PALE, CRI])
"""Grey where harm is likelier, white at 1/2, blue where benefit is."""

_SUREST = 3.1
"""The probit at which the colours end: of 0.001 and 0.999."""

_FRAME = np.array([[0.06, 0.94, 0.94, 0.06, 0.06], [0.12, 0.12, 0.88, 0.88, 0.12]])

_DARK = 0.8
"""Share of the way to blue above which numbers are white."""


def benefit_heat_map(
    probabilities: Array,
    families: Sequence[str],
    scales: Sequence[str],
    row: Row,
    fit: Fit,
    ax: Axes,
    *,
    level: float = 0.95,
    reference: tuple[int, int] | None = None,
) -> Axes:
    """Draw P(benefit) under each prior on the Axes given, and return it.

    A number in each cell, bluer the surer, on the scale of probits; a heavy line between the
    cells at or above the level and those below; a dashed frame about the prior of the analysis.

    Parameters
    ----------
    probabilities : ndarray, shape (f, s)
        P(benefit) by family and scale, ``nan`` where there is no posterior.
    families, scales : sequence of str
        Names of the rows and of the columns, such as ``half-normal`` and ``x 2``.
    row : Row
        The pool that all are posteriors of.
    fit : Fit
    ax : Axes
    level : float
        Of the contour.
    reference : tuple of int, optional
        Row and column of the prior of the analysis.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from matplotlib.figure import Figure
    >>> fit = bm.fit("adverse_events")
    >>> p = np.array([[0.97, 0.96], [0.95, np.nan]])
    >>> names = ["half-normal", "half-cauchy"], ["0.5", "1"]
    >>> ax = benefit_heat_map(p, *names, fit.rows[0], fit, Figure().add_subplot())
    >>> [text.get_text() for text in ax.texts]
    ['0.970', '0.960', '0.950', '–']
    """
    shades = np.clip(ndtri(probabilities) / _SUREST, -1, 1)
    ax.pcolormesh(
        np.ma.masked_invalid(shades), cmap=_COLOURS, vmin=-1, vmax=1, edgecolors="white", lw=1
    )
    rows, columns = probabilities.shape
    for (i, j), value in np.ndenumerate(probabilities):
        ax.text(
            j + 0.5,
            i + 0.5,
            "–" if np.isnan(value) else probability(float(value)),
            ha="center",
            va="center",
            fontsize=8.5,
            color="white" if abs(shades[i, j]) > _DARK else CI,
        )
    _contour(ax, probabilities, level)
    if reference is not None:
        i, j = reference
        across, down = j + _FRAME[0], i + _FRAME[1]
        color = "white" if abs(shades[i, j]) > _DARK else CI
        ax.plot(across, down, "--", color=color, linewidth=1.1, label="_reference")
    ax.set_xlim(0, columns)
    ax.set_ylim(rows, 0)
    ax.set_xticks(np.arange(columns) + 0.5, list(scales))
    ax.set_yticks(np.arange(rows) + 0.5, list(families), parse_math=False)
    ax.tick_params(labelsize=8.5, length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xlabel("Scale of the prior on tau", fontsize=9)
    word = "benefit" if fit.evidence.controlled else "improvement"
    held = f"; the heavy line is {level:g}" if (probabilities >= level).any() else ""
    title_of(row, fit, ax, f"P({word}) by family and scale of the prior on tau{held}")
    return ax


def _contour(ax: Axes, probabilities: Array, level: float) -> None:
    """Draw the borders between cells on either side of the level."""
    above, known = probabilities >= level, np.isfinite(probabilities)
    sides = (above[:, 1:] != above[:, :-1]) & known[:, 1:] & known[:, :-1]
    floors = (above[1:] != above[:-1]) & known[1:] & known[:-1]
    for i, j in np.argwhere(sides):
        ax.plot([j + 1, j + 1], [i, i + 1], color=CI, linewidth=2.2, label="_level")
    for i, j in np.argwhere(floors):
        ax.plot([j, j + 1], [i + 1, i + 1], color=CI, linewidth=2.2, label="_level")
