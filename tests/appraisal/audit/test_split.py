"""Two studies are pooled, the pool is split, and the two come back."""

import numpy as np
import pytest

from bayesmeta.appraisal.audit import Component, Interval, Region, other_of_two, split_pool
from tests.appraisal.audit.true_tables import pooled


def point_region(y, se, model):
    """Return the pool as a region of one point, and its Q."""
    pool = pooled(y, se, model)
    s = (pool.ci_high - pool.ci_low) / (2 * 1.959963984540054)
    return Region(np.array([[pool.estimate, s]]), None), Interval(pool.q, pool.q)


def point(component):
    return component.y.low, component.se.low


@pytest.mark.parametrize("model", ["fixed", "random"])
@pytest.mark.parametrize(
    ("y", "se"),
    [
        ([1.0, -0.5], [0.3, 0.3]),
        ([1.0, -0.5], [0.2, 0.7]),
        ([0.1, 0.0], [0.3, 0.2]),  # Q below 1: DerSimonian and Laird's tau2 is 0
        ([5.0, -4.0], [0.1, 0.2]),
    ],
)
def test_the_two_come_back(y, se, model):
    region, q = point_region(y, se, model)
    share = se[0] ** 2 / (se[0] ** 2 + se[1] ** 2)
    higher, lower = split_pool(region, q, model, Interval(share, share))
    np.testing.assert_allclose(point(higher), (y[0], se[0]), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(point(lower), (y[1], se[1]), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("model", ["fixed", "random"])
@pytest.mark.parametrize(
    ("y", "se"),
    [([1.0, -0.5], [0.3, 0.3]), ([1.0, -0.5], [0.7, 0.2]), ([0.1, 0.0], [0.3, 0.2])],
)
def test_the_other_comes_back_where_one_is_known(y, se, model):
    region, q = point_region(y, se, model)
    known = Component(Interval(y[0], y[0]), Interval(se[0], se[0]))
    pair = other_of_two(region, known, model)
    np.testing.assert_allclose(point(pair.other), (y[1], se[1]), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(pair.q.low, q.low, rtol=1e-9)


@pytest.mark.parametrize("model", ["fixed", "random"])
def test_ranges_hold_every_pair_that_rounds_to_the_pool(model):
    """Pairs of any variances between 10 and 90 %, pooled, rounded, split."""
    rng = np.random.default_rng(1)
    for _ in range(300):
        share, total = rng.uniform(0.1, 0.9), rng.uniform(0.05, 2)
        se = np.sqrt(total * np.array([share, 1 - share]))
        y = rng.normal(0, 1, 2)
        pool = pooled(y, se, model)
        s = (pool.ci_high - pool.ci_low) / (2 * 1.959963984540054)
        d = 0.02
        m = np.array([[pool.estimate - d, s - d], [pool.estimate + d, s + d]])
        if m[0, 1] <= 0:
            continue
        region = Region(np.array([[a, b] for a in m[:, 0] for b in m[:, 1]]), None)
        q = Interval(0.9 * pool.q, 1.1 * pool.q)
        split = split_pool(region, q, model, Interval(0.1, 0.9))
        first = 0 if y[0] >= y[1] else 1
        for component, i in zip(split, (first, 1 - first), strict=True):
            assert component.y.low <= y[i] <= component.y.high
            assert component.se.low <= se[i] <= component.se.high
        known = Component(Interval(y[0] - d, y[0] + d), Interval(se[0], se[0]))
        pair = other_of_two(region, known, model)
        if pair is not None:
            assert pair.other.y.low <= y[1] <= pair.other.y.high
            assert pair.other.se.low <= se[1] <= pair.other.se.high
            assert pair.q.low <= pool.q <= pair.q.high


def test_no_bounds_where_the_known_study_may_hold_all_the_weight():
    region = Region(np.array([[0.0, 0.3], [0.1, 0.35]]), None)
    known = Component(Interval(0.0, 0.0), Interval(0.32, 0.32))
    assert other_of_two(region, known, "fixed") is None


def test_unbounded_q_leaves_the_estimates_of_a_random_pool_bounded():
    """Heterogeneity P below 0.00001 is a Q above 19.5: each estimate is one SE from the pool."""
    region = Region(np.array([[-0.46, 0.4643]]), None)
    higher, lower = split_pool(region, Interval(19.51, np.inf), "random")
    assert higher.y.low == pytest.approx(0.0043)
    assert higher.y.high == pytest.approx(0.0043)
    assert lower.y.low == pytest.approx(-0.9243)
    assert higher.se.low == 0.0
    assert higher.se.high == pytest.approx(0.4643 * np.sqrt(2 / 19.51))
