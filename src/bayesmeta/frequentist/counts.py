"""Mantel-Haenszel pools of 2x2 tables."""

import numpy as np

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.evidence.effects import (
    add_half_to_zeros,
    cells_of_counts,
    effect_of_counts,
    not_estimable,
)
from bayesmeta.evidence.study import Convention
from bayesmeta.frequentist.pool import FrequentistPool, cochran_q, wald


def mantel_haenszel(
    counts: ArrayLike,
    measure: str,
    level: float = 0.95,
    convention: Convention = "metafor",
) -> FrequentistPool | None:
    """Pool odds ratios, risk ratios or risk differences by Mantel and Haenszel.

    With cells a, b (treatment), c, d (control), n1, n2 and N = n1 + n2 of each table::

        OR   R = ad/N, S = bc/N        mu = log(sum R / sum S)
        RR   R = a n2/N, S = c n1/N    mu = log(sum R / sum S)
        RD   mu = sum (a n2 - c n1)/N / sum n1 n2/N

    SE of OR by Robins, Breslow and Greenland, of RR by Greenland and Robins, of RD by Sato,
    Greenland and Robins in ``metafor`` and by Greenland and Robins in ``revman5``.

    ``metafor`` pools the tables as they are; its Q takes the study effects with a half added to
    tables with a zero, and no tables without events. ``revman5`` adds the half in the pool too
    and drops, from ratio measures, the tables that have no effect.

    Parameters
    ----------
    counts : array_like, shape (k, 4)
        events_treatment, n_treatment, events_control, n_control.
    measure : {"OR", "RR", "RD"}
    level : float
    convention : {"metafor", "revman5"}

    Returns
    -------
    FrequentistPool or None
        None where it cannot be estimated: no events in one of the arms of all tables, say.

    References
    ----------
    Mantel and Haenszel (1959), J Natl Cancer Inst 22:719. Robins, Breslow and Greenland (1986),
    Biometrics 42:311. Greenland and Robins (1985), Biometrics 41:55. Sato, Greenland and Robins
    (1989), Biometrics 45:1323.

    Examples
    --------
    >>> pool = mantel_haenszel([[2, 12, 2, 6], [3, 20, 9, 20]], "OR")
    >>> [round(float(np.exp(x)), 2) for x in (pool.estimate, pool.ci_low, pool.ci_high)]
    [0.26, 0.07, 0.89]
    """
    counts = np.asarray(counts, dtype=float)
    cells = cells_of_counts(counts)
    y, se = effect_of_counts(counts, measure, convention)
    if convention == "revman5":
        keep = ~not_estimable(cells, measure)
        cells = add_half_to_zeros(cells[keep])
    else:
        keep = cells[:, [0, 2]].any(axis=1) & cells[:, [1, 3]].any(axis=1)
    pooled = {"OR": _odds_ratio, "RR": _risk_ratio, "RD": _risk_difference}[measure](
        cells, convention
    )
    if pooled is None or not keep.any():
        return None
    mu, se_mu = pooled
    q = cochran_q(y[keep], se[keep], mu)
    return wald("MH", mu, se_mu, q, int(keep.sum()), level)


def _odds_ratio(cells: Array, convention: Convention) -> tuple[float, float] | None:
    a, b, c, d = cells.T
    n = cells.sum(axis=1)
    p, q, r, s = (a + d) / n, (b + c) / n, a * d / n, b * c / n
    sum_r, sum_s = r.sum(), s.sum()
    if not (sum_r > 0 and sum_s > 0):
        return None
    v = p @ r / sum_r**2 + (p @ s + q @ r) / (sum_r * sum_s) + q @ s / sum_s**2
    return float(np.log(sum_r / sum_s)), float(np.sqrt(v / 2))


def _risk_ratio(cells: Array, convention: Convention) -> tuple[float, float] | None:
    a, b, c, d = cells.T
    n1, n2, n = a + b, c + d, cells.sum(axis=1)
    r, s = (a * n2 / n).sum(), (c * n1 / n).sum()
    v = ((n1 * n2 * (a + c) - a * c * n) / n**2).sum() / (r * s) if r > 0 and s > 0 else 0.0
    return (float(np.log(r / s)), float(np.sqrt(v))) if v > 0 else None


def _risk_difference(cells: Array, convention: Convention) -> tuple[float, float] | None:
    a, b, c, d = cells.T
    n1, n2, n = a + b, c + d, cells.sum(axis=1)
    weight = (n1 * n2 / n).sum()
    mu = ((a * n2 - c * n1) / n).sum() / weight if weight > 0 else 0.0
    if convention == "metafor":
        within = (c * n1**2 - a * n2**2 + n1 * n2 * (n2 - n1) / 2) / n**2
        v = mu * within.sum() + ((a * d + c * b) / n).sum() / 2
    else:
        v = ((a * b * n2**3 + c * d * n1**3) / (n1 * n2 * n**2)).sum()
    return (float(mu), float(np.sqrt(v) / weight)) if v > 0 and weight > 0 else None
