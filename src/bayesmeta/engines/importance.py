"""Importance sampling of joint models with more hyperparameters than a grid serves.

Scrambled Sobol points are mapped to a multivariate t at the mode of the posterior of the
hyperparameters, on logits of their bounded coordinates. Several sets give an error.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import special

from bayesmeta.arrays import Array
from bayesmeta.engines.axis import Coordinate
from bayesmeta.engines.grid import Nodes, all_hypers, free, normalised
from bayesmeta.engines.joint import MOST_FREE, JointPosterior, fit_joint
from bayesmeta.engines.joint_summaries import Answer, JointSummaries, Linear, Movement, Question
from bayesmeta.models.covariance import Hyper
from bayesmeta.models.given import JointGiven, Points
from bayesmeta.models.joint import JointModel
from bayesmeta.models.tails import highest_moment

SETS = 8
"""Scrambled sets of points; the error is twice the standard error of a summary by them."""

_POINTS = 1 << 14
_DF = 4.0
"""Degrees of freedom of the proposal: tails heavier than those of most posteriors."""

_FAR = 14.0
"""Logits beyond stand for a millionth of a unit, or a million of them: no posterior is there, and
covariances lose their digits."""

_STEP = 1e-3
"""Of the finite differences at the mode, in logits."""


def fit_importance(
    model: JointModel, level: float = 0.95, at: Points | None = None, seed: int = 1
) -> tuple[JointPosterior, JointSummaries]:
    """Return the posterior and the summaries of a joint model of any number of hyperparameters.

    Good to between 1e-3 and 1e-2: `numerical_error` is twice the standard error of the worst
    summary, from sets of points. It has no marginal densities.

    Parameters
    ----------
    model, level, at
        As in `fit_joint`.
    seed : int
    """
    target = _Target(model, free(model))
    f = len(target.box)
    mode, scale = target.peak(_sobol(f, 1 << 11, seed))
    sets = [
        target.weighed(mode, scale, _sobol(f + 1, _POINTS, seed + number))
        for number in range(1, SETS + 1)
    ]
    weights, log_evidence = normalised(np.concatenate([log_w for _, log_w in sets]) - np.log(SETS))
    phi = np.concatenate([nodes.phi for nodes, _ in sets], 1)
    given = JointGiven.joined([nodes.given for nodes, _ in sets])
    pooled = Nodes(model, phi, weights, log_evidence, given)
    ask = Question(model, model.own_points if at is None else at, level)
    best = _answer(ask, pooled, None)
    changes = [_answer(ask, nodes, best.linear).change(best) for nodes, _ in sets]
    error = 2 * float(np.sqrt(np.mean(np.square(changes)) / SETS))
    return JointPosterior((pooled,)), ask.summaries(pooled, best, error)


def fit_any(
    model: JointModel, level: float = 0.95, tolerance: float | None = None
) -> tuple[JointPosterior, JointSummaries]:
    """Fit a joint model on a grid where one serves, otherwise by importance sampling."""
    if len(free(model)) <= MOST_FREE:
        return fit_joint(model, level, tolerance=tolerance)
    return fit_importance(model, level)


@dataclass(frozen=True, slots=True)
class _Target:
    """The posterior of the free hyperparameters on logits z of their coordinates."""

    model: JointModel
    box: tuple[Coordinate, ...]

    def log_density(self, z: Array) -> tuple[Array, Array, JointGiven]:
        """Log density of z, shape (f, n), the hyperparameters there, and what is given them."""
        values, log_slope = [], np.zeros(z.shape[1])
        for side, logit in zip(self.box, z, strict=True):
            width = side.high - side.low
            value, log_one = side.value(
                side.low + width * special.expit(np.clip(logit, -_FAR, _FAR))
            )
            values.append(value)
            log_slope += log_one + np.log(width) + special.log_expit(logit)
            log_slope += special.log_expit(-logit)
        phi = all_hypers(self.model, np.stack(values))
        given = self.model.given(phi)
        return given.log_likelihood + self.model.log_prior(phi) + log_slope, phi, given

    def weighed(self, mode: Array, scale: Array, u: Array) -> tuple[Nodes, Array]:
        """Return points u of the unit cube, shape (n, f + 1), as nodes, and their log weights."""
        f = len(mode)
        chi2 = 2 * special.gammaincinv(_DF / 2, u[:, f])
        t = special.ndtri(u[:, :f]) * np.sqrt(_DF / chi2)[:, None]
        log_t = special.gammaln((_DF + f) / 2) - special.gammaln(_DF / 2)
        log_t -= f / 2 * np.log(_DF * np.pi) + np.log(abs(np.linalg.det(scale)))
        log_t = log_t - (_DF + f) / 2 * np.log1p((t * t).sum(1) / _DF)
        log_f, phi, given = self.log_density(mode[:, None] + scale @ t.T)
        log_weights = log_f - log_t - np.log(len(u))
        weights, log_evidence = normalised(log_weights)
        return Nodes(self.model, phi, weights, log_evidence, given), log_weights

    def peak(self, u: Array) -> tuple[Array, Array]:
        """Return the mode and a root of the covariance there, from the best of points u.

        Newton's method with derivatives by finite differences, all in one evaluation, and with
        curvatures kept positive.
        """
        z = special.logit(u.T)
        mode, pairs = z[:, self.log_density(z)[0].argmax()], _pairs(len(u.T))
        shifts = np.concatenate([np.zeros((1, len(mode))), pairs, -pairs]).T
        for _ in range(60):
            here, *sides = np.split(
                self.log_density(mode[:, None] + _STEP * shifts)[0], [1, 1 + len(pairs)]
            )
            slopes, bends = (sides[0] - sides[1]) / 2, sides[0] + sides[1] - 2 * here
            gradient, hessian = slopes[: len(mode)] / _STEP, _hessian(bends, len(mode)) / _STEP**2
            curvatures, vectors = np.linalg.eigh(-hessian)
            curvatures = np.maximum(np.abs(curvatures), 0.05)
            step = vectors @ ((vectors.T @ gradient) / curvatures)
            reach = mode[:, None] + step[:, None] * 0.5 ** np.arange(12)
            mode = reach[:, self.log_density(reach)[0].argmax()]
            if np.abs(step).max() < 1e-3:
                break
        return mode, vectors / np.sqrt(curvatures)


def _pairs(f: int) -> Array:
    """Unit vectors, then the sums of two, shape (f (f + 1) / 2, f)."""
    units = np.eye(f)
    return np.array([*units, *(units[i] + units[j] for i, j in combinations(range(f), 2))])


def _hessian(bends: Array, f: int) -> Array:
    """Second derivatives from second differences along the vectors of `_pairs`."""
    hessian = np.diag(bends[:f])
    for (i, j), bend in zip(combinations(range(f), 2), bends[f:], strict=True):
        hessian[i, j] = hessian[j, i] = (bend - bends[i] - bends[j]) / 2
    return hessian


def _sobol(dimensions: int, count: int, seed: int) -> Array:
    from scipy.stats import qmc

    points: Array = qmc.Sobol(dimensions, rng=np.random.default_rng(seed)).random(count)
    return np.clip(points, 1e-12, 1 - 1e-12)


def _answer(ask: Question, nodes: Nodes, before: Linear | None) -> Answer:
    shown = nodes.model.shown(nodes.phi)
    hypers = tuple(_movement(nodes, hyper, value, ask.level) for hyper, value in shown)
    _, linear = ask.linear(nodes, before)
    return Answer(linear, hypers, nodes.log_evidence, np.empty(0))


def _movement(nodes: Nodes, hyper: Hyper, value: Array, level: float) -> Movement:
    """Summarise a hyperparameter by its weighted values."""
    p = np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
    order = value.argsort()
    weights, ranked = nodes.weights[order], value[order]
    cumulated = np.cumsum(weights) - weights / 2
    low, median, high = np.interp(p, cumulated, ranked).tolist()
    mean = float(weights @ ranked)
    sd = float(np.sqrt(weights @ (ranked - mean) ** 2))
    prior, moved = np.full(3, np.nan), np.nan
    if hyper.fixed:
        prior, moved = np.full(3, low), 0.0
    elif hyper.prior.proper:
        prior = hyper.prior.ppf(p[[1, 0, 2]])
        moved = float(np.abs(cumulated - hyper.prior.cdf(ranked)).max())
    highest = highest_moment(nodes.model, hyper.name)
    return Movement(
        hyper.name,
        mean if highest >= 1 else np.nan,
        sd if highest >= 2 else np.nan,
        median,
        low,
        high,
        tuple(prior.tolist()),
        moved,
    )
