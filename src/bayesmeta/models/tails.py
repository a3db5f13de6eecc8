"""Which posterior moments of a joint model exist, and whether its posterior is proper."""

from itertools import combinations

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.models.joint import JointModel

_MARGIN = 1 / 16
"""As in the univariate model: what exists by less lies beyond the largest double."""


def highest_moment(model: JointModel, name: str | None = None) -> int:
    """Return the highest of the first two moments of a tau that exist, or of all; -1: improper.

    With prior densities that fall as ``tau_t^-a_t`` and a likelihood that falls as ``L^-e`` when
    the tau of some times grow together like L, the moment of order r of each of those tau is
    finite when ``sum (a_t - 1) + e > r`` for every set of times that it belongs to.
    """
    taus = {hyper.name: at for at, hyper in enumerate(model.hypers[: len(model.between.tau)])}
    if name is not None and name not in taus:
        return 2
    alone = len(taus) == 1
    highest = 2.0
    heavy = [at for at in taus.values() if model.between.tau[at].tail_power < np.inf]
    for size in range(1, len(heavy) + 1):
        for members in combinations(heavy, size):
            if name is None or taus[name] in members:
                slots = range(len(model.times)) if alone else members
                priors = [model.between.tau[at] for at in members]
                tails = sum(prior.tail_power - 1 for prior in priors)
                if tails + _least_fall(model, list(slots)) > 2 + _MARGIN:
                    continue
                room = tails + _fall(model, list(slots))
                boundary = all(prior.boundary_moments for prior in priors)
                orders = [r for r in (0, 1, 2) if room - r > _MARGIN or (room == r and boundary)]
                highest = min(highest, max(orders, default=-1))
    return int(highest)


def likelihood_fall(model: JointModel, name: str) -> float:
    """Return the power by which the likelihood falls as one tau grows; 0 for a correlation."""
    taus = [hyper.name for hyper in model.hypers[: len(model.between.tau)]]
    if name not in taus:
        return 0.0
    return _fall(model, [taus.index(name)] if len(taus) > 1 else list(range(len(model.times))))


def _least_fall(model: JointModel, slots: list[int]) -> int:
    """Return a bound from below that takes no rank of a matrix."""
    every = len(slots) == len(model.times)
    studies = model.studies if every else len(set(model.study[np.isin(model.slot, slots)]))
    return studies - int(model.flat.sum())


def _fall(model: JointModel, slots: list[int]) -> float:
    """Return the power of L by which the likelihood falls as the tau of these times grow like L.

    One for each estimate, less one for each flat coefficient that only they tell of. Where rho can
    be 1, and the prior's density near it is like ``(1 - rho)^(b - 1)``, the part of it where
    ``1 - rho`` is below ``L^-2`` loses ``L^-2b`` but keeps what a study says about differences
    between its times: there it is one for each study.
    """
    x, inside = model.x[:, model.flat], np.isin(model.slot, slots)
    falls = [inside.sum() - (x.shape[1] - _rank(x[~inside]))]
    if len(slots) > 1:
        rho = model.between.correlation.rho
        if rho.support[1] == 1 and rho.support[0] < 1:
            studies, within = np.unique(model.study[inside], return_inverse=True)
            sums = np.zeros((len(studies), x.shape[1]))
            np.add.at(sums, within, x[inside])
            x = x.copy()
            x[inside] -= (sums / np.bincount(within)[:, None])[within]
            ridge = len(studies) - (x.shape[1] - _rank(x)) + 2 * (rho.powers[1] + 1)
            falls.append(ridge)
    return float(min(falls))


def _rank(x: Array) -> int:
    return int(np.linalg.matrix_rank(x)) if x.size else 0
