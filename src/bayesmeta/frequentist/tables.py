"""Mantel-Haenszel estimates of 2x2 tables."""

from typing import NamedTuple

import numpy as np

from bayesmeta.arrays import Array, Mask
from bayesmeta.evidence.effects import add_half_to_zeros, cells_of_counts
from bayesmeta.evidence.study import Convention
from bayesmeta.frequentist.studies import Studies


class Weighted(NamedTuple):
    """A weighted mean of studies: estimate and SE, shape (...), weights, shape (..., k).

    The weights sum to 1; NaN where there is no estimate.
    """

    estimate: Array
    se: Array
    weights: Array


def mantel_haenszel_mean(studies: Studies, convention: Convention) -> Weighted:
    """Pool odds ratios, risk ratios or risk differences by Mantel and Haenszel.

    With cells a, b (treatment), c, d (control), n1, n2 and N = n1 + n2 of each table::

        OR   R = ad/N, S = bc/N        mu = log(sum R / sum S)            weights S
        RR   R = a n2/N, S = c n1/N    mu = log(sum R / sum S)            weights S
        RD   W = n1 n2/N               mu = sum (a n2 - c n1)/N / sum W   weights W

    SE of OR by Robins, Breslow and Greenland, of RR by Greenland and Robins, of RD by Sato,
    Greenland and Robins in ``metafor`` and by Greenland and Robins in ``revman5``.

    ``metafor`` takes the tables as they are, ``revman5`` with a half added to all four cells of
    those with a zero. There is no estimate without events in one of the arms of all tables, say.

    References
    ----------
    Mantel and Haenszel (1959), J Natl Cancer Inst 22:719. Robins, Breslow and Greenland (1986),
    Biometrics 42:311. Greenland and Robins (1985), Biometrics 41:55. Sato, Greenland and Robins
    (1989), Biometrics 45:1323. Deeks and Higgins (2010), Statistical algorithms in Review
    Manager 5.
    """
    assert studies.counts is not None
    cells = cells_of_counts(studies.counts)
    if convention == "revman5":
        cells = add_half_to_zeros(cells)
    pooled = {"OR": _odds_ratio, "RR": _risk_ratio, "RD": _risk_difference}[studies.measure]
    cells = np.where(studies.kept[..., None], cells, 1.0)  # left out, but not to divide by 0
    return pooled(cells, studies.kept, convention)


def telling(studies: Studies, convention: Convention) -> Studies:
    """Return the studies that count in Q and its degrees of freedom.

    In ``metafor`` those in which some and not all patients have an event.
    """
    assert studies.counts is not None
    if convention == "revman5":
        return studies
    cells = cells_of_counts(studies.counts)
    return studies.keeping(cells[..., [0, 2]].any(axis=-1) & cells[..., [1, 3]].any(axis=-1))


def _odds_ratio(cells: Array, kept: Mask, convention: Convention) -> Weighted:
    a, b, c, d = np.moveaxis(cells, -1, 0)
    n = cells.sum(axis=-1)
    p, q = (a + d) / n, (b + c) / n
    r, s = kept * (a * d / n), kept * (b * c / n)
    sum_r, sum_s = r.sum(axis=-1), s.sum(axis=-1)
    v = (
        (p * r).sum(axis=-1) / sum_r**2
        + (p * s + q * r).sum(axis=-1) / (sum_r * sum_s)
        + (q * s).sum(axis=-1) / sum_s**2
    ) / 2
    return _of_ratio(sum_r, sum_s, v, s)


def _risk_ratio(cells: Array, kept: Mask, convention: Convention) -> Weighted:
    a, b, c, d = np.moveaxis(cells, -1, 0)
    n1, n2, n = a + b, c + d, cells.sum(axis=-1)
    r, s = kept * (a * n2 / n), kept * (c * n1 / n)
    sum_r, sum_s = r.sum(axis=-1), s.sum(axis=-1)
    spread = kept * (n1 * n2 * (a + c) - a * c * n) / n**2
    return _of_ratio(sum_r, sum_s, spread.sum(axis=-1) / (sum_r * sum_s), s)


def _of_ratio(sum_r: Array, sum_s: Array, v: Array, s: Array) -> Weighted:
    there = (sum_r > 0) & (sum_s > 0) & (v > 0)
    estimate = np.where(there, np.log(sum_r / sum_s), np.nan)
    return Weighted(estimate, np.where(there, np.sqrt(v), np.nan), s / sum_s[..., None])


def _risk_difference(cells: Array, kept: Mask, convention: Convention) -> Weighted:
    a, b, c, d = np.moveaxis(cells, -1, 0)
    n1, n2, n = a + b, c + d, cells.sum(axis=-1)
    weight = kept * (n1 * n2 / n)
    total = weight.sum(axis=-1)
    mu = (kept * (a * n2 - c * n1) / n).sum(axis=-1) / total
    if convention == "metafor":
        within = (c * n1**2 - a * n2**2 + n1 * n2 * (n2 - n1) / 2) / n**2
        v = mu * (kept * within).sum(axis=-1) + (kept * (a * d + c * b) / n).sum(axis=-1) / 2
    else:
        v = (kept * (a * b * n2**3 + c * d * n1**3) / (n1 * n2 * n**2)).sum(axis=-1)
    there = (v > 0) & (total > 0)
    se = np.where(there, np.sqrt(v) / total, np.nan)
    return Weighted(np.where(there, mu, np.nan), se, weight / total[..., None])
