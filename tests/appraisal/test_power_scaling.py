"""Power-scaling sensitivities from draws against those of exact posteriors."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.appraisal.power_scaling import power_scaling
from bayesmeta.engines import exact
from bayesmeta.priors import HalfNormal, Normal

SD, SCALE = 2.0, 0.5


@pytest.fixture(scope="module")
def fit():
    return bm.fit("adverse_events", mu=f"normal(0, {SD})", tau=f"half-normal({SCALE})", draws=5000)


@pytest.fixture(scope="module")
def table(fit):
    return power_scaling(fit, fit.rows[0])


def distance(p, q, step):
    """Cumulative Jensen-Shannon distance, normalised (Kallioinen et al. 2024, equation 8)."""
    middle = (p + q) / 2
    total = sum((x * np.log2(x / middle)).sum() for x in (p, q)) * step
    return np.sqrt(max(total, 0) / ((p + q).sum() * step))


def exactly(fit, quantity, of_mu, of_tau):
    # A half-normal to a power a is one of scale / sqrt(a), a normal about the same mean likewise.
    model = fit.rows[0].posterior.model.in_units_of_data()

    def cdf(power):
        mu = Normal(0, SD / np.sqrt(power if of_mu else 1))
        tau = HalfNormal(SCALE / np.sqrt(power if of_tau else 1))
        posterior, _ = exact.fit(replace(model, mu=mu, tau=tau))
        unit, zero = posterior.model.unit, float(posterior.model.location[0])
        if quantity == "tau":
            of = posterior.heterogeneity
            return of.cdf(of.map.v(grid[None] / unit))[0]
        return posterior.mixture(quantity).cdf((grid - zero) / unit)

    grid = np.linspace(1e-6, 4, 8001) if quantity == "tau" else np.linspace(-15, 15, 20_001)
    base = cdf(1)
    seen = (base > 1e-5) & (base < 1 - 1e-5)  # what 20,000 draws span
    slopes = []
    for power in (0.99, 1.01):
        p, q = base[seen], cdf(power)[seen]
        step = grid[1] - grid[0]
        far = max(distance(p, q, step), distance(1 - p, 1 - q, step))
        slopes.append(far / abs(np.log2(power)))
    return np.mean(slopes)


@pytest.mark.parametrize("quantity", ["mu", "tau", "theta_new"])
@pytest.mark.parametrize("column", ["prior", "prior_mu", "prior_tau"])
def test_against_exact_posteriors(fit, table, quantity, column):
    # Monte Carlo SDs of 20,000 draws, by six seeds: 0.0015, of tau 0.0037; four of them.
    expected = exactly(fit, quantity, column != "prior_tau", column != "prior_mu")
    assert table.loc[quantity, column] == pytest.approx(expected, rel=0.07, abs=0.006)


def test_diagnoses_are_those_of_arviz(fit, table):
    import arviz as az

    tree = fit.to_datatree()
    theirs = az.psense_summary(tree, var_names=["mu", "tau", "theta_new"], round_to=12)
    assert table["prior"].to_numpy() == pytest.approx(theirs["prior"].to_numpy(), abs=1e-9)
    assert table["likelihood"].to_numpy() == pytest.approx(
        theirs["likelihood"].to_numpy(), abs=1e-9
    )
    for name, word in theirs["diagnosis"].items():
        assert table.loc[name, "diagnosis"] == ("" if word == "✓" else word)


def test_flat_and_fixed_priors_have_no_power_to_scale():
    fit = bm.fit("adverse_events", mu="flat", tau="fixed(0.3)")
    table = power_scaling(fit, fit.rows[0])
    assert (table[["prior", "prior_mu", "prior_tau"]] == 0).all(axis=None)
    assert table.loc["tau", "likelihood"] == 0
    assert table.loc["mu", "likelihood"] > 0.05


def test_draws_of_nuts_are_used_where_there_are_any(fit):
    tree = fit.to_datatree()["posterior"]
    drawn = {name: tree[name].to_numpy() for name in ("mu", "tau", "theta", "theta_new")}
    stats = {"diverging": np.zeros(drawn["mu"].shape, dtype=bool)}
    theta_new = drawn.pop("theta_new")
    row = replace(
        fit.rows[0],
        sampled=SimpleNamespace(
            draws=SimpleNamespace(**drawn, sample_stats=stats), theta_new=theta_new
        ),
    )
    again = power_scaling(replace(fit, rows=(row,)), row)
    plain = power_scaling(fit, fit.rows[0])
    assert again["prior"].to_numpy() == pytest.approx(plain["prior"].to_numpy(), rel=1e-12)
