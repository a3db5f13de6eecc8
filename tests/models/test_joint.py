"""The Gaussian core given its hyperparameters: against dense algebra and against metafor."""

import csv
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import interpolate, optimize, stats

from bayesmeta.models.blocks import mirrored, sweep
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.design import COURSES, course
from bayesmeta.models.longitudinal import longitudinal_model, regression_model
from bayesmeta.priors import Fixed, Flat, HalfNormal, Normal, RhoFixed, RhoUniform

REFERENCES = Path(__file__).parents[1] / "references"
KNOWN = json.loads((REFERENCES / "longitudinal.json").read_text())
UNIT = RhoUniform(0, 1)
FLAT = Flat()


def tremor(**options):
    with (REFERENCES / "tremor_dbs.csv").open() as file:
        rows = list(csv.DictReader(file))
    columns = {
        name: [float(row[name]) for row in rows] for name in ("time", "estimate", "variance")
    }
    given = {"tau": HalfNormal(10), "between": Correlation("cs", UNIT)} | options
    return longitudinal_model(
        [row["study"] for row in rows],
        columns["time"],
        columns["estimate"],
        np.sqrt(columns["variance"]),
        **given,
    )


def bcg(columns, tau, coefficients=FLAT):
    with (REFERENCES / "bcg_vaccine.csv").open() as file:
        rows = list(csv.DictReader(file))
    a, n, c, m = (
        np.array([float(row[name]) for row in rows])
        for name in ("events_treatment", "n_treatment", "events_control", "n_control")
    )
    offer = {
        "intrcpt": np.ones(len(rows)),
        "latitude": np.array([float(row["latitude"]) for row in rows]),
        "factor(allocation)random": np.array([row["allocation"] == "random" for row in rows]),
        "factor(allocation)systematic": np.array(
            [row["allocation"] == "systematic" for row in rows]
        ),
    }
    return regression_model(
        np.log(a / n) - np.log(c / m),
        np.sqrt(1 / a - 1 / n + 1 / c - 1 / m),
        np.column_stack([offer[name] for name in columns]).astype(float),
        names=columns,
        tau=tau,
        coefficients=coefficients,
    )


@dataclass(frozen=True)
class Dense:
    """The same model with one covariance over all rows, by LAPACK: what the blocks must equal."""

    v: np.ndarray
    t: np.ndarray
    to_rows: np.ndarray
    x_all: np.ndarray

    @classmethod
    def of(cls, model, phi):
        between = model.between.matrix(phi[: model.split, None], model.times)[:, :, 0]
        within = model.within.matrix(phi[-1:], model.times)[:, :, 0]
        if len(model.times) == 1:
            within = np.ones((1, 1))
        same = model.study[:, None] == model.study
        at = np.ix_(model.slot, model.slot)
        v = same * (between[at] + np.outer(model.se, model.se) * within[at])
        who = np.arange(model.studies)[:, None] == model.study
        to_rows = (who[:, None, :] * between[:, model.slot]).reshape(-1, len(model.y))
        x_all = np.tile(model.course.design(model.times), (model.studies, 1))
        return cls(v, np.kron(np.eye(model.studies), between), to_rows, x_all)


def some_model(seed, kind="cs", mean="per-time", coefficients=FLAT, unequal=False):
    rng = np.random.default_rng(seed)
    times = np.array([1.0, 2.5, 3.0, 9.0])
    seen = rng.random((6, 4)) < 0.6
    seen[:, 0] |= ~seen.any(1)
    seen[0] = True
    study, slot = np.nonzero(seen)
    count = len(study)
    return longitudinal_model(
        study.tolist(),
        times[slot],
        rng.normal(-2, 1, count),
        rng.uniform(0.2, 1.5, count),
        tau=[HalfNormal(1)] * 4 if unequal else HalfNormal(1),
        between=Correlation(kind, UNIT),
        within=Correlation(kind, UNIT, lag=2.0),
        mean=mean,
        coefficients=coefficients,
    )


models = st.builds(
    some_model,
    st.integers(0, 10_000),
    st.sampled_from(["cs", "ar1"]),
    st.sampled_from(sorted(COURSES)),
    st.sampled_from([Flat(), Normal(1.0, 2.0)]),
    st.booleans(),
)
shares = st.floats(0, 0.99)


def normals(model):
    priors = [(p.sd**-2, p.mean) if p.proper else (0.0, 0.0) for p in model.coefficients]
    return np.array(priors).T


def point(model, tau, rho_between, rho_within):
    taus = tau * np.linspace(1, 2, len(model.between.tau))
    return np.array([*taus, rho_between, rho_within])


