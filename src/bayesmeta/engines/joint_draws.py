"""Independent draws of everything in a joint model, from the grid of its exact posterior."""

from dataclasses import dataclass

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.engines.grid import Grid, Nodes
from bayesmeta.engines.legendre import gauss_legendre, interpolated
from bayesmeta.models.blocks import Index
from bayesmeta.models.joint import JointModel

_CELLS = 256
"""Of a side, in each of which the density is taken as linear."""

_CHUNK = 2048
"""Draws of hyperparameters made at once, so that memory stays bounded."""


@dataclass(frozen=True, slots=True)
class JointDraws:
    """Draws along the first axis.

    Attributes
    ----------
    phi : ndarray, shape (n, h)
        Hyperparameters, fixed ones among them.
    beta : ndarray, shape (n, p)
    mu, theta_new : ndarray, shape (n, t)
        At the times of the model, covariates at 0.
    theta, replicate : ndarray, shape (n, k, t)
        The effect of each study, and what it would observe were its effect new; the latter
        ``nan`` at times at which it was not seen.
    log_likelihood : ndarray, shape (n, k)
        ``log N(y_i; X_i beta, S_i + T)``.
    """

    phi: Array
    beta: Array
    mu: Array
    theta_new: Array
    theta: Array
    replicate: Array
    log_likelihood: Array


def joint_draws(nodes: Nodes, size: int, rng: np.random.Generator) -> JointDraws:
    """Draw from a posterior.

    The hyperparameters of a grid one after the other, each by inversion of its CDF given those
    before, of importance sampling by their weights; the
    coefficients from their normal; the effects of a study by conditioning a draw of them and of
    its estimates on those observed, ``theta = theta* + C (y - y*)`` with
    ``C = T_all,obs (S_i + T_obs)^-1``.

    References
    ----------
    Doucet (2010), A note on efficient conditional simulation of Gaussian distributions.
    """
    model = nodes.model
    if isinstance(nodes, Grid):
        sizes = np.diff([*range(0, size, _CHUNK), size]).tolist()
        phi = np.concatenate([_hyperparameters(nodes, n, rng) for n in sizes], -1)
    else:
        phi = nodes.phi[:, rng.choice(len(nodes.weights), size, p=nodes.weights)]
    given = model.given(phi)
    beta = given.mean.T + _normal(np.moveaxis(given.covariance, -1, 0), 1, rng)[:, 0]
    between = np.moveaxis(model.between.matrix(phi[: model.split], model.times), -1, 0)
    within = np.ones((size, 1, 1))
    if len(model.error_times) > 1:
        within = np.moveaxis(model.within.matrix(phi[-1], model.error_times), -1, 0)
        within = np.broadcast_to(within, (size, *within.shape[1:]))
    k = model.studies
    effects, other = (_normal(between, k + 1, rng) for _ in range(2))
    errors = _normal(within, k, rng)
    mu = beta @ model.points(model.times).rows.T
    theta, replicate = np.empty((2, size, k, len(model.times)))
    log_likelihood = np.empty((size, k))
    for study in range(k):
        rows = np.flatnonzero(model.study == study)
        slots, (reach_errors, which) = model.slot[rows], _errors(model, rows)
        centre = beta @ _design(model, rows).T
        seen = np.ix_(range(size), slots, slots)
        spread = within[np.ix_(range(size), which, which)]
        covariance = between[seen] + reach_errors @ spread @ reach_errors.T
        noise = errors[:, study, which] @ reach_errors.T
        residual = model.y[rows] - centre[:, slots]
        kept = np.linalg.solve(
            covariance, np.stack([residual, effects[:, study, slots] + noise], -1)
        )
        reach = between[:, :, slots]
        drawn = np.einsum("nts,ns->nt", reach, kept[..., 0] - kept[..., 1])
        theta[:, study] = centre + effects[:, study] + drawn
        replicate[:, study] = np.nan
        replicate[:, study, slots] = centre[:, slots] + other[:, study, slots] + noise
        squares = (residual * kept[..., 0]).sum(-1) + np.linalg.slogdet(covariance)[1]
        log_likelihood[:, study] = -(squares + len(rows) * np.log(2 * np.pi)) / 2
    return JointDraws(phi.T, beta, mu, mu + effects[:, k], theta, replicate, log_likelihood)


