"""What an estimate and its interval leave possible: a polygon in (mu, SE), exactly."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from bayesmeta.appraisal.audit.finding import Interval
from bayesmeta.appraisal.audit.printed import PrintedRow
from bayesmeta.arrays import Array
from bayesmeta.evidence.measures import Measure

Z = float(ndtri(0.975))

_TINY = 1e-300
_SLACK = 1e-10


@dataclass(frozen=True, slots=True)
class Region:
    """All pairs of estimate and standard error that round to what is printed.

    Estimate m and SE s of an interval m -+ z s obey ``e0 <= m <= e1``, ``l0 <= m - z s <= l1``,
    ``h0 <= m + z s <= h1`` and ``s >= 0``: linear, so the region is a convex polygon. A function
    that is monotone along every line, as m, s and m / s are, has its extremes at the vertices.

    Parameters
    ----------
    vertices : ndarray, shape (n, 2)
        m and s, on the analysis scale; none where nothing rounds to all three numbers.
    df : int or None
        Degrees of freedom of a t interval; None for a normal one.
    """

    vertices: Array
    df: int | None

    @classmethod
    def of(cls, row: PrintedRow, df: int | None = None) -> Self:
        """Return the region of a printed row.

        Examples
        --------
        >>> from bayesmeta.evidence.table import table_of_columns
        >>> from bayesmeta.appraisal.audit.printed import read_printed
        >>> columns = {"outcome": ["C4"], "measure": ["MD"], "estimate": ["-0.01"],
        ...            "ci_low": ["-0.04"], "ci_high": ["0.02"]}
        >>> region = Region.of(read_printed(table_of_columns(columns, "the table"))[0])
        >>> round(region.se.low, 4), round(region.se.high, 4)
        (0.0128, 0.0179)
        """
        z = Z if df is None else float(stdtrit(df, 0.975))
        estimate, low, high = (
            on_scale(x.range, row.measure) for x in (row.estimate, row.ci_low, row.ci_high)
        )
        slopes = np.array([[1, 0], [1, -z], [1, z], [0, 1]])
        upper = np.array([estimate.high, low.high, high.high, np.inf])
        lower = np.array([estimate.low, low.low, high.low, 0.0])
        a, b = np.vstack([slopes, -slopes]), np.concatenate([upper, -lower])
        a, b = a[np.isfinite(b)], b[np.isfinite(b)]
        i, j = np.triu_indices(len(b), 1)
        det = a[i, 0] * a[j, 1] - a[i, 1] * a[j, 0]
        i, j, det = (x[np.abs(det) > _SLACK] for x in (i, j, det))
        m = (b[i] * a[j, 1] - b[j] * a[i, 1]) / det
        s = (a[i, 0] * b[j] - a[j, 0] * b[i]) / det
        points = np.stack([m, s], axis=1)
        slack = _SLACK * np.abs(b).max()
        return cls(points[(points @ a.T <= b + slack).all(axis=1)], df)

    @property
    def empty(self) -> bool:
        """Whether nothing rounds to estimate and limits together."""
        return not len(self.vertices)

    @property
    def mu(self) -> Interval:
        """The range of the estimate."""
        return hull(self.vertices[:, 0])

    @property
    def se(self) -> Interval:
        """The range of the standard error."""
        return hull(np.maximum(self.vertices[:, 1], 0.0))

    @property
    def p(self) -> Interval:
        """The range of the two-sided P value of no effect."""
        m, s = self.vertices[:, 0], np.maximum(self.vertices[:, 1], _TINY)
        z = np.abs(m / s)
        z = np.append(z, 0.0) if m.min() <= 0 <= m.max() else z
        return hull(two_sided(z, self.df))


def two_sided(z: Array | float, df: int | None = None) -> Array:
    """Return the two-sided P of a z, or of a t on df degrees of freedom.

    Examples
    --------
    >>> float(two_sided(1.959963984540054).round(6))
    0.05
    """
    tail = ndtr(-np.abs(z)) if df is None else stdtr(df, -np.abs(z))
    return np.asarray(2 * tail)


def hull(values: Array) -> Interval:
    """Return the smallest interval that holds the values."""
    return Interval(float(np.min(values)), float(np.max(values)))


def on_scale(x: Interval, measure: Measure) -> Interval:
    """Put an interval of the printed scale on the analysis scale.

    Examples
    --------
    >>> from bayesmeta.evidence.measures import measure_named
    >>> on_scale(Interval(1.0, 1.0), measure_named("OR"))
    Interval(low=0.0, high=0.0)
    """
    if not measure.ratio:
        return x
    return Interval(*(float(np.log(max(limit, _TINY))) for limit in (x.low, x.high)))


def off_scale(x: Interval, measure: Measure) -> Interval:
    """Put an interval of the analysis scale on the printed scale."""
    if not measure.ratio:
        return x
    with np.errstate(over="ignore"):
        return Interval(float(np.exp(x.low)), float(np.exp(x.high)))
