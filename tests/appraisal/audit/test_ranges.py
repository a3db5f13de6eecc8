"""Ranges of pools against every corner of the box, and against draws from it."""

from itertools import product

import numpy as np
import pytest

from bayesmeta.appraisal.audit.bounds import Box, tau2_range
from bayesmeta.appraisal.audit.ranges import box_of, pool_range
from bayesmeta.evidence.effects import effect_of_arms
from bayesmeta.evidence.measures import measure_named
from bayesmeta.evidence.table import table_of_columns
from bayesmeta.frequentist import COMMON_EFFECT, INFERENCES, METHODS, Studies, pool, pool_batch
from tests.appraisal.audit.true_tables import pooled

NUMBERS = ("estimate", "ci_low", "ci_high", "p", "q", "p_heterogeneity")


def box(rng, k, width):
    y, se = rng.normal(0, 1, k), rng.uniform(0.2, 1, k)
    r, share = width * rng.uniform(0, 1, k), width * rng.uniform(0, 0.5, k)
    return Box(y - r, y + r, se * (1 - share), se * (1 + share))


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_fixed_estimate_is_exactly_that_of_the_corners(k):
    """The mean is monotone in each y and each weight, so 4^k corners hold its extremes."""
    rng = np.random.default_rng(k)
    for _ in range(5):
        b = box(rng, k, 0.2)
        corners = product(
            product(*zip(b.y_low, b.y_high, strict=True)),
            product(*zip(b.se_low, b.se_high, strict=True)),
        )
        means = [pooled(y, se, "fixed").estimate for y, se in corners]
        found = pool_range(b, "IV").estimate
        np.testing.assert_allclose([found.low, found.high], [min(means), max(means)], rtol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 5, 20])
@pytest.mark.parametrize(("model", "method"), [("fixed", "IV"), ("random", "DL")])
def test_every_number_of_every_pool_in_the_box_is_in_its_range(k, model, method):
    rng = np.random.default_rng(10 + k)
    for _ in range(10):
        b = box(rng, k, rng.choice([0.01, 0.1, 0.5]))
        found = pool_range(b, method)
        inside = rng.uniform(0, 1, (20, 2, k))
        for u in (*inside, *np.round(inside)):
            y = b.y_low + u[0] * (b.y_high - b.y_low)
            one = pooled(y, b.se_low + u[1] * (b.se_high - b.se_low), model)
            for name in NUMBERS:
                value, bounds = getattr(one, name), getattr(found, name)
                assert (value is None) == (bounds is None)
                assert bounds is None or bounds.low - 1e-9 <= value <= bounds.high + 1e-9, name
            if k > 1:
                assert found.i2.low - 1e-7 <= 100 * one.i2 <= found.i2.high + 1e-7


RANDOM = [name for name in METHODS if name not in COMMON_EFFECT]


@pytest.mark.parametrize("ci", INFERENCES)
@pytest.mark.parametrize("method", RANDOM)
def test_every_number_of_every_method_in_the_box_is_in_its_range(method, ci):
    rng = np.random.default_rng(30)
    for k, width in ((1, 0.1), (2, 0.1), (3, 0.01), (5, 0.5), (12, 0.1)):
        b = box(rng, k, width)
        found = pool_range(b, method, ci)
        inside = rng.uniform(0, 1, (2, 60, k))
        inside[:, ::2] = np.round(inside[:, ::2])
        y = b.y_low + inside[0] * (b.y_high - b.y_low)
        se = b.se_low + inside[1] * (b.se_high - b.se_low)
        for profile in ("metafor", "revman5", "revman-web"):
            many = pool_batch(Studies.of_effects(y, se), method, ci=ci, profile=profile)
            for name in NUMBERS:
                values, bounds = getattr(many, name), getattr(found, name)
                if bounds is None:
                    assert np.isnan(values).all()
                else:
                    assert (values >= bounds.low - 1e-9).all(), (name, k)
                    assert (values <= bounds.high + 1e-9).all(), (name, k)
            if k > 1:
                assert (100 * many.i2 >= found.i2.low - 1e-6).all()
                assert (100 * many.i2 <= found.i2.high + 1e-6).all()


