"""Where the columns of a forest plot go: from the widths of their texts to places on an Axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

LARGEST, SMALLEST = 9.0, 3.0
GAP = 1.4
"""Between columns, in ems."""

type Texts = tuple[str, str, str, str]
"""Label, estimate, posterior, weight."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes in points; places of columns as fractions of the width of the Axes.

    Labels begin at 0; the columns of numbers end at their places; ``start`` and ``stop`` bound
    the axis of effects.
    """

    size: float
    row: float
    start: float
    stop: float
    estimate: float
    posterior: float
    weight: float


def layout(ax: Axes, rows: Sequence[Texts], height: float) -> Layout:
    """Return the layout with the largest text that leaves a third of the width to the plot.

    Parameters
    ----------
    ax : Axes
    rows : sequence of texts
        All that the columns hold, header included.
    height : float
        Of the Axes, in rows.
    """
    width, row = _points(ax, "width"), _points(ax, "height") / height
    ems = [max(text_width(texts[column]) for texts in rows) for column in range(4)]
    columns = sum(ems) + 4 * GAP
    size = max(SMALLEST, min(LARGEST, 0.62 * row, 0.67 * width / columns))
    label, estimate, posterior, weight = (em * size / width for em in ems)
    gap = GAP * size / width
    return Layout(
        size=size,
        row=row,
        start=label + gap,
        stop=1 - weight - posterior - estimate - 3 * gap,
        estimate=1 - weight - posterior - 2 * gap,
        posterior=1 - weight - gap,
        weight=1.0,
    )


@lru_cache(maxsize=4096)
def text_width(text: str) -> float:
    """Return the width of bold text in ems."""
    bold = FontProperties(weight="bold", size=100)
    return float(text_to_path.get_text_width_height_descent(text, bold, ismath=False)[0]) / 100


def width_in_characters(ax: Axes, size: float) -> int:
    """Return how many characters of running text of a size in points fit the width of an Axes."""
    return max(20, int(_points(ax, "width") / (0.53 * size)))


def shortened(text: str, most: int = 40) -> str:
    """Return a text of at most ``most`` characters, with an ellipsis where it was longer.

    Examples
    --------
    >>> shortened("Rosenthal et al, 1960", 10)
    'Rosenthal…'
    """
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _points(ax: Axes, side: str) -> float:
    figure = ax.get_figure(root=True)
    dpi = figure.dpi if figure else 100.0
    return float(np.float64(getattr(ax.bbox, side)) * 72 / dpi)
