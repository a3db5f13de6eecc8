"""NUTS against the exact engine: the two share no arithmetic."""

import numpy as np
import pytest

import bayesmeta as bm

REVIEW = (
    *("sledai", "proteinuria", "scr", "albumin", "c3", "c4", "adverse_events"),
    *("sledai_series", "proteinuria_series", "scr_series", "bun_series", "albumin_series"),
)


def differences(fit):
    return np.array([c.difference for row in fit.rows for c in row.sampled.comparisons])


def test_one_and_two_studies():
    # Short form of the test below. About 60 comparisons: beyond 5 MCSE once in 30,000 runs.
    fit = bm.fit("sledai", engine="both", seed=1, at=12)
    assert fit.converged
    assert np.abs(differences(fit)).max() < 5
    fit = bm.fit("sledai", engine="both", seed=1, at=2)
    assert fit.converged
    assert np.abs(differences(fit)).max() < 5


def test_a_narrow_prior_on_mu_and_a_wide_one_on_tau():
    # The prior, not the data, says where mu is for most tau: 16 divergences before it was told so.
    fit = bm.fit(
        "sledai", engine="both", seed=1, at=2, mu="normal(0, 0.434)", tau="half-cauchy(2.29)"
    )
    assert fit.converged
    assert np.abs(differences(fit)).max() < 5


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_review(seed):
    found = []
    for name in REVIEW:
        fit = bm.fit(name, engine="both", seed=seed)
        assert fit.converged
        assert sum(row.sampled.diagnostics.divergences for row in fit.rows) == 0
        found.append(differences(fit))
    found = np.concatenate(found)
    assert np.abs(found).max() < 5
    assert 0.7 < np.sqrt((found**2).mean()) < 1.3


@pytest.mark.slow
@pytest.mark.parametrize(
    "tau",
    [
        *("half-normal(0.5)", "half-cauchy(0.5)", "half-student-t(4, 0.5)", "exponential(2)"),
        *("log-normal(-1, 0.8)", "uniform(0, 3)", "uniform(0.1, 3)", "fixed(0)", "fixed(0.5)"),
    ],
)
@pytest.mark.parametrize("mu", ["flat", "normal(0, 2)"])
def test_every_family(tau, mu):
    fit = bm.fit("adverse_events", engine="both", tau=tau, mu=mu, seed=1, draws=2000)
    assert np.abs(differences(fit)).max() < 5
