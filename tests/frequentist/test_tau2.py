"""Estimators of tau2: their equations to 30 digits, the highest maximum, the Q-profile."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from bayesmeta.frequentist.homogeneity import q_profile
from bayesmeta.frequentist.tau2 import TAU2
from tests.frequentist.metafor import DATASETS, RANDOM, studies_of

ITERATED = ("PM", "EB", "REML", "ML")
several = st.lists(st.tuples(st.floats(-10, 10), st.floats(0.1, 10)), min_size=2, max_size=8)


def equation(method, y, v):
    """Return what is 0 at the estimate, in mpmath's digits."""
    y, v = [mp.mpf(float(x)) for x in y], [mp.mpf(float(x)) for x in v]

    def value(tau2):
        w = [1 / (x + tau2) for x in v]
        total = mp.fsum(w)
        mu = mp.fsum(a * b for a, b in zip(w, y, strict=True)) / total
        q = mp.fsum(a * (b - mu) ** 2 for a, b in zip(w, y, strict=True))
        if method in ("PM", "EB"):
            return q - (len(y) - 1)
        squares = mp.fsum((a * (b - mu)) ** 2 for a, b in zip(w, y, strict=True))
        trace = mp.fsum(a * a for a in w) / total if method == "REML" else 0
        return squares - total + trace

    return value


# Roots of the estimating equations at 30 digits. A root is known to the last digits of v + tau2.
@pytest.mark.parametrize("method", ITERATED)
@pytest.mark.parametrize("name", DATASETS)
def test_iterated_estimates_solve_their_equations(name, method):
    studies = studies_of(name)
    found = float(TAU2[method](studies.y, studies.v))
    with mp.workdps(30):
        value = equation(method, studies.y, studies.v)
        if found == 0:
            assert value(mp.mpf(0)) <= 0
            return
        exact = mp.findroot(value, (found, found * 1.001 + 1e-9))
        assert abs(found - exact) < 1e-14 * (studies.v.min() + exact) * 10


def test_reml_takes_the_highest_of_two_maxima():
    # Precise studies near one another, imprecise ones far apart: maxima at 0.47 and 34.
    y, v = np.array([-0.6, -1.7, -11.6, -0.6, 12.9]), np.array([1.46, 0.33, 43.24, 0.2, 15.38])
    found = float(TAU2["REML"](y, v))
    grid = np.geomspace(1e-3, 1e4, 20001)
    w = 1 / (v + grid[:, None])
    mu = (w @ y) / w.sum(axis=1)
    height = np.log(w).sum(axis=1) - np.log(w.sum(axis=1))
    height -= (w * (y - mu[:, None]) ** 2).sum(axis=1)
    assert found == pytest.approx(grid[height.argmax()], rel=2e-3)
    assert (np.diff(np.sign(np.diff(height))) < 0).sum() == 2


# Variances from e^-45 to e^45: one weight is all of the sum to the last digit.
@pytest.mark.parametrize("method", RANDOM)
def test_extreme_variances_give_numbers(method):
    random = np.random.default_rng(3)
    v = np.exp(random.normal(0, 15, (200, 4)))
    y = random.normal(size=(200, 4)) * np.sqrt(v + np.exp(random.normal(0, 15, (200, 1))))
    found = TAU2[method](y, v)
    assert np.isfinite(found).all()
    assert (found >= 0).all()


def test_sidik_jonkman_by_hand():
    # y = 0, 2, 4 and v = 1: the mean squared deviation is 8/3, Q(8/3) = 8 / (11/3) = 24/11, and
    # tau2 = 8/3 * 24/11 / 2 = 32/11.
    assert float(TAU2["SJ"](np.array([0.0, 2, 4]), np.ones(3))) == pytest.approx(32 / 11, rel=1e-14)


# With equal variances v and the sum of squares S every estimator is a difference of two terms.
@pytest.mark.parametrize(
    ("method", "divisor", "taken"),
    [("DL", 4, 1), ("PM", 4, 1), ("EB", 4, 1), ("REML", 4, 1), ("HE", 4, 1), ("ML", 5, 1),
     ("HS", 5, 1)],
)  # fmt: skip
def test_equal_variances_by_hand(method, divisor, taken):
    y, v = np.array([0.0, 3, 4, 8, 10]), np.full(5, 2.0)
    squares = ((y - 5) ** 2).sum()
    assert float(TAU2[method](y, v)) == pytest.approx(squares / divisor - 2 * taken, rel=1e-13)


@pytest.mark.parametrize("method", RANDOM)
@settings(max_examples=25)
@given(data=several, scale=st.floats(0.01, 100), shift=st.floats(-10, 10))
def test_tau2_scales_and_does_not_shift(method, data, scale, shift):
    y, se = np.array(data).T
    plain = float(TAU2[method](y, se**2))
    moved = float(TAU2[method](shift + scale * y, (scale * se) ** 2))
    assert plain >= 0
    # Differences of y are known to 20 eps, their squares beside v to 1e-12 of the largest. Where
    # the likelihood is flat its maximum is known to the root of that.
    slack = (1e-5 if method in ("REML", "ML") else 1e-9) * float((se**2).max() + np.ptp(y) ** 2)
    assert moved / scale**2 == pytest.approx(plain, rel=1e-8, abs=slack)


def test_q_profile_with_equal_variances():
    # Q(t) = S / (v + t), so the ends are S / chi2 - v.
    y, v = np.array([0.0, 3, 4, 8, 10]), np.full(5, 2.0)
    low, high = q_profile(y, v, 0.9)
    squares = ((y - 5) ** 2).sum()
    assert float(low) == pytest.approx(squares / chi2.ppf(0.95, 4) - 2, rel=1e-12)
    assert float(high) == pytest.approx(squares / chi2.ppf(0.05, 4) - 2, rel=1e-12)


@given(data=several)
def test_the_ends_of_the_q_profile_have_their_q(data):
    y, se = np.array(data).T
    v, df = se**2, len(y) - 1
    for end, p in zip(q_profile(y, v, 0.95), (0.975, 0.025), strict=True):
        w = 1 / (v + end)
        q = (w * (y - (w @ y) / w.sum()) ** 2).sum()
        target = chi2.ppf(p, df)
        assert q == pytest.approx(target, rel=1e-9) if end > 0 else q <= target * (1 + 1e-12)
