"""Many priors as one answer as each of them alone."""

import numpy as np
import pytest

from bayesmeta.engines.stack import Stack
from bayesmeta.priors import HalfCauchy, HalfNormal, Jeffreys, LogNormal, tau_prior
from tests.engines.test_sweep import SE, priors

STACK = Stack(
    [*(prior.bound(SE) for prior in priors(3)), *(Jeffreys().bound(c * SE) for c in (2, 2, 3))]
)


@pytest.mark.parametrize("shared", [True, False])
def test_log_density(shared):
    low, high = (np.clip(end, 1e-3, 1e3) for end in STACK.support)
    tau = low + (high - low) * np.linspace(0.1, 0.9, 5)
    tau = tau[:1] if shared else tau
    found = STACK.log_density(tau, np.log(tau))
    for at, prior in enumerate(STACK.priors):
        own = tau[0] if shared else tau[at]
        # Sums of the same few terms in another order: rounding of terms of up to 1e6.
        np.testing.assert_allclose(found[at], prior.log_density(own, np.log(own)), rtol=1e-14)


def test_some_of_the_priors():
    rows = np.flatnonzero(STACK.tail_power == 2)
    assert all(prior.tail_power == 2 for prior in STACK[rows].priors)


def test_extremes_are_those_of_each_family():
    stack = Stack(
        [
            *(HalfNormal(s) for s in (3, 1, 2)),
            *(LogNormal(m, s) for m, s in ((0, 2), (0, 1), (3, 1), (-4, 1.5), (0, 3))),
            HalfCauchy(1),
            tau_prior("flat"),
        ]
    )
    assert stack.extremes.tolist() == [0, 1, 3, 4, 5, 6, 7, 8, 9]
