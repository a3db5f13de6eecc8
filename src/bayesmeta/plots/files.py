"""Figures as files: the same bytes for the same figure, whatever style the user has set."""

from collections.abc import Callable
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from bayesmeta.fit.save import folder_for, whole

MOST_PIXELS = 20_000
"""Of height, beyond which a PNG is drawn coarser."""


def save(draw: Callable[[], Figure], folder: str | Path, name: str) -> list[Path]:
    """Write ``<name>.png`` and ``<name>.svg`` into a folder, atomically, and return their paths."""
    folder = folder_for(Path(folder))
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    with matplotlib.style.context({"svg.hashsalt": "bayesmeta"}, after_reset=True):
        figure = draw()
        with whole(png) as path:
            figure.savefig(path, dpi=min(150.0, MOST_PIXELS / figure.get_figheight()))
        with whole(svg) as path:
            figure.savefig(path, metadata={"Date": None})
    return [png, svg]
