"""The exact engine of joint models: against the univariate one, brute force and its invariances."""

import numpy as np
import pytest
from scipy import special, stats

from bayesmeta.engines import exact, joint
from bayesmeta.engines.joint import fit_joint
from bayesmeta.models import NormalNormal
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.longitudinal import longitudinal_model, regression_model
from bayesmeta.priors import (
    Fixed,
    Flat,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    InverseGamma,
    Jeffreys,
    LogNormal,
    Normal,
    RhoBeta,
    RhoFixed,
    RhoUniform,
    SqrtTau,
    Uniform,
)
from tests.models.test_joint import KNOWN, bcg, tremor

UNIT = RhoUniform(0, 1)
CS = Correlation("cs", UNIT)
Y = np.array([28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16])
SE = np.array([14.9, 10.2, 16.3, 11.0, 9.4, 11.4, 10.4, 17.6])

PRIORS = [
    HalfNormal(10),
    HalfCauchy(5),
    HalfStudentT(2.5, 3),
    LogNormal(1, 1),
    InverseGamma(1, 3),
    Gamma(1.5, 0.2),
    Uniform(0, 30),
    SqrtTau(),
    Jeffreys(),
]


def close(found, expected, tolerance):
    """Assert equal summaries, errors in SDs or widths; ``nan`` where the other has it."""
    width = np.ravel(expected.high - expected.low) / 3.92
    for name in ("mean", "sd", "median", "low", "high"):
        ours, theirs = np.ravel(getattr(found, name)), np.ravel(getattr(expected, name))
        assert np.array_equal(np.isnan(ours), np.isnan(theirs)), name
        np.testing.assert_array_less(np.nan_to_num(abs(ours - theirs)), tolerance * width, name)


@pytest.mark.parametrize("k", [3, 4, 8])
@pytest.mark.parametrize("tau", PRIORS, ids=str)
def test_one_time_is_the_univariate_model(k, tau):
    # Isolates the grid: Gauss-Legendre on a bounded coordinate against the trapezoid of the
    # univariate engine, which share no arithmetic. Both promise 1e-10.
    model = longitudinal_model(range(k), np.ones(k), Y[:k], SE[:k], tau=tau, between=CS)
    _, found = fit_joint(model)
    single = NormalNormal(Y[None, :k], SE[None, :k], Flat(), tau.bound(SE[:k]))
    _, expected = exact.fit(single)
    assert found.numerical_error < 1e-10
    for ours, name in ((found.mu, "mu"), (found.theta_new, "theta_new")):
        close(ours, expected.of[name], 1e-9)
    movement = found.hyper("tau")
    theirs = expected.of["tau"]
    for name in ("mean", "sd", "median", "low", "high"):
        assert getattr(movement, name) == pytest.approx(
            getattr(theirs, name)[0], rel=1e-9, nan_ok=True
        )
    if tau.proper:
        assert found.log_evidence == pytest.approx(expected.log_evidence[0], abs=1e-10)


def test_one_time_gives_the_univariate_study_effects_and_weights():
    tau, mu = HalfNormal(10), Normal(0, 50)
    model = longitudinal_model(range(8), np.ones(8), Y, SE, tau=tau, between=CS, coefficients=mu)
    posterior, _ = fit_joint(model)
    _, expected = exact.fit(NormalNormal(Y[None], SE[None], mu, tau))
    effects, error = posterior.study_effects()
    assert error < 1e-9
    close(effects, expected.of["theta"], 1e-9)
    np.testing.assert_allclose(posterior.shares()[0], expected.weights[0], atol=1e-10)


TIMES = np.array([3.0, 3.0, 3.0, 3.0, 12.0, 12.0, 12.0, 12.0, 12.0])
STUDIES = list("abcdacdef")
EFFECTS = np.array([-1.2, 0.3, -0.8, -2.0, -0.4, -0.9, -1.6, 0.1, -0.5])
ERRORS = np.array([0.4, 0.5, 0.3, 0.8, 0.5, 0.3, 0.9, 0.6, 0.2])