@settings(max_examples=40)
@given(models, st.floats(0, 20), shares, shares)
def test_log_likelihood_and_coefficients_are_those_of_dense_algebra(model, tau, between, within):
    # Isolates the sweep over blocks. Proper priors: y ~ N(X m, V + X B X'), by scipy; flat: the
    # restricted likelihood written out. 1e-8 allows for covariances of condition 1e5.
    phi = point(model, tau, between, within)
    found = model.given(phi[:, None])
    v = Dense.of(model, phi).v
    x, y = model.x, model.y
    precision, location = normals(model)
    a = x.T @ np.linalg.solve(v, x) + np.diag(precision)
    beta = np.linalg.solve(a, x.T @ np.linalg.solve(v, y) + precision * location)
    if model.flat.any():
        residual = y - x @ beta
        expected = (
            -(len(y) - len(a)) * np.log(2 * np.pi)
            - np.linalg.slogdet(v)[1]
            - np.linalg.slogdet(a)[1]
            - residual @ np.linalg.solve(v, residual)
        ) / 2
    else:
        whole = v + x @ np.diag(1 / precision) @ x.T
        expected = stats.multivariate_normal(x @ location, whole).logpdf(y)
    assert found.log_likelihood[0] == pytest.approx(expected, rel=1e-8, abs=1e-8)
    np.testing.assert_allclose(found.mean[:, 0], beta, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(found.covariance[:, :, 0], np.linalg.inv(a), rtol=1e-7, atol=1e-9)


@settings(max_examples=25)
@given(models, st.floats(0.01, 20), shares, shares)
def test_study_effects_are_those_of_dense_algebra(model, tau, between, within):
    # Isolates the prediction of theta at observed and unobserved times, by the normal equations
    # over all rows at once.
    phi = point(model, tau, between, within)
    given = model.given(phi[:, None])
    shape = (model.studies, len(model.times))
    mean, variance = np.empty(shape), np.empty(shape)
    for studies, *moments in model.study_effects(phi[:, None], given):
        mean[studies], variance[studies] = (one[:, :, 0].T for one in moments)
    dense = Dense.of(model, phi)
    kept = dense.to_rows @ np.linalg.inv(dense.v)
    beta, covariance = given.mean[:, 0], given.covariance[:, :, 0]
    off = dense.x_all - kept @ model.x
    expected = dense.x_all @ beta + kept @ (model.y - model.x @ beta)
    spread = np.diag(dense.t - kept @ dense.to_rows.T + off @ covariance @ off.T)
    np.testing.assert_allclose(mean.ravel(), expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(variance.ravel(), spread, rtol=1e-6, atol=1e-6)


@settings(max_examples=25)
@given(models, st.floats(0.01, 5), shares, shares)
def test_shares_of_the_studies_and_the_prior_sum_to_one(model, tau, between, within):
    # Isolates Jackson's decomposition: all of the information comes from a study or the prior.
    phi = point(model, tau, between, within)[:, None]
    given = model.given(phi)
    rows = model.points(model.times).rows
    spread = rows @ given.covariance[:, :, 0]
    precision, _ = normals(model)
    prior = (spread**2 @ precision) / np.einsum("qa,qa->q", spread, rows)
    total = model.shares(phi, given, rows)[:, :, 0].sum(1) + prior
    np.testing.assert_allclose(total, 1, rtol=1e-8)


def test_shares_of_one_time_are_the_weights():
    se = np.array([0.1, 0.2, 0.5])
    model = longitudinal_model(
        "abc", [1, 1, 1], [0, 1, 2], se, tau=HalfNormal(1), between=Correlation("cs", UNIT)
    )
    w = 1 / (se**2 + 0.3**2)
    phi = np.array([[0.3]])
    found = model.shares(phi, model.given(phi), np.ones((1, 1)))
    np.testing.assert_allclose(found[0, :, 0], w / w.sum(), rtol=1e-14)


@given(st.integers(1, 6), st.integers(0, 1000))
def test_sweep_inverts(size, seed):
    # Isolates the one operation of linear algebra, against LAPACK.
    half = np.random.default_rng(seed).normal(size=(size, size + 3))
    a = half @ half.T
    swept = a.copy()
    log_determinant = sweep(swept, size)
    np.testing.assert_allclose(mirrored(-swept) @ a, np.eye(size), atol=1e-9)
    assert log_determinant == pytest.approx(np.linalg.slogdet(a)[1])


def test_no_digits_are_lost_near_a_singular_covariance():
    # rho_between = 1 - 1e-6 against the same in 40 digits.
    mpmath.mp.dps = 40
    model = some_model(4)
    tau, rho_between, rho_within = mpmath.mpf(5), 1 - mpmath.mpf("1e-6"), mpmath.mpf("0.5")
    count = len(model.y)
    v = mpmath.zeros(count)
    for i, j in itertools.product(range(count), repeat=2):
        if model.study[i] == model.study[j]:
            same = model.slot[i] == model.slot[j]
            errors = mpmath.mpf(model.se[i]) * mpmath.mpf(model.se[j])
            v[i, j] = tau**2 * (1 if same else rho_between) + errors * (1 if same else rho_within)
    x, y = mpmath.matrix(model.x.tolist()), mpmath.matrix(model.y.tolist())
    weighted = mpmath.inverse(v) * x
    beta = mpmath.lu_solve(weighted.T * x, weighted.T * y)
    found = model.given(np.array([[5.0], [1 - 1e-6], [0.5]])).mean[:, 0]
    np.testing.assert_allclose(found, [float(b) for b in beta], rtol=2e-11)


STRUCTURES = [("CS", "cs", False), ("HCS", "cs", True), ("AR", "ar1", False), ("HAR", "ar1", True)]


@pytest.mark.parametrize(("name", "kind", "unequal"), STRUCTURES)
def test_coefficients_at_metafors_estimates(name, kind, unequal):
    # Isolates the coefficients and their SEs given the hyperparameters. metafor's estimates of
    # rho have 10 digits; 1e-8 allows for the sensitivity to them.
    known = KNOWN["tremor_dbs"][name]
    taus = np.sqrt(np.atleast_1d(known["tau2"]))
    tau = [HalfNormal(10)] * 4 if unequal else HalfNormal(10)
    model = tremor(tau=tau, between=Correlation(kind, UNIT), within=Correlation("cs", RhoFixed(0)))
    found = model.given(np.array([*taus, known["rho"], 0.0])[:, None])
    np.testing.assert_allclose(found.mean[:, 0], known["beta"], rtol=1e-8)
    np.testing.assert_allclose(
        np.sqrt(np.diagonal(found.covariance[:, :, 0])), known["se"], rtol=1e-8
    )
    # metafor adds log |X'X| / 2 to the restricted log likelihood.
    constant = np.log(np.bincount(model.slot)).sum() / 2
    assert found.log_likelihood[0] + constant == pytest.approx(known["logLik"], abs=1e-8)


class Months(Correlation):
    """Continuous AR(1) over months where the model counts occasions."""

    def matrix(self, rho, times, others=None):
        months = np.array([3.0, 6.0, 12.0, 24.0])
        return super().matrix(rho, months, others)


@pytest.mark.parametrize(
    ("name", "between", "unequal"),
    [
        ("AR", Correlation("ar1", UNIT), False),
        ("HAR", Correlation("ar1", UNIT), True),
        ("CAR", Months("ar1", UNIT, lag=3.0), False),
    ],
)
def test_restricted_likelihood_peaks_where_metafors_does(name, between, unequal):
    # Isolates the restricted likelihood with correlated sampling errors: its peak, to the four
    # digits that are printed (metafor's optimiser stops at 1e-4). Months count in quarters there.
    known = KNOWN["ishak"][name]
    tau = [HalfNormal(10)] * 4 if unequal else HalfNormal(10)
    model = tremor(tau=tau, between=between, within=Correlation("ar1", RhoFixed(0.97)))

    def phi(z):
        return np.array([*np.exp(z[:-1]), 1 / (1 + np.exp(-z[-1])), 0.97])[:, None]

    start = [np.log(5.0)] * (4 if unequal else 1) + [2.0]
    peak = optimize.minimize(
        lambda z: -model.given(phi(z)).log_likelihood[0],
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-12, "maxiter": 4000, "maxfev": 4000},
    )
    at = phi(peak.x)
    np.testing.assert_allclose(model.given(at).mean[:, 0], known["beta"], atol=1e-4)
    assert at[-2, 0] == pytest.approx(known["rho"], abs=1e-4)
    if not unequal:
        assert at[0, 0] ** 2 == pytest.approx(known["tau2"], abs=2e-4)


@pytest.mark.parametrize("name", sorted(KNOWN["bcg_vaccine"]))
def test_meta_regression_equals_metafors_at_its_tau(name):
    # Isolates a meta-regression given tau; 1e-10 is what the reference's digits allow.
    known = KNOWN["bcg_vaccine"][name]
    model = bcg(known["names"], Fixed(np.sqrt(known["tau2"])))
    found = model.given(np.array([[np.sqrt(known["tau2"])]]))
    np.testing.assert_allclose(found.mean[:, 0], known["coefficients"], rtol=1e-10)
    np.testing.assert_allclose(
        np.sqrt(np.diagonal(found.covariance[:, :, 0])), known["se"], rtol=1e-10
    )


def test_spline_is_scipys_natural_cubic():
    knots = np.array([1.0, 2.0, 5.0, 24.0])
    at = np.linspace(1, 24, 60)
    expected = interpolate.CubicSpline(knots, np.eye(4), bc_type="natural")(at)
    np.testing.assert_allclose(course("spline", knots).design(at), expected, atol=1e-14)


@pytest.mark.parametrize("word", sorted(COURSES))
def test_a_course_spans_constants(word):
    # An effect that does not change with time is within every mean over time.
    times = np.array([1.0, 3.0, 4.0, 12.0])
    at = np.array([1.0, 2.0, 12.0])
    made = course(word, times)
    x = made.design(times)
    beta = np.linalg.lstsq(x, np.ones(4))[0]
    np.testing.assert_allclose(made.design(at) @ beta, 1, atol=1e-12)
