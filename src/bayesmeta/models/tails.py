"""Which posterior moments of a joint model exist, and whether its posterior is proper."""

from itertools import combinations

import numpy as np

from bayesmeta.models.between import fall_of_shift
from bayesmeta.models.joint import JointModel
from bayesmeta.priors import TauPrior

_MARGIN = 1 / 16
"""As in the univariate model: what exists by less lies beyond the largest double."""


def highest_moment(model: JointModel, name: str | None = None) -> int:
    """Return the highest of the first two moments of an SD that exist, or of all; -1: improper.

    With prior densities that fall as ``tau_t^-a_t`` and a likelihood that falls as ``L^-e`` when
    some tau grow together like L, the moment of order r of each of those tau is finite when
    ``sum (a_t - 1) + e > r`` for every set of them that it belongs to.
    """
    taus = {hyper.name: at for at, hyper in enumerate(model.hypers[: len(model.between.tau)])}
    priors = {hyper.name: hyper.prior for hyper in model.hypers}
    if name is not None and name not in taus:
        prior = priors.get(name)
        fall = likelihood_fall(model, name)
        room = prior.tail_power - 1 + fall if isinstance(prior, TauPrior) else np.inf
        return max((r for r in (0, 1, 2) if room - r > _MARGIN), default=-1)
    highest = 2
    heavy = [at for at in taus.values() if model.between.tau[at].tail_power < np.inf]
    for size in range(1, len(heavy) + 1):
        for members in combinations(heavy, size):
            if name is None or taus[name] in members:
                highest = min(highest, _highest_of(model, members))
    return highest


def likelihood_fall(model: JointModel, name: str) -> float:
    """Return the power by which the likelihood falls as one SD grows; 0 for a correlation."""
    if model.bias is not None and name == model.bias.name:
        x = model.linear.x[:, model.linear.flat]
        return fall_of_shift(model.bias.studies[model.study], x, model.study)
    taus = [hyper.name for hyper in model.hypers[: len(model.between.tau)]]
    return _fall(model, (taus.index(name),)) if name in taus else 0.0


def _highest_of(model: JointModel, members: tuple[int, ...]) -> int:
    priors = [model.between.tau[at] for at in members]
    room = sum(prior.tail_power - 1 for prior in priors)
    if room + _least_fall(model, members) > 2 + _MARGIN:
        return 2
    room += _fall(model, members)
    boundary = all(prior.boundary_moments for prior in priors)
    orders = [r for r in (0, 1, 2) if room - r > _MARGIN or (room == r and boundary)]
    return max(orders, default=-1)


def _least_fall(model: JointModel, members: tuple[int, ...]) -> int:
    """Return a bound from below that takes no rank of a matrix."""
    whole = len(model.between.tau) < len(model.times) or len(members) == len(model.between.tau)
    inside = model.study if whole else model.study[np.isin(model.slot, members)]
    studies = model.studies if whole else len(set(inside.tolist()))
    return studies - int(model.linear.flat.sum())


def _fall(model: JointModel, members: tuple[int, ...]) -> float:
    x = model.linear.x[:, model.linear.flat]
    return model.between.fall(members, x, model.study, model.slot)