@pytest.mark.parametrize("coefficients", [Flat(), Normal(0, 2)])
def test_independent_times_are_univariate_fits(coefficients):
    # Isolates a tau per time: without correlations the likelihood factorises.
    none = Correlation("cs", RhoFixed(0))
    taus = [HalfNormal(0.5), HalfCauchy(1.0)]
    model = longitudinal_model(
        STUDIES, TIMES, EFFECTS, ERRORS, tau=taus, between=none, coefficients=coefficients
    )
    _, found = fit_joint(model)
    assert found.numerical_error < 1e-8
    total = 0.0
    for at, time in enumerate((3.0, 12.0)):
        rows = time == TIMES
        single = NormalNormal(EFFECTS[None, rows], ERRORS[None, rows], coefficients, taus[at])
        _, expected = exact.fit(single)
        one = np.array([at])
        close(found.mu.at(one), expected.of["mu"], 1e-8)
        close(found.theta_new.at(one), expected.of["theta_new"], 1e-8)
        assert found.hypers[at].median == pytest.approx(expected.of["tau"].median[0], rel=1e-8)
        total += expected.log_evidence[0]
    assert found.log_evidence == pytest.approx(total, abs=1e-8)


def test_order_of_rows_and_labels_changes_nothing():
    options = {"tau": HalfNormal(1), "between": CS, "within": Correlation("cs", RhoFixed(0.5))}
    _, found = fit_joint(longitudinal_model(STUDIES, TIMES, EFFECTS, ERRORS, **options))
    order = np.random.default_rng(1).permutation(len(TIMES))
    labels = [{"a": 17, "f": None}.get(STUDIES[row], STUDIES[row]) for row in order]
    _, other = fit_joint(
        longitudinal_model(labels, TIMES[order], EFFECTS[order], ERRORS[order], **options)
    )
    close(found.mu, other.mu, 1e-11)
    close(found.theta_new, other.theta_new, 1e-11)
    assert found.hyper("tau").median == pytest.approx(other.hyper("tau").median, rel=1e-11)


def brute_force(model):
    """All moments of a model of two times from 200,000 nodes in other coordinates, by LAPACK.

    Composite Gauss-Legendre over tau in panels that double, and rho in equal panels.
    """
    nodes, weights = special.roots_legendre(8)

    def panels(edges):
        edges = np.asarray(edges)
        half = np.diff(edges)[:, None] / 2
        x = edges[:-1, None] + half * (nodes + 1)
        return x.ravel(), (half * weights).ravel()

    sides = [panels([0, 0.1, 0.2, 0.4, 0.7, 1, 1.4, 2, 3, 4.5, 7])]
    sides += [panels(np.linspace(*hyper.prior.support, 7)) for hyper in model.hypers[1:]]
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*[x for x, _ in sides], indexing="ij")])
    w = np.prod(np.meshgrid(*[w for _, w in sides], indexing="ij"), 0).ravel()
    tau, between, within = grid
    x, y, se = model.x, model.y, model.se
    same = (model.study[:, None] == model.study) * 1.0
    one = (model.slot[:, None] == model.slot) * 1.0
    t = tau**2 * (one[..., None] + (1 - one)[..., None] * between)
    s = (se[:, None] * se)[..., None] * (one[..., None] + (1 - one)[..., None] * within)
    v = np.moveaxis(same[..., None] * (t + s), -1, 0)
    inverse = np.linalg.inv(v)
    a = x.T @ inverse @ x
    covariance = np.linalg.inv(a)
    mean = np.einsum("nij,nj->ni", covariance, x.T @ inverse @ y)
    residual = y - mean @ x.T
    log_f = -(np.linalg.slogdet(v)[1] + np.linalg.slogdet(a)[1]) / 2
    log_f -= np.einsum("ni,nij,nj->n", residual, inverse, residual) / 2
    log_f -= (len(y) - x.shape[1]) * np.log(2 * np.pi) / 2 - np.log(w)
    for hyper, value in zip(model.hypers, grid, strict=True):
        log_f += hyper.log_density(value)
    evidence = special.logsumexp(log_f)
    q = np.exp(log_f - evidence)
    return evidence, q, grid, mean, np.diagonal(covariance, axis1=1, axis2=2)


