"""`fit` and its result: labels around the arrays of either engine."""

from bayesmeta.fit.result import Fit, Row, VariantRows
from bayesmeta.fit.run import fit

__all__ = ["Fit", "Row", "VariantRows", "fit"]
