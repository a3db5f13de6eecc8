"""Pools of different sizes, units and priors in one call equal fits one at a time to 1e-9."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesmeta.engines.exact import fit
from bayesmeta.engines.ragged import fit_pools
from bayesmeta.errors import InputError
from bayesmeta.models import model_for
from bayesmeta.priors import mu_prior, tau_prior

FIELDS = ("mean", "sd", "median", "mode", "low", "high")


def difference(one, alone):
    """Return the largest difference of two summaries: locations in SDs, spreads relative."""
    worst = 0.0
    for quantity in alone.of:
        mine, its = one.of[quantity], alone.of[quantity]
        assert mine.median.shape == its.median.shape
        unit = np.where(np.isfinite(its.sd) & (its.sd > 0), its.sd, (its.high - its.low) / 3.92)
        unit = np.where(unit > 0, unit, 1.0)
        for name in FIELDS:
            a, b = getattr(mine, name), getattr(its, name)
            np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
            worst = max(worst, np.nanmax(np.abs(a - b) / unit, initial=0))
        worst = max(worst, np.abs(mine.below_zero - its.below_zero).max())
    worst = max(worst, np.abs(one.weights - alone.weights).max())
    worst = max(worst, np.abs(one.prior_weight - alone.prior_weight).max())
    return max(worst, np.abs(one.log_evidence - alone.log_evidence).max())


def pools(seed, sizes, mu, tau):
    """Return models whose units lie up to eight orders of magnitude apart."""
    rng = np.random.default_rng(seed)
    models = []
    for k in sizes:
        unit = 10.0 ** rng.integers(-4, 5) if mu == "flat" else 1.0
        se = unit * rng.uniform(0.05, 1, k)
        y = unit * rng.normal(0.3, 0.4) + rng.normal(0, np.hypot(se, 0.3 * unit))
        own = tau.format(s=unit * rng.uniform(0.2, 2))
        models.append(model_for(y, se, mu_prior(mu), tau_prior(own)))
    return models


PRIORS = [
    ("flat", "half-normal({s})"),
    ("flat", "half-cauchy({s})"),
    ("flat", "uniform(0, {s})"),
    ("flat", "fixed({s})"),
    ("flat", "uniform-shrinkage"),
    ("flat", "jeffreys"),
    ("normal(0, 1)", "half-normal(0.5)"),
    ("normal(0, 1)", "turner"),
    ("mixture(0.8 normal(0, 0.5), 0.2 normal(0, 10))", "half-normal({s})"),
    ("student-t(4, 0, 1)", "exponential(2)"),
]


@pytest.mark.parametrize(("mu", "tau"), PRIORS)
@pytest.mark.parametrize("interval", ["central", "shortest"])
def test_equal_to_fits_one_at_a_time(mu, tau, interval):
    smallest = 2 if tau == "jeffreys" else 1
    models = pools(7, [smallest, 2, 3, 3, 5, 9, 20, 2], mu, tau)
    found = fit_pools(models, 0.9, interval)
    for one, model in zip(found, models, strict=True):
        _, alone = fit(model, 0.9, interval)
        assert difference(one, alone) < 1e-9


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 30), min_size=1, max_size=12))
def test_any_sizes(seed, sizes):
    models = pools(seed, sizes, "flat", "half-normal({s})")
    told = []
    found = fit_pools(models, quantities=("mu", "theta_new", "tau", "i2"), done=told.append)
    assert sum(told) == len(models)
    for one, model in zip(found, models, strict=True):
        _, alone = fit(model, quantities=("mu", "theta_new", "tau", "i2"))
        assert difference(one, alone) < 1e-9


def test_mixed_families_and_no_pools():
    models = pools(3, [4, 6], "flat", "half-normal({s})")
    models += pools(4, [4, 6], "normal(0, 2)", "fixed(0)")
    for one, model in zip(fit_pools(models), models, strict=True):
        assert difference(one, fit(model)[1]) < 1e-9
    assert fit_pools([]) == []


def test_an_improper_pool_is_refused_before():
    with pytest.raises(InputError, match="improper"):
        pools(1, [1], "flat", "jeffreys")
