"""Figures: functions of a result and an Axes; matplotlib waits until one is drawn."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from bayesmeta.plots.forest_plot import forest, forest_figure, save_forest
    from bayesmeta.plots.joint_plot import joint_contours
    from bayesmeta.plots.posterior_plot import posterior_figure, save_posterior
    from bayesmeta.plots.trace_plot import study_trace

# a module named as its function would take the function's place here once it is imported
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "forest_plot": ["forest", "forest_figure", "save_forest"],
        "joint_plot": ["joint_contours"],
        "posterior_plot": ["posterior_figure", "save_posterior"],
        "trace_plot": ["study_trace"],
    },
)

__all__ = [
    "forest",
    "forest_figure",
    "joint_contours",
    "posterior_figure",
    "save_forest",
    "save_posterior",
    "study_trace",
]
