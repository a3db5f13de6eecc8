"""What RevMan stored, and the same from the studies by RevMan's arithmetic."""

from dataclasses import replace
from math import exp

from bayesmeta.appraisal.reanalysis.values import RevManResult
from bayesmeta.evidence.revman import Outcome, Review, Stored, Subgroup, pool_of
from bayesmeta.evidence.study import Pool
from bayesmeta.frequentist import FrequentistPool, inverse_variance, revman_pool
from bayesmeta.frequentist.pools import studies_of


def stored_result(outcome: Outcome, stored: Stored) -> RevManResult | None:
    """Return what RevMan stored, None where it has no estimate."""
    if stored.estimate is None:
        return None
    return RevManResult(
        "ratio" if outcome.measure.ratio else "natural",
        stored.estimate,
        *(stored.ci_low, stored.ci_high, stored.tau2, stored.q, stored.i2, stored.z),
    )


def recomputed_result(
    review: Review, outcome: Outcome, part: Subgroup | None, pool: Pool
) -> RevManResult | None:
    """Pool as RevMan pools an outcome, or one of its subgroups, with the model it has there.

    Where a review shows subtotals alone, the total that RevMan 5 stores takes the rows of
    subgroups, each with the weight that it has there: it is the inverse-variance mean of the
    subtotals under random effects. (Seen in one review, to 1e-15.)

    Returns
    -------
    RevManResult or None
        None where it cannot be estimated, and where RevMan gives none because totals are off.
    """
    found = _pooled(review, outcome, pool)
    if found is None or not given_by_revman(review, outcome, part):
        return None
    if part is None and outcome.totals == "SUB" and outcome.model == "random":
        found = _of_subtotals(review, outcome, found)
    show = _ratio if outcome.measure.ratio else float
    if (estimate := show(found.estimate)) is None:
        return None
    tau2 = found.tau2
    if tau2 is None and review.profile == "revman5":
        tau2 = 0.0
    return RevManResult(
        "ratio" if outcome.measure.ratio else "natural",
        estimate,
        show(found.ci_low),
        show(found.ci_high),
        tau2,
        found.q,
        None if found.i2 is None else 100 * found.i2,
        None if found.z is None else abs(found.z),
    )


def given_by_revman(review: Review, outcome: Outcome, part: Subgroup | None) -> bool:
    """Say whether RevMan gives this total by the settings of the outcome, or stores it anyway."""
    if outcome.totals == "YES" or (part or outcome).stored.estimate is not None:
        return True
    if outcome.totals == "NO":
        return False
    return part is not None or (review.profile == "revman5" and bool(outcome.subgroups))


def _pooled(review: Review, outcome: Outcome, pool: Pool) -> FrequentistPool | None:
    return revman_pool(
        studies_of(pool, outcome.measure),
        "IV" if outcome.type == "oe" else outcome.method,
        outcome.model,
        tau2=outcome.tau2_method,
        ci=outcome.ci_method,
        level=outcome.level,
        profile=review.profile,
    )


def _ratio(x: float) -> float | None:
    """Return exp(x), None beyond the largest floating point number."""
    return exp(x) if x < _LARGEST else None


_LARGEST = 709.0


def _of_subtotals(review: Review, outcome: Outcome, whole: FrequentistPool) -> FrequentistPool:
    pools = [pool_of(outcome, part)[0] for part in outcome.subgroups]
    parts = [_pooled(review, outcome, pool) for pool in pools if pool is not None]
    there = [part for part in parts if part is not None]
    if not there:
        return whole
    mean = inverse_variance(
        [part.estimate for part in there], [part.se for part in there], outcome.level
    )
    return replace(
        whole,
        estimate=mean.estimate,
        se=mean.se,
        ci_low=mean.ci_low,
        ci_high=mean.ci_high,
        z=mean.z,
        p=mean.p,
    )
