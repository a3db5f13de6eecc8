"""The bias of series between which it varies by an unknown SD: integrated over that SD."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import special

from bayesmeta.engines.averaged import averaged
from bayesmeta.engines.axis import Coordinate, Marginal, Side
from bayesmeta.engines.grid import FINER
from bayesmeta.engines.joint import fit_joint
from bayesmeta.engines.joint_summaries import JointSummaries, Movement, movement
from bayesmeta.models.covariance import Hyper
from bayesmeta.models.joint import JointModel
from bayesmeta.priors import TauPrior

_NODES = (6, 9)
"""Of the SD; the change between the two is reported."""

_TOLERANCE = 1e-5
"""Of the fit at each node."""


def fit_over_sd(
    model_at: Callable[[float], JointModel], prior: TauPrior, level: float
) -> tuple[JointSummaries, Movement | None]:
    """Return the summaries of a model, integrated over one more SD, and that SD's.

    Gauss-Legendre in ``sd / (sd + s)``, s the prior's median, with a fit of the joint model at
    each node, weighted by the prior and its marginal likelihood.

    Parameters
    ----------
    model_at : callable
        The model at a value of the SD.
    prior : TauPrior
        Proper.
    level : float
        Of the intervals.
    """
    low, high = prior.support
    if low == high:
        return fit_joint(model_at(low), level)[1], None
    coordinate = Coordinate.of(Hyper("bias_sd", prior, float(prior.ppf(0.5))))
    (before, sd_before), (found, sd) = (_on(coordinate, count, model_at, level) for count in _NODES)
    moves = [
        getattr(found, name).change(getattr(before, name))
        for name in ("mu", "theta_new", "contrasts")
    ]
    error = max(found.numerical_error, *moves, sd.change(sd_before))
    return replace(found, numerical_error=error), sd


def _on(
    coordinate: Coordinate, count: int, model_at: Callable[[float], JointModel], level: float
) -> tuple[JointSummaries, Movement]:
    side, fine = Side.on(coordinate, count), Side.on(coordinate, FINER * count)
    parts = [fit_joint(model_at(sd), level, tolerance=_TOLERANCE) for sd in side.value.tolist()]
    log_evidence = np.array([found.log_evidence for _, found in parts])
    log_f = side.log_rule + side.log_prior + log_evidence
    masses = special.softmax(log_f)
    marginal = Marginal.of(side, masses, log_evidence, fine, 0.0)
    whole = averaged(parts, masses.tolist(), level)
    return replace(whole, log_evidence=float(special.logsumexp(log_f))), movement(
        marginal, level, 2
    )
