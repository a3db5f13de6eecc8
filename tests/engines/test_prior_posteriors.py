"""Posteriors under every prior of R's bayesmeta, against R and against mpmath.

R's numbers (references/r_bayesmeta.json): moments of tau good to 1e-6, those of mu to 1e-3 of a
posterior SD, so 1e-5 and 2e-3 here. mpmath: Gauss-Legendre panels in log tau at 25 digits, against
the promise of DESIGN.md, 1e-8.
"""

import json
from itertools import pairwise
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

from bayesmeta.engines import exact
from bayesmeta.errors import InputError
from bayesmeta.models import model_for
from bayesmeta.priors import (
    BergerDeely,
    Conventional,
    DuMouchel,
    Flat,
    FlatTau,
    Gamma,
    HalfCauchy,
    InverseGamma,
    Jeffreys,
    LogStudentT,
    Lomax,
    Normal,
    OverallJeffreys,
    SqrtTau,
    Turner,
    UniformI2,
    UniformShrinkage,
    Weibull,
    tau_prior,
)

R = json.loads((Path(__file__).parents[1] / "references" / "r_bayesmeta.json").read_text())
OURS = {
    "log-normal(tau2: -2.56, 1.74)": "turner",
    "uniform": "flat",
    "shrinkage": "uniform-shrinkage",
    "I2": "i2-uniform",
}
CASES = [(data, name) for data in ("pediatric_liver", "eight_schools") for name in R[data]]


def studies(data):
    theta = R[data]["jeffreys"]["theta"]
    return [np.array([study[key] for study in theta]) for key in ("y", "sigma")]


SCHOOLS, LIVER = studies("eight_schools"), studies("pediatric_liver")


def test_every_prior_of_r_is_tested():
    assert len(CASES) == 20


@pytest.mark.parametrize(("data", "name"), CASES)
def test_posterior_as_in_r(data, name):
    theirs = R[data][name]
    model = model_for(*studies(data), Flat(), tau_prior(OURS.get(name, name)))
    posterior, found = exact.fit(model)
    tau = found.of["tau"]
    for field in ("mean", "sd", "median"):
        assert getattr(tau, field)[0] == pytest.approx(theirs["tau"][field], rel=1e-5)
    # R's bounds are roots, found to 1e-4; its mode is 0 wherever ours is.
    for field, at in (("low", "95% lower"), ("high", "95% upper")):
        assert getattr(tau, field)[0] == pytest.approx(theirs["tau"][at], rel=3e-4)
    assert tau.mode[0] == pytest.approx(theirs["tau"]["mode"], rel=1e-3, abs=1e-12)
    for quantity in ("mu", "theta_new"):
        ours, sd = found.of[quantity], theirs[quantity]["sd"]
        for field in ("mean", "sd", "median"):
            difference = getattr(ours, field)[0] - theirs[quantity][field]
            assert abs(difference) < 2e-3 * sd, (quantity, field)
    below = posterior.mixture("mu").cdf((0 - posterior.model.location) / posterior.model.unit)
    assert below[0] == pytest.approx(theirs["prob_mu_below_0"], abs=1e-3)
    assert found.numerical_error[0] < 1e-10


# Densities up to a constant, in mpmath, written anew from the formulas in the docstrings.
def v(se, t):
    return [s * s + t * t for s in se]


