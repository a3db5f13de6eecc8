"""A sweep equals one-at-a-time fits, to 1e-9 in DESIGN.md's units."""

import numpy as np
import pytest

from bayesmeta.engines import exact
from bayesmeta.engines.sweep import sweep
from bayesmeta.errors import InputError
from bayesmeta.models import NormalNormal
from bayesmeta.priors import Fixed, Flat, HalfNormal, Normal, tau_prior

Y = np.array([28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16])
SE = np.array([14.9, 10.2, 16.3, 11.0, 9.4, 11.4, 10.4, 17.6])
TEXTS = [
    f"{family}({shape}{scale!r})"
    for scale in (1e-3, 0.5, 3.0, 20.0, 1e3)
    for family, shape in (("half-normal", ""), ("half-cauchy", ""), ("half-student-t", "4, "))
] + [
    "exponential(0.2)",
    "log-normal(1, 0.7)",
    "uniform(0, 9)",
    "uniform(2, 5)",
    "fixed(3)",
    "fixed(0)",
]


@pytest.mark.parametrize("k", [2, 3, 8])
@pytest.mark.parametrize("mu", [Flat(), Normal(0, 50)])
def test_equals_one_at_a_time(k, mu):
    model = NormalNormal(Y[:k], SE[:k], mu, Fixed(0))
    priors = [tau_prior(text) for text in TEXTS]
    many = sweep(model, priors)
    for at, prior in enumerate(priors):
        _, one = exact.fit(NormalNormal(Y[None, :k], SE[None, :k], mu, prior))
        for quantity in ("mu", "theta_new", "tau"):
            for field in ("mean", "sd", "median", "low", "high"):
                got = getattr(many.of[quantity], field)[at]
                want = getattr(one.of[quantity], field)[0]
                assert np.isnan(got) == np.isnan(want)
                width = one.of[quantity].high[0] - one.of[quantity].low[0]
                if got != want and not np.isnan(want):
                    assert abs(got - want) < 1e-9 * width / 3.92, (str(prior), quantity, field)
        assert many.log_evidence[at] == pytest.approx(one.log_evidence[0], abs=1e-9)


def test_order_of_priors_is_kept():
    model = NormalNormal(Y, SE, Flat(), Fixed(0))
    scales = np.random.default_rng(1).permutation(np.geomspace(1, 50, 40))
    found = sweep(model, [HalfNormal(float(scale)) for scale in scales])
    assert np.all(np.diff(found.of["tau"].mean[np.argsort(scales)]) > 0)


def test_an_improper_posterior_is_refused():
    model = NormalNormal(Y[:2], SE[:2], Flat(), Fixed(0))
    with pytest.raises(InputError, match="flat on tau and flat on mu need 3 studies"):
        sweep(model, [HalfNormal(1), tau_prior("flat")])
