"""Mixtures of normals against mpmath, one normal, and brute force where there are two modes."""

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize, stats

from bayesmeta.engines.mixture import Mixture

LEVELS = (0.5, 0.8, 0.95, 0.99)
P = np.array([1e-6, 0.025, 0.25, 0.5, 0.75, 0.975, 1 - 1e-6])


def mixture(weights, means, sds):
    weights = np.array(weights, dtype=float)
    return Mixture(weights / weights.sum(), np.array(means, float), np.array(sds, float))


MIXTURES = {
    "skewed": mixture([4, 2, 1, 0.5], [0, 0.3, 0.9, 2.0], [0.5, 0.6, 0.9, 2.0]),
    "two modes": mixture([0.55, 0.45], [-3, 3], [1, 0.8]),
    "two modes far apart": mixture([0.6, 0.4], [-40, 60], [1, 2]),
    "the narrower is higher": mixture([0.8, 0.2], [0, 10], [3, 0.2]),
    "a spike on a slab": mixture([0.02, 0.98], [0.5, 0], [1e-3, 5]),
    "heavy tail": mixture([0.9, 0.09, 0.009, 0.001], [1, 1.2, 0.5, -2], [1, 10, 100, 1000]),
    "a light component far off": mixture([1, 1e-15], [0, 1e6], [1, 1]),
    "all means the same": mixture([0.3, 0.3, 0.4], [2, 2, 2], [0.5, 1, 4]),
}
components = st.integers(1, 5).flatmap(
    lambda n: st.builds(
        mixture,
        st.lists(st.floats(0.05, 1), min_size=n, max_size=n),
        st.lists(st.floats(-10, 10), min_size=n, max_size=n),
        st.lists(st.floats(1, 10), min_size=n, max_size=n),
    )
)


def parts(of):
    mp = mpmath.MPContext()
    mp.dps = 30
    return mp, [[mp.mpf(float(x)) for x in row] for row in (of.weights, of.means, of.sds)]


def mp_cdf(of, x):
    mp, (weights, means, sds) = parts(of)
    rows = zip(weights, means, sds, strict=True)
    return sum(w * mp.ncdf((mp.mpf(float(x)) - m) / s) for w, m, s in rows)


def mp_pdf(of, x):
    mp, (weights, means, sds) = parts(of)
    rows = zip(weights, means, sds, strict=True)
    return sum(w * mp.npdf(mp.mpf(float(x)), m, s) for w, m, s in rows)


def dense(of, count=4000):
    """Points that no mode or bound is missed between: every component at a fine step."""
    z = np.linspace(-6, 6, count)
    return np.unique((of.means[:, None] + of.sds[:, None] * z).ravel())


def highest(of):
    """Global mode: every local maximum of a dense search, polished, and the highest of them."""
    x = dense(of)
    height = of.pdf(x)
    peaks = np.flatnonzero((height[1:-1] >= height[:-2]) & (height[1:-1] >= height[2:])) + 1
    polished = [
        optimize.minimize_scalar(
            lambda t: -float(of.pdf(t)), bounds=(x[i - 1], x[i + 1]), options={"xatol": 1e-12}
        ).x
        for i in peaks
    ]
    return max(polished, key=lambda t: float(of.pdf(t)))


def width_of_shortest(of, level):
    """The least of quantile(p + level) - quantile(p) over a dense table of p, refined twice."""
    low, high = 0.0, 1 - level
    for _ in range(3):
        p = low + (high - low) * np.linspace(1e-6, 1 - 1e-6, 400)
        width = of.quantile(p + level) - of.quantile(p)
        best = int(width.argmin())
        low, high = p[max(best - 1, 0)], p[min(best + 1, 399)]
    return float(width[best])


@pytest.mark.parametrize("name", MIXTURES)
def test_density_and_distribution(name):
    # Isolates the sums: 30 digits in mpmath; 1e-13 relative, absolute for the CDF (DESIGN.md).
    of = MIXTURES[name]
    x = np.concatenate([of.means, of.means + 3 * of.sds, of.means - 8 * of.sds])
    np.testing.assert_allclose(of.pdf(x), [float(mp_pdf(of, at)) for at in x], rtol=1e-13)
    np.testing.assert_allclose(of.cdf(x), [float(mp_cdf(of, at)) for at in x], atol=1e-15)


