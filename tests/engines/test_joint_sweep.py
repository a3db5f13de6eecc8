"""Many priors on one grid against a fit of each."""

import numpy as np
import pytest

from bayesmeta.engines import joint_sweep
from bayesmeta.engines.joint import fit_joint
from bayesmeta.engines.joint_sweep import sweep_joint
from bayesmeta.errors import InputError
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.designs import biased
from bayesmeta.models.longitudinal import longitudinal_model
from bayesmeta.priors import (
    Exponential,
    Fixed,
    HalfCauchy,
    HalfNormal,
    Normal,
    RhoBeta,
    RhoFixed,
    RhoUniform,
    Uniform,
)
from tests.engines.test_joint import EFFECTS, ERRORS, SE, STUDIES, TIMES, Y
from tests.models.test_joint import tremor

UNIT = RhoUniform(0, 1)
CS = Correlation("cs", UNIT)
PRIORS = [
    {"tau": HalfNormal(4)},
    {"tau": HalfNormal(20), "rho_between": RhoBeta(2, 2)},
    {"tau": HalfCauchy(5), "rho_within": RhoBeta(1.5, 3)},
    {"tau": Uniform(0, 20)},
    {"rho_between": RhoUniform(0.2, 0.9), "rho_within": RhoFixed(0.5)},
    {"tau": Fixed(5), "rho_between": RhoFixed(0.8), "rho_within": RhoFixed(0)},
    {"tau": Exponential(3)},
]


def compare(model, priors, found):
    """Assert each row within a few of the promised errors of its own fit, in SDs."""
    for row, one in enumerate(priors):
        _, own = fit_joint(model.under(one))
        tolerance = 3 * (found.numerical_error[row] + own.numerical_error) + 1e-9
        assert found.log_evidence[row] == pytest.approx(own.log_evidence, abs=tolerance)
        for ours, theirs in ((found.mu, own.mu), (found.theta_new, own.theta_new)):
            for name in ("mean", "sd", "median", "low", "high", "below_zero"):
                mine, expected = getattr(ours, name)[row], getattr(theirs, name)
                scale = theirs.scale if name != "below_zero" else 1.0
                assert np.array_equal(np.isnan(mine), np.isnan(expected))
                assert np.nanmax(abs(mine - expected) / scale) < tolerance
        for hyper in own.hypers:
            for name in ("mean", "sd", "median", "low", "high"):
                mine = getattr(found.hyper(hyper.name), name)[row]
                size = max(1.0, hyper.high)
                assert mine == pytest.approx(
                    getattr(hyper, name), abs=size * tolerance, nan_ok=True
                )


def test_priors_of_several_supports():
    # Isolates the sharing of nodes by priors of one support; the last prior contradicts the data
    # and needs nodes of its own.
    model = tremor(within=Correlation("cs", RhoUniform(0, 1)))
    found = sweep_joint(model, PRIORS)
    assert np.all(found.numerical_error < joint_sweep.TOLERANCE)
    compare(model, PRIORS, found)


def test_order_of_priors_is_kept():
    model = tremor(within=Correlation("cs", RhoFixed(0.5)))
    priors = [{"tau": HalfNormal(3)}, {"tau": Uniform(0, 9)}, {"tau": HalfNormal(9)}]
    forward, backward = sweep_joint(model, priors), sweep_joint(model, priors[::-1])
    np.testing.assert_allclose(forward.mu.median, backward.mu.median[::-1], rtol=1e-12)


def test_one_time_and_few_studies():
    # Isolates heavy tails: three studies under half-Cauchy priors have no SD of tau.
    model = longitudinal_model(range(3), np.ones(3), Y[:3], SE[:3], tau=HalfNormal(1), between=CS)
    priors = [{"tau": HalfCauchy(s)} for s in (2.0, 5.0, 20.0)] + [{"tau": HalfNormal(8)}]
    compare(model, priors, sweep_joint(model, priors))


def test_nothing_free():
    none = Correlation("cs", RhoFixed(0))
    model = longitudinal_model(range(3), np.ones(3), Y[:3], SE[:3], tau=HalfNormal(1), between=none)
    priors = [{"tau": Fixed(0.5)}] * 2
    compare(model, priors, sweep_joint(model, priors))


def test_a_bias_of_some_studies():
    # Isolates four axes, of which one is the SD of the bias.
    model = longitudinal_model(
        STUDIES, TIMES, EFFECTS, ERRORS, tau=HalfNormal(1), between=CS, within=CS,
        coefficients=Normal(0, 2),
    )  # fmt: skip
    model = biased(model, np.arange(6) > 3, Normal(-1, 1), HalfNormal(1))
    priors = [{"bias_sd": HalfNormal(s)} for s in (0.5, 2.0)]
    compare(model, priors, sweep_joint(model, priors))


def test_a_tau_per_time():
    none = Correlation("cs", RhoFixed(0))
    model = longitudinal_model(
        STUDIES, TIMES, EFFECTS, ERRORS, tau=[HalfNormal(1)] * 2, between=none
    )
    priors = [{"tau at 3": HalfNormal(s), "tau at 12": HalfNormal(1 / s)} for s in (0.5, 1.0)]
    compare(model, priors, sweep_joint(model, priors))


@pytest.mark.parametrize(
    ("priors", "says"),
    [
        ({"tau_between": HalfNormal(1)}, "no hyperparameter 'tau_between'"),
        ({"rho_between": HalfNormal(1)}, "half-normal(1) is not a prior for rho_between"),
    ],
)
def test_priors_that_do_not_fit(priors, says):
    model = longitudinal_model(STUDIES, TIMES, EFFECTS, ERRORS, tau=HalfNormal(1), between=CS)
    with pytest.raises(InputError) as caught:
        sweep_joint(model, [priors])
    assert says in str(caught.value)
