"""Polynomials on panels against mpmath, and against Newton's method on the mixtures themselves."""

import mpmath
import numpy as np
import pytest

from bayesmeta.engines.mixture import Mixture
from bayesmeta.engines.panels import (
    Normals,
    SharedMixtures,
    evaluated,
    polynomials,
    sinc_kernel,
    solved,
    that_matter,
)

P = np.array([0.025, 0.5, 0.975])
X = np.linspace(-1, 1, 9)


def at(kernel, panel, x):
    """Each function on a panel, and its derivative, shape (len(x), n) each."""
    coefficients = np.repeat(kernel(panel).T[:, None, :], len(x), 1)
    return evaluated(coefficients, np.broadcast_to(x[:, None], coefficients.shape[1:]))


@pytest.mark.parametrize("count", [5, 129])
def test_sine_integrals(count):
    mp = mpmath.MPContext()
    kernel = sinc_kernel(count)
    for panel in {0, 1, (count - 3) // 4, (count - 3) // 2}:
        value, slope = at(kernel, panel, X)
        for j in {0, 1, count // 2, 2 * panel, 2 * panel + 1, count - 1}:
            y = [2 * panel + 1 + mp.mpf(float(x)) - j for x in X]
            want = [float(0.5 + mp.si(mp.pi * one) / mp.pi) for one in y]
            np.testing.assert_allclose(value[:, j], want, rtol=0, atol=2e-15)
            want = [float(mp.sincpi(one)) for one in y]
            np.testing.assert_allclose(slope[:, j], want, rtol=0, atol=2e-13)


def test_normal_distribution_functions():
    # Panels of 1.2 SDs of the narrowest that changes; far from the others all is saturated.
    means, sds = np.array([0.0, 0.3, -40.0, 900.0]), np.array([1.0, 1.5, 3.0, 0.01])
    normals = Normals(np.ones((1, 4)), *np.array([np.ones((1, 4)), means[None], sds[None]]))
    centre, half = np.array([-8.0, -1.0, 0.2, 3.0]), np.full(4, 0.6)
    kernels = normals.kernels(centre, half)
    for panel in range(4):
        value, slope = at(lambda i: kernels[:, i].T, panel, X)
        for j in range(4):
            u = [(centre[panel] + 0.6 * float(x) - means[j]) / sds[j] for x in X]
            want = [float(mpmath.ncdf(one)) for one in u]
            np.testing.assert_allclose(value[:, j], want, rtol=0, atol=4e-15)
            want = [0.6 / sds[j] * float(mpmath.npdf(one)) for one in u]
            np.testing.assert_allclose(slope[:, j], want, rtol=0, atol=5e-14)


def test_roots():
    rng = np.random.default_rng(4)
    rising = np.zeros((20, 50, 3))
    rising[:4] = rng.uniform(
        [[[-1]], [[1]], [[-0.3]], [[0]]], [[[1]], [[2]], [[0.3]], [[0.2]]], (4, 50, 3)
    )
    want = rng.uniform(-1, 1, (50, 3))
    found, slope = solved(rising, evaluated(rising, want)[0])
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-13)
    np.testing.assert_allclose(slope, evaluated(rising, want)[1], rtol=1e-6)


def test_polynomials_are_sums_of_the_kernels():
    rng = np.random.default_rng(5)
    weights, panel = rng.random((6, 9)), rng.integers(0, 4, (6, 2))
    kernel = sinc_kernel(9)
    (found,) = polynomials([weights], panel, lambda i: [kernel(i)])
    for row, column in np.ndindex(panel.shape):
        want = weights[row] @ kernel(panel[row, column])
        np.testing.assert_allclose(found[:, row, column], want, rtol=0, atol=1e-14)


def test_nodes_that_matter():
    weights = np.array([[0, 1e-19, 0.5, 0.5, 0, 0], [0, 0, 1, 0, -1e-9, 1e-30]])
    assert that_matter(weights) == slice(2, 5)


@pytest.mark.parametrize("reach", [3.0, 1e3, 1e6])
def test_shared_mixtures(reach):
    # As for theta_new: SDs from 1 to `reach`, means that move with them; sets of weights from
    # all on the narrow ones to all on the wide ones.
    tau = np.geomspace(1e-2, reach, 81)
    means, sds = 3 * tau**2 / (1 + tau**2), np.hypot(1, tau)
    centres = np.linspace(0, 80, 40)
    fine = np.exp(-(((np.arange(81) - centres[:, None]) / 9) ** 2))
    fine /= fine.sum(-1, keepdims=True)
    even = fine[:, ::2].sum(-1)
    coarse, odd = fine[:, ::2] / even[:, None], fine[:, 1::2]
    parts = np.array([np.ones((1, 81)), means[None], sds[None]])
    mixtures = SharedMixtures(
        Normals(coarse, *parts[..., ::2]), Normals(odd, *parts[..., 1::2]), even
    )
    one, two = Mixture(coarse, means[::2], sds[::2]), Mixture(fine, means, sds)
    found, step = mixtures.quantile(P)
    sd = one.sd()[:, None]
    # Distribution functions are right to 1e-15, and densities here above 1e-3 a SD.
    np.testing.assert_allclose(found / sd, one.quantile(P) / sd, rtol=0, atol=4e-12)
    cdf, density = (np.stack([ask(x) for x in found.T], 1) for ask in (two.cdf, two.pdf))
    np.testing.assert_allclose(step / sd, (P - cdf) / density / sd, rtol=0, atol=4e-12)
    (mean, mean_2), (sd, sd_2) = mixtures.moments()
    for got, want in ((mean, one.mean()), (mean_2, two.mean()), (sd, one.sd()), (sd_2, two.sd())):
        np.testing.assert_allclose(got, want, rtol=1e-13)
    for got, want in zip(mixtures.cdf(0.5), (one.cdf(0.5), two.cdf(0.5)), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-15)


def test_two_modes_far_apart():
    # The narrow ones 200 SDs apart: quantiles on either side, no panel between them.
    weights = np.array([[0.5, 0.5], [0.9, 0.1], [0.01, 0.99]])
    means, sds = np.array([-100.0, 100.0]), np.array([1.0, 0.5])
    normals = Normals(weights, np.ones((1, 2)), means[None], sds[None])
    found, _ = SharedMixtures(normals, normals, np.zeros(3)).quantile(np.array([0.025, 0.975]))
    want = Mixture(weights, means, sds).quantile([0.025, 0.975])
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-12)


def test_several_normals_a_node():
    # Two nodes of three normals each are six of one each.
    rng = np.random.default_rng(6)
    weights, shares = rng.dirichlet([1, 1], 7), rng.dirichlet([1, 1, 1], 2).T
    means, sds = rng.normal(0, 3, (3, 2)), rng.uniform(1, 4, (3, 2))
    normals = Normals(weights, shares, means, sds)
    mixtures = SharedMixtures(normals, normals, np.zeros(7))
    flat = (weights[:, None, :] * shares).reshape(7, 6)
    want = Mixture(flat, means.ravel(), sds.ravel())
    np.testing.assert_allclose(mixtures.quantile(P)[0], want.quantile(P), rtol=0, atol=1e-12)
    (mean, _), (sd, _) = mixtures.moments()
    np.testing.assert_allclose(mean, want.mean(), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(sd, want.sd(), rtol=1e-13)
    np.testing.assert_allclose(mixtures.cdf(0.4)[1], want.cdf(0.4), rtol=0, atol=1e-15)
