"""The joint model of an outcome as an ArviZ DataTree, with dimensions study and time."""

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayesmeta import __version__
from bayesmeta.arrays import Array
from bayesmeta.engines.joint_draws import joint_draws
from bayesmeta.fit.joint import Joint

if TYPE_CHECKING:
    from bayesmeta.fit.result import Fit

_CHAINS = 4


def joint_datatree(fit: "Fit", joint: Joint) -> xr.DataTree:
    """Return independent draws from the exact posterior of a joint model.

    ``posterior`` (mu and theta_new by time, theta by study and time, beta by coefficient, tau, the
    correlations), ``posterior_predictive`` (y of a replicate of each study with new effects),
    ``log_likelihood`` (one a study, its effects integrated out), ``sample_stats``,
    ``observed_data`` and ``constant_data``, missing where a study was not seen.
    """
    model = joint.model
    rng = np.random.default_rng([fit.seed, 3])
    draws = joint_draws(joint.main.posterior.coarser.best, _CHAINS * fit.draws, rng)
    taus = len(model.between.tau)
    dims: dict[str, tuple[str, ...]] = {
        "mu": ("time",),
        "theta_new": ("time",),
        "theta": ("study", "time"),
        "beta": ("coefficient",),
        "tau": ("time",) if taus > 1 else (),
    }
    values = {
        "mu": draws.mu,
        "theta_new": draws.theta_new,
        "theta": draws.theta,
        "beta": draws.beta,
        "tau": draws.phi[:, :taus] if taus > 1 else draws.phi[:, 0],
    }
    for hyper, value in model.shown(draws.phi.T)[taus:]:
        values[hyper.name], dims[hyper.name] = value, ()
    coords: dict[str, list[Any]] = {
        "study": list(joint.studies),
        "time": list(joint.numbers.times),
        "coefficient": list(model.names),
    }
    place = np.full((2, model.studies, len(model.times)), np.nan)
    place[:, model.study, model.slot] = model.y, model.se
    seen = {name: coords[name] for name in ("study", "time")}
    tree = xr.DataTree.from_dict(
        {
            "posterior": _draws(values, dims, coords, fit.draws),
            "posterior_predictive": _draws(
                {"y": draws.replicate}, {"y": ("study", "time")}, coords, fit.draws
            ),
            "log_likelihood": _draws(
                {"y": draws.log_likelihood}, {"y": ("study",)}, coords, fit.draws
            ),
            "sample_stats": _draws(
                {"diverging": np.zeros(_CHAINS * fit.draws, bool)}, {"diverging": ()}, {}, fit.draws
            ),
            "observed_data": xr.Dataset({"y": (("study", "time"), place[0])}, seen),
            "constant_data": xr.Dataset({"se": (("study", "time"), place[1])}, seen),
        }
    )
    tree.attrs = _attrs(fit, joint, place)
    return tree


def _draws(
    values: dict[str, Any],
    dims: dict[str, tuple[str, ...]],
    coords: dict[str, list[Any]],
    draws: int,
) -> xr.Dataset:
    used = {dim for name in values for dim in dims[name]}
    return xr.Dataset(
        {
            name: (
                ("chain", "draw", *dims[name]),
                value.reshape(_CHAINS, draws, *value.shape[1:]),
            )
            for name, value in values.items()
        },
        {"chain": np.arange(_CHAINS), "draw": np.arange(draws)}
        | {dim: labels for dim, labels in coords.items() if dim in used},
        attrs={"sample_dims": ["chain", "draw"]},
    )


def _attrs(fit: "Fit", joint: Joint, data: Array) -> dict[str, Any]:
    how = joint.how
    return {
        "analysis": fit.name,
        "outcome": joint.main.pools[0].outcome,
        "measure": fit.evidence.measure.name,
        "scale": fit.evidence.measure.scale,
        "time_unit": fit.evidence.time_unit,
        "model": "longitudinal",
        "mean": how.course,
        "between": how.kind,
        "within": how.within.kind,
        "rho_lag": how.within.lag,
        "prior_mu": str(fit.ask.mu),
        "prior_tau": str(fit.ask.tau),
        "prior_rho": how.rho,
        "prior_within_correlation": str(how.within.rho),
        "engine": "exact",
        "seed": fit.seed,
        "data_sha256": hashlib.sha256(repr((joint.studies, data.tolist())).encode()).hexdigest(),
        "inference_library": "bayesmeta",
        "inference_library_version": __version__,
        "numpy_version": np.__version__,
        "xarray_version": xr.__version__,
    }
