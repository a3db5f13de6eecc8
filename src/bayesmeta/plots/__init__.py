"""Figures: functions of a result and an Axes; matplotlib waits until one is drawn."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from bayesmeta.plots.forest_plot import forest, forest_figure, save_forest

# a module named as its function would take the function's place here once it is imported
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"forest_plot": ["forest", "forest_figure", "save_forest"]}
)

__all__ = ["forest", "forest_figure", "save_forest"]
