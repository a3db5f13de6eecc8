"""The joint posterior of mu and tau, and everything else as a function of tau."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from bayesmeta.arrays import Array
from bayesmeta.engines.quadrature import Nodes, rule
from bayesmeta.errors import InputError
from bayesmeta.fit.hypotheses import settled
from bayesmeta.models import NormalNormal

LEVELS = (0.5, 0.9, 0.95, 0.99)
_TAUS, _MUS, _REACH = 1025, 301, 8.5
"""Points that contour levels are computed from: of v, and of mu within so many SDs at each."""


@dataclass(frozen=True, slots=True)
class Joint:
    """Joint posterior density of mu and tau on a grid, on the analysis scale.

    Attributes
    ----------
    mu, tau : ndarray, shape (m,) and (t,)
    density : ndarray, shape (t, m)
    levels : dict
        By probability, the density whose contour encloses it: the highest-density regions.
    mu_given : ndarray, shape (2, t)
        Mean and SD of mu given tau.
    """

    mu: Array
    tau: Array
    density: Array
    levels: dict[float, float]
    mu_given: Array


@dataclass(frozen=True, slots=True)
class Trace:
    """What is expected of mu and of the study effects at each value of tau.

    Attributes
    ----------
    tau, density : ndarray, shape (t,)
        Values from 0 on, and the posterior density of tau there.
    mu_mean, mu_sd : ndarray, shape (t,)
        Of mu given tau and the data.
    theta_mean, theta_sd : ndarray, shape (k, t)
        Of the effect of each study.
    """

    tau: Array
    density: Array
    mu_mean: Array
    mu_sd: Array
    theta_mean: Array
    theta_sd: Array


def joint_density(
    model: NormalNormal, levels: Sequence[float] = LEVELS, shape: tuple[int, int] = (201, 201)
) -> Joint:
    """Compute the joint density and the levels of its highest-density regions.

    ``p(mu, tau | y) = p(tau | y) p(mu | tau, y)``, the second a normal, or a mixture of them as
    the prior on mu is. The level of probability P is the density d with
    ``P(p(mu, tau | y) >= d) = P``. Where mu given tau is normal with SD s, that is solved for in
    ``P = int (2 Phi(z(tau)) - 1) p(tau | y) dtau``,
    ``z^2 = 2 log(p(tau | y) / (d s sqrt(2 pi)))`` where positive, and encloses P to 1e-5; else d
    is the quantile of the density over 1,025 by 301 points spread as the posterior is, each with
    its mass, good to 1e-3.

    Parameters
    ----------
    model : NormalNormal
        A batch of one, such as ``row.posterior.model``.
    levels : sequence of float
    shape : tuple of int
        Number of values of tau and of mu; the grid holds the widest region.

    References
    ----------
    Roever (2020), J Stat Softw 93(6); Hyndman (1996), American Statistician 50:120, for
    the density quantile.

    Examples
    --------
    >>> from bayesmeta.priors import Flat, HalfNormal
    >>> y, se = np.array([[-0.6, -0.3, -0.9]]), np.array([[0.3, 0.3, 0.4]])
    >>> found = joint_density(NormalNormal(y, se, Flat(), HalfNormal(0.5)), shape=(801, 401))
    >>> cell = (found.mu[1] - found.mu[0]) * (found.tau[1] - found.tau[0])
    >>> round(float(found.density[found.density >= found.levels[0.9]].sum() * cell), 2)
    0.9
    """
    if not levels or not all(0 < level < 1 for level in levels):
        raise InputError("levels of contours are probabilities between 0 and 1")
    model, nodes, unit = _prepared(model, "joint density")
    tau = unit * nodes.tau[0]
    weights, means, sds = _mu_given(model, tau)
    reach = np.where(weights > 1e-9, sds, 0.0) * _REACH
    centre = np.where(weights > 1e-9, means, (weights * means).sum(-1, keepdims=True))
    low, high = (centre - reach).min(-1), (centre + reach).max(-1)
    mu = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, _MUS)
    given = _mixture_density(mu, weights, means, sds)
    mass = given * nodes.weights[0][:, None] * (mu[:, 1] - mu[:, 0])[:, None]
    density_of_tau = _density_of_tau(nodes, unit)
    density = given * density_of_tau[:, None]

    if weights.shape[-1] == 1:
        found = _levels_of_normals(levels, nodes.weights[0], density_of_tau, sds[:, 0])
    else:
        found = _levels_of_points(levels, mass, density)

    inside = density >= min(found.values())
    held = np.flatnonzero(inside.any(-1))
    ends = tau[held[[0, -1]]]
    first = 0.0 if ends[0] < 0.05 * ends[1] else ends[0] - 0.05 * (ends[1] - ends[0])
    bottom, top = model.tau.support
    taus = np.linspace(max(first, bottom), min(1.02 * ends[1], top), shape[0])
    taus = np.clip(taus, 1e-9 * taus[-1], top * (1 - 1e-12))
    pad = 0.03 * np.ptp(mu[inside])
    mus = np.linspace(mu[inside].min() - pad, mu[inside].max() + pad, shape[1])
    weights, means, sds = _mu_given(model, taus)
    mean, sd = _moments(weights, means, sds)
    return Joint(
        mus,
        taus,
        _mixture_density(np.broadcast_to(mus, shape), weights, means, sds)
        * _density_at(model, taus, nodes)[:, None],
        found,
        np.stack([mean, sd]),
    )


def trace(model: NormalNormal, points: int = 201, upto: float = 0.99) -> Trace:
    """Compute mu and the study effects given tau, for tau from 0 to a quantile of its posterior.

    With ``b_i = tau^2 / (se_i^2 + tau^2)``::

        E(theta_i | tau) = b_i y_i + (1 - b_i) E(mu | tau)
        Var(theta_i | tau) = b_i se_i^2 + (1 - b_i)^2 Var(mu | tau)

    Parameters
    ----------
    model : NormalNormal
        A batch of one, such as ``row.posterior.model``.
    points : int
    upto : float
        Probability of the quantile where the values of tau end.

    References
    ----------
    Rubin (1981), J Educ Stat 6:377; `traceplot` of R's
    bayesmeta.

    Examples
    --------
    >>> from bayesmeta.priors import Flat, HalfNormal
    >>> y, se = np.array([[-0.6, -0.3, -0.9]]), np.array([[0.3, 0.3, 0.4]])
    >>> found = trace(NormalNormal(y, se, Flat(), HalfNormal(0.5)))
    >>> found.theta_mean[:, 0].round(3), found.theta_mean[:, -1].round(3)  # all alike at tau = 0
    (array([-0.549, -0.549, -0.549]), array([-0.599, -0.324, -0.858]))
    """
    model, nodes, unit = _prepared(model, "trace against tau")
    cdf = np.cumsum(nodes.weights[0]) - nodes.weights[0] / 2
    tau = np.linspace(0.0, unit * float(np.interp(upto, cdf, nodes.tau[0])), points)
    weights, *of_mu = _mu_given(model, tau)
    effects = model.study_effects(tau[None], model.given(tau[None]))
    means, variances = (np.swapaxes(part[0], -1, -2) for part in effects)
    mean, sd = _moments(weights, *of_mu)
    theta_mean, theta_sd = _moments(weights, means, np.sqrt(variances))
    density = _density_at(model, np.maximum(tau, 1e-9 * tau[-1]), nodes)
    return Trace(tau, density, mean, sd, theta_mean, theta_sd)


def _prepared(model: NormalNormal, what: str) -> tuple[NormalNormal, Nodes, float]:
    """Return the model in the units of the data, many nodes in others, and the unit of those."""
    low, high = model.tau.support
    if low == high:
        raise InputError(f"the prior on tau is a point ({model.tau}): there is no {what}")
    mine = model.in_units_of_data()
    nodes, standard = settled(mine), mine.standardised()
    if nodes.map is not None and nodes.v.shape[-1] < _TAUS:
        nodes = rule(standard, nodes.map, nodes.v[:, 0], nodes.v[:, -1], _TAUS)
    return mine, nodes, float(standard.unit)


def _levels_of_normals(
    levels: Sequence[float], weights: Array, density: Array, sds: Array
) -> dict[float, float]:
    """Bisect the log of the level: mu given tau is inside within z(tau) SDs of its mean.

    On 32 times the nodes, by splines of the logs, for z has a kink where a region ends.
    """
    from scipy.interpolate import CubicSpline

    held = np.flatnonzero(weights > 1e-16)
    at = np.arange(held[0], held[-1] + 1)
    if len(at) < 4:  # all on a few nodes: no curve to follow
        at = np.arange(len(weights))
    fine = np.linspace(at[0], at[-1], 32 * (len(at) - 1) + 1)
    log_peaks = np.log(density[at]) - np.log(sds[at]) - np.log(2 * np.pi) / 2
    log_peak = CubicSpline(at, log_peaks)(fine)
    weights = np.exp(CubicSpline(at, np.log(weights[at]))(fine))
    weights /= weights.sum()
    wanted = np.array(levels, dtype=float)
    low, high = np.full(wanted.shape, log_peak.min() - 80), np.full(wanted.shape, log_peak.max())
    for _ in range(70):
        middle = (low + high) / 2
        half_squares = np.maximum(log_peak - middle[:, None], 0)  # z^2 / 2
        enclosed = special.erf(np.sqrt(half_squares)) @ weights
        low, high = (
            np.where(enclosed > wanted, middle, low),
            np.where(enclosed > wanted, high, middle),
        )
    return {p: float(level) for p, level in zip(levels, np.exp(low), strict=True)}


def _levels_of_points(levels: Sequence[float], mass: Array, density: Array) -> dict[float, float]:
    """Take quantiles of the density over points, each with its mass."""
    order = np.argsort(density, axis=None)[::-1]
    sorted_mass, sorted_density = mass.ravel()[order], density.ravel()[order]
    enclosed = np.cumsum(sorted_mass) - sorted_mass / 2
    return {p: float(np.interp(p, enclosed / enclosed[-1], sorted_density)) for p in levels}


def _density_of_tau(nodes: Nodes, unit: float) -> Array:
    """Posterior density of tau at the nodes, in the units of the data, shape (n,).

    Where it is unbounded at 0 nodes may lie so near that it exceeds every float: cut off there.
    """
    logs = nodes.log_posterior[0] - nodes.log_evidence[0]
    found: Array = np.exp(np.minimum(logs, 600.0)) / unit
    return found


def _density_at(model: NormalNormal, tau: Array, nodes: Nodes) -> Array:
    """Posterior density of tau at any values inside its support, shape (t,)."""
    log_likelihood = model.given(tau[None]).log_likelihood[0]
    low, high = model.tau.support
    log_prior = np.where((tau >= low) & (tau <= high), model.tau.logpdf(tau), -np.inf)
    found: Array = np.exp(log_likelihood + log_prior - nodes.log_evidence[0])
    return found


def _mu_given(model: NormalNormal, tau: Array) -> tuple[Array, Array, Array]:
    """Weights, means and SDs of the normals that mu is at each tau, shape (t, c)."""
    given = model.given(tau[None])
    return given.share[0].T, given.mean[0].T, np.sqrt(given.variance[0].T)


def _mixture_density(mu: Array, weights: Array, means: Array, sds: Array) -> Array:
    """Density of a mixture for each row of mu, shape (t, m); its normals have shape (t, c)."""
    total = np.zeros(mu.shape)
    for weight, mean, sd in zip(weights.T, means.T, sds.T, strict=True):
        u = (mu - mean[:, None]) / sd[:, None]
        total += (weight / sd)[:, None] * np.exp(-u * u / 2)
    found: Array = total / np.sqrt(2 * np.pi)
    return found


def _moments(weights: Array, means: Array, sds: Array) -> tuple[Array, Array]:
    mean = (weights * means).sum(-1)
    off = means - mean[..., None]
    return mean, np.sqrt((weights * (off * off + sds * sds)).sum(-1))
