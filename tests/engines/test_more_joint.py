"""Joint models beyond times and a design matrix: curves, levels, baselines, many parameters."""

import numpy as np
import pytest
from scipy import special, stats

from bayesmeta.engines import exact
from bayesmeta.engines.importance import fit_importance
from bayesmeta.engines.joint import fit_alone, fit_joint
from bayesmeta.errors import InputError
from bayesmeta.models import NormalNormal
from bayesmeta.models.between import LKJ
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.curves import Plateau, RandomWalk
from bayesmeta.models.longitudinal import longitudinal_model, multilevel_model, regression_model
from bayesmeta.priors import (
    Fixed,
    Flat,
    HalfCauchy,
    HalfNormal,
    LogNormal,
    Normal,
    RhoBeta,
    RhoFixed,
    RhoUniform,
)
from tests.engines.test_joint import EFFECTS, ERRORS, SE, STUDIES, TIMES, Y, close
from tests.models.test_joint import tremor

UNIT = RhoUniform(0, 1)
CS = Correlation("cs", UNIT)
NONE = Correlation("cs", RhoFixed(0))

rng = np.random.default_rng(2)
STUDY = np.repeat(np.arange(8), 3)
AT = np.tile([1.0, 3.0, 12.0], 8)
EFFECT = -2 * (1 - 2 ** (-AT / 3)) + rng.normal(0, 0.3, 8)[STUDY] + rng.normal(0, 0.2, 24)
SAME = np.full(24, 0.25)


def course(mean, **options):
    given = {"tau": HalfNormal(0.5), "between": CS} | options
    return longitudinal_model(STUDY.tolist(), AT, EFFECT, SAME, mean=mean, **given)


def test_plateau_with_its_half_life_fixed_is_least_squares():
    # Isolates the basis: with everything fixed the fit is weighted least squares on 1, 2^(-t / h).
    model = course(Plateau(Fixed(4.0)), tau=Fixed(0), between=NONE, also_at=[2.0, np.inf])
    _, found = fit_joint(model, at=model.points([1, 2, 12, np.inf]))
    x = np.column_stack([np.ones(24), 2 ** (-AT / 4)])
    beta, covariance = np.linalg.lstsq(x, EFFECT)[0], 0.25**2 * np.linalg.inv(x.T @ x)
    rows = np.array([[1, 2**-0.25], [1, 2**-0.5], [1, 2**-3.0], [1, 0]])
    np.testing.assert_allclose(found.mu.mean, rows @ beta, rtol=1e-10)
    np.testing.assert_allclose(found.mu.sd**2, np.diag(rows @ covariance @ rows.T), rtol=1e-9)


def test_half_life_against_brute_force():
    # Isolates the curve's own axis, with tau and rho fixed: the likelihood written out over a
    # panel rule in log half-life.
    prior = LogNormal(1.0, 0.8)
    model = course(Plateau(prior), tau=Fixed(0.3), between=NONE, coefficients=Normal(0, 5))
    _, found = fit_joint(model)
    nodes, weights = special.roots_legendre(400)
    z = 1.0 + 0.8 * 9 * nodes
    log_f = np.empty(400)
    v = np.eye(24) * (0.25**2 + 0.3**2)
    for i, half_life in enumerate(np.exp(z)):
        share = (1 - 2 ** (-(AT - 1) / half_life)) / (1 - 2 ** (-11 / half_life))
        x = np.column_stack([1 - share, share])
        log_f[i] = stats.multivariate_normal(np.zeros(24), v + 25 * x @ x.T).logpdf(EFFECT)
    q = np.exp(log_f + stats.norm(1.0, 0.8).logpdf(z)) * weights * 0.8 * 9
    assert found.log_evidence == pytest.approx(np.log(q.sum()), abs=1e-8)
    mean = (q / q.sum()) @ np.exp(z)
    assert found.hyper("half_life").mean == pytest.approx(mean, rel=1e-7)


def test_random_walk_lies_between_one_mean_and_a_mean_per_time():
    _, wide = fit_joint(course(RandomWalk(Fixed(1e3))))
    _, own = fit_joint(course("per-time"))
    np.testing.assert_allclose(wide.mu.mean, own.mu.mean, atol=1e-6)
    _, narrow = fit_joint(course(RandomWalk(Fixed(1e-5))))
    assert np.ptp(narrow.mu.mean) < 1e-6


