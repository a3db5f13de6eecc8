"""Hellinger distances against closed forms, mpmath densities, and another quadrature."""

import numpy as np
import pytest

from bayesmeta.appraisal.distance import hellinger
from bayesmeta.errors import InputError
from bayesmeta.models import NormalNormal
from bayesmeta.priors import Flat, HalfNormal, Normal, NormalMixture, StudentT, tau_prior
from tests.oracle import Oracle

Y = np.array([28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16])
SE = np.array([14.9, 10.2, 16.3, 11.0, 9.4, 11.4, 10.4, 17.6])


def model(k, mu=None, tau="half-normal(10)", y=Y, se=SE):
    return NormalNormal(y[None, :k], se[None, :k], mu or Flat(), tau_prior(tau))


def of_normals(m1, s1, m2, s2):
    overlap = np.sqrt(2 * s1 * s2 / (s1**2 + s2**2))
    return np.sqrt(1 - overlap * np.exp(-((m1 - m2) ** 2) / (s1**2 + s2**2) / 4))


@pytest.mark.parametrize(("first", "second"), [(0.0, 3.0), (2.0, 40.0)])
def test_two_known_taus_leave_two_normals(first, second):
    moments = []
    for tau in (first, second):
        w = 1 / (SE[:3] ** 2 + tau**2)
        moments.append((w @ Y[:3] / w.sum(), w.sum() ** -0.5))
    (m1, s1), (m2, s2) = moments
    found = hellinger(model(3), [tau_prior(f"fixed({first})")], model(3, tau=f"fixed({second})"))
    assert found.mu[0] == pytest.approx(of_normals(m1, s1, m2, s2), abs=1e-11)
    new = of_normals(m1, np.hypot(s1, first), m2, np.hypot(s2, second))
    assert found.theta_new[0] == pytest.approx(new, abs=1e-11)
    assert found.tau[0] == 1


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ("half-normal(4)", "half-normal(10)", np.sqrt(2 * 4 * 10 / (4**2 + 10**2))),
        ("exponential(2)", "exponential(0.05)", 2 * np.sqrt(2 * 0.05) / 2.05),
        ("uniform(0, 9)", "uniform(2, 5)", 3 / np.sqrt(27)),
        ("uniform(2, 5)", "uniform(0, 9)", 3 / np.sqrt(27)),
        ("uniform(2, 5)", "uniform(4, 9)", 1 / np.sqrt(15)),
        ("uniform(2, 5)", "uniform(5, 9)", 0.0),
        ("gamma(0.2, 1)", "gamma(0.2, 3)", np.sqrt(3) ** 0.2 / 2**0.2),
        ("log-normal(0, 1)", "log-normal(1, 1)", np.exp(-1 / 8)),
        # Far apart in scale, and far from the data.
        ("half-cauchy(1e-3)", "half-cauchy(1e-3)", 1.0),
        ("half-normal(1e-3)", "half-normal(1e3)", np.sqrt(2 / (1e-6 + 1e6))),
    ],
)
def test_one_study_leaves_tau_its_prior(first, second, overlap):
    # Under flat mu; int sqrt(p q) of the priors in closed form.
    found = hellinger(model(1), [tau_prior(first)], model(1, tau=second))
    assert found.tau[0] == pytest.approx(np.sqrt(1 - overlap), abs=1e-8)


@pytest.mark.parametrize("ratio", [1e-2, 1e-3, 1e-4])
def test_small_distances_keep_their_digits(ratio):
    # 1 - int sqrt(p q) would have lost them: H^2 = 1 - sqrt(2 r / (1 + r^2)) = d^2 / 4 + ...
    found = hellinger(model(1), [HalfNormal(10 * (1 + ratio))], model(1))
    exact = -np.expm1(-np.log1p(ratio**2 / 2 / (1 + ratio)) / 2)
    assert found.tau[0] == pytest.approx(np.sqrt(exact), rel=1e-6)
    assert abs(found.tau[0] - np.sqrt(exact)) < 1e-8


def test_mu_and_tau_against_densities_in_mpmath():
    # Densities by tests/oracle.py; here only the trapezoidal rule over them.
    p, q = (
        Oracle(Y[:3], SE[:3], tau, "normal(0, 20)", digits=12)
        for tau in ("half-student-t(4, 5)", "half-normal(10)")
    )
    u, step = np.linspace(-4.5, 4.5, 76, retstep=True)
    mus = 10 + 5 * np.sinh(u)
    apart = [np.sqrt(float(p.mu.pdf(x))) - np.sqrt(float(q.mu.pdf(x))) for x in mus]
    of_mu = np.sqrt((np.square(apart) * 5 * np.cosh(u)).sum() * step / 2)
    v, pace = np.linspace(-48, 10, 291, retstep=True)
    apart = [np.sqrt(float(p.tau.pdf(t))) - np.sqrt(float(q.tau.pdf(t))) for t in np.exp(v)]
    of_tau = np.sqrt((np.square(apart) * np.exp(v)).sum() * pace / 2)
    prior = Normal(0, 20)
    found = hellinger(model(3, prior), [tau_prior("half-student-t(4, 5)")], model(3, prior))
    assert found.mu[0] == pytest.approx(of_mu, abs=1e-8)
    assert found.tau[0] == pytest.approx(of_tau, abs=1e-8)


