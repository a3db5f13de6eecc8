"""Tipping priors against closed forms where tau is known, mpmath where it is not."""

import numpy as np
import pytest
from scipy import optimize, stats

from bayesmeta.appraisal.tipping import most_sceptical, tipping_scales
from bayesmeta.engines import exact
from bayesmeta.errors import InputError
from bayesmeta.models import NormalNormal
from bayesmeta.priors import Fixed, Flat, HalfNormal, Normal, scaled, tau_prior
from tests.oracle import Oracle

Y, SE = np.array([-0.6, -0.3, -0.9]), np.array([0.3, 0.3, 0.4])
TWO = np.array([-0.5, -0.9]), np.array([0.3, 0.3])
# The large study sees nothing, the small ones much: the pooled effect grows with tau at first.
TURNING = np.array([0.02, -0.8, -0.9, -0.7]), np.array([0.05, 0.3, 0.3, 0.3])
Z = stats.norm.ppf(0.95)


def model(y=Y, se=SE, tau="half-normal(0.5)", mu=None):
    return NormalNormal(y[None], se[None], mu or Flat(), tau_prior(tau))


def benefit_of_fixed(data, tau, new=False):
    y, se = data
    w = 1 / (se**2 + tau**2)
    return stats.norm.cdf(-(w @ y) / w.sum() / np.sqrt(1 / w.sum() + (tau**2 if new else 0)))


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_known_tau_in_closed_form(level):
    # Equal SEs: mean / sqrt((se^2 + tau^2) / k) is the normal quantile, or that of theta_new.
    z, mean, known = stats.norm.ppf(level), 0.7, 0.2
    found = tipping_scales(model(*TWO, f"fixed({known})"), "lower", level=level)
    tau2 = 2 * mean**2 / z**2 - 0.09
    assert found.benefit == pytest.approx([np.sqrt(tau2) / known] if tau2 > 0 else [], rel=1e-10)
    new = tipping_scales(model(*TWO, f"fixed({known})"), "lower", "theta_new", level=level)
    tau2 = (mean**2 / z**2 - 0.045) / 1.5
    assert new.benefit == pytest.approx([np.sqrt(tau2) / known] if tau2 > 0 else [], rel=1e-10)
    z = stats.norm.ppf(0.5 + level / 2)
    found = tipping_scales(model(*TWO, f"fixed({known})"), "lower", interval_level=level)
    tau2 = 2 * mean**2 / z**2 - 0.09
    assert found.interval == pytest.approx([np.sqrt(tau2) / known] if tau2 > 0 else [], rel=1e-10)


def test_every_crossing_of_a_function_that_turns():
    found = tipping_scales(model(*TURNING, "fixed(0.1)"), "lower", level=0.9)
    c = np.geomspace(0.01, 100, 20_001)
    value = np.array([benefit_of_fixed(TURNING, 0.1 * each) for each in c]) - 0.9
    at = np.flatnonzero(value[1:] * value[:-1] < 0)
    exact_roots = [
        optimize.brentq(
            lambda x: benefit_of_fixed(TURNING, 0.1 * x) - 0.9,
            c[i],
            c[i + 1],
            xtol=1e-14,
            rtol=1e-14,
        )
        for i in at
    ]
    assert len(exact_roots) == 2
    assert found.benefit == pytest.approx(exact_roots, rel=1e-10)
    assert "rises to 0.9" in found.benefit_words
    assert "falls below 0.9" in found.benefit_words


def test_two_crossings_between_two_points_of_the_scan():
    # The level a millionth below the peak of P(benefit).
    peak = optimize.minimize_scalar(
        lambda x: -benefit_of_fixed(TURNING, 0.1 * x), bounds=(1, 10), options={"xatol": 1e-9}
    )
    found = tipping_scales(model(*TURNING, "fixed(0.1)"), "lower", level=-peak.fun - 1e-6)
    low, high = found.benefit
    assert low < peak.x < high < 1.05 * low


@pytest.mark.parametrize("tau", ["half-normal(0.5)", "half-cauchy(0.3)", "log-normal(-1, 0.5)"])
@pytest.mark.parametrize("quantity", ["mu", "theta_new"])
def test_at_the_crossing_the_level_is_met_in_mpmath(tau, quantity):
    found = tipping_scales(model(tau=tau), "lower", quantity, level=0.9)
    (c,) = found.benefit
    oracle = Oracle(Y, SE, str(scaled(tau_prior(tau), c)), digits=16)
    assert float(getattr(oracle, quantity).cdf(0)) == pytest.approx(0.9, abs=1e-9)
    (c,) = found.interval
    oracle = Oracle(Y, SE, str(scaled(tau_prior(tau), c)), digits=16)
    assert float(getattr(oracle, quantity).cdf(0)) == pytest.approx(0.975, abs=1e-9)