def _hyperparameters(grid: Grid, size: int, rng: np.random.Generator) -> Array:
    """Draw the hyperparameters, shape (h, size).

    A polynomial through the square root of their joint density at the nodes is squared.
    """
    root = np.sqrt(grid.weights.reshape(1, *grid.counts))
    for axis, count in enumerate(grid.counts, 1):
        shape = [-1 if at == axis else 1 for at in range(root.ndim)]
        root = root / np.sqrt(gauss_legendre(count)[1]).reshape(shape)
    drawn: list[Array] = []
    edges = np.linspace(-1, 1, _CELLS + 1)
    for side in grid.sides:
        count = len(side.x)
        rest = root**2
        for other in reversed(grid.sides[len(drawn) + 1 :]):
            rest = rest @ gauss_legendre(len(other.x))[1]
        density = (np.sqrt(rest) @ _basis(count, edges).T) ** 2
        t = _inverted(edges, np.broadcast_to(density, (size, len(edges))), rng.random(size))
        drawn.append(side.coordinate.value(side.coordinate.at(t)[0])[0])
        whole = np.broadcast_to(root, (size, *root.shape[1:]))
        root = np.einsum("na,na...->n...", _basis(count, t), whole)
    moving = iter(drawn)
    return np.stack(
        [
            np.full(size, hyper.prior.support[0]) if hyper.fixed else next(moving)
            for hyper in grid.model.hypers
        ]
    )


def _basis(count: int, t: Array) -> Array:
    """Polynomials that are 1 at one node of a rule and 0 at the others, shape (len(t), count)."""
    return np.stack([interpolated(one, t) for one in np.eye(count)], -1)


def _inverted(edges: Array, density: Array, p: Array) -> Array:
    """Return where the CDF of each row of densities, linear between edges, reaches p."""
    width = edges[1] - edges[0]
    mass = (density[:, 1:] + density[:, :-1]) / 2
    cumulated = mass.cumsum(1)
    wanted = p * cumulated[:, -1]
    cell = np.minimum((cumulated < wanted[:, None]).sum(1), mass.shape[1] - 1)
    row = np.arange(len(p))
    left, right = density[row, cell], density[row, cell + 1]
    rest = np.clip(wanted - (cumulated[row, cell] - mass[row, cell]), 0.0, mass[row, cell])
    slope = right - left
    share = 2 * rest / (left + np.sqrt(np.maximum(left**2 + 2 * slope * rest, 0.0)))
    found: Array = edges[cell] + width * np.clip(share, 0.0, 1.0)
    return found


def _normal(covariance: Array, count: int, rng: np.random.Generator) -> Array:
    """Draw ``count`` vectors for each of (n, d, d) covariances, which may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None]
    z = rng.standard_normal((len(covariance), count, covariance.shape[-1]))
    drawn: Array = np.einsum("nts,nks->nkt", root, z)
    return drawn


def _errors(model: JointModel, rows: Index) -> tuple[Array, list[int]]:
    """Return how a study's estimates err by standard errors at which times of the model.

    A change from baseline errs by that of the later value less that of the baseline.
    """
    slots, se = model.slot[rows].tolist(), np.diag(model.se[rows])
    if model.baseline is None:
        return se, slots
    return np.column_stack([-model.baseline[rows], se]), [0, *(slot + 1 for slot in slots)]


def _design(model: JointModel, rows: Index) -> Array:
    """Return the rows of a study's design at all times, its covariates as they are."""
    course = 0 if model.course is None else len(model.course.names)
    return model.points(model.times, model.x[rows[0], course:]).rows
