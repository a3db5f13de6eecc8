"""What is pooled: effects with variances, and the 2x2 tables behind them where there are any."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from bayesmeta.arrays import Array, ArrayLike, Mask
from bayesmeta.evidence.effects import cells_of_counts, effect_of_counts
from bayesmeta.evidence.study import Convention


@dataclass(frozen=True, slots=True)
class Studies:
    """The studies of one pool, or of a batch of pools.

    A study that is left out has an infinite variance, so its weight is 0 under every method.

    Parameters
    ----------
    y, v : ndarray, shape (..., k)
        Effects on the analysis scale and their variances.
    counts : ndarray, shape (..., k, 4), or None
        events_treatment, n_treatment, events_control, n_control.
    measure : str
        Of the counts: OR, RR or RD; empty without counts.
    """

    y: Array
    v: Array
    counts: Array | None = None
    measure: str = ""

    @classmethod
    def of_effects(cls, y: ArrayLike, se: ArrayLike, mask: Mask | None = None) -> Self:
        """Take effects with their standard errors; ``mask`` is True where there is a study.

        Examples
        --------
        >>> Studies.of_effects([1.0, 2.0, np.nan], [1.0, 0.5, np.nan]).v
        array([1.  , 0.25,  inf])
        """
        y, se = np.asarray(y, dtype=float), np.asarray(se, dtype=float)
        there = np.isfinite(y) & np.isfinite(se)
        there = there if mask is None else there & mask
        return cls(np.where(there, y, 0.0), np.where(there, se * se, np.inf))

    @classmethod
    def of_counts(
        cls,
        counts: ArrayLike,
        measure: str,
        convention: Convention = "metafor",
        mask: Mask | None = None,
    ) -> Self:
        """Take 2x2 tables, their effects by the rules of ``convention``."""
        counts = np.asarray(counts, dtype=float)
        studies = cls.of_effects(*effect_of_counts(counts, measure, convention), mask)
        return replace(studies, counts=counts, measure=measure)

    @classmethod
    def of_o_minus_e(
        cls, o_minus_e: ArrayLike, variance: ArrayLike, mask: Mask | None = None
    ) -> Self:
        """Take log-rank or Peto statistics: the log effect is (O - E) / V, its variance 1 / V.

        References
        ----------
        Yusuf, Peto, Lewis, Collins and Sleight (1985), Progress in Cardiovascular Diseases 27:335.

        Examples
        --------
        >>> Studies.of_o_minus_e([-2.0, 0.0], [4.0, 0.0]).y
        array([-0.5,  0. ])
        """
        o_minus_e, variance = (np.asarray(x, dtype=float) for x in (o_minus_e, variance))
        with np.errstate(divide="ignore", invalid="ignore"):
            return cls.of_effects(o_minus_e / variance, variance**-0.5, mask)

    @property
    def kept(self) -> Mask:
        """Where there is a study to be pooled, shape (..., k)."""
        return np.asarray(np.isfinite(self.v))

    def keeping(self, mask: Mask) -> Self:
        """Return the studies of the mask, which may add dimensions in front."""
        y, v = np.broadcast_arrays(self.y, np.where(mask, self.v, np.inf))
        counts = self.counts
        if counts is not None:
            counts = np.broadcast_to(counts, (*y.shape, 4))
        return replace(self, y=np.where(np.isfinite(v), y, 0.0), v=v, counts=counts)


def peto_studies(studies: Studies) -> Studies:
    """Return Peto's log odds ratios (O - E) / V with variances 1 / V.

    O = a the events under treatment, E = n1 (a + c) / N and
    V = n1 n2 (a + c) (b + d) / (N^2 (N - 1)), hypergeometric. Tables in which nobody or
    everybody has an event have V = 0 and are left out.

    References
    ----------
    Yusuf, Peto, Lewis, Collins and Sleight (1985), Progress in Cardiovascular Diseases 27:335.

    Examples
    --------
    >>> found = peto_studies(Studies.of_counts([[49, 615, 67, 624]], "OR"))
    >>> found.y.round(4), found.v.round(4)
    (array([-0.3261]), array([0.038]))
    """
    assert studies.counts is not None
    a, b, c, d = np.moveaxis(cells_of_counts(studies.counts), -1, 0)
    n1, n2 = a + b, c + d
    n, events = n1 + n2, a + c
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = n1 * n2 * events * (b + d) / (n * n * (n - 1))
        return Studies.of_o_minus_e(a - n1 * events / n, variance, studies.kept)
