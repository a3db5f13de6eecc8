"""The joint model by NUTS against the exact engine, its errors, and what is left null."""

import json

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.fit.joint_sampled import sample

TABLE = {
    "study": ["A", "A", "B", "B", "C", "D"],
    "time": [3, 12, 3, 12, 3, 12],
    "estimate": [-1.2, -0.6, -0.4, 0.1, -0.9, -0.7],
    "se": [0.4, 0.3, 0.35, 0.5, 0.2, 0.3],
}
OPTIONS = {
    "measure": "MD",
    "model": "longitudinal",
    "tau": "half-normal(0.7)",
    "direction": "higher",
}


@pytest.fixture(scope="module")
def fit():
    return bm.fit(TABLE, **OPTIONS)


@pytest.fixture(scope="module")
def sampled(fit):
    return sample(fit.joint, 1000, 4, progress=False)


def test_the_two_engines_agree(sampled):
    assert sampled.diagnostics.problems == ()
    differences = [one.difference for one in sampled.comparisons]
    # Five quantiles, mean and SD of mu and of theta_new at two times, a contrast, and three
    # hyperparameters.
    assert len(differences) == 7 * (2 + 2 + 1 + 3)
    assert np.abs(differences).max() < 5
    assert 0.6 < np.sqrt(np.mean(np.square(differences))) < 1.6


def test_numbers_have_the_form_of_the_exact_ones(fit, sampled):
    for mu, exact, error in zip(
        sampled.numbers.mu, fit.joint.numbers.mu, sampled.mcse.mu, strict=True
    ):
        assert mu.time == exact.time == error.time
        assert mu.mean == pytest.approx(exact.mean, abs=5 * error.mean)
        assert mu.prob_benefit == pytest.approx(exact.prob_benefit, abs=5 * error.prob_benefit)
        assert mu.prob_benefit == pytest.approx(1 - mu.prob_below_zero)
    assert sampled.numbers.log_marginal_likelihood is None
    assert sampled.numbers.numerical_error is None


def test_json_and_convergence_of_a_fit_by_both(fit, sampled):
    from dataclasses import replace

    both = replace(fit, joint_nuts=sampled, engine="both")
    nuts = json.loads(json.dumps(both.to_dict(), allow_nan=False))["joint"]["nuts"]
    assert {"posterior", "mcse", "diagnostics", "comparisons", "max_difference_mcse"} <= nuts.keys()
    assert both.converged
    bad = replace(sampled, diagnostics=replace(sampled.diagnostics, problems=("R-hat is 2",)))
    failed = replace(fit, joint_nuts=bad)
    assert not failed.converged
    assert "all times: NUTS did not converge: R-hat is 2" in failed.warnings


def test_a_fixed_correlation_is_no_comparison():
    joint = bm.fit(TABLE, **OPTIONS, rho=0.5, within_correlation=0.5).joint
    found = sample(joint, 200, 5, progress=False)
    assert not any(one.quantity.startswith("rho") for one in found.comparisons)
    assert found.numbers.rho_within == 0.5


@pytest.mark.parametrize("mean", ["random-walk(half-normal(1))", "plateau(half-normal(6))"])
def test_a_course_with_a_hyperparameter(mean):
    joint = bm.fit(TABLE, **OPTIONS, mu="normal(0, 2)", mean=mean, rho=0.5).joint
    found = sample(joint, 1000, 1, progress=False)
    assert found.diagnostics.divergences == 0
    # Five quantiles, mean and SD of mu and of theta_new at two times, a contrast, tau, the
    # within-study correlation and the hyperparameter of the course.
    assert len(found.comparisons) == 7 * (2 + 2 + 1 + 3)
    assert max(abs(one.difference) for one in found.comparisons) < 5
    assert found.numbers.curve is not None
