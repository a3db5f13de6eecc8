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

_LEVELS = (7, 10, 14)
"""Nodes of the SD."""

_ENOUGH = 0.01
"""The change between two levels that is small enough: of ten nodes it is ten times the error."""

_TOLERANCE = 1e-3
"""Of the fit at each node."""

_SPREAD = 3.0
"""Scale of the coordinate in prior medians: of 1 to 3, 3 had errors a tenth as large."""

_MASS = 1e-8
"""Prior mass above the last SD that is looked at."""


def fit_over_sd(
    model_at: Callable[[float], JointModel], prior: TauPrior, level: float, *, check: bool = True
) -> tuple[JointSummaries, Movement | None]:
    """Return the summaries of a model, integrated over one more SD, and that SD's.

    Gauss-Legendre in ``sd / (sd + s)``, s three prior medians, with a fit of the joint model at
    each node, weighted by the prior and its marginal likelihood.

    Parameters
    ----------
    model_at : callable
        The model at a value of the SD.
    prior : TauPrior
        Proper.
    level : float
        Of the intervals.
    check : bool
        Whether more nodes tell how exact the first level is.
    """
    low, high = prior.support
    if low == high:
        return fit_joint(model_at(low), level)[1], None
    whole = Coordinate.of(Hyper("bias_sd", prior, _SPREAD * float(prior.ppf(0.5))))
    most = float(whole.x(prior.ppf(1 - _MASS)))
    coordinate = replace(whole, high=min(most, whole.high))
    found, of_sd = _on(coordinate, _LEVELS[0], model_at, level)
    for count in _LEVELS[1:] if check else ():
        before, sd_before = found, of_sd
        found, of_sd = _on(coordinate, count, model_at, level)
        moves = [
            getattr(found, name).change(getattr(before, name))
            for name in ("mu", "theta_new", "contrasts")
        ]
        error = max(found.numerical_error, *moves, of_sd.change(sd_before))
        found = replace(found, numerical_error=error)
        if error < _ENOUGH:
            break
    return found, of_sd


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