def test_three_hyperparameters_against_brute_force():
    # Isolates box, coordinates, levels and marginals at once. The panels are good to 1e-8.
    model = longitudinal_model(
        STUDIES[2:],
        TIMES[2:],
        EFFECTS[2:],
        ERRORS[2:],
        tau=HalfNormal(0.6),
        between=Correlation("cs", RhoUniform(-1, 1)),
        within=Correlation("cs", RhoUniform(0, 0.9)),
    )
    _, found = fit_joint(model)
    evidence, q, grid, mean, variance = brute_force(model)
    assert found.numerical_error < 1e-6
    assert found.log_evidence == pytest.approx(evidence, abs=1e-7)
    expected = q @ mean
    np.testing.assert_allclose(found.mu.mean, expected, atol=1e-7)
    sd = np.sqrt(q @ ((mean - expected) ** 2 + variance))
    np.testing.assert_allclose(found.mu.sd, sd, rtol=1e-7)
    for bound, p in (("low", 0.025), ("median", 0.5), ("high", 0.975)):
        at = getattr(found.mu, bound)
        assert q @ stats.norm.cdf((at - mean) / np.sqrt(variance)) == pytest.approx(
            [p, p], abs=1e-7
        )
    for movement, value in zip(found.hypers, grid, strict=True):
        assert movement.mean == pytest.approx(q @ value, abs=1e-7)
        spread = np.sqrt(q @ (value - movement.mean) ** 2)
        assert movement.sd == pytest.approx(spread, rel=1e-6)


def test_marginal_quantiles_against_brute_force():
    # Isolates the CDF of a hyperparameter: panels that end at the quantile found.
    model = longitudinal_model(
        STUDIES, TIMES, EFFECTS, ERRORS, tau=HalfNormal(0.6), between=Correlation("cs", RhoFixed(0))
    )
    posterior, found = fit_joint(model)
    marginal = posterior.marginal("tau")

    def mass(low, high):
        x, w = special.roots_legendre(60)
        tau = low + (high - low) * (x + 1) / 2
        phi = np.stack([tau, 0 * tau, 0 * tau])
        log_f = model.given(phi).log_likelihood + model.log_prior(phi)
        return np.exp(log_f) @ w * (high - low) / 2

    whole = mass(0, 1.5) + mass(1.5, 6)
    for value, p in ((found.hyper("tau").low, 0.025), (found.hyper("tau").median, 0.5)):
        assert mass(0, value) / whole == pytest.approx(p, abs=1e-9)
    step = 1e-4
    at = np.array([0.3, 0.8])
    slope = (marginal.cdf(at + step) - marginal.cdf(at - step)) / (2 * step)
    np.testing.assert_allclose(marginal.pdf(at), slope, rtol=1e-6)
    np.testing.assert_allclose(marginal.ppf(marginal.cdf(at)), at, rtol=1e-10)


@pytest.mark.parametrize("kind", ["cs", "ar1"])
def test_prediction_is_wider_by_tau_at_all_times(kind):
    # Between observed times too: Var theta_new(t) = Var mu(t) + E tau^2.
    model = tremor(
        between=Correlation(kind, UNIT), within=Correlation("cs", RhoFixed(0.5)), mean="spline"
    )
    at = np.array([1.0, 1.3, 2.5, 3.0, 3.7, 4.0])
    posterior, found = fit_joint(model, at=model.points(at))
    tau = found.hyper("tau")
    difference = found.theta_new.sd**2 - found.mu.sd**2
    np.testing.assert_allclose(difference, tau.mean**2 + tau.sd**2, rtol=1e-7)
    assert np.all(found.theta_new.high - found.theta_new.low > found.mu.high - found.mu.low)
    np.testing.assert_allclose(posterior.theta_new(at).sd(), found.theta_new.sd, rtol=1e-9)


def test_contrasts_are_differences_of_the_course():
    posterior, found = fit_joint(tremor(within=Correlation("cs", RhoFixed(0.5))))
    left, right = found.pairs.T
    difference = found.mu.mean[right] - found.mu.mean[left]
    np.testing.assert_allclose(found.contrasts.mean, difference, atol=1e-10)
    # The same contrast asked of the posterior by its coefficients.
    rows = np.eye(4)[right] - np.eye(4)[left]
    np.testing.assert_allclose(posterior.linear(rows).sd(), found.contrasts.sd, rtol=1e-10)


