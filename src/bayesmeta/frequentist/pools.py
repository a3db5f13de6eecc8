"""The frequentist pools that are shown beside a Bayesian one."""

from bayesmeta.evidence.measures import Measure
from bayesmeta.evidence.study import Convention, Pool
from bayesmeta.frequentist.counts import mantel_haenszel
from bayesmeta.frequentist.pool import FrequentistPool, dersimonian_laird, inverse_variance


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
    mh = None
    if pool.counts is not None and measure.name in {"OR", "RR", "RD"}:
        mh = mantel_haenszel(pool.counts, measure.name, level, convention)
    centre = mh.estimate if mh is not None and convention == "revman5" else None
    return (
        *(() if mh is None else (mh,)),
        inverse_variance(pool.y, pool.se, level),
        dersimonian_laird(pool.y, pool.se, level, centre),
    )