@pytest.mark.parametrize("name", MIXTURES)
def test_moments(name):
    # Isolates mean and SD: E x and E x^2 - (E x)^2 in 30 digits, which cancels none of them.
    of = MIXTURES[name]
    _, (weights, means, sds) = parts(of)
    mean = sum(w * m for w, m in zip(weights, means, strict=True)) / sum(weights)
    square = sum(w * (m * m + s * s) for w, m, s in zip(weights, means, sds, strict=True))
    sd = mpmath.sqrt(square / sum(weights) - mean**2)
    assert float(of.mean()) == pytest.approx(float(mean), rel=1e-13, abs=1e-13 * float(sd))
    assert float(of.sd()) == pytest.approx(float(sd), rel=1e-13)


@pytest.mark.parametrize("name", MIXTURES)
def test_quantiles(name):
    # Isolates the Newton iteration: the CDF of mpmath at what it returns. Stopping at 1e-6 on
    # the probit scale leaves its square; beyond p = 1 - 1e-6 doubles hold 1e-16 / 1e-6.
    of = MIXTURES[name]
    back = np.array([float(mp_cdf(of, x)) for x in of.quantile(P)])
    # x itself is rounded: a narrow peak far from 0 turns that into probability.
    rounding = np.finfo(float).eps * np.abs(of.quantile(P)) * of.pdf(of.quantile(P))
    np.testing.assert_array_less(np.abs(back - P), 1e-11 * np.minimum(P, 1 - P) + rounding + 2e-16)


@pytest.mark.parametrize("name", MIXTURES)
def test_mode_is_global(name):
    # Isolates the choice among modes: a dense search over every component. A mode is known to
    # the root of the rounding of the density in a search by values: 1e-7 of the narrowest SD.
    of = MIXTURES[name]
    mode, expected = float(of.mode()), highest(of)
    assert mode == pytest.approx(expected, abs=1e-6 * of.sds.min() + 1e-9)
    assert float(of.pdf(mode)) >= float(of.pdf(expected)) * (1 - 1e-14)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", MIXTURES)
def test_shortest_interval_is_global(name, level):
    # Isolates the choice among local minima of the width: a dense search over the lower tail
    # with our own quantiles, tested above; near the minimum the width is flat: 1e-8.
    of = MIXTURES[name]
    low, high = of.shortest(level)
    assert of.cdf(high) - of.cdf(low) == pytest.approx(level, abs=1e-10)
    assert high - low <= width_of_shortest(of, level) * (1 + 1e-8)


@pytest.mark.parametrize(
    "share",
    [
        0.9505,
        0.9501,
        pytest.param(
            0.95001, marks=pytest.mark.xfail(strict=True, reason="the table ends before this")
        ),
    ],
)
def test_shortest_interval_that_hardly_fits_in_one_mode(share):
    # Isolates the ends of the table of intervals: hardly more than the level lies in one mode, so
    # the best lower tail is a sliver. In the mode the bounds are symmetric: z of
    # (share - level) / (2 share).
    of = mixture([share, 1 - share], [0, 100], [1, 1])
    low, high = of.shortest(0.95)
    expected = -2 * stats.norm.ppf((share - 0.95) / 2 / share)
    assert high - low == pytest.approx(expected, rel=1e-8)


MISSED_MODES = {
    # The tail of the third component lifts the mode at 1 over that at 0 by 7e-5.
    "two nearly as high": mixture([1.0, 0.5, 1.0], [0.0, 1.5, 1.0], [0.125, 0.125, 0.125]),
    # The highest mode is narrower than the grid is coarse.
    "a narrow one": mixture([0.25, 2.0, 1.0], [1.875, 0.0, 7.0], [0.125, 1.0, 1.0]),
}


@pytest.mark.xfail(strict=True, reason="the mode is chosen by the heights on a grid of 33 points")
@pytest.mark.parametrize("name", MISSED_MODES)
def test_mode_that_a_grid_misses(name):
    # Isolates the choice by true heights.
    of = MISSED_MODES[name]
    assert float(of.mode()) == pytest.approx(highest(of), abs=1e-6)


def test_shortest_interval_with_both_modes_at_the_ends():
    # Isolates the detection of a second mode: both lie at the outermost means, so between them
    # the density only falls and rises.
    of = mixture([0.25, 0.5, 1.0], [0.0, 0.0, 3.0], [1.0, 0.25, 1.0])
    low, high = of.shortest(0.5)
    assert high - low <= width_of_shortest(of, 0.5) * (1 + 1e-8)


