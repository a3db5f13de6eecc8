"""One pool as an ArviZ DataTree, from draws of either engine."""

import hashlib
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesmeta import __version__
from bayesmeta.arrays import Array
from bayesmeta.engines.exact import Posterior
from bayesmeta.evidence.study import Pool

if TYPE_CHECKING:
    from bayesmeta.fit.result import Fit, Row

_CHAINS = 4


def datatree(fit: "Fit", row: "Row") -> xr.DataTree:
    """Return the groups of one pool, with a named ``study`` dimension.

    ``posterior`` (mu, tau, theta, theta_new), ``posterior_predictive`` (y of a replicate of each
    study with a new study effect, and theta_new), ``prior`` and ``prior_predictive`` (absent
    under an improper prior: the attribute ``no_prior`` says why), ``log_likelihood`` (marginal:
    ``log N(y_i; mu, se_i^2 + tau^2)``), ``log_prior`` (of mu and of tau, up to a constant where one
    is improper), ``sample_stats``, ``observed_data``, ``constant_data``.
    """
    pool, ask = row.pool, fit.ask
    place = zlib.crc32(f"{pool.outcome} {pool.time}".encode())
    rng = np.random.default_rng([fit.seed, place, 2])
    if row.sampled is not None:
        draws = row.sampled.draws
        mu, tau, theta, theta_new = draws.mu, draws.tau, draws.theta, row.sampled.theta_new
        stats: dict[str, Any] = draws.sample_stats
    else:
        mu, tau, theta = _exact_draws(row.posterior, (_CHAINS, fit.draws), rng)
        theta_new = mu + tau * rng.standard_normal(mu.shape)
        stats = {"diverging": np.zeros(mu.shape, bool)}
    variance = pool.se**2 + tau[..., None] ** 2
    residual = pool.y - mu[..., None]
    groups = {
        "posterior": _draws({"mu": mu, "tau": tau, "theta_new": theta_new, "theta": theta}, pool),
        "posterior_predictive": _draws(
            {"y": _replicate(mu, tau, pool, rng), "theta_new": theta_new}, pool
        ),
        "log_likelihood": _draws(
            {"y": -(np.log(2 * np.pi * variance) + residual**2 / variance) / 2}, pool
        ),
        "log_prior": _draws(
            {"mu": ask.mu.logpdf(mu), "tau": row.posterior.model.tau.logpdf(tau)}, pool
        ),
        "sample_stats": _draws(stats, pool),
        "observed_data": xr.Dataset({"y": ("study", pool.y)}, {"study": list(pool.studies)}),
        "constant_data": xr.Dataset(
            {
                "se": ("study", pool.se),
                "status": ("study", [status or "" for status in pool.status]),
            },
            {"study": list(pool.studies)},
        ),
    }
    attrs = _attrs(fit, row)
    priors = (("mu", ask.mu), ("tau", ask.tau))
    improper = [f"on {name} is improper ({prior})" for name, prior in priors if not prior.proper]
    if not improper:
        shape = (1, fit.draws)
        prior_tau = row.posterior.model.tau.rvs(shape, rng)
        prior_mu = ask.mu.rvs(shape, rng)
        prior_new = prior_mu + prior_tau * rng.standard_normal(shape)
        prior_theta = prior_mu[..., None] + prior_tau[..., None] * rng.standard_normal(
            (*shape, pool.k)
        )
        groups["prior"] = _draws(
            {"mu": prior_mu, "tau": prior_tau, "theta_new": prior_new, "theta": prior_theta}, pool
        )
        groups["prior_predictive"] = _draws(
            {"y": _replicate(prior_mu, prior_tau, pool, rng), "theta_new": prior_new}, pool
        )
    else:
        attrs["no_prior"] = f"the prior {' and '.join(improper)}: nothing can be drawn from it"
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = attrs
    return tree


def _exact_draws(
    posterior: Posterior, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Draw mu, tau and the study effects jointly and independently from the exact posterior.

    tau by inversion of its CDF; mu from one of its normals given tau, the rest from theirs.
    """
    model = posterior.model
    size = shape[0] * shape[1]
    tau = np.full((1, size), model.tau.support[0] / model.unit)
    if (of_tau := posterior.heterogeneity) is not None:
        tau = of_tau.map.tau(of_tau.quantile(rng.random(size)))[0]
    given = model.given(tau)
    component = _of_each(given.share[0], rng)
    mean, variance = (
        np.take_along_axis(part[0], component, 0)[0] for part in (given.mean, given.variance)
    )
    mu = mean + np.sqrt(variance) * rng.standard_normal(size)
    kept = tau[0] ** 2 * given.weights[0]
    y, se = model.y[0][:, None], model.se[0][:, None]
    theta = mu + kept * (y - mu) + se * np.sqrt(kept) * rng.standard_normal(kept.shape)
    zero, unit = float(np.asarray(model.location)[0]), model.unit
    return (
        (zero + unit * mu).reshape(shape),
        (unit * tau[0]).reshape(shape),
        (zero + unit * theta).T.reshape(*shape, -1),
    )


def _of_each(share: Array, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw a component for each column by the shares there, (m, n): shape (1, n)."""
    if len(share) == 1:
        return np.zeros(share.shape, dtype=np.intp)
    upto = np.cumsum(share, 0)
    chosen: NDArray[np.intp] = (upto < upto[-1] * rng.random(share.shape[1])).sum(0, keepdims=True)
    return chosen


def _replicate(mu: Array, tau: Array, pool: Pool, rng: np.random.Generator) -> Array:
    spread = np.sqrt(pool.se**2 + tau[..., None] ** 2)
    return mu[..., None] + spread * rng.standard_normal(spread.shape)


def _draws(arrays: dict[str, Array], pool: Pool) -> xr.Dataset:
    chains, draws = next(iter(arrays.values())).shape[:2]
    dims = ("chain", "draw", "study")
    return xr.Dataset(
        {name: (dims[: array.ndim], array) for name, array in arrays.items()},
        {"chain": np.arange(chains), "draw": np.arange(draws)}
        | ({"study": list(pool.studies)} if any(a.ndim == 3 for a in arrays.values()) else {}),
        attrs={"sample_dims": ["chain", "draw"]},
    )


def _attrs(fit: "Fit", row: "Row") -> dict[str, Any]:
    pool = row.pool
    digest = hashlib.sha256(repr((pool.studies, pool.y.tolist(), pool.se.tolist())).encode())
    return {
        "analysis": fit.name,
        "outcome": pool.outcome,
        "time": "" if pool.time is None else pool.time,
        "measure": fit.evidence.measure.name,
        "scale": fit.evidence.measure.scale,
        "model": "normal-normal",
        "prior_mu": str(fit.ask.mu),
        "prior_tau": str(fit.ask.tau),
        "engine": "exact" if row.sampled is None else "nuts",
        "seed": fit.seed,
        "data_sha256": digest.hexdigest(),
        "inference_library": "bayesmeta",
        "inference_library_version": __version__,
        "numpy_version": np.__version__,
        "xarray_version": xr.__version__,
    }