DENSITIES = {
    FlatTau: lambda prior, se, t: mp.mpf(1),
    SqrtTau: lambda prior, se, t: 1 / mp.sqrt(t),
    Jeffreys: lambda prior, se, t: mp.sqrt(sum((t / x) ** 2 for x in v(se, t))),
    OverallJeffreys: lambda prior, se, t: mp.sqrt(
        sum(1 / x for x in v(se, t)) * sum((t / x) ** 2 for x in v(se, t))
    ),
    BergerDeely: lambda prior, se, t: t / mp.fprod(v(se, t)) ** (mp.mpf(1) / len(se)),
    Conventional: lambda prior, se, t: t / mp.fprod(v(se, t)) ** (mp.mpf(3) / (2 * len(se))),
    DuMouchel: lambda prior, se, t: (mp.sqrt(harmonic(se)) + t) ** -2,
    UniformShrinkage: lambda prior, se, t: t / (harmonic(se) + t * t) ** 2,
    UniformI2: lambda prior, se, t: t / (typical(se) + t * t) ** 2,
    Gamma: lambda prior, se, t: t ** (mp.mpf(prior.shape) - 1) * mp.exp(-prior.rate * t),
    Weibull: lambda prior, se, t: (
        t ** (mp.mpf(prior.shape) - 1) * mp.exp(-((t / prior.scale) ** mp.mpf(prior.shape)))
    ),
    Lomax: lambda prior, se, t: (1 + t / prior.scale) ** -(mp.mpf(prior.shape) + 1),
    InverseGamma: lambda prior, se, t: (
        t ** (-2 * mp.mpf(prior.shape) - 1) * mp.exp(-prior.scale / t**2)
    ),
    LogStudentT: lambda prior, se, t: (
        (1 + ((mp.log(t) - prior.mean) / prior.scale) ** 2 / prior.df)
        ** (-(mp.mpf(prior.df) + 1) / 2)
        / t
    ),
}


def harmonic(se):
    return len(se) / sum(1 / s**2 for s in se)


def typical(se):
    w = [1 / s**2 for s in se]
    return (len(w) - 1) * sum(w) / (sum(w) ** 2 - sum(x * x for x in w))


class Oracle:
    """Gauss-Legendre panels of unit width in x = log tau, from low to high."""

    def __init__(self, y, se, mu, tau, low, high):
        self.y, self.se = [mp.mpf(float(x)) for x in y], [mp.mpf(float(x)) for x in se]
        self.mu, self.tau = mu, tau
        self.low, self.high = mp.mpf(low), mp.mpf(high)
        self.table = {}

    def at(self, x):
        if x not in self.table:
            t = mp.exp(x)
            w = [1 / total for total in v(self.se, t)]
            precision, m = mp.mpf(0), mp.mpf(0)
            if self.mu.proper:
                precision, m = 1 / mp.mpf(self.mu.sd) ** 2, mp.mpf(self.mu.mean)
            total = sum(w) + precision
            mean = (sum(a * b for a, b in zip(w, self.y, strict=True)) + precision * m) / total
            q = sum(a * (b - mean) ** 2 for a, b in zip(w, self.y, strict=True))
            q += precision * (m - mean) ** 2
            f = mp.sqrt(mp.fprod(w) / total) * mp.exp(-q / 2)
            f *= DENSITIES[type(self.tau)](self.tau, self.se, t) * t
            self.table[x] = f, t, mean, 1 / total
        return self.table[x]

    def integral(self, g, high=None):
        low, high = self.low, self.high if high is None else high
        count = int(mp.ceil(high - low))
        edges = [low + (high - low) * mp.mpf(i) / count for i in range(count + 1)]
        total = mp.mpf(0)
        for left, right in pairwise(edges):
            for node, weight in NODES:
                f, *rest = self.at((left + right) / 2 + (right - left) / 2 * node)
                total += (right - left) / 2 * weight * f * g(*rest)
        return total

    def moments(self, first, second):
        one = self.integral(lambda *_: mp.mpf(1))
        mean = self.integral(first) / one
        return mean, mp.sqrt(self.integral(second) / one - mean * mean)

    def cdf(self, tau):
        one = self.integral(lambda *_: mp.mpf(1))
        return self.integral(lambda *_: mp.mpf(1), high=mp.log(tau)) / one


class WithAtom(Oracle):
    """The same for a log-Student-t, whose mass below the range is put at its lower end.

    The likelihood is constant there; the mass is the tail of a t.
    """

    def integral(self, g, high=None):
        nu, z = mp.mpf(self.tau.df), (self.low - self.tau.mean) / mp.mpf(self.tau.scale)
        f, *rest = self.at(self.low)
        tail = mp.betainc(nu / 2, 0.5, 0, nu / (nu + z * z), regularized=True) / 2
        density = (1 + z * z / nu) ** (-(nu + 1) / 2) / mp.sqrt(nu) / mp.beta(nu / 2, 0.5)
        atom = f * tail / density * mp.mpf(self.tau.scale)
        return super().integral(g, high) + atom * g(*rest)


