"""The netCDF of a joint model: dimensions, labels, what is missing, the same bytes twice."""

import numpy as np
import pytest
import xarray as xr

import bayesmeta as bm
from bayesmeta.fit.joint_tree import joint_datatree

TABLE = {
    "study": ["A", "A", "B", "C"],
    "time": [3, 12, 12, 3],
    "estimate": [-1.2, -0.6, 0.1, -0.9],
    "se": [0.4, 0.3, 0.5, 0.2],
}


@pytest.fixture(scope="module")
def fit():
    return bm.fit(TABLE, measure="MD", model="longitudinal", tau="half-normal(0.5)", draws=200)


def test_draws_have_time_and_study(fit):
    tree = joint_datatree(fit, fit.joint)
    posterior = tree["posterior"]
    assert posterior["mu"].dims == ("chain", "draw", "time")
    assert posterior["theta"].dims == ("chain", "draw", "study", "time")
    assert posterior["time"].values.tolist() == [3, 12]
    assert posterior["study"].values.tolist() == ["A", "C", "B"]
    assert dict(posterior.sizes) == {
        "chain": 4, "draw": 200, "time": 2, "study": 3, "coefficient": 2
    }  # fmt: skip
    assert {"tau", "rho_between", "rho_within", "theta_new", "beta"} <= set(posterior.data_vars)
    assert tree["log_likelihood"]["y"].dims == ("chain", "draw", "study")


def test_what_was_not_observed_is_missing(fit):
    tree = joint_datatree(fit, fit.joint)
    observed = tree["observed_data"]["y"]
    assert observed.sel(study="A").values.tolist() == [-1.2, -0.6]
    assert np.isnan(observed.sel(study="B", time=3))
    replicate = tree["posterior_predictive"]["y"]
    assert replicate.sel(study="B", time=3).isnull().all()
    assert replicate.sel(study="B", time=12).notnull().all()


def test_file_and_its_twin(fit, tmp_path):
    for name in "ab":
        fit.save(tmp_path / name)
    first, second = (xr.open_datatree(tmp_path / name / "joint.nc") for name in "ab")
    for group in ("posterior", "posterior_predictive", "log_likelihood", "observed_data"):
        xr.testing.assert_identical(first[group].to_dataset(), second[group].to_dataset())
    assert first.attrs["model"] == "longitudinal"
    assert first.attrs["prior_rho"] == "uniform(0, 1)"
    first.close()
    second.close()


def test_a_tau_a_time_has_the_dimension_of_time():
    fit = bm.fit(
        TABLE, measure="MD", model="longitudinal", tau="half-normal(0.5)", tau_per_time=True,
        rho=0.5, within_correlation=0.5, draws=50,
    )  # fmt: skip
    posterior = joint_datatree(fit, fit.joint)["posterior"]
    assert posterior["tau"].dims == ("chain", "draw", "time")
    assert (posterior["rho_between"] == 0.5).all()
