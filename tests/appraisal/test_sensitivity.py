"""A grid's posteriors are those of single fits, and its tables say which is which."""

import io
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesmeta as bm
from bayesmeta.appraisal.sensitivity import COLUMNS
from bayesmeta.errors import InputError

TAUS = ["half-normal(0.85)", "half-cauchy(1)", "uniform(0, 4)", "2 * dumouchel", "fixed(0)"]
MUS = ["flat", "normal(0, 4)"]
GRID = bm.Grid.of(tau=TAUS, mu=MUS, leave_one_out=True, alternatives=True)
FIELDS = ("mean", "sd", "median", "ci_low", "ci_high")
SCHOOLS = {
    "study": list("ABCDEFGH"),
    "estimate": [28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16],
    "se": [14.9, 10.2, 16.3, 11.0, 9.4, 11.4, 10.4, 17.6],
}


@pytest.fixture(scope="module")
def sledai():
    return bm.sensitivity("sledai", grid=GRID)


def close(got, want):
    """Equal to 1e-9 in units of the central interval, and missing together."""
    got, want = got[list(FIELDS)].astype(float), want[list(FIELDS)].astype(float)
    width = (want["ci_high"] - want["ci_low"]).to_numpy()[:, None] / 3.92
    np.testing.assert_array_equal(got.isna(), want.isna())
    gap = np.abs(got.to_numpy() - want.to_numpy())
    assert np.nanmax(gap - 1e-9 * width) <= 1e-12