def test_tremor_is_near_reml_and_its_correlation_off_the_edge():
    # Under vague priors the posterior mean is near REML's estimate, but REML puts rho at 1 and a
    # posterior cannot.
    _, found = fit_joint(tremor(tau=Uniform(0, 50), within=Correlation("cs", RhoFixed(0))))
    known = KNOWN["tremor_dbs"]["CS"]
    np.testing.assert_allclose(found.mu.mean, known["beta"], atol=0.12 * max(known["se"]))
    np.testing.assert_allclose(found.mu.sd, known["se"], rtol=0.08)
    assert found.hyper("tau").median == pytest.approx(np.sqrt(known["tau2"]), rel=0.05)
    assert found.hyper("rho_between").high < 1


def test_errors_promised_are_kept():
    # Isolates numerical_error: three hyperparameters, against a grid of twice the nodes a side.
    model = tremor(within=Correlation("cs", RhoUniform(0, 0.95)))
    posterior, found = fit_joint(model)
    assert found.numerical_error < 1e-6
    finer = joint._on(model, posterior.best.box, (56, 56, 34))
    best = joint.Question(model, found.points, 0.95).answer(finer, None)
    mine = joint.Question(model, found.points, 0.95).answer(posterior.best, None)
    assert mine.change(best) < 1.1 * found.numerical_error


def test_a_ridge_at_the_edge_of_a_correlation_is_not_lost():
    # Two times that agree within studies to a hundredth of tau: rho_between is next to 1, where a
    # coarse scan has no point. Against the same box cut into many panels.
    rng = np.random.default_rng(3)
    centre = rng.normal(0, 1, 12)
    y = np.repeat(centre, 2) + rng.normal(0, 0.01, 24)
    model = longitudinal_model(
        np.repeat(np.arange(12), 2),
        np.tile([1.0, 2.0], 12),
        y,
        np.full(24, 0.01),
        tau=HalfNormal(1),
        between=CS,
    )
    _, found = fit_joint(model)
    nodes, weights = special.roots_legendre(60)
    tau = 0.2 + 7.8 * (nodes + 1) / 2
    edges = 1 - np.geomspace(1, 1e-9, 40)
    half = np.diff(np.append(edges, 1.0))[:, None] / 2
    rho = (edges[:, None] + half * (nodes + 1)).ravel()
    both = np.stack([a.ravel() for a in np.meshgrid(tau, rho, [0.0], indexing="ij")])
    w = np.outer(3.9 * weights, (half * weights).ravel()).ravel()
    given = model.given(both)
    q = np.exp(given.log_likelihood + model.log_prior(both) - given.log_likelihood.max()) * w
    q /= q.sum()
    assert found.hyper("rho_between").mean == pytest.approx(q @ both[1], abs=1e-8)
    spread = np.sqrt(q @ (given.mean[0] ** 2 + given.covariance[0, 0]) - (q @ given.mean[0]) ** 2)
    assert found.mu.sd[0] == pytest.approx(spread, rel=1e-7)


def test_meta_regression_at_a_fixed_tau_is_metafors():
    known = KNOWN["bcg_vaccine"]["both REML"]
    _, found = fit_joint(bcg(known["names"], Fixed(np.sqrt(known["tau2"]))))
    np.testing.assert_allclose(found.coefficients.mean, known["coefficients"], rtol=1e-10)
    np.testing.assert_allclose(found.coefficients.sd, known["se"], rtol=1e-10)


@pytest.mark.parametrize("name", ["latitude REML", "allocation REML", "both REML"])
def test_meta_regression_is_near_metafors_under_vague_priors(name):
    known = KNOWN["bcg_vaccine"][name]
    _, found = fit_joint(bcg(known["names"], Uniform(0, 5)))
    assert found.numerical_error < 1e-10
    distance = (found.coefficients.mean - known["coefficients"]) / known["se"]
    assert np.all(abs(distance) < 0.2)


def test_meta_regression_with_an_intercept_is_the_univariate_model():
    model = regression_model(Y, SE, np.ones((8, 1)), names=["intercept"], tau=HalfNormal(10))
    _, found = fit_joint(model, at=model.points([0], [[1.0]]))
    _, expected = exact.fit(NormalNormal(Y[None], SE[None], Flat(), HalfNormal(10)))
    close(found.coefficients, expected.of["mu"], 1e-9)
    close(found.theta_new, expected.of["theta_new"], 1e-9)