@pytest.mark.parametrize("method", RANDOM)
def test_ranges_are_as_narrow_as_rounding_makes_them(method):
    """The spread over the corners is the range to first order; Q and weights apart are wider."""
    rng = np.random.default_rng(31)
    for _ in range(5):
        y, se = np.array([-1.0, 0.1, 0.4, 1.5]), rng.uniform(0.2, 0.4, 4)
        b = Box(y - 1e-4, y + 1e-4, se - 1e-4, se + 1e-4)
        corners = np.array(list(product([-1e-4, 1e-4], repeat=8))).reshape(-1, 2, 4)
        studies = Studies.of_effects(y + corners[:, 0], se + corners[:, 1])
        tau2, found = pool_batch(studies, method).tau2, tau2_range(method, b)
        assert tau2.min() > 0
        assert found.high - found.low < 3 * np.ptp(tau2)


def test_a_box_without_width_is_the_pool():
    """Likelihoods are looked at on a grid of tau2, within 1e-3 of which their range ends."""
    y, se = np.array([0.3, -0.2, 0.9]), np.array([0.2, 0.3, 0.25])
    point, studies = Box(y, y, se, se), Studies.of_effects(y, se)
    for method in ("IV", *RANDOM):
        one, found = pool(studies, method), pool_range(point, method)
        for name in NUMBERS:
            bounds = getattr(found, name)
            np.testing.assert_allclose(
                [bounds.low, bounds.high],
                getattr(one, name),
                rtol=1e-3 if method in ("ML", "REML") else 1e-12,
                err_msg=f"{method} {name}",
            )


@pytest.mark.parametrize("measure", ["MD", "SMD", "ROM"])
def test_arms_that_round_to_the_same_row_lie_in_its_box(measure):
    rng = np.random.default_rng(5)
    columns = {
        "study": ["A"],
        "mean_treatment": ["5.2"],
        "sd_treatment": ["1.1"],
        "n_treatment": ["12"],
        "mean_control": ["5.2"],
        "sd_control": ["0.9"],
        "n_control": ["6"],
    }
    found = box_of(table_of_columns(columns, "t.csv"), measure_named(measure), "revman5")
    for shift in (*rng.uniform(-0.05, 0.05, (200, 4)), np.zeros(4)):
        m1, s1, m2, s2 = np.array([5.2, 1.1, 5.2, 0.9]) + shift
        y, se = effect_of_arms((m1, s1, 12), (m2, s2, 6), measure, "revman5")
        assert found.y_low[0] <= y <= found.y_high[0]
        assert found.se_low[0] - 1e-12 <= se <= found.se_high[0]


def test_standard_errors_from_p_values_and_intervals():
    measure = measure_named("OR")
    rows = {"study": ["A"], "estimate": ["0.50"], "ci_low": ["0.25"], "ci_high": ["1.00"]}
    found = box_of(table_of_columns(rows, "t.csv"), measure, "revman5")
    z = 1.959963984540054
    np.testing.assert_allclose(found.se_low, np.log(0.995 / 0.255) / (2 * z))
    np.testing.assert_allclose(found.se_high, np.log(1.005 / 0.245) / (2 * z))
    rows = {"study": ["A"], "estimate": ["0.50"], "p": ["0.05"]}
    found = box_of(table_of_columns(rows, "t.csv"), measure, "revman5")
    # ndtri(1 - 0.045 / 2) and ndtri(1 - 0.055 / 2), from a table of the normal distribution
    np.testing.assert_allclose(found.se_low, -np.log(0.505) / 2.004654, rtol=1e-6)
    np.testing.assert_allclose(found.se_high, -np.log(0.495) / 1.918876, rtol=1e-6)