def test_random_walk_between_the_data():
    # Halfway between two times of a Brownian motion with known ends: their mean, and a quarter of
    # the variance of the change, plus that of the ends' mean.
    model = course(RandomWalk(Fixed(0.5)), tau=Fixed(0), between=NONE, also_at=[7.5])
    posterior, found = fit_joint(model, at=model.points([3, 7.5, 12]))
    ends = posterior.linear([[0, 0.5, 0, 0.5]])
    assert found.mu.mean[1] == pytest.approx(ends.mean()[0], rel=1e-9)
    bridge = 0.5**2 * 4.5 * 4.5 / 9
    assert found.mu.sd[1] ** 2 == pytest.approx(ends.sd()[0] ** 2 + bridge, rel=1e-9)


def test_curves_are_asked_where_they_are_followed():
    with pytest.raises(InputError, match="not followed at time 7: name it in also_at"):
        course(RandomWalk(HalfNormal(1))).points([7])


def test_unstructured_over_two_times_is_a_tau_per_time_and_any_correlation():
    # Isolates partial correlations: one of them is a correlation, LKJ(1) uniform on (-1, 1).
    taus = [HalfNormal(1), HalfNormal(0.5)]
    data = STUDIES, TIMES, EFFECTS, ERRORS
    _, free = fit_joint(longitudinal_model(*data, tau=taus, between=LKJ(1)))
    both = Correlation("cs", RhoUniform(-1, 1))
    _, same = fit_joint(longitudinal_model(*data, tau=taus, between=both))
    close(free.mu, same.mu, 1e-8)
    assert free.log_evidence == pytest.approx(same.log_evidence, abs=1e-8)


def test_partial_correlations_make_correlation_matrices_of_the_lkj_prior():
    # One correlation of LKJ(eta) over t times is beta(b, b) on (-1, 1), b = eta - 1 + t / 2.
    model = longitudinal_model(
        np.repeat(np.arange(5), 4),
        np.tile([1, 2, 3, 4], 5),
        np.arange(20.0),
        np.ones(20),
        tau=[HalfNormal(1)] * 4,
        between=LKJ(1.5),
    )
    generator = np.random.default_rng(1)
    partial = [hyper.prior.rvs(4000, generator) for hyper in model.hypers[4:10]]
    phi = np.stack([np.ones(4000)] * 4 + partial)
    matrix = model.between.matrix(phi, model.times)
    np.testing.assert_allclose(np.einsum("iin->in", matrix), 1)
    for i, j in ((0, 1), (1, 3), (2, 3)):
        known = stats.beta(2.5, 2.5, -1, 2)
        assert stats.kstest(matrix[i, j], known.cdf).pvalue > 0.01


def test_multilevel_without_a_within_level_is_one_effect_a_study():
    # Isolates the levels: tau_within at 0 leaves the mean of a study's estimates, by its weights.
    one = np.ones((9, 1))
    model = multilevel_model(
        STUDIES, EFFECTS, ERRORS, one, names=["mu"],
        tau_between=HalfNormal(1), tau_within=Fixed(0),
    )  # fmt: skip
    _, found = fit_joint(model)
    w = 1 / ERRORS**2
    number = np.unique(STUDIES, return_inverse=True)[1]
    total = np.bincount(number, w)
    y, se = np.bincount(number, w * EFFECTS) / total, total**-0.5
    _, expected = exact.fit(NormalNormal(y[None], se[None], Flat(), HalfNormal(1)))
    close(found.coefficients, expected.of["mu"], 1e-8)


def test_multilevel_without_a_between_level_is_one_effect_a_row():
    model = multilevel_model(
        STUDIES, EFFECTS, ERRORS, np.ones((9, 1)), names=["mu"],
        tau_between=Fixed(0), tau_within=HalfCauchy(1),
    )  # fmt: skip
    _, found = fit_joint(model, at=model.points([0], [[1.0]]))
    _, expected = exact.fit(NormalNormal(EFFECTS[None], ERRORS[None], Flat(), HalfCauchy(1)))
    close(found.coefficients, expected.of["mu"], 1e-8)
    close(found.theta_new, expected.of["theta_new"], 1e-8)


def test_changes_from_baseline_of_a_known_correlation():
    # Isolates the errors of a change: its variance is se^2 + b^2 - 2 rho se b, so with one time the
    # model is the univariate one.
    before = np.array([9.0, 8, 20, 12, 9, 14, 11, 10])
    model = longitudinal_model(
        range(8), np.ones(8), Y, SE, tau=HalfNormal(10), between=CS,
        within=Correlation("cs", RhoFixed(0.6)), baseline_se=before,
    )  # fmt: skip
    _, found = fit_joint(model)
    se = np.sqrt(SE**2 + before**2 - 2 * 0.6 * SE * before)
    _, expected = exact.fit(NormalNormal(Y[None], se[None], Flat(), HalfNormal(10)))
    close(found.mu, expected.of["mu"], 1e-9)


