"""Reanalysis: every outcome of RevMan reviews, recomputed as RevMan does and fitted exactly."""

from bayesmeta.appraisal.reanalysis.library import Library, reanalyse_folder
from bayesmeta.appraisal.reanalysis.run import reanalyse
from bayesmeta.appraisal.reanalysis.values import Reanalysed, Reanalysis, RevManResult

__all__ = [
    "Library",
    "Reanalysed",
    "Reanalysis",
    "RevManResult",
    "reanalyse",
    "reanalyse_folder",
]