@given(components, st.sampled_from(LEVELS))
def test_any_mixture(of, level):
    # The same three for mixtures at random, but for what has tests of its own: two modes as
    # high to 1 %, two modes and a shortest interval.
    p = np.array([0.025, 0.5, 0.975])
    np.testing.assert_allclose(of.cdf(of.quantile(p)), p, atol=1e-12)
    height = of.pdf(dense(of, 400))
    peaks = np.sort(height[1:-1][(height[1:-1] >= height[:-2]) & (height[1:-1] >= height[2:])])
    if len(peaks) == 1 or peaks[-2] < 0.99 * peaks[-1]:
        assert float(of.pdf(of.mode())) >= float(height.max()) * (1 - 1e-12)
    low, high = of.shortest(level)
    assert of.cdf(high) - of.cdf(low) == pytest.approx(level, abs=1e-9)
    assume(len(peaks) == 1)
    tail = np.linspace(1e-6, 1 - level - 1e-6, 200)
    assert high - low <= (of.quantile(tail + level) - of.quantile(tail)).min() * (1 + 1e-9)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(1, 4), st.floats(0.5, 0.999))
def test_one_normal(mean, sd, copies, level):
    # Isolates the arithmetic: a mixture of copies of one normal is that normal (scipy's), to
    # rounding of the mean and of the probit.
    of = mixture(np.ones(copies), np.full(copies, mean), np.full(copies, sd))
    exactly = stats.norm(mean, sd)
    near = {"rtol": 1e-13, "atol": 1e-12 * sd}
    np.testing.assert_allclose([of.mean(), of.mode()], [mean, mean], **near)
    np.testing.assert_allclose(of.sd(), sd, rtol=1e-9)  # off: mean rounded, squared
    p = np.array([1e-8, 0.025, 0.3, 0.5, 0.999])
    np.testing.assert_allclose(of.quantile(p), exactly.ppf(p), **near)
    np.testing.assert_allclose(
        of.shortest(level), exactly.interval(level), rtol=1e-9, atol=1e-9 * sd
    )


def test_batches_are_what_each_would_be():
    # Isolates broadcasting and chunks: weights shared over rows, 3 x 2 mixtures at once.
    rng = np.random.default_rng(3)
    weights = rng.dirichlet(np.ones(50), (3, 1))
    means, sds = rng.normal(size=(3, 2, 50)), rng.uniform(0.5, 2, (3, 2, 50))
    every = Mixture(weights, means, sds)
    p = np.array([[0.1, 0.5, 0.9], [0.2, 0.6, 0.99]])
    assert every.shape == (3, 2)
    assert every.quantile(p).shape == (3, 2, 2, 3)
    for i in range(3):
        for j in range(2):
            one = Mixture(weights[i, 0], means[i, j], sds[i, j])
            near = {"rtol": 1e-9, "atol": 1e-9}
            np.testing.assert_allclose(every.quantile(p)[i, j], one.quantile(p), **near)
            np.testing.assert_allclose(every.mode()[i, j], one.mode(), **near)
            np.testing.assert_allclose(every.shortest(0.9)[i, j], one.shortest(0.9), **near)
            np.testing.assert_allclose(every.mean()[i, j], one.mean(), **near)
            np.testing.assert_allclose(every.cdf(0.3)[i, j], one.cdf(0.3), **near)


@pytest.mark.parametrize("name", ["skewed", "two modes"])
def test_draws_have_the_moments(name):
    # Isolates sample: mean and SD of 200,000 draws within 5 standard errors of the moments that
    # mpmath confirms, and the distribution by Kolmogorov-Smirnov at 1e-4.
    of, n = MIXTURES[name], 200_000
    draws = of.sample(n, np.random.default_rng(2))
    assert draws.shape == (n,)
    mean, sd = float(of.mean()), float(of.sd())
    assert abs(draws.mean() - mean) < 5 * sd / np.sqrt(n)
    fourth = np.mean((draws - mean) ** 4)
    assert abs(draws.var() - sd**2) < 5 * np.sqrt((fourth - sd**4) / n)
    assert stats.kstest(draws[:5000], of.cdf).pvalue > 1e-4


def test_steps_are_the_distance_to_the_answer():
    # Isolates the error estimate: from a point a little off, the Newton step is the way back to
    # first order; the rest is its square.
    of = MIXTURES["skewed"]
    one = Mixture(of.weights[None], of.means[None], of.sds[None])
    p = np.array([0.025, 0.5, 0.975])
    off = 1e-5
    np.testing.assert_allclose(one.quantile_step(one.quantile(p) + off, p), -off, rtol=1e-3)
    np.testing.assert_allclose(one.mode_step(one.mode() + off), -off, rtol=1e-3)
    bounds = one.shortest(0.95) + np.array([off, -off])
    np.testing.assert_allclose(one.shortest_step(bounds, 0.95)[0], [-off, off], rtol=1e-3)
