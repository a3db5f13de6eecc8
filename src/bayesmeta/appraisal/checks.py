"""What else is asked of the reference priors, and how far other posteriors are from theirs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from bayesmeta.appraisal.conclusions import BENEFIT
from bayesmeta.appraisal.conflict import Conflict, prior_data_conflict
from bayesmeta.appraisal.distance import hellinger
from bayesmeta.appraisal.prior_size import PriorSize, prior_size
from bayesmeta.appraisal.tipping import Sceptical, Tipping, most_sceptical, tipping_scales
from bayesmeta.arrays import Array, Mask
from bayesmeta.fit import Fit, Row
from bayesmeta.priors import MuPrior, TauPrior

DISTANT = ("mu", "tau", "theta_new")
"""The quantities whose posteriors have a distance."""


@dataclass(frozen=True, slots=True)
class Checks:
    """The reference priors of one pool.

    Attributes
    ----------
    pool : str
        Outcome and time.
    tipping : tuple of Tipping
        The scales of the prior on tau at which mu and theta_new turn; none without a direction.
    sceptical : Sceptical or None
        The most sceptical prior on mu that leaves P(benefit); None without a direction.
    conflict : Conflict
        Whether the data are such as the priors predict.
    size : PriorSize
        What the prior on mu is worth.
    """

    pool: str
    tipping: tuple[Tipping, ...]
    sceptical: Sceptical | None
    conflict: Conflict
    size: PriorSize


def checks_of(row: Row, fit: Fit) -> Checks:
    """Ask all of them of one pool, P(benefit) at `BENEFIT`, intervals at the level of the fit."""
    model, better = row.posterior.model, fit.direction
    return Checks(
        row.pool.label,
        tuple(
            tipping_scales(model, better, name, level=BENEFIT, interval_level=fit.ask.level)
            for name in ("mu", "theta_new")
        )
        if better
        else (),
        most_sceptical(model, better, BENEFIT) if better else None,
        prior_data_conflict(model),
        prior_size(row),
    )


def distances(
    row: Row, mus: Mapping[str, MuPrior], taus: Mapping[str, TauPrior], there: Mask
) -> Array:
    """Return the Hellinger distance of each posterior from that under the reference priors.

    Parameters
    ----------
    there : ndarray of bool, shape (m, t)
        Which posteriors there are.

    Returns
    -------
    ndarray, shape (m, t, 3)
        Of `DISTANT`; ``nan`` where there is no posterior.
    """
    model, priors = row.posterior.model, list(taus.values())
    found = np.full((len(mus), len(taus), len(DISTANT)), np.nan)
    for m, mu in enumerate(mus.values()):
        at = np.flatnonzero(there[m])
        of = hellinger(replace(model, mu=mu), [priors[t] for t in at], model)
        found[m, at] = np.stack([getattr(of, name) for name in DISTANT], -1)
    return found
