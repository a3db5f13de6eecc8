"""The comparator: RevMan's and metafor's classical pools."""

from bayesmeta.frequentist.names import (
    COMMON_EFFECT,
    INFERENCES,
    METHODS,
    PROFILES,
    Inference,
    Method,
    Profile,
    known,
)
from bayesmeta.frequentist.pool import inverse_variance, mantel_haenszel, pool, pool_batch
from bayesmeta.frequentist.pools import frequentist_pools, pools_by
from bayesmeta.frequentist.prediction import PREDICTIONS
from bayesmeta.frequentist.result import FrequentistPool, Limits, Pools
from bayesmeta.frequentist.revman import revman_pool
from bayesmeta.frequentist.studies import Studies
from bayesmeta.frequentist.subgroups import (
    SubgroupTest,
    cumulative,
    leave_one_out,
    partition_of_q,
    subgroup_test,
)

__all__ = [
    "COMMON_EFFECT",
    "INFERENCES",
    "METHODS",
    "PREDICTIONS",
    "PROFILES",
    "FrequentistPool",
    "Inference",
    "Limits",
    "Method",
    "Pools",
    "Profile",
    "Studies",
    "SubgroupTest",
    "cumulative",
    "frequentist_pools",
    "inverse_variance",
    "known",
    "leave_one_out",
    "mantel_haenszel",
    "partition_of_q",
    "pool",
    "pool_batch",
    "pools_by",
    "revman_pool",
    "subgroup_test",
]
