"""A sweep equals one-at-a-time fits, to 1e-9 in DESIGN.md's units."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesmeta.engines import exact
from bayesmeta.engines.sweep import sweep, sweep_grid
from bayesmeta.errors import InputError
from bayesmeta.models import NormalNormal
from bayesmeta.priors import Fixed, Flat, HalfCauchy, HalfNormal, Normal, Uniform, tau_prior
from bayesmeta.priors.text import TAU_FAMILIES

Y = np.array([28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16])
SE = np.array([14.9, 10.2, 16.3, 11.0, 9.4, 11.4, 10.4, 17.6])
SCALES = (0.3, 5.0, 40.0)
BY_SCALE = [
    "half-normal({s})",
    "half-cauchy({s})",
    "half-student-t(4, {s})",
    "half-student-t(80, {s})",
    "half-logistic({s})",
    "exponential({rate})",
    "pc({s}, 0.05)",
    "lomax(1, {s})",
    "lomax(6, {s})",
    "log-normal({log}, 0.7)",
    "log-student-t(5, {log}, 0.8)",
    "inverse-gamma(1, {square})",
    "inverse-gamma(0.4, {square})",
    "gamma(0.2, {rate})",
    "gamma(2, {rate})",
    "weibull(0.6, {s})",
    "weibull(2, {s})",
    "uniform(0, {s})",
    "uniform({s}, {above})",
    "fixed({s})",
]
NO_SCALE = [
    "fixed(0)",
    "half-cauchy(0.001)",
    "half-cauchy(1000)",
    "uniform(0, 0.001)",
    "uniform(30, 31)",
    "conventional",
    "dumouchel",
    "uniform-shrinkage",
    "i2-uniform",
    "turner(pain, pharmacological vs control)",
    "rhodes(pain, pharmacological vs placebo)",
]
NEED_THREE = ["flat", "sqrt", "jeffreys", "overall-jeffreys", "berger-deely"]
MUS = [Flat(), Normal(0, 50)]
TEN_MUS = [Flat(), *(Normal(m, s) for m in (-60, 0, 10) for s in (1, 10, 100))]
CONTRADICTION = np.array([0.0, 100.0, 95.0]), np.array([1.0, 1.3, 2.0])
ONE_HEAVY = np.array([0.0, 1.0, -1.0, 2.0, 0.5]), np.array([0.03, 1.0, 1.2, 0.9, 1.5])


def priors(k):
    texts = [
        form.format(s=s, rate=1 / s, log=np.log(s), square=s * s, above=1.4 * s)
        for form in BY_SCALE
        for s in SCALES
    ]
    return [tau_prior(text) for text in texts + NO_SCALE + (NEED_THREE if k > 2 else [])]


def one_fit(y, se, mu, tau):
    return exact.fit(NormalNormal(y[None], se[None], mu, tau.bound(se)))[1]


def assert_same(many, at, one, what):
    for quantity, summary in many.of.items():
        alone = one.of[quantity]
        width = (alone.high[0] - alone.low[0]) / 3.92
        for field in ("mean", "sd", "median", "low", "high", "below_zero"):
            got, want = getattr(summary, field)[at], getattr(alone, field)[0]
            assert np.isnan(got) == np.isnan(want), (what, quantity, field)
            unit = 1.0 if field == "below_zero" else width
            if got != want and not np.isnan(want):
                assert abs(got - want) < 1e-9 * unit, (what, quantity, field)
    assert many.log_evidence[at] == pytest.approx(one.log_evidence[0], abs=1e-9)
    assert many.weights[at] == pytest.approx(one.weights[0], abs=1e-9)
    assert many.prior_weight[at] == pytest.approx(one.prior_weight[0], abs=1e-9)


def test_every_family_is_swept():
    assert {prior.name for prior in priors(3)} == {family.name for family in TAU_FAMILIES}


@pytest.mark.parametrize("k", [2, 3, 8])
@pytest.mark.parametrize("mu", MUS)
def test_equals_one_at_a_time(k, mu):
    y, se, taus = Y[:k], SE[:k], priors(k)
    many = sweep(NormalNormal(y, se, mu, Fixed(0)), taus)
    for at, tau in enumerate(taus):
        one = one_fit(y, se, mu, tau)
        assert_same(many, at, one, str(tau))
        assert many.numerical_error[at] <= 1e-10 or one.numerical_error[0] > 1e-10


@pytest.mark.parametrize(("y", "se"), [(Y, SE), CONTRADICTION, ONE_HEAVY])
def test_priors_on_mu(y, se):
    taus = [HalfNormal(0.5), HalfNormal(20), HalfCauchy(5), Uniform(0, 30), Uniform(3, 4)]
    quantities = ("mu", "theta_new", "tau", "i2", "theta")
    model = NormalNormal(y, se, Flat(), Fixed(0))
    grid = sweep_grid(model, TEN_MUS, taus, quantities=quantities[:4])
    assert grid.of["mu"].mean.shape == grid.numerical_error.shape == (10, 5)
    assert grid.weights.shape == (10, 5, len(y))
    for i, mu in enumerate(TEN_MUS):
        for j, tau in enumerate(taus):
            assert_same(grid, (i, j), one_fit(y, se, mu, tau), f"{mu}, {tau}")
    of_theta = sweep_grid(model, TEN_MUS[:2], taus[2:4], quantities=("theta",)).of["theta"]
    one = one_fit(y, se, TEN_MUS[1], taus[3]).of["theta"]
    np.testing.assert_allclose(of_theta.low[1, 1], one.low[0], rtol=0, atol=1e-9 * np.ptp(y))


@pytest.mark.parametrize("mu", MUS)
def test_shortest_intervals(mu):
    taus = [HalfNormal(5), HalfNormal(20), HalfCauchy(5), Uniform(0, 30)]
    many = sweep(NormalNormal(Y, SE, mu, Fixed(0)), taus, 0.9, "shortest", ("mu", "tau"))
    for at, tau in enumerate(taus):
        model = NormalNormal(Y[None], SE[None], mu, tau)
        _, one = exact.fit(model, 0.9, "shortest", ("mu", "tau"))
        assert_same(many, at, one, str(tau))


@settings(max_examples=25, deadline=None)
@given(
    k=st.integers(1, 40),
    spread=st.sampled_from([0.0, 0.3, 3.0, 100.0]),
    unit=st.floats(-6, 6),
    scales=st.lists(st.floats(-1.3, 1.3), min_size=2, max_size=4),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_data(k, spread, unit, scales, seed):
    rng = np.random.default_rng(seed)
    unit = 10.0**unit
    se = unit * np.exp(rng.normal(0, 0.6, k))
    y = rng.normal(unit, np.hypot(se * (spread > 0), spread * unit))
    families = [form for form in BY_SCALE if not form.startswith(("inverse-gamma(0.4", "lomax(1"))]
    taus = [
        tau_prior(form.format(s=s, rate=1 / s, log=np.log(s), square=s * s, above=1.4 * s))
        for form in families
        for s in unit * 10.0 ** np.array(scales)
    ]
    mus = [Flat(), Normal(0, 2 * unit)]
    grid = sweep_grid(NormalNormal(y, se, Flat(), Fixed(0)), mus, taus)
    for i, j in zip(rng.integers(0, 2, 6), rng.integers(0, len(taus), 6), strict=True):
        one = one_fit(y, se, mus[i], taus[j])
        if one.numerical_error[0] <= 1e-10:
            assert grid.numerical_error[i, j] <= 1e-10
            assert_same(grid, (i, j), one, f"{mus[i]}, {taus[j]}")


def test_one_study_under_a_flat_mu_leaves_tau_its_prior():
    taus = [HalfNormal(2), HalfNormal(9), Uniform(0, 7), Uniform(3, 7), Uniform(3, 3.01)]
    found = sweep(NormalNormal(Y[:1], SE[:1], Flat(), Fixed(0)), taus).of["tau"]
    for at, tau in enumerate(taus):
        got = [found.low[at], found.median[at], found.high[at]]
        np.testing.assert_allclose(got, tau.ppf([0.025, 0.5, 0.975]), rtol=1e-10)


def test_order_of_priors_is_kept():
    model = NormalNormal(Y, SE, Flat(), Fixed(0))
    scales = np.random.default_rng(1).permutation(np.geomspace(1, 50, 40))
    mixed = [prior for scale in scales for prior in (HalfNormal(scale), Uniform(0, scale))]
    found = sweep(model, mixed)
    for family in (found.of["tau"].mean[::2], found.of["tau"].mean[1::2]):
        assert np.all(np.diff(family[np.argsort(scales)]) > 0)


def test_an_improper_posterior_is_refused():
    model = NormalNormal(Y[:2], SE[:2], Flat(), Fixed(0))
    with pytest.raises(InputError, match="flat on tau and flat on mu need 3 studies"):
        sweep(model, [HalfNormal(1), tau_prior("flat")])
    with pytest.raises(InputError, match="a sweep without priors"):
        sweep(model, [])
