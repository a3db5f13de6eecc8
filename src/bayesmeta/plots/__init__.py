"""Figures: functions of a result and an Axes; matplotlib waits until one is drawn."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from bayesmeta.plots.benefit_map import benefit_heat_map
    from bayesmeta.plots.bubble_plot import bubble, bubble_figure, save_bubble
    from bayesmeta.plots.comparison_plot import comparison, comparison_figure, save_comparison
    from bayesmeta.plots.course_plot import course, course_figure, save_course
    from bayesmeta.plots.forest_plot import forest, forest_figure, save_forest
    from bayesmeta.plots.joint_plot import joint_contours
    from bayesmeta.plots.posterior_plot import posterior_figure, save_posterior
    from bayesmeta.plots.prior_posterior_plot import prior_posterior
    from bayesmeta.plots.ribbon_plot import interval_ribbon
    from bayesmeta.plots.sensitivity_plot import save_sensitivity, sensitivity_figure
    from bayesmeta.plots.trace_plot import study_trace

# a module named as its function would take the function's place here once it is imported
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "benefit_map": ["benefit_heat_map"],
        "bubble_plot": ["bubble", "bubble_figure", "save_bubble"],
        "course_plot": ["course", "course_figure", "save_course"],
        "comparison_plot": ["comparison", "comparison_figure", "save_comparison"],
        "forest_plot": ["forest", "forest_figure", "save_forest"],
        "joint_plot": ["joint_contours"],
        "posterior_plot": ["posterior_figure", "save_posterior"],
        "prior_posterior_plot": ["prior_posterior"],
        "ribbon_plot": ["interval_ribbon"],
        "sensitivity_plot": ["save_sensitivity", "sensitivity_figure"],
        "trace_plot": ["study_trace"],
    },
)

__all__ = [
    "benefit_heat_map",
    "bubble",
    "bubble_figure",
    "comparison",
    "comparison_figure",
    "course",
    "course_figure",
    "forest",
    "forest_figure",
    "interval_ribbon",
    "joint_contours",
    "posterior_figure",
    "prior_posterior",
    "save_bubble",
    "save_comparison",
    "save_course",
    "save_forest",
    "save_posterior",
    "save_sensitivity",
    "sensitivity_figure",
    "study_trace",
]