def by_log_grid(y, se, first, second):
    """Distances by 40,001 values of log tau and 801 of mu, priors (mu SD or None, tau)."""
    v = np.linspace(-240, 60, 40_001)
    tau = np.exp(v)
    parts = []
    for sd, prior in (first, second):
        precision = 0.0 if sd is None else sd**-2.0
        variance = se[:, None] ** 2 + tau**2
        total = (1 / variance).sum(0) + precision
        mean = (y[:, None] / variance).sum(0) / total
        squares = ((y[:, None] - mean) ** 2 / variance).sum(0) + precision * mean**2
        logs = -(np.log(variance).sum(0) + np.log(total) + squares) / 2 + v
        logs += prior.bound(se).logpdf(tau)
        weights = np.exp(logs - logs.max())
        parts.append((weights / weights.sum(), mean, total**-0.5))
    (p, *_), (q, *_) = parts
    found = [np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2)]
    heavy = (p > 1e-19) | (q > 1e-19)
    for new in (False, True):
        sides = [(w[heavy], m[heavy], np.hypot(s, new * tau)[heavy]) for w, m, s in parts]
        least = min(s.min() for _, _, s in sides)
        reach = np.arcsinh(9 * max(s.max() for _, _, s in sides) / least)
        u, pace = np.linspace(-reach, reach, 801, retstep=True)
        x = sides[0][1][0] + least * np.sinh(u)
        a, b = (
            np.array([(w / s * np.exp(-(((at - m) / s) ** 2) / 2)).sum() for at in x])
            for w, m, s in sides
        )
        apart = (np.sqrt(a) - np.sqrt(b)) ** 2 / np.sqrt(2 * np.pi)
        found.append(np.sqrt((apart * least * np.cosh(u)).sum() * pace / 2))
    return found[1], found[0], found[2]


CONTRADICTING = np.array([0.0, 1000.0]), np.array([0.5, 1.0])
ONE_OUTWEIGHS = np.array([0.0, 1.0, 2.0, -1.0]), np.array([0.01, 0.3, 0.4, 0.4])


@pytest.mark.parametrize(
    ("data", "sd", "tau", "reference"),
    [
        ((Y[:2], SE[:2]), None, "half-cauchy(1000)", "half-normal(10)"),
        ((Y[:3], SE[:3]), 50.0, "gamma(0.2, 1)", "half-normal(10)"),
        ((Y[:3], SE[:3]), None, "flat", "half-normal(10)"),
        ((Y[:3], SE[:3]), None, "jeffreys", "lomax(1, 1)"),
        ((Y[:3], SE[:3]), None, "inverse-gamma(0.01, 0.01)", "exponential(0.2)"),
        ((Y[:3], SE[:3]), 50.0, "half-normal(0.01)", "half-student-t(3, 4)"),
        (CONTRADICTING, None, "half-cauchy(10)", "half-normal(10)"),
        (ONE_OUTWEIGHS, None, "half-cauchy(1)", "half-normal(0.5)"),
    ],
)
def test_against_another_quadrature(data, sd, tau, reference):
    y, se = data
    mu = Flat() if sd is None else Normal(0, sd)
    found = hellinger(
        model(len(y), mu, y=y, se=se), [tau_prior(tau)], model(len(y), mu, reference, y, se)
    )
    expected = by_log_grid(y, se, (sd, tau_prior(tau)), (sd, tau_prior(reference)))
    assert (found.mu[0], found.tau[0], found.theta_new[0]) == pytest.approx(expected, abs=1e-8)


def test_another_prior_on_mu_in_the_reference():
    found = hellinger(
        model(3, Normal(0, 20)), [tau_prior("half-normal(5)")], model(3, None, "half-cauchy(10)")
    )
    expected = by_log_grid(
        Y[:3], SE[:3], (20.0, tau_prior("half-normal(5)")), (None, tau_prior("half-cauchy(10)"))
    )
    assert (found.mu[0], found.tau[0], found.theta_new[0]) == pytest.approx(expected, abs=1e-8)


def test_a_mixture_on_mu_of_one_normal_twice_is_that_normal():
    twice = NormalMixture((0.3, 0.7), (0, 0), (20, 20))
    found = hellinger(model(3, twice), [HalfNormal(10)], model(3, Normal(0, 20)))
    assert max(found.mu[0], found.tau[0], found.theta_new[0]) < 1e-7
    narrow = hellinger(model(3, StudentT(1e6, 0, 20)), [HalfNormal(10)], model(3, Normal(0, 20)))
    assert narrow.mu[0] < 1e-5


def test_many_at_once_are_each_alone_and_either_way_round():
    texts = ["half-normal(1)", "uniform(0, 9)", "half-cauchy(100)", "log-student-t(3, 1, 0.5)"]
    texts += ["fixed(3)", "half-normal(300)", "flat", "exponential(0.2)"]
    priors = [tau_prior(text) for text in texts]
    many = hellinger(model(3), priors, model(3))
    for at, text in enumerate(texts):
        back = hellinger(model(3), [tau_prior("half-normal(10)")], model(3, tau=text))
        for name in ("mu", "tau", "theta_new"):
            alone = float(getattr(back, name)[0])
            assert getattr(many, name)[at] == pytest.approx(alone, abs=2e-8), (text, name)


def test_shift_and_scale_change_nothing():
    plain = hellinger(model(3), [tau_prior("half-cauchy(5)")], model(3))
    moved = hellinger(
        model(3, y=1e6 + 1e3 * Y, se=1e3 * SE),
        [tau_prior("half-cauchy(5000)")],
        model(3, tau="half-normal(10000)", y=1e6 + 1e3 * Y, se=1e3 * SE),
    )
    for name in ("mu", "tau", "theta_new"):
        assert getattr(plain, name)[0] == pytest.approx(getattr(moved, name)[0], abs=1e-9)


def test_an_improper_posterior_is_refused():
    with pytest.raises(InputError, match="need 3"):
        hellinger(model(2), [tau_prior("half-normal(1)"), tau_prior("flat")], model(2))


def test_other_data_are_refused():
    with pytest.raises(ValueError, match="same data"):
        hellinger(model(3), [HalfNormal(1)], model(2))