@pytest.mark.parametrize("tau", ["dumouchel", "jeffreys", "uniform(0, 1)", "gamma(0.2, 1)"])
def test_any_family_at_its_crossing(tau):
    found = tipping_scales(model(tau=tau), "lower")
    for c in found.benefit:
        prior = scaled(tau_prior(tau).bound(SE), c)
        _, fitted = exact.fit(NormalNormal(Y[None], SE[None], Flat(), prior))
        assert fitted.of["mu"].below_zero[0] == pytest.approx(0.95, abs=1e-10)
    assert found.benefit or "stays" in found.benefit_words


def test_shortest_intervals_touch_where_their_bound_is_zero():
    found = tipping_scales(model(), "lower", interval="shortest")
    (c,) = found.interval
    _, fitted = exact.fit(model(tau=f"half-normal({0.5 * c!r})"), interval="shortest")
    assert abs(fitted.of["mu"].high[0]) < 1e-9 * fitted.of["mu"].sd[0]


def test_either_direction():
    mirrored = tipping_scales(model(-Y), "higher")
    plain = tipping_scales(model(), "lower")
    assert mirrored.benefit == pytest.approx(plain.benefit, rel=1e-9)
    assert mirrored.interval == pytest.approx(plain.interval, rel=1e-9)
    assert tipping_scales(model(), "higher").benefit == ()


def test_nothing_found_says_so():
    # An improper prior without a scale: the posterior is the same for every c.
    found = tipping_scales(model(tau="flat"), "lower", level=0.5)
    assert found.benefit == found.interval == ()
    assert found.benefit_words.startswith("P(benefit) of mu stays at or above 0.5 for every scale")
    assert "includes no effect for every scale" in found.interval_words


def test_a_sceptic_with_known_tau_in_closed_form():
    # Phi(a / sqrt(W + 1 / s^2)) = level, a = -sum w y.
    w = 1 / (SE**2 + 0.1**2)
    a = -(w @ Y)
    found = most_sceptical(model(tau="fixed(0.1)"), "lower")
    s = (a**2 / Z**2 - w.sum()) ** -0.5
    assert found.sd == pytest.approx(s, rel=1e-10)
    assert found.crossings == (found.sd,)
    assert found.flat == pytest.approx(stats.norm.cdf(a / np.sqrt(w.sum())), abs=1e-12)


@pytest.mark.parametrize("tau", ["half-normal(0.5)", "half-cauchy(0.3)"])
def test_a_sceptic_in_mpmath(tau):
    found = most_sceptical(model(tau=tau), "lower", 0.9)
    oracle = Oracle(Y, SE, tau, f"normal(0, {found.sd!r})", digits=16)
    assert float(oracle.mu.cdf(0)) == pytest.approx(0.9, abs=1e-9)


def test_not_even_flat():
    found = most_sceptical(model(*TWO, "half-normal(2)"), "lower", 0.99)
    assert found.sd is None
    assert found.crossings == ()
    assert "even flat gives 0.8" in found.words
    assert most_sceptical(model(), "higher").sd is None


def test_every_sceptic():
    found = most_sceptical(model(), "lower", 0.4)
    assert found.sd == 0
    assert "for every s" in found.words


def test_no_flat_prior_to_compare_with():
    # Flat on tau needs a third study under flat mu.
    found = most_sceptical(model(*TWO, "flat", Normal(0, 1)), "lower", 0.6)
    assert found.flat is None
    assert found.sd is not None
    one = NormalNormal(TWO[0][None], TWO[1][None], Normal(0, found.sd), tau_prior("flat"))
    assert exact.fit(one)[1].of["mu"].below_zero[0] == pytest.approx(0.6, abs=1e-10)


def test_a_sceptic_whose_probability_turns():
    # A prior on mu of the width of the precise study's effect agrees with it; a wider one leaves
    # more to tau, and so to the study that contradicts it.
    data = np.array([-1.34, 8.0]), np.array([0.04, 5.0])
    s = np.geomspace(1e-2, 1e4, 400)
    p = np.array(
        [
            exact.fit(model(*data, "half-cauchy(3)", Normal(0, each)))[1].of["mu"].below_zero[0]
            for each in s
        ]
    )
    assert p.max() > p[-1] + 0.05
    level = (p.max() + p[-1]) / 2
    found = most_sceptical(model(*data, "half-cauchy(3)"), "lower", float(level))
    at = np.flatnonzero((p[1:] >= level) != (p[:-1] >= level))
    assert len(found.crossings) == len(at) == 2
    for c, i in zip(found.crossings, at, strict=True):
        assert s[i] <= c <= s[i + 1]
    assert found.sd == found.crossings[0]


def test_bad_asks():
    with pytest.raises(InputError, match="level is 1"):
        tipping_scales(model(), "lower", level=1.0)
    with pytest.raises(InputError, match="0 < low < high"):
        tipping_scales(model(), "lower", low=2, high=1)
    with pytest.raises(InputError, match="level is 95"):
        most_sceptical(model(), "lower", 95)


def test_nothing_to_scale():
    assert (
        tipping_scales(NormalNormal(Y[None], SE[None], Flat(), Fixed(0.0)), "lower").benefit == ()
    )
    assert scaled(HalfNormal(1), 2) == HalfNormal(2)
