"""The joint model of all times over a grid of priors: each row is a fit; what is saved."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesmeta as bm
from bayesmeta.appraisal.conclusions import BENEFIT
from bayesmeta.appraisal.grid_file import read_grid
from bayesmeta.appraisal.sensitivity import COLUMNS
from bayesmeta.appraisal.sensitivity_words import joint_benefit, warnings
from bayesmeta.errors import InputError
from bayesmeta.priors import RhoBeta, RhoFixed

OWN = {"tau": "half-normal(0.85)", "rho": "uniform(0, 1)", "within": "uniform(0, 0.95)"}
GRID = bm.Grid.of(
    tau=["half-normal(0.4)", "half-cauchy(1)"], rho=["beta(2, 1)"], within_correlation=["0.6"]
)


@pytest.fixture(scope="module")
def sledai():
    return bm.sensitivity("sledai", grid=GRID)


def joint_rows(table, tau=OWN["tau"], rho=OWN["rho"], within=OWN["within"]):
    words = [tau]
    words += [f"rho {rho}"] if rho != OWN["rho"] else []
    words += [f"rho within {within}"] if within != OWN["within"] else []
    kept = table["quantity"].str.startswith("joint ") & (table["prior_tau"] == "; ".join(words))
    return table[kept]


@pytest.mark.parametrize(
    "under",
    [
        {},
        {"tau": "half-normal(0.4)"},
        {"tau": "half-cauchy(1)"},
        {"rho": "beta(2, 1)"},
        {"within": "0.6"},
        {"rho": "beta(2, 1)", "within": "0.6"},
    ],
)
def test_each_row_is_a_fit(sledai, under):
    # Isolates which prior goes where; 2e-4 is twice what the sweep tolerates before it fits alone.
    asked = OWN | under
    joint = bm.fit(
        "sledai", tau=asked["tau"], rho=asked["rho"], within_correlation=asked["within"]
    ).joint.numbers
    table = joint_rows(sledai.table(), **under)
    for quantity in ("mu", "theta_new"):
        rows = table[table["quantity"] == f"joint {quantity}"]
        assert rows["time"].tolist() == list(joint.times)
        for row, known in zip(rows.itertuples(), getattr(joint, quantity), strict=True):
            values = [row.median, row.ci_low, row.ci_high]
            np.testing.assert_allclose(
                values,
                [known.median, known.ci_low, known.ci_high],
                atol=2e-4 * (known.ci_high - known.ci_low),
            )
            assert row.prob_benefit == pytest.approx(known.prob_benefit, abs=2e-4)
    (tau,) = table[table["quantity"] == "joint tau"]["median"]
    assert tau == pytest.approx(joint.tau[0].median, rel=2e-4)


def test_priors_on_tau_and_on_correlations_vary_apart(sledai):
    found = [(one.tau, one.rho, one.within_correlation) for one in sledai.joint.triples]
    own = tuple(OWN.values())
    taus = [(tau, *own[1:]) for tau in ("half-normal(0.4)", "half-cauchy(1)")]
    rest = [(own[0], *words) for words in (
        (OWN["rho"], "0.6"), ("beta(2, 1)", OWN["within"]), ("beta(2, 1)", "0.6")
    )]  # fmt: skip
    assert found == [own, *taus, *rest]


def test_the_tidy_table_and_the_dataset_have_the_times(sledai, tmp_path):
    sledai.save(tmp_path)
    back = pd.read_csv(tmp_path / "sensitivity.csv")
    assert tuple(back.columns) == COLUMNS
    of_mu = back[back["quantity"] == "joint mu"]
    assert sorted(set(of_mu["time"])) == [2, 3, 6, 12]
    assert len(of_mu) == 4 * len(sledai.joint.triples)
    assert back[back["quantity"] == "joint rho_between"]["time"].isna().all()
    with xr.open_dataset(tmp_path / "sensitivity.nc", group="joint", engine="h5netcdf") as group:
        xr.testing.assert_identical(group.load(), sledai.joint.dataset)


def test_the_record_says_what_moves_and_by_which_prior(sledai):
    record = json.loads(json.dumps(sledai.to_dict(), allow_nan=False))
    times = {at["time"]: at for at in record["joint"]}
    table = sledai.table()
    rows = table[(table["quantity"] == "joint mu") & (table["time"] == 12)]
    moved = times[12.0]["moved"]["ci_low"]
    least = rows.loc[rows["ci_low"].idxmin()]
    assert moved["low"] == pytest.approx(least["ci_low"])
    assert least["prior_tau"].startswith(moved["low_under"]["tau"])
    assert times[12.0]["benefit"] == int((rows["prob_benefit"] >= BENEFIT).sum())
    assert joint_benefit(sledai, sledai.joint).startswith(
        "P(benefit) is at least 0.95, of 6 priors"
    )


def test_one_time_has_no_joint_model_and_neither_has_a_table():
    assert bm.sensitivity("sledai", at=12, grid=bm.Grid.of(tau=["half-normal(1)"])).joint is None
    pools = {"study": ["A", "B"], "estimate": [0.0, 1.0], "se": [1.0, 1.0]}
    found = bm.sensitivity(pools, grid=bm.Grid.of(tau=["half-normal(1)"]))
    assert found.joint is None
    assert found.to_dict()["joint"] is None


def test_a_prior_on_mu_that_the_joint_model_does_not_take_leaves_the_pools():
    grid = bm.Grid.of(tau=["half-normal(1)"])
    found = bm.sensitivity("sledai", grid=grid, mu="student-t(4, 0, 3)")
    assert found.joint is None
    (line,) = [line for line in warnings(found) if "joint model" in line]
    assert "flat or normal(mean, sd)" in line


def test_an_improper_posterior_is_left_out_and_counted():
    # Four flat means of five estimates: a flat tau needs two more.
    found = bm.sensitivity("sledai", grid=bm.Grid.of(tau=["half-normal(1)", "flat"]))
    assert [one.tau for one in found.joint.triples] == [OWN["tau"], "half-normal(1)"]
    ((reason, count),) = found.joint.refused.items()
    assert count == 1
    assert "improper" in reason
    assert any(reason in line for line in warnings(found))


def test_a_grid_file_has_correlations(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text('rho = "beta(2, 1)"\nwithin_correlation = [0, 0.5]\n')
    grid = read_grid(path)
    assert list(grid.rhos.values()) == [RhoBeta(2, 1)]
    assert grid.within_correlations == {"0": RhoFixed(0), "0.5": RhoFixed(0.5)}
    assert not grid.taus
    path.write_text("within_correlation = [1.5]\n")
    with pytest.raises(InputError, match=r"within_correlation: .* must lie between -1 and 1"):
        read_grid(path)


@pytest.mark.parametrize(
    ("source", "at", "why"),
    [("adverse_events", None, r"the analysis has no \[joint\]"), ("sledai", 12, "time 12 was")],
)
def test_correlations_without_a_joint_model_are_refused(source, at, why):
    with pytest.raises(InputError, match=why):
        bm.sensitivity(source, at=at, grid=bm.Grid.of(rho=["beta(2, 1)"]))
