"""Intervals of joint models cover what they should, and joint beats alone: by simulation."""

import numpy as np
import pytest
from benchmarks.coverage import from_priors, simulated


def test_coverage_in_short():
    # 60 data sets: a true coverage of 95 % is below 80 % once in 100,000.
    found = simulated(from_priors, 60, 1)
    assert np.all([*found.mu, *found.theta_new, found.tau] > np.array(0.8))


@pytest.mark.slow
def test_coverage_and_error():
    # 2,000 data sets: the standard error of a coverage of 95 % is 0.5 %.
    found = simulated(from_priors, 2000, 2)
    coverage = np.array([*found.mu, *found.theta_new, found.tau])
    assert np.all((coverage > 0.935) & (coverage < 0.965))
    assert found.mse_ratio < 1
