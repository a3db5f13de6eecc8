"""The door to the engines: priors meet the data, and an improper posterior is refused."""

from math import log
from typing import Any

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.errors import InputError
from bayesmeta.models.normal import LARGEST_LOG_TAU, NormalNormal
from bayesmeta.priors import MuPrior, TauPrior


def model_for(y: Array, se: Array, mu: MuPrior, tau: TauPrior, name: str = "") -> NormalNormal:
    """Return the model of one pool, a batch of one, its prior on tau bound to the data.

    Parameters
    ----------
    y, se : ndarray, shape (k,)
    mu, tau : priors
    name : str
        Of the pool, for the message.

    Raises
    ------
    InputError
        When the posterior is improper: by the rule of `NormalNormal.moment_exists` at order 0.

    Examples
    --------
    >>> from bayesmeta.priors import Flat, FlatTau
    >>> model_for(np.array([0.1, 0.4]), np.array([0.2, 0.2]), Flat(), FlatTau())
    Traceback (most recent call last):
    bayesmeta.errors.InputError: the posterior is improper: flat on tau and flat on mu need 3
    studies or more, and there are 2; choose a proper prior on tau, such as half-normal(0.5)
    """
    model = NormalNormal(y[None], se[None], mu, tau.bound(se))
    pool = f" of {name}" if name else ""
    k = y.shape[-1]
    reaches = _reaches(model)
    if reaches and not model.moment_exists(0)[0]:
        raise InputError(f"the posterior{pool} is improper: {_needed(model, k)}; {_REMEDY}")
    if not reaches:
        raise InputError(
            f"the posterior{pool} cannot be computed: {_word(k)}, {tau} on tau and {mu} on mu "
            f"leave tau a tail that goes beyond the largest floating point number; {_REMEDY}"
        )
    return model


_REMEDY = "choose a proper prior on tau, such as half-normal(0.5)"


def _needed(model: NormalNormal, k: int) -> str:
    enough = next(n for n in range(k, k + 5) if _proper_with(model, n))
    return (
        f"{model.tau} on tau and {model.mu} on mu need {enough} studies or more, and there "
        f"{'is' if k == 1 else 'are'} {k}"
    )


def _proper_with(model: NormalNormal, k: int) -> bool:
    many: Any = np.ones((1, k))
    return bool(NormalNormal(many, many, model.mu, model.tau).moment_exists(0)[0])


def _reaches(model: NormalNormal) -> bool:
    """Whether all but 1e-10 of the posterior of tau lies where doubles do."""
    power = model.tau.tail_power + float(model.k[0]) - (0 if model.mu.proper else 1) - 1
    if power == 0 and model.tau.log_tails:
        return model.tau.boundary_moments
    if power <= 0 or np.isinf(power):
        return True
    start = max(float(np.ptp(model.y)), float(model.se.max()), 1e-300)
    if np.isfinite(model.tau.typical):
        start = max(start, model.tau.typical)
    return power * (LARGEST_LOG_TAU - log(start)) > 23


def _word(k: int) -> str:
    return "1 study" if k == 1 else f"{k} studies"