mp.mp.dps = 25
NODES = [
    (mp.mpf(x), mp.mpf(w))
    for x, w in mp.calculus.quadrature.GaussLegendre(mp.mp).calc_nodes(4, 100)
]

ORACLES = [
    (Gamma(0.2, 1), LIVER, Flat(), -240, 5),
    (Gamma(0.2, 1), SCHOOLS, Normal(0, 50), -240, 6),
    (InverseGamma(0.001, 0.001), LIVER, Flat(), -12, 14),
    (InverseGamma(1, 0.5), LIVER, Flat(), -6, 14),
    (LogStudentT(5, -1.72, 1.295), LIVER, Flat(), -150, 14),
    (LogStudentT(5, -1.495, 1.08), SCHOOLS, Flat(), -150, 14),
    (Jeffreys(), SCHOOLS, Flat(), -30, 16),
    (Jeffreys(), LIVER, Flat(), -30, 16),
    (Jeffreys(), LIVER, Normal(0, 1), -30, 16),
    (FlatTau(), SCHOOLS, Flat(), -45, 20),
    (FlatTau(), LIVER, Normal(0, 4), -50, 20),
    (SqrtTau(), LIVER, Flat(), -110, 20),
    (OverallJeffreys(), LIVER, Flat(), -30, 16),
    (BergerDeely(), LIVER, Flat(), -30, 16),
    (Conventional(), LIVER, Flat(), -30, 14),
    (DuMouchel(), LIVER, Flat(), -50, 14),
    (UniformI2(), LIVER, Flat(), -30, 12),
    (Weibull(0.5, 1), LIVER, Flat(), -100, 12),
    (Lomax(2, 1), LIVER, Flat(), -50, 14),
]


@pytest.mark.parametrize(
    ("prior", "data", "mu", "low", "high"),
    ORACLES,
    ids=[f"{o[0]}-{o[2]}-{len(o[1][0])}" for o in ORACLES],
)
def test_against_mpmath(prior, data, mu, low, high):
    y, se = data
    _, found = exact.fit(model_for(y, se, mu, prior))
    assert found.numerical_error[0] < 1e-9
    kind = WithAtom if isinstance(prior, LogStudentT) else Oracle
    oracle = kind(y, se, mu, prior, low, high)
    tau, mu_of, new = (found.of[name] for name in ("tau", "mu", "theta_new"))
    mean, sd = oracle.moments(lambda t, m, s: t, lambda t, m, s: t * t)
    assert tau.mean[0] == pytest.approx(float(mean), rel=1e-8)
    assert tau.sd[0] == pytest.approx(float(sd), rel=1e-8)
    mean, sd = oracle.moments(lambda t, m, s: m, lambda t, m, s: s + m * m)
    assert abs(mu_of.mean[0] - float(mean)) < 1e-8 * float(sd)
    assert mu_of.sd[0] == pytest.approx(float(sd), rel=1e-8)
    _, sd = oracle.moments(lambda t, m, s: m, lambda t, m, s: s + m * m + t * t)
    assert new.sd[0] == pytest.approx(float(sd), rel=1e-8)
    # Quantiles by their probability: d log tau = 1e-8 is 1e-8 times a density of log tau below 1.
    for field, p in (("median", 0.5), ("high", 0.975)):
        assert float(oracle.cdf(getattr(tau, field)[0])) == pytest.approx(p, abs=1e-9)


@pytest.mark.parametrize(
    ("prior", "k", "mu", "needed"),
    [
        (FlatTau(), 2, Flat(), 3),
        (FlatTau(), 1, Flat(), 3),
        (FlatTau(), 1, Normal(0, 1), 2),
        (Jeffreys(), 1, Flat(), 2),
        (SqrtTau(), 1, Flat(), 2),
        (BergerDeely(), 1, Flat(), 2),
    ],
)
def test_improper_posterior_is_refused(prior, k, mu, needed):
    y, se = SCHOOLS[0][:k], SCHOOLS[1][:k]
    with pytest.raises(InputError, match=rf"improper.* need {needed} studies or more") as caught:
        model_for(y, se, mu, prior, "mortality")
    assert "of mortality" in str(caught.value)
    enough = model_for(SCHOOLS[0][:needed], SCHOOLS[1][:needed], mu, prior)
    _, found = exact.fit(enough)
    assert np.isfinite(found.of["tau"].median[0])