def rows(table, quantities, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return pd.concat([table[table["quantity"] == quantity] for quantity in quantities])


@pytest.mark.parametrize("mu", MUS)
@pytest.mark.parametrize("tau", TAUS)
def test_each_cell_is_a_fit(sledai, mu, tau):
    quantities = ["mu", "tau", "theta_new", "i2"]
    where = {"prior_mu": mu, "prior_tau": tau, "data": "as given", "left_out": ""}
    fit = bm.fit("sledai", mu=mu, tau=tau)
    close(rows(sledai.table(), quantities, **where), rows(fit.summary(), quantities))
    probabilities = rows(sledai.table(), ["mu"], **where)["prob_benefit"]
    np.testing.assert_allclose(probabilities, fit.prob("mu < 0"), atol=1e-9)
    new = rows(sledai.table(), ["theta_new"], **where)["prob_benefit"]
    np.testing.assert_allclose(new, fit.predict()["prob_benefit"], atol=1e-9)


@pytest.mark.parametrize("without", ["C", "G"])
def test_leaving_one_out_is_a_fit_of_the_rest(without):
    taus, mus = ["half-normal(10)", "half-cauchy(5)"], ["flat", "normal(0, 20)"]
    grid = bm.Grid.of(tau=taus, mu=mus, leave_one_out=True)
    found = bm.sensitivity(SCHOOLS, grid=grid, direction="higher")
    kept = [i for i, study in enumerate(SCHOOLS["study"]) if study != without]
    rest = {name: [column[i] for i in kept] for name, column in SCHOOLS.items()}
    quantities = ["mu", "tau", "theta_new"]
    for mu in grid.mus:
        for tau in grid.taus:
            where = {"prior_mu": mu, "prior_tau": tau, "left_out": without}
            fit = bm.fit(rest, mu=mu, tau=tau, direction="higher")
            close(rows(found.table(), quantities, **where), rows(fit.summary(), quantities))


def test_an_alternative_is_a_fit_of_its_rows(sledai):
    # Rows of data/sle_msc/alternatives.csv.
    swapped = {"study": ["a", "b"], "estimate": [-2.0893, 0.0893], "se": [0.5352, 0.5352]}
    fit = bm.fit(swapped, tau="half-cauchy(1)", direction="lower")
    where = {"prior_mu": "flat", "prior_tau": "half-cauchy(1)", "left_out": ""}
    name = "12-months-equal-variances-swapped"
    close(
        rows(sledai.table(), ["mu", "tau", "theta_new"], data=name, **where),
        rows(fit.summary(), ["mu", "tau", "theta_new"]),
    )


def test_other_times_have_no_rows_of_an_alternative(sledai):
    table = sledai.table()
    assert set(table[table["data"] != "as given"]["time"]) == {12.0}
    # One study leaves nobody to leave out.
    assert set(table[table["left_out"] != ""]["time"]) == {12.0}


def test_ratios_are_logs_and_benefit_follows_the_direction():
    grid = bm.Grid.of(tau=["half-normal(0.5)"], mu=["flat"])
    lower = bm.sensitivity("adverse_events", grid=grid)
    higher = bm.sensitivity("adverse_events", grid=grid, direction="higher")
    fit = bm.fit("adverse_events", mu="flat", tau="half-normal(0.5)")
    assert lower.dataset.attrs["scale"] == "log"
    close(rows(lower.table(), ["mu"]), rows(fit.summary(), ["mu"]))
    total = lower.dataset["prob_benefit"] + higher.dataset["prob_benefit"]
    np.testing.assert_allclose(total.sel(quantity=["mu", "theta_new"]), 1)


def test_without_a_direction_nothing_is_a_benefit():
    found = bm.sensitivity(SCHOOLS, grid=bm.Grid.of(tau=["half-normal(10)"]))
    assert found.table()["prob_benefit"].isna().all()
    assert found.dataset["prob_below_zero"].sel(quantity="mu").notnull().all()
    assert {verdict.claim for c in found.conclusions for verdict in c.verdicts} == {"interval"}


def test_the_tidy_table_reads_back(sledai, tmp_path):
    files = sledai.save(tmp_path)
    assert [file.name for file in files] == ["sensitivity.nc", "sensitivity.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sensitivity.csv", "sensitivity.nc"]
    text = files[1].read_text()
    assert tuple(text.splitlines()[0].split(",")) == COLUMNS
    back = pd.read_csv(io.StringIO(text), keep_default_na=False, na_values={
        name: [""] for name in (*FIELDS, "time", "prob_benefit")
    })  # fmt: skip
    pd.testing.assert_frame_equal(back, sledai.table(), check_exact=True)
    quantities = back[back["prob_benefit"].notna()]["quantity"]
    assert {name.removeprefix("joint ") for name in quantities} == {"mu", "theta_new"}


def test_the_dataset_reads_back(sledai, tmp_path):
    sledai.save(tmp_path)
    with xr.open_dataset(tmp_path / "sensitivity.nc", engine="h5netcdf") as back:
        back.load()
        xr.testing.assert_identical(back.drop_vars("hellinger"), sledai.dataset)
        of = sledai.distances
        np.testing.assert_array_equal(back["hellinger"].sel(quantity=of["quantity"]), of)
        assert back.sizes["prior_tau"] == len(TAUS)
        assert back.attrs["reference_tau"] == "half-normal(0.85)"
        assert back.attrs["direction"] == "lower"


def test_every_number_has_its_error(sledai):
    there = sledai.dataset["median"].sel(quantity="mu").notnull()
    assert bool((sledai.dataset["numerical_error"].notnull() == there).all())
    assert float(sledai.dataset["numerical_error"].max()) < 1e-9


def test_the_distance_from_the_reference_is_none_from_itself(sledai):
    own = sledai.distances.sel(prior_mu="flat", prior_tau="half-normal(0.85)")
    np.testing.assert_allclose(own, 0, atol=1e-6)
    others = sledai.distances.sel(prior_mu="normal(0, 4)", quantity="mu")
    assert bool(((others > 1e-3) & (others <= 1)).all())


def test_the_reference_priors_are_asked_where_they_tip():
    grid = bm.Grid.of(tau=["half-normal(0.5)"])
    found = bm.sensitivity("adverse_events", grid=grid, mu="normal(0, 4)", level=0.9)
    (checks,) = found.checks
    of_mu, of_new = checks.tipping
    assert (of_mu.quantity, of_new.quantity) == ("mu", "theta_new")
    (c,) = of_mu.benefit
    at = bm.fit("adverse_events", mu="normal(0, 4)", tau=bm.HalfNormal(0.5 * c))
    assert at.prob("mu < 0") == pytest.approx(0.95, abs=1e-8)
    (c,) = of_new.interval
    at = bm.fit("adverse_events", mu="normal(0, 4)", tau=bm.HalfNormal(0.5 * c), level=0.9)
    assert at.predict()["ci_high"].item() == pytest.approx(0, abs=1e-7)
    at = bm.fit("adverse_events", mu=bm.Normal(0, checks.sceptical.sd))
    assert at.prob("mu < 0") == pytest.approx(0.95, abs=1e-8)
    assert checks.size.unit == "patients"
    assert 0 < checks.conflict.q < 1
    assert 0 < checks.conflict.estimate < 1


def test_an_improper_posterior_is_left_out_and_counted():
    grid = bm.Grid.of(tau=["half-normal(0.85)", "flat"], mu=MUS, leave_one_out=True)
    found = bm.sensitivity("sledai", grid=grid)
    # flat on tau: under flat mu k = 1 (3 times, 2 left out) and 2; under a normal one k = 1.
    assert sum(found.refused.values()) == (3 + 2 + 1) + (3 + 2)
    assert all("the posterior is improper" in reason for reason in found.refused)
    missing = found.dataset["numerical_error"].sel(prior_tau="flat", prior_mu="flat")
    assert bool(missing.isnull().all())
    assert not (found.table()[["prior_mu", "prior_tau"]] == "flat").all(axis=1).any()


def test_a_grid_without_any_posterior_says_why():
    with pytest.raises(InputError, match="need 3 studies or more") as caught:
        bm.sensitivity("sledai", at=12, tau="flat", grid=bm.Grid.of(tau=["flat"]))
    assert "\n" not in str(caught.value)


def test_a_grid_beyond_memory_is_refused():
    taus = [f"half-normal({0.001 * (i + 1)!r})" for i in range(30_000)]
    mus = [f"normal(0, {i + 1})" for i in range(20)]
    with pytest.raises(InputError, match="cells: 1,000,000 at most"):
        bm.sensitivity("sledai", grid=bm.Grid.of(tau=taus, mu=mus))


def test_the_reference_is_the_analysis_s_own_or_the_one_asked_for():
    grid = bm.Grid.of(tau=["half-cauchy(1)"], mu=["flat"])
    own = bm.sensitivity("sledai", at=12, grid=grid)
    assert (own.under.mu, own.under.tau) == ("flat", "half-normal(0.85)")
    assert list(own.dataset["prior_tau"].values) == ["half-cauchy(1)"]
    asked = bm.sensitivity("sledai", at=12, grid=grid, tau="half-normal(2)")
    fit = bm.fit("sledai", at=12, tau="half-normal(2)")
    close(asked.reference.to_dataframe().reset_index().query("quantity == 'mu'").head(1),
          rows(fit.summary(), ["mu"]))  # fmt: skip


def test_a_table_without_a_default_scale_is_compared_with_the_first_proper_prior_of_the_grid():
    with pytest.raises(InputError, match="give one, for instance --prior tau="):
        bm.sensitivity(SCHOOLS)
    found = bm.sensitivity(SCHOOLS, grid=bm.Grid.of(tau=["flat", "half-cauchy(5)"]))
    assert found.under.tau == "half-cauchy(5)"


def test_conclusions_name_the_extremes_and_the_first_that_breaks_them():
    # One study far from no effect: its interval reaches zero once tau may be large.
    grid = bm.Grid.of(tau=[f"fixed({x})" for x in (0, 1, 2, 4)], mu=["flat"])
    data = {"study": ["A"], "estimate": [-3.0], "se": [1.0]}
    found = bm.sensitivity(data, grid=grid, direction="lower", tau="fixed(0)")
    (conclusion,) = found.conclusions
    # Under fixed tau and flat mu, mu ~ N(-3, 1 + tau^2): -3 + 1.96 sqrt(1 + tau^2) < 0 for 0, 1.
    interval, benefit = conclusion.verdicts
    assert (interval.stands, interval.same, interval.of) == (True, 2, 4)
    assert interval.first.tau == "fixed(2)"
    # P(mu < 0) >= 0.95 where 3 / sqrt(1 + tau^2) >= 1.645.
    assert (benefit.stands, benefit.same, benefit.first.tau) == (True, 2, "fixed(2)")
    low = conclusion.moved["ci_low"]
    assert low.low == pytest.approx(-3 - 1.959964 * 17**0.5, rel=1e-6)
    assert (low.low_under.tau, low.high_under.tau) == ("fixed(4)", "fixed(0)")
    # The median is -3 under all of them, up to rounding: the first is named.
    assert conclusion.moved["estimate"].low_under == conclusion.moved["estimate"].high_under


def test_the_record_is_strict_json(sledai):
    found = json.loads(json.dumps(sledai.to_dict(), allow_nan=False))
    assert len(found["rows"]) == len(sledai.table())
    assert tuple(found["rows"][0]) == COLUMNS
    assert found["reference"]["tau"]["text"] == "half-normal(0.85)"
    main = [c for c in found["conclusions"] if c["data"] == "as given" and not c["left_out"]]
    assert [c["time"] for c in main] == [2, 3, 6, 12]
    assert all(len(c["sentences"]) == 2 for c in main)


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        ({"level": 1.5}, "level is 1.5: expected a number between 0 and 1"),
        ({"direction": "down"}, "unknown direction 'down'"),
        ({"at": 7}, "nothing at time 7"),
        ({"tau": "half-norml(1)"}, "did you mean 'half-normal'"),
        ({"grid": bm.Grid.of(tau=["turner"])}, "turner is a prior for OR, and the measure is MD"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(ask, expected):
    with pytest.raises(InputError, match=expected) as caught:
        bm.sensitivity("sledai", **ask)
    assert "\n" not in str(caught.value)
