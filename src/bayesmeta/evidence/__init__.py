"""What was observed: study tables, effect sizes, analysis files, projects.

Names are loaded when asked for: neither numpy nor pydantic is imported with the package.
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from bayesmeta.evidence.analysis import evidence_from_analysis
    from bayesmeta.evidence.measures import MEASURES, Measure, measure_named
    from bayesmeta.evidence.project import Analysis, Project, bundled_project, new_project
    from bayesmeta.evidence.read import evidence_from_table
    from bayesmeta.evidence.revman import import_review, read_review
    from bayesmeta.evidence.study import (
        Convention,
        Direction,
        Evidence,
        JointSpec,
        LeftOut,
        Pool,
        Published,
        Variant,
    )

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "analysis": ["evidence_from_analysis"],
        "measures": ["MEASURES", "Measure", "measure_named"],
        "project": ["Analysis", "Project", "bundled_project", "new_project"],
        "read": ["evidence_from_table"],
        "revman": ["import_review", "read_review"],
        "study": [
            "Convention",
            "Direction",
            "Evidence",
            "JointSpec",
            "LeftOut",
            "Pool",
            "Published",
            "Variant",
        ],
    },
)

__all__ = [
    "MEASURES",
    "Analysis",
    "Convention",
    "Direction",
    "Evidence",
    "JointSpec",
    "LeftOut",
    "Measure",
    "Pool",
    "Project",
    "Published",
    "Variant",
    "bundled_project",
    "evidence_from_analysis",
    "evidence_from_table",
    "import_review",
    "measure_named",
    "new_project",
    "read_review",
]
