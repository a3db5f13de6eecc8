"""The frequentist pools of an outcome: those beside a Bayesian one, and any that is asked for."""

from collections.abc import Iterator
from dataclasses import replace

from bayesmeta.evidence.measures import Measure
from bayesmeta.evidence.study import Convention, Pool
from bayesmeta.frequentist.bootstrap import bootstrap_interval
from bayesmeta.frequentist.names import (
    COMMON_EFFECT,
    INFERENCES,
    METHODS,
    Inference,
    Method,
    Profile,
)
from bayesmeta.frequentist.pool import pool as pooled
from bayesmeta.frequentist.result import FrequentistPool, Limits
from bayesmeta.frequentist.studies import Studies


def frequentist_pools(
    pool: Pool, measure: Measure, convention: Convention = "metafor", level: float = 0.95
) -> tuple[FrequentistPool, ...]:
    """Pool by Mantel-Haenszel where there are counts, inverse variance and DerSimonian-Laird.

    With counts and ``revman5``, DL is RevMan's Mantel-Haenszel random effects: its Q is taken
    around the Mantel-Haenszel estimate.

    Examples
    --------
    >>> from bayesmeta.evidence import evidence_from_table
    >>> data = evidence_from_table({"study": ["A", "B"], "estimate": [1, 2], "se": [1, 1]})
    >>> [pool.method for pool in frequentist_pools(data.pools[0], data.measure)]
    ['IV', 'DL']
    """
    studies = studies_of(pool, measure)
    methods: tuple[Method, ...] = ("IV", "DL") if studies.counts is None else ("MH", "IV", "DL")
    found = (pooled(studies, method, level=level, profile=convention) for method in methods)
    return tuple(one for one in found if one is not None)


def pools_by(
    pool: Pool,
    measure: Measure,
    method: Method | None,
    ci: Inference | None,
    *,
    level: float,
    profile: Profile,
    seed: int,
) -> tuple[FrequentistPool, ...]:
    """Pool by one method, or by all that suit the data, with every prediction interval.

    Parameters
    ----------
    pool : Pool
    measure : Measure
    method : str or None
        None for all.
    ci : str or None
        Of random effects; None for Wald's with one method and for each with all.
    level : float
    profile : str
    seed : int
        Of the bootstrap prediction interval, which is the same under every method.

    Returns
    -------
    tuple of FrequentistPool
        Without those that cannot be estimated.
    """
    studies = studies_of(pool, measure)
    asked = [(method, ci or "wald")] if method else list(_all_that_suit(studies, ci))
    found = [pooled(studies, m, ci=c, level=level, profile=profile) for m, c in asked]
    if pool.k == 1 or all(m in COMMON_EFFECT for m, _ in asked):
        return tuple(one for one in found if one is not None)
    limits = Limits(*bootstrap_interval(studies.y, studies.v, level, seed))
    return tuple(_with_bootstrap(one, limits) for one in found if one is not None)


def studies_of(pool: Pool, measure: Measure) -> Studies:
    """Return the studies of an outcome, with their tables where its measure is of tables."""
    studies = Studies.of_effects(pool.y, pool.se)
    if pool.counts is None or measure.name not in {"OR", "RR", "RD"}:
        return studies
    return replace(studies, counts=pool.counts, measure=measure.name)


def _all_that_suit(studies: Studies, ci: Inference | None) -> Iterator[tuple[Method, Inference]]:
    for method in METHODS:
        if method in COMMON_EFFECT:
            tables = studies.counts is not None and (method == "MH" or studies.measure == "OR")
            if method == "IV" or tables:
                yield method, "wald"
        else:
            yield from ((method, one) for one in ([ci] if ci else INFERENCES))


def _with_bootstrap(pool: FrequentistPool, limits: Limits) -> FrequentistPool:
    if pool.prediction is None:
        return pool
    reasons = {path: why for path, why in pool.reasons.items() if path != "prediction.bootstrap"}
    return replace(pool, prediction={**pool.prediction, "bootstrap": limits}, reasons=reasons)
