"""Averages over sets of data: quantiles against the parts' own CDFs, moments by their sums."""

import numpy as np
import pytest

from bayesmeta.engines.averaged import averaged
from bayesmeta.engines.joint import fit_joint
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.longitudinal import longitudinal_model
from bayesmeta.priors import HalfNormal, Normal, RhoFixed, RhoUniform

PLACES = np.array([0.025, 0.5, 0.975])


def part(shift):
    return fit_joint(
        longitudinal_model(
            ["A", "A", "B", "B", "C"],
            [3, 12, 3, 12, 12],
            np.array([-1.2, -0.6, -0.4, 0.1, -0.9 + shift]),
            [0.4, 0.3, 0.35, 0.5, 0.2],
            tau=HalfNormal(0.7),
            between=Correlation("cs", RhoUniform(0, 1)),
            within=Correlation("cs", RhoFixed(0.5)),
            coefficients=Normal(0, 3),
        )
    )


@pytest.fixture(scope="module")
def parts():
    return [part(0.0), part(2.0)]


def test_quantiles_are_where_the_weighted_cdfs_reach_them(parts):
    whole = averaged(parts, [3, 1])
    for name, mixtures in (
        ("mu", [post.mu([3, 12]) for post, _ in parts]),
        ("theta_new", [post.theta_new([3, 12]) for post, _ in parts]),
    ):
        found = getattr(whole, name)
        for at in range(2):
            for p, x in zip(PLACES, (found.low, found.median, found.high), strict=True):
                reached = [mixture.cdf(x[at])[at] for mixture in mixtures]
                # The coarser grids' own error, which `numerical_error` states, is below 1e-7.
                assert np.dot([0.75, 0.25], reached) == pytest.approx(p, abs=1e-7)
    for name in ("tau", "rho_between"):
        found = whole.hyper(name)
        cdfs = [post.marginal(name).cdf([found.low, found.median, found.high]) for post, _ in parts]
        np.testing.assert_allclose(np.dot([0.75, 0.25], cdfs), PLACES, atol=1e-10)


def test_moments_are_those_of_a_mixture(parts):
    whole = averaged(parts, [0.5, 0.5])
    first, second = (found.mu for _, found in parts)
    np.testing.assert_allclose(whole.mu.mean, (first.mean + second.mean) / 2)
    between = ((first.mean - second.mean) / 2) ** 2
    np.testing.assert_allclose(whole.mu.sd**2, (first.sd**2 + second.sd**2) / 2 + between)
    assert np.isnan(whole.log_evidence)


def test_an_average_of_one_thing_is_that_thing(parts):
    (post, found), _ = parts
    whole = averaged([(post, found)] * 2, [0.2, 0.8])
    for name in ("mean", "sd", "median", "low", "high", "below_zero"):
        np.testing.assert_allclose(getattr(whole.mu, name), getattr(found.mu, name), atol=1e-7)
    for one, other in zip(whole.hypers, found.hypers, strict=True):
        assert one.median == pytest.approx(other.median, abs=1e-10)
        assert one.moved == pytest.approx(other.moved, abs=2e-3)  # on a grid of 129 values
