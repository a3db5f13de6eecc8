"""What must not change, and what must change in step, whatever the data."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

import bayesmeta as bm
from bayesmeta.engines import exact
from bayesmeta.models import NormalNormal
from bayesmeta.priors import Exponential, Fixed, Flat, HalfCauchy, HalfNormal, Normal, tau_prior

BOUND = 1e-9  # both fits are good to 1e-10 by their own estimate

studies = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 3)), min_size=1, max_size=8).map(
    lambda pairs: tuple(np.array(pairs).T)
)


def fitted(y, se, mu, tau, **options):
    return exact.fit(NormalNormal(y[None], se[None], mu, tau), **options)[1]


def close(got, want, scale):
    np.testing.assert_array_less(np.abs(np.asarray(got) - want), BOUND * scale + 1e-300)


@settings(max_examples=25)
@given(studies, st.floats(-1e3, 1e3), st.sampled_from([1e-8, 0.3, 7.0, 1e8]))
def test_shift_and_scale(data, shift, factor):
    y, se = data
    shift *= factor
    one = fitted(y, se, Normal(0.5, 3), HalfNormal(0.8))
    two = fitted(
        factor * y + shift, factor * se, Normal(0.5 * factor + shift, 3 * factor),
        HalfNormal(0.8 * factor),
    )  # fmt: skip
    sd = factor * one.of["mu"].sd
    # A shift of 1,000 SEs costs three of the sixteen digits of y: 1e-13 of 1,000.
    for field in ("mean", "median", "mode", "low", "high"):
        close(
            getattr(two.of["mu"], field),
            factor * getattr(one.of["mu"], field) + shift,
            sd + 1e-4 * abs(shift),
        )
        close(getattr(two.of["tau"], field), factor * getattr(one.of["tau"], field), 10 * sd)


@settings(max_examples=25)
@given(studies, st.randoms(use_true_random=False))
def test_order_of_studies(data, random):
    y, se = data
    order = list(range(len(y)))
    random.shuffle(order)
    one = fitted(y, se, Flat(), Exponential(1.5))
    two = fitted(y[order], se[order], Flat(), Exponential(1.5))
    sd = one.of["theta"].sd.max()
    close(two.of["mu"].high, one.of["mu"].high, sd)
    close(two.of["theta"].low, one.of["theta"].low[:, order], sd)
    close(two.weights, one.weights[:, order], 1)


@settings(max_examples=25)
@given(studies)
def test_a_study_that_says_nothing(data):
    # Its weight is below (3 / 1e8)^2 of any other's: far below the bound.
    y, se = data
    one = fitted(y, se, Flat(), HalfNormal(1))
    two = fitted(np.append(y, 2.0), np.append(se, 1e8), Flat(), HalfNormal(1))
    for quantity, of in one.of.items():
        if quantity == "i2":
            continue
        for field in ("median", "low", "high"):
            got = getattr(two.of[quantity], field)
            got = got[:, : len(y)] if quantity == "theta" else got
            close(got, getattr(of, field), of.sd)


@settings(max_examples=25)
@given(studies)
def test_halves_of_a_study_under_a_common_effect(data):
    y, se = data
    halves = np.append(y, y[0]), np.append(se, se[0] * np.sqrt(2))
    halves[1][0] *= np.sqrt(2)
    one = fitted(y, se, Normal(0, 5), Fixed(0))
    two = fitted(*halves, Normal(0, 5), Fixed(0))
    for field in ("mean", "sd", "low", "high"):
        close(getattr(two.of["mu"], field), getattr(one.of["mu"], field), one.of["mu"].sd)


@settings(max_examples=25)
@given(st.floats(-5, 5), st.floats(0.05, 5), st.sampled_from([HalfNormal(1), HalfCauchy(0.4)]))
def test_one_study_leaves_tau_its_prior_and_theta_its_own(y, se, tau):
    found = fitted(np.array([y]), np.array([se]), Flat(), tau)
    for field, p in (("low", 0.025), ("median", 0.5), ("high", 0.975)):
        close(getattr(found.of["tau"], field)[0], tau.ppf(p), tau.ppf(p))
        close(getattr(found.of["theta"], field)[0, 0], y + se * ndtri(p), se)


@settings(max_examples=10)
@given(studies)
def test_weights_and_the_mean_of_mu(data):
    y, se = data
    found = fitted(y, se, Normal(0.7, 2), HalfNormal(1))
    total = found.weights[0].sum() + found.prior_weight[0]
    assert total == pytest.approx(1, abs=1e-13)
    weighted = (found.weights[0] * y).sum() + found.prior_weight[0] * 0.7
    assert weighted == pytest.approx(found.of["mu"].mean[0], abs=1e-12)


def test_batches_equal_one_at_a_time():
    rng = np.random.default_rng(3)
    y, se = rng.normal(1, 2, (3, 4, 5)), rng.uniform(0.3, 2, (3, 4, 5))
    present = rng.random((3, 4, 5)) < 0.8
    present[..., 0] = True
    mu, tau = Normal(0, 4), HalfNormal(1)
    many = exact.fit_many(NormalNormal(y, se, mu, tau, present))
    assert many.of["theta"].mean.shape == (3, 4, 5)
    for at in np.ndindex(3, 4):
        kept = present[at]
        one = fitted(y[at][kept], se[at][kept], mu, tau)
        for quantity in ("mu", "tau", "theta_new", "i2"):
            for field in ("mean", "sd", "median", "mode", "low", "high"):
                got = getattr(many.of[quantity], field)[at]
                close(got, getattr(one.of[quantity], field)[0], one.of[quantity].sd[0])
        close(many.of["theta"].high[at][kept], one.of["theta"].high[0], one.of["theta"].sd[0])
        close(many.log_evidence[at], one.log_evidence[0], 1)


MD = ("sledai", "proteinuria", "scr", "albumin", "c3", "c4")


@pytest.mark.parametrize("name", MD)
def test_common_effect_is_revmans_fixed_interval(name):
    # Flat mu and tau = 0: the same normal; 1e-12 of the width is a few hundred roundings.
    for row in bm.fit(name, tau="fixed(0)").rows:
        (fixed,) = (pool for pool in row.frequentist if pool.method == "IV")
        width = fixed.ci_high - fixed.ci_low
        assert row.exact.mu.ci_low == pytest.approx(fixed.ci_low, abs=1e-12 * width)
        assert row.exact.mu.ci_high == pytest.approx(fixed.ci_high, abs=1e-12 * width)


def test_r_bayesmeta_on_the_liver_data():
    # R bayesmeta 3.4, tests/references/r_bayesmeta.json: tau to 1e-5, mu to 2e-3 SD.

    reference = json.loads(
        (Path(__file__).parents[1] / "references" / "r_bayesmeta.json").read_text()
    )["pediatric_liver"]
    for text in (
        "half-normal(0.5)",
        "half-normal(1)",
        "half-cauchy(0.5)",
        "half-student-t(4, 1)",
        "exponential(1)",
    ):
        want = reference[text]
        y, se = (np.array([study[key] for study in want["theta"]]) for key in ("y", "sigma"))
        found = fitted(y, se, Flat(), tau_prior(text))
        assert found.of["tau"].mean[0] == pytest.approx(want["tau"]["mean"], abs=1e-5)
        assert found.of["tau"].sd[0] == pytest.approx(want["tau"]["sd"], abs=1e-5)
        sd = found.of["mu"].sd[0]
        for field, key in (("mean", "mean"), ("low", "95% lower"), ("high", "95% upper")):
            assert getattr(found.of["mu"], field)[0] == pytest.approx(
                want["mu"][key], abs=2e-3 * sd
            )
