"""The PyMC form of every family: its log density is ours, up to a constant.

Not sampled: the log density that NUTS sees, Jacobian included, at several points of the
unconstrained space, against ours at the tau that belongs to them plus the log of |dtau / dq|.
"""

import numpy as np
import pymc as pm
import pytest
from pytensor import tensor as pt

from bayesmeta.engines.nuts_priors import MU_FORMS, TAU_FORMS
from bayesmeta.priors import mu_prior, tau_prior
from bayesmeta.priors.text import MU_FAMILIES, TAU_FAMILIES

SE = np.array([0.3, 0.5, 1.1])
TAU = [
    "half-normal(0.7)",
    "half-cauchy(2)",
    "half-student-t(4, 0.5)",
    "half-logistic(0.4)",
    "exponential(3)",
    "pc(1, 0.05)",
    "lomax(2, 0.5)",
    "log-normal(-1.28, 0.87)",
    "log-student-t(5, -1.7, 1.3)",
    "inverse-gamma(0.5, 0.2)",
    "gamma(0.2, 1)",
    "weibull(0.5, 2)",
    "uniform(0.5, 4)",
    "flat",
    "sqrt",
    "jeffreys",
    "overall-jeffreys",
    "berger-deely",
    "conventional",
    "dumouchel",
    "uniform-shrinkage",
    "i2-uniform",
    "turner(pain, pharmacological vs placebo)",
    "rhodes(pain, pharmacological vs placebo, cancer)",
]
MU = ["normal(1, 2)", "student-t(4, 1, 2)", "mixture(0.8 normal(0, 0.5), 0.2 normal(1, 10))"]


def test_no_family_is_left_out():
    assert {tau_prior(text).name for text in TAU} | {"fixed"} == {f.name for f in TAU_FAMILIES}
    assert {mu_prior(text).name for text in MU} | {"flat"} == {f.name for f in MU_FAMILIES}


@pytest.mark.parametrize("text", TAU)
def test_tau(text):
    prior = tau_prior(text).bound(SE)
    plain = prior.plain
    values = [np.asarray(value, dtype=float) for value in vars(plain).values()]
    with pm.Model() as model:
        tau = TAU_FORMS[type(plain)](pt.constant(0.6), *values)
    (q,) = model.value_vars
    (tau_of_q,) = model.replace_rvs_by_values([tau])
    # tau itself is on the scale of the model, so the transform of a plain variable is undone.
    slope = pt.grad(tau_of_q, q)
    found = pm.compile([q], [model.logp(), tau_of_q, slope])
    rows = np.array([found(np.array(at)) for at in (-2.0, -0.7, 0.1, 0.8, 2.2)], dtype=float)
    logp, at, change = rows.T
    assert np.ptp(at) > 0
    ours = prior.logpdf(at) + np.log(np.abs(change))
    np.testing.assert_allclose(np.ptp(logp - ours), 0, atol=1e-9)


@pytest.mark.parametrize("text", MU)
def test_mu(text):
    prior = mu_prior(text)
    values = [np.asarray(value, dtype=float) for value in vars(prior).values()]
    at = pt.dscalar("mu")
    found = pm.compile([at], MU_FORMS[type(prior)](at, *values))
    points = [-12.0, -0.5, 0.0, 1.0, 7.0]
    np.testing.assert_allclose([float(found(x)) for x in points], prior.logpdf(points), rtol=1e-10)