def test_flat_tau_tail_is_a_power():
    # Three studies under flat priors: a density of tau like tau^-2, so no mean; quantiles exist.
    # Far out P(tau > t) is proportional to 1 / t.
    model = model_for(SCHOOLS[0][:3], SCHOOLS[1][:3], Flat(), FlatTau())
    posterior, found = exact.fit(model)
    assert np.isnan(found.of["tau"].mean[0])
    tau, unit = posterior.heterogeneity, posterior.model.unit
    high, low = (1 - tau.cdf(tau.map.v(np.array([[t / unit]])))[0, 0] for t in (1e6, 1e5))
    assert high / low == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("text", ["rhodes", "log-student-t(6, 0, 1)"])
def test_one_study_leaves_a_logarithmic_prior_as_it_was(text):
    # Under a flat mu the posterior of tau is its prior: 1e-8 of the quantiles.
    prior = tau_prior(text)
    model = model_for(np.array([0.3]), np.array([0.2]), Flat(), prior)
    _, found = exact.fit(model)
    want = prior.ppf([0.025, 0.5, 0.975])
    tau = found.of["tau"]
    np.testing.assert_allclose([tau.low[0], tau.median[0], tau.high[0]], want, rtol=1e-8)
    assert np.isnan(tau.mean[0])


def test_moment_that_exists_by_a_logarithm():
    # Two studies, flat mu: tau times the posterior falls like 1 / (tau log(tau)^6), integrable.
    # The oracle ends at exp(600), the engine at exp(340): 1e-11 of the mean lies beyond.
    prior = LogStudentT(5, -1, 1)
    y, se = np.array([0.1, 0.5]), np.array([0.2, 0.3])
    _, found = exact.fit(model_for(y, se, Flat(), prior))
    oracle = WithAtom(y, se, Flat(), prior, -150, 600)
    mean = oracle.integral(lambda t, m, s: t) / oracle.integral(lambda *_: mp.mpf(1))
    assert found.of["tau"].mean[0] == pytest.approx(float(mean), rel=1e-8)
    assert np.isnan(found.of["tau"].sd[0])


def test_tail_beyond_doubles_is_refused():
    one = np.array([0.3]), np.array([0.2])
    for prior in (LogStudentT(2, 0, 1), InverseGamma(0.001, 0.001)):
        with pytest.raises(InputError, match=r"cannot be computed.*largest floating point number"):
            model_for(*one, Flat(), prior)


def test_priors_from_the_data_scale_with_it():
    # Data times 1000: tau times 1000.
    for prior in (Jeffreys(), Conventional(), UniformShrinkage(), FlatTau(), SqrtTau()):
        y, se = LIVER
        small, large = (
            exact.fit(model_for(y * c, se * c, Flat(), prior))[1].of["tau"] for c in (1, 1000)
        )
        np.testing.assert_allclose(large.median, 1000 * small.median, rtol=1e-9)


def test_half_cauchy_of_extreme_scale():
    for scale in (1e-3, 1e3):
        _, found = exact.fit(model_for(*LIVER, Flat(), HalfCauchy(scale)))
        assert found.numerical_error[0] < 1e-9


def test_the_model_holds_the_bound_prior():
    model = model_for(*LIVER, Flat(), Jeffreys())
    assert model.tau == Jeffreys(tuple(LIVER[1].tolist()))
    assert str(model.tau) == "jeffreys"
    assert model_for(*LIVER, Flat(), Turner()).tau == Turner()


def test_moment_that_only_just_exists_is_no_number():
    # An SD whose integrand falls like tau^-1.002: most of it lies beyond the largest double.
    _, found = exact.fit(model_for(SCHOOLS[0][:3], SCHOOLS[1][:3], Flat(), InverseGamma(1e-3, 1)))
    assert np.isfinite(found.of["tau"].mean[0])
    assert np.isnan(found.of["tau"].sd[0])
    assert found.numerical_error[0] < 1e-9
