"""The other families on tau, and those on mu, against scipy and PreliZ, and their own parts."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from bayesmeta.errors import InputError
from bayesmeta.priors import (
    BergerDeely,
    Conventional,
    DuMouchel,
    Exponential,
    Flat,
    FlatTau,
    Gamma,
    HalfLogistic,
    InverseGamma,
    Jeffreys,
    LogNormal,
    LogStudentT,
    Lomax,
    MuPrior,
    Normal,
    NormalMixture,
    OverallJeffreys,
    PenalisedComplexity,
    SqrtTau,
    StudentT,
    Turner,
    UniformI2,
    UniformShrinkage,
    Weibull,
    known_unit_information_sd,
    mu_prior,
    tau_prior,
    unit_information_sd,
)


class Changed:
    """A scipy distribution of g(x), g = log or square, as one of x."""

    def __init__(self, inner, g, slope, inverse):
        self.inner, self.g, self.slope, self.inverse = inner, g, slope, inverse

    def pdf(self, x):
        return self.inner.pdf(self.g(x)) * self.slope(x)

    def cdf(self, x):
        return self.inner.cdf(self.g(x))

    def ppf(self, p):
        return self.inverse(self.inner.ppf(p))


def squared(inner):
    return Changed(inner, np.square, lambda x: 2 * x, np.sqrt)


def logged(inner):
    return Changed(inner, np.log, lambda x: 1 / x, np.exp)


# Ours, scipy's, PreliZ's name and parameters where it has the family.
FAMILIES = [
    (HalfLogistic(0.7), stats.halflogistic(scale=0.7), None, ()),
    (Lomax(1, 1), stats.lomax(1), None, ()),
    (Lomax(3.5, 0.2), stats.lomax(3.5, scale=0.2), None, ()),
    (Weibull(0.5, 2), stats.weibull_min(0.5, scale=2), "Weibull", (0.5, 2)),
    (Weibull(2, 0.3), stats.weibull_min(2, scale=0.3), "Weibull", (2, 0.3)),
    (Gamma(0.2, 1), stats.gamma(0.2), "Gamma", (0.2, 1)),
    (Gamma(2, 4), stats.gamma(2, scale=0.25), "Gamma", (2, 4)),
    (InverseGamma(1, 0.5), squared(stats.invgamma(1, scale=0.5)), None, ()),
    (InverseGamma(0.3, 2), squared(stats.invgamma(0.3, scale=2)), None, ()),
    (LogStudentT(5, -1.72, 1.295), logged(stats.t(5, -1.72, 1.295)), None, ()),
    (LogStudentT(30, 1, 0.4), logged(stats.t(30, 1, 0.4)), None, ()),
    (PenalisedComplexity(1, 0.05), stats.expon(scale=-1 / math.log(0.05)), None, ()),
]
IDS = [str(family[0]) for family in FAMILIES]
PROBABILITIES = np.array([1e-3, 0.01, 0.025, 0.25, 0.5, 0.75, 0.975, 0.99, 0.999])
SE = (0.2, 0.5, 0.31, 1.7)
JEFFREYS_LIKE = (Jeffreys, OverallJeffreys, BergerDeely)
BOUND = [
    family().bound(SE)
    for family in (*JEFFREYS_LIKE, Conventional, DuMouchel, UniformShrinkage, UniformI2)
]
PROPER = [prior for prior in BOUND if prior.proper]
EVERY = [family[0] for family in FAMILIES] + BOUND + [FlatTau(), SqrtTau()]


@pytest.mark.parametrize(("ours", "scipys", "name", "parameters"), FAMILIES, ids=IDS)
def test_density_distribution_and_quantiles(ours, scipys, name, parameters):
    # Isolates the formulas. Closed forms and special functions: 1e-11 covers both roundings; the
    # quantile is compared where p is known to 1e-13 of its tail.
    x = np.concatenate([scipys.ppf(PROBABILITIES), [1e-6, 0.3, 1.0, 20.0]])
    np.testing.assert_allclose(ours.pdf(x), scipys.pdf(x), rtol=1e-11, atol=1e-300)
    np.testing.assert_allclose(ours.cdf(x), scipys.cdf(x), rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(ours.ppf(PROBABILITIES), scipys.ppf(PROBABILITIES), rtol=1e-9)
    if name:
        import preliz

        prelizs = getattr(preliz, name)(*parameters)
        np.testing.assert_allclose(ours.pdf(x), prelizs.pdf(x), rtol=1e-10, atol=1e-300)
        np.testing.assert_allclose(ours.cdf(x), prelizs.cdf(x), rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(ours.ppf(PROBABILITIES), prelizs.ppf(PROBABILITIES), rtol=1e-7)


@pytest.mark.parametrize("prior", [family[0] for family in FAMILIES] + PROPER, ids=str)
def test_ends_and_draws(prior):
    assert prior.pdf(-0.1) == 0
    assert prior.cdf(-0.1) == prior.cdf(0.0) == prior.ppf(0.0) == 0
    assert prior.cdf(np.inf) == 1
    assert prior.ppf(1.0) == np.inf
    draws = prior.rvs((50, 100), np.random.default_rng(1))
    # Kolmogorov-Smirnov at 1e-4 with a fixed seed.
    assert stats.kstest(draws.ravel(), prior.cdf).pvalue > 1e-4
    assert 0 < prior.typical < prior.farthest or prior.typical <= prior.ppf(0.99)


@pytest.mark.parametrize("prior", PROPER, ids=str)
def test_proper_data_dependent_ones_integrate_to_one(prior):
    # Isolates the constant, and the CDF from the density: scipy's quad in log tau, 1e-11.
    def f(x):
        return float(prior.pdf(math.exp(x))) * math.exp(x)

    def mass(high):
        cuts = np.append(np.arange(-40, high, 4), high)
        return sum(integrate.quad(f, a, b, epsabs=1e-14)[0] for a, b in pairwise(cuts))

    assert mass(40.0) == pytest.approx(1, abs=1e-11)
    for p in (0.01, 0.5, 0.9):
        at = float(prior.ppf(p))
        assert float(prior.cdf(at)) == pytest.approx(p, abs=1e-13)
        assert mass(math.log(at)) == pytest.approx(p, abs=1e-11)


def test_data_dependent_densities_by_their_formulas():
    # Isolates the formulas of Roever (2020), written out for two studies at tau = 0.7.
    a, b, t = 0.04, 0.25, 0.7
    v, w, tt = a + t * t, b + t * t, t * t
    bound = (0.2, 0.5)
    s02 = 2 / (1 / a + 1 / b)
    s2 = (1 / a + 1 / b) / ((1 / a + 1 / b) ** 2 - 1 / a**2 - 1 / b**2)
    wanted = {
        Jeffreys: math.sqrt(tt / v**2 + tt / w**2),
        OverallJeffreys: math.sqrt((1 / v + 1 / w) * (tt / v**2 + tt / w**2)),
        BergerDeely: math.sqrt((t / v) * (t / w)),
        DuMouchel: math.sqrt(s02) / (math.sqrt(s02) + t) ** 2,
        UniformShrinkage: 2 * s02 * t / (s02 + tt) ** 2,
        UniformI2: 2 * s2 * t / (s2 + tt) ** 2,
    }
    for family, density in wanted.items():
        assert family().bound(bound).pdf(t) == pytest.approx(density, rel=1e-13)
    ratio = Conventional().bound(bound).pdf(t) / Conventional().bound(bound).pdf(1.0)
    conventional = t / (v * w) ** 0.75 / (1 / ((a + 1) * (b + 1)) ** 0.75)
    assert ratio == pytest.approx(conventional, rel=1e-13)
    assert FlatTau().pdf(t) == 1
    assert SqrtTau().pdf(t) == pytest.approx(t**-0.5, rel=1e-15)


def test_equal_standard_errors_make_them_alike():
    # Jeffreys' and Berger and Deely's prior are then the same; so are shrinkage and I2.
    tau = np.geomspace(1e-3, 1e3, 50)
    jeffreys, berger = (family().bound([0.3] * 4) for family in (Jeffreys, BergerDeely))
    np.testing.assert_allclose(np.ptp(jeffreys.logpdf(tau) - berger.logpdf(tau)), 0, atol=1e-13)
    shrinkage, i2 = (family().bound([0.3] * 4) for family in (UniformShrinkage, UniformI2))
    np.testing.assert_allclose(shrinkage.cdf(tau), i2.cdf(tau), rtol=1e-13)
    alone = UniformI2().bound([0.3])
    assert alone.ppf(0.5) == pytest.approx(0.3)


@pytest.mark.parametrize("prior", EVERY, ids=str)
def test_complex_step_is_the_derivative(prior):
    # As in test_tau.py: against a central difference, good to 1e-9.
    h = 1e-5
    for x in (-9.0, -1.0, 0.4, 3.0):

        def at(step, x=x):
            return float(prior.log_density(np.exp(np.array(x + step)), np.array(x + step)))

        aside = np.array(math.exp(x) * (1 + 1e-30j)), np.array(x + 1e-30j)
        by_complex_step = float(np.imag(prior.log_density(*aside))) / 1e-30
        difference = (at(h) - at(-h)) / (2 * h)
        assert by_complex_step == pytest.approx(difference, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("prior", EVERY, ids=str)
def test_log_density_survives_an_underflowed_tau(prior):
    # Isolates that log tau is used where tau has become 0: at log tau = -2000 and -2001 the log
    # density is on its power (or logarithm) still, and never nan or -inf but for no mass there.
    log_tau = np.array([-2000.0, -2001.0, -2002.0])
    value = prior.log_density(np.exp(log_tau), log_tau)
    if isinstance(prior, InverseGamma):
        assert np.all(value == -np.inf)
    else:
        assert np.all(np.isfinite(value))
        assert abs(np.diff(value, 2)[0]) < 1e-5


@pytest.mark.parametrize(
    "prior", [p for p in EVERY if math.isfinite(p.tail_power) and not p.log_tails], ids=str
)
def test_tail_power(prior):
    # The slope of the log density by log tau far out; the Lomax's is off by its scale / tau.
    slope = -(prior.logpdf(1e13) - prior.logpdf(1e12)) / math.log(10)
    assert slope == pytest.approx(prior.tail_power, abs=1e-9)


def test_far_tail_is_finite():
    # Isolates overflow in sums of 1 / v_i^2 at the largest tau that is integrated.
    log_tau = np.array([330.0, 331.0])
    for prior in BOUND:
        fall = -np.diff(prior.log_density(np.exp(log_tau), log_tau))
        assert fall == pytest.approx(prior.tail_power, abs=1e-9)


def test_unbound_and_improper_say_so():
    for prior in (Jeffreys(), Conventional(), DuMouchel()):
        with pytest.raises(InputError, match="depends on the standard errors"):
            prior.pdf(1.0)
        assert str(prior) == prior.name == str(prior.bound([1.0, 2.0]))
    for prior in (FlatTau(), SqrtTau(), Jeffreys().bound([1.0])):
        with pytest.raises(InputError, match="improper"):
            prior.ppf(0.5)
        with pytest.raises(InputError, match="improper"):
            prior.cdf(0.5)


@pytest.mark.parametrize(
    "prior",
    [family[0] for family in FAMILIES]
    + [FlatTau(), SqrtTau()]
    + [type(prior)() for prior in BOUND],
    ids=str,
)
def test_text_form_round_trip(prior):
    assert tau_prior(str(prior)) == prior


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("jeffries", "did you mean 'jeffreys'?"),
        ("shrinkage", "did you mean 'uniform-shrinkage'?"),
        ("jeffreys(1)", "1 numbers given, expected jeffreys"),
        ("pc(1, 1.5)", "a of pc(1, 1.5) is 1.5: it is P(tau > u), a probability"),
        ("pc(-1, 0.5)", "u of pc(-1, 0.5) is -1: it must be positive and finite"),
        ("gamma(0, 1)", "shape of gamma(0, 1) is 0: it must be positive"),
        ("inverse-gamma(1)", "expected inverse-gamma(shape, scale)"),
        ("log-student-t(0.5, 0, 1)", "df of log-student-t(0.5, 0, 1) is 0.5: it must be 1 or more"),
        ("lomax(1, -1)", "scale of lomax(1, -1) is -1"),
        ("half-logistic(0)", "scale of half-logistic(0) is 0"),
        ("weibul(1, 1)", "did you mean 'weibull'?"),
    ],
)
def test_what_is_wrong(text, sentence):
    with pytest.raises(InputError) as caught:
        tau_prior(text)
    assert sentence in str(caught.value)


def test_penalised_complexity_is_an_exponential():
    prior = PenalisedComplexity(0.5, 0.1)
    assert prior.plain == Exponential(-math.log(0.1) / 0.5)
    assert 1 - prior.cdf(0.5) == pytest.approx(0.1, rel=1e-13)


# Priors on mu


@pytest.mark.parametrize("df", [0.5, 1, 1.7, 3, 4, 10, 30, 200, 1e4, 1e6])
def test_student_t_as_a_mixture_of_normals(df):
    # Isolates components(): the density of the mixture from the centre to a tail of 1e-8, and its
    # CDF. scipy's own density loses digits in proportion to df, ours does not.
    prior, theirs = StudentT(df, 0.3, 2), stats.t(df, 0.3, 2)
    weights, means, sds = prior.components()
    assert weights.sum() == pytest.approx(1, abs=1e-14)
    assert np.all(weights > 0)
    assert np.all(np.isfinite(sds))
    assert np.all(means == 0.3)
    x = np.concatenate([[0.3, 0.5, 1.3, 2.3], theirs.ppf(10.0 ** -np.arange(1, 9))])
    np.testing.assert_allclose(prior.pdf(x), theirs.pdf(x), rtol=1e-13 + 1e-15 * df)
    np.testing.assert_allclose(np.exp(MuPrior.logpdf(prior, x)), prior.pdf(x), rtol=2e-13)
    np.testing.assert_allclose(MuPrior.cdf(prior, x), theirs.cdf(x), atol=3e-14)


@given(st.floats(0.5, 1e6))
def test_student_t_components_for_any_df(df):
    weights, _, sds = StudentT(df, 0, 1).components()
    at_zero = float(weights @ (1 / sds)) / math.sqrt(2 * math.pi)
    assert at_zero == pytest.approx(float(StudentT(df, 0, 1).pdf(0)), rel=2e-13)
    assert len(weights) < 1200


@pytest.mark.parametrize(
    ("ours", "scipys"),
    [
        (Normal(1, 2), stats.norm(1, 2)),
        (StudentT(4, 1, 2), stats.t(4, 1, 2)),
        (StudentT(1, -3, 0.5), stats.t(1, -3, 0.5)),
    ],
    ids=["normal", "student-t", "cauchy"],
)
def test_priors_on_mu(ours, scipys):
    x = np.array([-8.0, -3.0, 0.0, 1.0, 2.5, 40.0])
    np.testing.assert_allclose(ours.logpdf(x), scipys.logpdf(x), rtol=1e-12)
    np.testing.assert_allclose(ours.cdf(x), scipys.cdf(x), rtol=1e-11)
    p = np.array([0.001, 0.025, 0.5, 0.6, 0.975])
    np.testing.assert_allclose(ours.ppf(p), scipys.ppf(p), rtol=1e-11, atol=1e-12)
    draws = ours.rvs(5000, np.random.default_rng(2))
    assert stats.kstest(draws, scipys.cdf).pvalue > 1e-4


def test_mixture_on_mu():
    prior = NormalMixture((0.8, 0.2), (0, 1), (0.5, 10))
    x = np.array([-20.0, -1.0, 0.0, 0.3, 5.0])
    parts = [0.8, 0.2] * stats.norm([0, 1], [0.5, 10]).pdf(x[:, None])
    np.testing.assert_allclose(prior.pdf(x), parts.sum(-1), rtol=1e-13)
    np.testing.assert_allclose(prior.ppf(prior.cdf(x)), x, atol=1e-10)
    assert prior.ppf(0.0) == -np.inf
    assert prior.ppf(1.0) == np.inf
    draws = prior.rvs((20, 250), np.random.default_rng(3))
    assert stats.kstest(draws.ravel(), prior.cdf).pvalue > 1e-4


@pytest.mark.parametrize(
    "prior",
    [
        NormalMixture((0.8, 0.2), (0, 1), (0.5, 10)),
        NormalMixture((1,), (-2.5,), (1e-3,)),
        StudentT(4, 0, 2.5),
        Normal(0, 1),
        Flat(),
    ],
    ids=str,
)
def test_text_of_mu(prior):
    assert mu_prior(str(prior)) == prior


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mixture(0.8 normal(0, 1), 0.3 normal(0, 2))", "sum to 1.1: they must sum to 1"),
        ("mixture(0.8 norml(0, 1), 0.2 normal(0, 2))", "did you mean 'normal'?"),
        ("mixture(normal(0, 1))", "expected a weight and a normal, as in mixture(0.8 normal("),
        ("mixture(0.5 normal(0))", "expected a weight and a normal"),
        ("mixture(-0.5 normal(0, 1), 1.5 normal(0, 1))", "is -0.5: it must be positive"),
        ("mixture(0.5 normal(0, -1), 0.5 normal(0, 1))", "sd of normal(0, -1) is -1"),
        ("mixture", "one at least"),
        ("student-t(4, 1)", "2 numbers given, expected student-t(df, mean, scale)"),
        ("student-t(0.1, 0, 1)", "df of student-t(0.1, 0, 1) is 0.1: it must lie between"),
        ("student(4, 0, 1)", "did you mean 'student-t'?"),
    ],
)
def test_what_is_wrong_with_mu(text, sentence):
    with pytest.raises(InputError) as caught:
        mu_prior(text)
    assert sentence in str(caught.value)


def test_unit_information():
    # A study of 200 patients, 50 events an arm of 100: log OR of variance 4 / 50, UISD 4.
    assert unit_information_sd([200], [math.sqrt(4 / 50)]) == pytest.approx(4)
    assert known_unit_information_sd("or") == 4
    with pytest.raises(InputError, match="estimate it by unit_information_sd"):
        known_unit_information_sd("MD")
    with pytest.raises(InputError, match="one number for each study"):
        unit_information_sd([1, 2], [0.1])


def test_log_normal_reaches_as_far_as_its_second_moment():
    # Isolates `farthest`, which ends the range of quadrature: prior times tau^2 beyond it is 1e-16.
    prior = LogNormal(-1, 3)
    assert special.ndtr(-(math.log(prior.farthest) - (-1 + 2 * 9)) / 3) < 1e-15
    assert Turner().farthest == Turner().plain.farthest
