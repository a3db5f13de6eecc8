"""Many priors on the hyperparameters of one joint model: the likelihood is computed once.

The grid is drawn without a prior. Priors are products over the axes, so that their weights, and
all that is linear in them, are matrix products. A mixture's CDF is a polynomial through its
values at Gauss-Legendre nodes of x, which are linear in the weights too.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
from scipy import special

from bayesmeta.arrays import Array
from bayesmeta.engines.axis import Marginal, Side
from bayesmeta.engines.grid import FINER, Grid, free, locate, tensor
from bayesmeta.engines.joint import fit_joint
from bayesmeta.engines.joint_summaries import linear_mixture, new_study
from bayesmeta.engines.legendre import gauss_legendre, interpolated
from bayesmeta.engines.mixture import Mixture
from bayesmeta.models.covariance import Hyper
from bayesmeta.models.joint import JointModel, Points
from bayesmeta.models.tails import highest_moment, likelihood_fall
from bayesmeta.priors import FlatTau, RhoPrior, RhoUniform, TauPrior, Uniform

type Priors = Mapping[str, TauPrior | RhoPrior]
"""By the name of a hyperparameter; those not named keep the model's."""

TOLERANCE = 1e-4
"""Priors whose error on the shared nodes is above get nodes of their own."""

_LEVELS = {1: (41, 53), 2: (32, 41), 3: (14, 19), 4: (10, 14)}
_TABLE = 48
"""Values of x at which the CDF of a mixture is worked out."""

_BATCH = 128
"""Priors worked on at once."""


@dataclass(frozen=True, slots=True)
class Swept:
    """Summaries under each of P priors; ``nan`` where a moment does not exist.

    Attributes
    ----------
    mu, theta_new : Linear
        Shape (P, points).
    hypers : dict of Linear
        By name, shape (P,).
    log_evidence, numerical_error : ndarray, shape (P,)
    """

    mu: Linear
    theta_new: Linear
    hypers: dict[str, Linear]
    log_evidence: Array
    numerical_error: Array


def sweep_joint(
    model: JointModel, priors: Sequence[Priors], level: float = 0.95, at: Points | None = None
) -> Swept:
    """Return the summaries of a joint model under each of many priors.

    Priors of one support share a grid, drawn without any of them; those whose error on it is
    above 1e-4 are done again with nodes of their own.

    Parameters
    ----------
    model : JointModel
    priors : sequence of mapping
        Each from names of hyperparameters to priors; those not named keep the model's.
    level, at
        As in `fit_joint`.
    """
    models = [model.under(one) for one in priors]
    points = model.own_points if at is None else at
    groups: dict[tuple[tuple[float, float], ...], list[int]] = defaultdict(list)
    for number, one in enumerate(models):
        groups[tuple(hyper.prior.support for hyper in one.hypers)].append(number)
    order, parts = [], []
    for support, members in groups.items():
        shared = [models[number] for number in members]
        parts.append(_shared(model.under(_widest(model, support)), shared, points, level))
        order += members
    return parts
