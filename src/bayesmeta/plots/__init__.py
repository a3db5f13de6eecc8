"""Figures: functions of a result and an Axes; matplotlib waits until one is drawn."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from bayesmeta.plots.forest import forest, forest_figure, save_forest

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"forest": ["forest", "forest_figure", "save_forest"]}
)
