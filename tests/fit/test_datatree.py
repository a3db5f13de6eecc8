"""One pool as an ArviZ DataTree: groups, dimensions, what the draws are, and ArviZ on it."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import bayesmeta as bm

REFERENCES = Path(__file__).parents[1] / "references"
GROUPS = {
    "posterior",
    "posterior_predictive",
    "log_likelihood",
    "log_prior",
    "sample_stats",
    "observed_data",
    "constant_data",
}
PRIOR_GROUPS = {"prior", "prior_predictive"}


@pytest.fixture(scope="module")
def schools():
    return bm.fit(
        REFERENCES / "eight_schools.csv", tau="half-normal(10)", mu="normal(0, 50)", draws=5000
    )


@pytest.fixture(scope="module")
def tree(schools):
    return schools.to_datatree()


def draws(variable):
    return variable.stack(sample=("chain", "draw")).to_numpy()


def test_groups_and_dimensions(tree):
    # DESIGN.md, "What a file of a result holds".
    assert set(tree.children) == GROUPS | PRIOR_GROUPS
    posterior = tree["posterior"]
    assert dict(posterior.sizes) == {"chain": 4, "draw": 5000, "study": 8}
    for name in ("mu", "tau", "theta_new"):
        assert posterior[name].dims == ("chain", "draw")
    assert posterior["theta"].dims == ("chain", "draw", "study")
    assert tree["posterior_predictive"]["y"].dims == ("chain", "draw", "study")
    assert tree["log_likelihood"]["y"].dims == ("chain", "draw", "study")
    assert tree["observed_data"]["y"].dims == ("study",)
    for group in ("posterior", "observed_data", "constant_data", "prior", "log_likelihood"):
        assert tree[group]["study"].to_numpy().tolist() == list("ABCDEFGH")
    np.testing.assert_array_equal(
        tree["observed_data"]["y"], [28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16]
    )


def test_attributes_are_a_record(tree, schools):
    assert tree.attrs["prior_mu"] == "normal(0, 50)"
    assert tree.attrs["prior_tau"] == "half-normal(10)"
    assert tree.attrs["seed"] == schools.seed
    assert tree.attrs["engine"] == "exact"
    assert tree.attrs["inference_library_version"] == bm.__version__
    assert len(tree.attrs["data_sha256"]) == 64
    other = bm.fit({"study": ["A"], "estimate": [1.0], "se": [1.0]}, tau="half-normal(1)")
    assert other.to_datatree().attrs["data_sha256"] != tree.attrs["data_sha256"]


def test_log_likelihood_is_marginal(tree):
    # DESIGN.md: log N(y_i; mu, se_i^2 + tau^2), by scipy at every draw; 1e-12 is rounding.
    y, se = tree["observed_data"]["y"].to_numpy(), tree["constant_data"]["se"].to_numpy()
    mu, tau = (tree["posterior"][name].to_numpy()[..., None] for name in ("mu", "tau"))
    expected = stats.norm.logpdf(y, mu, np.sqrt(se**2 + tau**2))
    np.testing.assert_allclose(tree["log_likelihood"]["y"], expected, rtol=1e-12)


def test_draws_are_of_the_exact_posterior(schools, tree):
    # Isolates the draws of the exact engine, which are independent: every quantile within 5
    # binomial standard errors of its probability, sqrt(p (1 - p) / n).
    found, posterior = schools.rows[0].exact, tree["posterior"]
    of = {name: (getattr(found, name), posterior[name]) for name in ("mu", "tau", "theta_new")}
    of |= {
        study.study: (study.shrunk, posterior["theta"].sel(study=study.study))
        for study in found.studies
    }
    for name, (numbers, variable) in of.items():
        values = draws(variable)
        for p, quantile in (
            (0.025, numbers.ci_low),
            (0.5, numbers.median),
            (0.975, numbers.ci_high),
        ):
            share = np.mean(values <= quantile)
            assert abs(share - p) < 5 * np.sqrt(p * (1 - p) / values.size), (name, p)
        assert abs(values.mean() - numbers.mean) < 5 * numbers.sd / np.sqrt(values.size), name


def test_draws_are_joint(schools, tree):
    # Isolates the joint draw: the covariance of mu with theta_A given by the law of total
    # covariance over the nodes of tau: Cov(mu, theta_i | tau) = (1 - b_i) Var(mu | tau).
    posterior = schools.rows[0].posterior
    nodes, model = posterior.fine, posterior.model
    se2 = model.se[0][:, None] ** 2
    effects, _ = model.study_effects(nodes.tau, nodes.given)
    w, mean, effect = nodes.weights[0], nodes.given.mean[0, 0], effects[0, 0, 0]
    within = (se2 * nodes.given.weights[0])[0] * nodes.given.variance[0, 0]
    e_mu, e_theta = w @ mean, w @ effect
    covariance = model.unit**2 * (w @ (within + (mean - e_mu) * (effect - e_theta)))
    mu, theta = draws(tree["posterior"]["mu"]), draws(tree["posterior"]["theta"].sel(study="A"))
    products = (mu - mu.mean()) * (theta - theta.mean())
    assert abs(products.mean() - covariance) < 5 * products.std() / np.sqrt(mu.size)


def test_replicates_have_the_predictive_variance(schools, tree):
    # Isolates posterior_predictive: y of a replicate of study i with a new study effect,
    # N(mu, se_i^2 + tau^2), so Var = Var(theta_new) + se_i^2. Five standard errors.
    found = schools.rows[0].exact
    for study in found.studies:
        values = draws(tree["posterior_predictive"]["y"].sel(study=study.study))
        squares = (values - found.theta_new.mean) ** 2
        expected = found.theta_new.sd**2 + study.se**2
        assert abs(squares.mean() - expected) < 5 * squares.std() / np.sqrt(values.size)
    np.testing.assert_array_equal(
        tree["posterior_predictive"]["theta_new"], tree["posterior"]["theta_new"]
    )


def test_prior_draws_follow_the_priors(tree):
    # Kolmogorov-Smirnov at 1e-4, with the seed of the fit.
    prior = tree["prior"]
    assert stats.kstest(draws(prior["mu"]), stats.norm(0, 50).cdf).pvalue > 1e-4
    assert stats.kstest(draws(prior["tau"]), stats.halfnorm(scale=10).cdf).pvalue > 1e-4
    y = draws(tree["prior_predictive"]["y"].sel(study="A"))
    # Variance of y: 50^2 + E tau^2 + se^2.
    expected = 50**2 + 10**2 + 14.9**2
    assert np.var(y) == pytest.approx(expected, rel=5 * np.sqrt(2.5 / y.size))


def test_the_log_prior_of_each_parameter(tree):
    posterior, log_prior = tree["posterior"], tree["log_prior"]
    expected = stats.norm.logpdf(posterior["mu"], 0, 50)
    np.testing.assert_allclose(log_prior["mu"], expected, rtol=1e-12)
    expected = stats.halfnorm.logpdf(posterior["tau"], scale=10)
    np.testing.assert_allclose(log_prior["tau"], expected, rtol=1e-12)


def test_no_prior_groups_under_flat_mu():
    fit = bm.fit("sledai", at=12)
    tree = fit.to_datatree()
    assert set(tree.children) == GROUPS
    assert "improper (flat)" in tree.attrs["no_prior"]
    assert tree.attrs["time"] == 12
    assert tree["constant_data"]["status"].to_numpy().tolist() == ["reconstructed"] * 2
    assert "no_prior" not in bm.fit("sledai", at=12, mu="normal(0, 5)").to_datatree().attrs


def test_a_pool_of_several():
    fit = bm.fit("sledai", draws=10)
    assert fit.to_datatree(time=6).attrs["time"] == 6
    with pytest.raises(bm.InputError, match="time 7 was asked, and 0 pools fit"):
        fit.to_datatree(time=7)


def test_netcdf_round_trip(tree, tmp_path, schools):
    (path,) = (path for path in schools.save(tmp_path) if path.suffix == ".nc")
    with xr.open_datatree(path, engine="h5netcdf") as file:
        back = file.load()
    assert set(back.children) == set(tree.children)
    for group in tree.children:
        for name, variable in tree[group].data_vars.items():
            assert back[group][name].dims == variable.dims
            np.testing.assert_array_equal(back[group][name], variable, err_msg=f"{group}/{name}")
    assert {key: str(value) for key, value in back.attrs.items()} == {
        key: str(value) for key, value in tree.attrs.items()
    }


def test_arviz_reads_it(schools, tmp_path):
    # Isolates the conventions of ArviZ 1.x: loo on the marginal log likelihood, a summary.
    import arviz as az

    (path,) = (path for path in schools.save(tmp_path) if path.suffix == ".nc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        back = az.from_netcdf(path)
        loo = az.loo(back)
        table = az.summary(back, var_names=["mu", "tau"])
    assert loo.n_data_points == 8
    # Against the exact leave-one-out predictive density: p(y_i | y_-i) = p(y) / p(y_-i).
    whole = schools.rows[0].exact.log_marginal_likelihood
    y, se = (back[g][n].to_numpy() for g, n in (("observed_data", "y"), ("constant_data", "se")))
    expected = 0.0
    for i in range(8):
        rest = {"study": list("BCDEFGH"), "estimate": np.delete(y, i), "se": np.delete(se, i)}
        without = bm.fit(rest, tau="half-normal(10)", mu="normal(0, 50)")
        expected += whole - without.rows[0].exact.log_marginal_likelihood
    # PSIS of 20,000 draws: the MCSE of elpd is below 0.01 here, and k-hat good.
    assert float(loo.elpd) == pytest.approx(expected, abs=0.05)
    assert list(table.index) == ["mu", "tau"]


def test_one_study_and_a_fixed_tau():
    # The ends of the range of models: no spread of tau, no second study.
    table = {"study": ["A"], "estimate": [1.0], "se": [0.5]}
    tree = bm.fit(table, tau="fixed(0)", draws=50).to_datatree()
    assert np.all(tree["posterior"]["tau"] == 0)
    np.testing.assert_allclose(tree["posterior"]["theta_new"], tree["posterior"]["mu"])
    np.testing.assert_allclose(tree["posterior"]["theta"][..., 0], tree["posterior"]["mu"])
