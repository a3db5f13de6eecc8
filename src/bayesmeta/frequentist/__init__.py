"""The comparator: RevMan's and metafor's classical pools."""

from bayesmeta.frequentist.counts import mantel_haenszel
from bayesmeta.frequentist.pool import FrequentistPool, dersimonian_laird, inverse_variance
from bayesmeta.frequentist.pools import frequentist_pools

__all__ = [
    "FrequentistPool",
    "dersimonian_laird",
    "frequentist_pools",
    "inverse_variance",
    "mantel_haenszel",
]
