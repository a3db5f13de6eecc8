"""The comparator: RevMan's and metafor's classical pools."""

from bayesmeta.frequentist.names import INFERENCES, METHODS, PROFILES
from bayesmeta.frequentist.pool import inverse_variance, mantel_haenszel, pool, pool_batch
from bayesmeta.frequentist.pools import frequentist_pools
from bayesmeta.frequentist.result import FrequentistPool, Limits, Pools
from bayesmeta.frequentist.studies import Studies

__all__ = [
    "INFERENCES",
    "METHODS",
    "PROFILES",
    "FrequentistPool",
    "Limits",
    "Pools",
    "Studies",
    "frequentist_pools",
    "inverse_variance",
    "mantel_haenszel",
    "pool",
    "pool_batch",
]
