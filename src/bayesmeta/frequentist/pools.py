"""The frequentist pools of an outcome: those beside a Bayesian one, and every one there is."""

from dataclasses import replace

from bayesmeta.evidence.measures import Measure
from bayesmeta.evidence.study import Convention, Pool
from bayesmeta.frequentist.names import (
    Method,
)
from bayesmeta.frequentist.pool import pool as pooled
from bayesmeta.frequentist.result import FrequentistPool
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


def studies_of(pool: Pool, measure: Measure) -> Studies:
    """Return the studies of an outcome, with their tables where its measure is of tables."""
    studies = Studies.of_effects(pool.y, pool.se)
    if pool.counts is None or measure.name not in {"OR", "RR", "RD"}:
        return studies
    return replace(studies, counts=pool.counts, measure=measure.name)
