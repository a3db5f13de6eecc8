"""Differences between subgroups, and pools of parts of the studies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from bayesmeta.frequentist.pool import pool
from bayesmeta.frequentist.result import FrequentistPool
from bayesmeta.frequentist.studies import Studies


@dataclass(frozen=True, slots=True)
class SubgroupTest:
    """Test for differences between subgroups: Q, its df and P, and I2 as a fraction."""

    q: float
    df: int
    p: float
    i2: float


def subgroup_test(subgroups: Sequence[FrequentistPool | None]) -> SubgroupTest | None:
    """Test the differences between the estimates of subgroups, as heterogeneity among studies.

    ``Q = sum w (mu_j - mu)^2`` with ``w = SE_j^-2`` and mu their weighted mean. RevMan since 5.1
    does this under every method.

    Parameters
    ----------
    subgroups : sequence of FrequentistPool or None
        None where a subgroup has no estimate: it does not count.

    Returns
    -------
    SubgroupTest or None
        None with fewer than two estimates.

    References
    ----------
    Borenstein and Higgins (2013), Prevention Science 14:134. Deeks and Higgins (2010),
    Statistical algorithms in Review Manager 5.

    Examples
    --------
    >>> parts = [pool(Studies.of_effects(y, [1, 1]), "IV") for y in ([1, 2], [4, 6])]
    >>> round(subgroup_test(parts).q, 12)
    12.25
    """
    there = [one for one in subgroups if one is not None]
    if len(there) < 2:
        return None
    effects = Studies.of_effects([one.estimate for one in there], [one.se for one in there])
    between = pool(effects, "IV")
    return None if between is None else _test(between.q, between.df)


def partition_of_q(
    whole: FrequentistPool, subgroups: Sequence[FrequentistPool | None]
) -> SubgroupTest | None:
    """Test the differences between subgroups by what Q of all studies has beyond theirs.

    ``Q = Q_all - sum Q_j``, the same as `subgroup_test` for inverse variance with a common effect;
    RevMan 5.0 did this for every common-effect method.

    References
    ----------
    Deeks, Altman and Bradburn (2001), in Egger, Davey Smith and Altman, Systematic reviews in
    health care, chapter 15.

    Examples
    --------
    >>> studies = Studies.of_effects([1, 2, 4, 6], [1, 1, 1, 1])
    >>> parts = [pool(Studies.of_effects(y, [1, 1]), "IV") for y in ([1, 2], [4, 6])]
    >>> round(partition_of_q(pool(studies, "IV"), parts).q, 12)
    12.25
    """
    there = [one for one in subgroups if one is not None]
    if len(there) < 2:
        return None
    return _test(whole.q - sum(one.q for one in there), whole.df - sum(one.df for one in there))


def leave_one_out(studies: Studies) -> Studies:
    """Return the studies of one pool k times, each time without one: a batch for `pool_batch`.

    Examples
    --------
    >>> from bayesmeta.frequentist import pool_batch
    >>> pool_batch(leave_one_out(Studies.of_effects([1, 2, 6], [1, 1, 1])), "DL").estimate
    array([4. , 3.5, 1.5])
    """
    return studies.keeping(~np.eye(studies.y.shape[-1], dtype=bool))


def cumulative(studies: Studies) -> Studies:
    """Return the first study of one pool, the first two, and so on: a batch for `pool_batch`.

    Examples
    --------
    >>> from bayesmeta.frequentist import pool_batch
    >>> pool_batch(cumulative(Studies.of_effects([1, 2, 6], [1, 1, 1])), "IV").estimate
    array([1. , 1.5, 3. ])
    """
    return studies.keeping(np.tri(studies.y.shape[-1], dtype=bool))


def _test(q: float, df: int) -> SubgroupTest:
    q = max(q, 0.0)
    return SubgroupTest(q, df, float(chdtrc(df, q)), max(0.0, 1 - df / q) if q > 0 else 0.0)
