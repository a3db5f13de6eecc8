"""Reanalysis: every outcome of RevMan reviews, recomputed as RevMan does and fitted exactly."""

from bayesmeta.appraisal.reanalysis.run import reanalyse
from bayesmeta.appraisal.reanalysis.values import Reanalysed, Reanalysis, RevManResult

__all__ = ["Reanalysed", "Reanalysis", "RevManResult", "reanalyse"]