def test_changes_from_baseline_at_two_times_share_it():
    # cov(e_s - e_0, e_t - e_0), written out by the matrix of differences.
    model = longitudinal_model(
        "aabb", [1, 2, 1, 2], [-1.0, -2, 0, -1], [0.5, 0.6, 0.4, 0.7], tau=HalfNormal(1),
        between=CS, within=Correlation("ar1", RhoBeta(2, 2)), baseline_se=[0.3, 0.3, 0.9, 0.9],
    )  # fmt: skip
    phi = np.array([[0.0], [0.5], [0.7]])
    found = model.given(phi)
    difference = np.array([[-1.0, 1, 0], [-1, 0, 1]])
    gaps = np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    v = np.zeros((4, 4))
    for at, errors in ((0, [0.3, 0.5, 0.6]), (2, [0.9, 0.4, 0.7])):
        whole = np.diag(errors) @ 0.7**gaps @ np.diag(errors)
        v[at : at + 2, at : at + 2] = difference @ whole @ difference.T
    expected = np.linalg.inv(model.x.T @ np.linalg.inv(v) @ model.x)
    np.testing.assert_allclose(found.covariance[:, :, 0], expected, rtol=1e-9)


def test_importance_sampling_is_within_the_error_it_claims():
    model = tremor(within=Correlation("cs", RhoUniform(0, 0.95)))
    posterior, found = fit_importance(model)
    _, exactly = fit_joint(model)
    assert found.numerical_error < 0.01
    assert found.mu.change(exactly.mu) < found.numerical_error
    assert found.log_evidence == pytest.approx(exactly.log_evidence, abs=found.numerical_error)
    for name in ("tau", "rho_between", "rho_within"):
        assert found.hyper(name).change(exactly.hyper(name)) < found.numerical_error
    assert 1 / np.sum(posterior.best.weights**2) > 0.3 * found.nodes
    with pytest.raises(InputError, match="no marginal density"):
        posterior.marginal("tau")


def test_more_than_four_hyperparameters():
    model = tremor(tau=[HalfNormal(10)] * 4)
    with pytest.raises(InputError, match="5 hyperparameters are free, and a grid serves 4"):
        fit_joint(model)
    _, found = fit_importance(model)
    _, again = fit_importance(model)
    assert found.numerical_error < 0.02
    assert np.array_equal(found.mu.median, again.mu.median)


def test_pooling_each_time_alone_is_wider():
    # Isolates the comparison: alone they are univariate fits, and other times narrow them.
    model = tremor()
    alone = fit_alone(model)
    rows = model.slot == 3
    _, expected = exact.fit(
        NormalNormal(model.y[None, rows], model.se[None, rows], Flat(), HalfNormal(10))
    )
    close(alone.at(np.s_[3:]), expected.of["mu"], 1e-10)
    _, found = fit_joint(model)
    narrower = (found.mu.high - found.mu.low) / (alone.high - alone.low)
    assert np.all(narrower < 1)


def test_covariates_beside_times():
    # Isolates further columns: at one time they are those of a meta-regression; a bias that is
    # known to be 0 changes nothing.
    series = np.array([0.0, 0, 0, 1, 1, 0, 1, 0])
    options = {"tau": HalfNormal(10), "between": CS, "covariates": {"series": series}}
    model = longitudinal_model(range(8), np.ones(8), Y, SE, **options)
    _, found = fit_joint(model)
    x = np.column_stack([np.ones(8), series])
    _, expected = fit_joint(regression_model(Y, SE, x, names=["mu", "series"], tau=HalfNormal(10)))
    assert model.names == ("mu at 1", "series")
    close(found.coefficients, expected.coefficients, 1e-10)
    none = longitudinal_model(
        range(8), np.ones(8), Y, SE, coefficients=[Flat(), Normal(0, 1e-6)], **options
    )
    _, unbiased = fit_joint(none)
    _, without = exact.fit(NormalNormal(Y[None], SE[None], Flat(), HalfNormal(10)))
    close(unbiased.mu, without.of["mu"], 1e-6)
    _, biased = fit_joint(model, at=model.points([1.0], [[1.0]]))
    close(biased.mu, mean_of_series(series), 1e-9)


def mean_of_series(series):
    """The same by a regression whose intercept it is."""
    other = np.column_stack([np.ones(8), series - 1])
    return fit_joint(
        regression_model(Y, SE, other, names=["series", "difference"], tau=HalfNormal(10))
    )[1].coefficients.at(np.s_[:1])
