"""`fit` and its result: labels around the arrays of either engine; and frequentist pools alone."""

from bayesmeta.fit.pooled import Pooled, PooledRow, pool
from bayesmeta.fit.result import Fit, Row, VariantRows
from bayesmeta.fit.run import fit

__all__ = ["Fit", "Pooled", "PooledRow", "Row", "VariantRows", "fit", "pool"]