def test_first_time_of_a_linear_course():
    # Everything fixed: P(mu(t) < 0) is normal in closed form; its crossing by bisection.
    model = longitudinal_model(
        [0, 1, 2],
        [1.0, 5.0, 9.0],
        [0.3, -0.1, -0.5],
        [0.2, 0.2, 0.2],
        tau=Fixed(0.1),
        between=Correlation("cs", RhoFixed(0)),
        mean="linear",
    )
    posterior, found = fit_joint(model)
    crossing = posterior.first_time(0.9)
    assert posterior.mu(crossing).cdf(0.0)[0] == pytest.approx(0.9, abs=1e-6)
    assert found.numerical_error == 0
    assert np.isnan(posterior.first_time(0.999999))
    assert posterior.first_time(0.5, below=False) == 1.0


@pytest.mark.parametrize("name", ["shift", "scale"])
def test_shifted_and_scaled_data_shift_and_scale_the_answer(name):
    factor, zero = {"shift": (1.0, 1000.0), "scale": (1e-3, 0.0)}[name]
    options = {"between": CS, "within": Correlation("cs", RhoFixed(0.4))}
    _, found = fit_joint(
        longitudinal_model(STUDIES, TIMES, EFFECTS, ERRORS, tau=HalfNormal(1), **options)
    )
    _, other = fit_joint(
        longitudinal_model(
            STUDIES,
            TIMES,
            zero + factor * EFFECTS,
            factor * ERRORS,
            tau=HalfNormal(factor),
            **options,
        )
    )
    np.testing.assert_allclose(other.mu.mean, zero + factor * found.mu.mean, rtol=1e-10)
    np.testing.assert_allclose(other.mu.sd, factor * found.mu.sd, rtol=1e-7)
    assert other.hyper("tau").median == pytest.approx(factor * found.hyper("tau").median, rel=1e-7)


def test_moments_that_do_not_exist_are_nan():
    # One estimate more than coefficients: under a half-Cauchy a mean and no SD, as for two studies
    # of a univariate model.
    model = longitudinal_model(
        "aab", [1, 2, 2], [0.0, 1.0, 2.0], [1, 1, 1], tau=HalfCauchy(1), between=CS
    )
    _, found = fit_joint(model)
    assert np.all(np.isnan(found.mu.sd))
    assert np.all(np.isfinite(found.mu.mean))
    assert np.isnan(found.hyper("tau").sd)


@pytest.mark.parametrize("times", [[0.25, 1.0], [1.0, 1.3, 3.0], [1.0, 1.0 + 2**-0.5]])
def test_gaps_below_one_are_smooth_to_integrate(times):
    # Isolates rho^(gap): the correlation by its panels, and as many of them near 0 as it takes.
    generator = np.random.default_rng(5)
    count = len(times)
    model = longitudinal_model(
        np.repeat(np.arange(9), count),
        np.tile(times, 9),
        np.repeat(generator.normal(0, 0.6, 9), count) + generator.normal(0, 0.5, 9 * count),
        np.full(9 * count, 0.3),
        tau=Fixed(0.6),
        between=Correlation("ar1", RhoBeta(1, 3)),
    )
    _, found = fit_joint(model)
    assert found.numerical_error < 1e-8
    nodes, weights = special.roots_legendre(40)
    edges = np.concatenate([[0], np.geomspace(1e-12, 0.1, 40), np.linspace(0.2, 1, 9)])
    half = np.diff(edges)[:, None] / 2
    rho = (edges[:-1, None] + half * (nodes + 1)).ravel()
    phi = np.stack([np.full_like(rho, 0.6), rho, 0 * rho])
    log_f = model.given(phi).log_likelihood + model.log_prior(phi)
    q = np.exp(log_f) * (half * weights).ravel()
    assert found.log_evidence == pytest.approx(np.log(q.sum()), abs=1e-8)
    assert found.hyper("rho_between").mean == pytest.approx(q @ rho / q.sum(), abs=1e-8)
