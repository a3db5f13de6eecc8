"""The joint posterior against one-dimensional integrals, the trace against its own formulas."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import integrate, special, stats

import bayesmeta as bm
from bayesmeta.appraisal import joint_density, trace
from bayesmeta.appraisal.joint import LEVELS
from bayesmeta.engines import exact
from bayesmeta.errors import InputError
from bayesmeta.models import NormalNormal
from bayesmeta.plots.joint_plot import joint_contours
from bayesmeta.plots.trace_plot import study_trace
from bayesmeta.priors import mu_prior, tau_prior

REFERENCES = Path(__file__).parents[1] / "references"
SCHOOLS = np.genfromtxt(REFERENCES / "eight_schools.csv", delimiter=",", names=True, dtype=None)
DATA = {
    "schools": (SCHOOLS["estimate"].astype(float), SCHOOLS["se"].astype(float)),
    "contradicting": (np.array([-3.0, 3.0]), np.array([0.5, 0.5])),
    "dominated": (np.array([0.2, -1.0, 2.0, 0.5]), np.array([0.05, 0.4, 0.5, 0.3])),
}
MUS = ["flat", "normal(0, 10)"]
TAUS = ["half-normal(5)", "half-cauchy(1)", "uniform(0, 20)", "uniform(1, 20)", "gamma(0.5, 1)"]


def model(data, mu, tau):
    y, se = DATA[data]
    return NormalNormal(y[None], se[None], mu_prior(mu), tau_prior(tau))


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("mu", MUS)
@pytest.mark.parametrize("tau", TAUS)
def test_contours_enclose_their_mass(data, mu, tau):
    # Given tau, the density exceeds d within sqrt(2 log(peak / d)) SDs of the mean, so the mass is
    # an integral over tau alone.
    case = model(data, mu, tau)
    found = joint_density(case)
    log_evidence = exact.fit(case)[1].log_evidence[0]

    def density_of_tau(values):
        given = case.given(values[None])
        density = np.exp(given.log_likelihood[0] - log_evidence) * case.tau.pdf(values)
        return density, np.sqrt(given.variance[0])

    low, high = case.tau.support
    v = np.linspace(np.log(1e-14), np.log(min(high - low, 1e5)), 400_001)
    values = np.minimum(low + np.exp(v), high * (1 - 1e-15))
    density, sd = density_of_tau(values)
    for p, level in found.levels.items():
        peak = density / (sd * np.sqrt(2 * np.pi))
        reach = np.sqrt(2 * np.log(np.maximum(peak / level, 1)))
        inside = special.erf(reach / np.sqrt(2))
        mass = integrate.trapezoid(density * inside * (values - low), v)
        assert mass == pytest.approx(p, abs=3e-5)


def test_the_density_is_the_product_of_likelihood_and_priors():
    case = model("schools", "normal(0, 10)", "half-normal(5)")
    found = joint_density(case, shape=(61, 51))
    assert found.density.shape == (61, 51)
    y, se = DATA["schools"]
    spread = np.hypot(se, found.tau[30])
    for at in (5, 25, 40):
        expected = stats.norm.logpdf(y, found.mu[at], spread).sum()
        expected += stats.norm.logpdf(found.mu[at], 0, 10) + case.tau.logpdf(found.tau[30])
        expected -= exact.fit(case)[1].log_evidence[0]
        assert np.log(found.density[30, at]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("mu", ["student-t(4, 0, 10)", "mixture(0.5 normal(0, 1), 0.5 flatter)"])
def test_a_mixture_on_mu(mu):
    mu = mu.replace("flatter", "normal(20, 2)")
    found = joint_density(model("schools", mu, "half-normal(5)"), shape=(801, 801))
    step = (found.mu[1] - found.mu[0]) * (found.tau[1] - found.tau[0])
    share = np.full(len(found.tau), 1.0)
    share[[0, -1]] = 0.5
    for p, level in found.levels.items():
        inside = np.where(found.density >= level, found.density, 0) * share[:, None]
        assert inside.sum() * step == pytest.approx(p, abs=3e-3)


def test_two_equal_components_are_one():
    one, two = (
        joint_density(model("schools", mu, "half-normal(5)"))
        for mu in ("normal(0, 10)", "mixture(0.5 normal(0, 10), 0.5 normal(0, 10))")
    )
    np.testing.assert_allclose(two.density, one.density, rtol=1e-10)
    np.testing.assert_allclose(two.mu_given, one.mu_given, rtol=1e-10)


def test_levels_fall_and_the_grid_holds_the_widest_region():
    found = joint_density(model("schools", "flat", "half-normal(5)"))
    levels = [found.levels[p] for p in LEVELS]
    assert levels == sorted(levels, reverse=True)
    outer = np.concatenate([found.density[:, 0], found.density[:, -1], found.density[-1]])
    assert outer.max() < levels[-1]


def test_shift_and_scale():
    y, se = DATA["schools"]
    one = joint_density(model("schools", "flat", "half-normal(5)"))
    case = NormalNormal(
        (100 + 3 * y)[None], 3 * se[None], mu_prior("flat"), tau_prior("half-normal(15)")
    )
    moved = joint_density(case.standardised())
    for p in LEVELS:
        assert moved.levels[p] == pytest.approx(one.levels[p] / 9, rel=1e-4)
    for name in ("mu", "tau"):
        assert np.ptp(getattr(moved, name)) == pytest.approx(
            3 * np.ptp(getattr(one, name)), rel=0.02
        )


def test_trace_ends():
    # tau = 0: one common effect, the inverse-variance mean; then ever closer to y and se.
    y, se = DATA["schools"]
    found = trace(model("schools", "flat", "half-cauchy(5000)"))
    pooled, sd = np.average(y, weights=se**-2.0), (se**-2.0).sum() ** -0.5
    np.testing.assert_allclose(found.theta_mean[:, 0], pooled, rtol=1e-12)
    np.testing.assert_allclose(found.theta_sd[:, 0], sd, rtol=1e-12)
    assert found.mu_mean[0] == pytest.approx(pooled)
    assert np.abs(found.theta_mean[:, -1] - y).max() < 0.3 * np.abs(pooled - y).max()
    assert np.all(found.theta_sd < se[:, None])


def test_trace_averaged_over_tau_is_the_posterior_mean():
    case = model("schools", "normal(0, 10)", "half-normal(5)")
    found = trace(case, points=4001, upto=1 - 1e-12)
    of = exact.fit(case)[1].of
    mass = integrate.trapezoid(found.density, found.tau)
    assert mass == pytest.approx(1, abs=1e-6)
    for values, mean in (
        (found.mu_mean, of["mu"].mean[0]),
        (found.theta_mean, of["theta"].mean[0]),
    ):
        average = integrate.trapezoid(found.density * values, found.tau, axis=-1)
        np.testing.assert_allclose(average, mean, rtol=1e-6)


def test_a_fixed_tau_has_neither():
    for ask in (joint_density, trace):
        with pytest.raises(InputError, match="point"):
            ask(model("schools", "flat", "fixed(1)"))


@pytest.mark.parametrize("draw", [joint_contours, study_trace])
@pytest.mark.parametrize("source", ["sledai", "bcg"])
def test_figures_draw_on_the_axes_given(draw, source):
    fit = (
        bm.fit("sledai", at=12)
        if source == "sledai"
        else bm.fit(REFERENCES / "bcg_vaccine.csv", measure="RR", direction="lower")
    )
    figure = Figure(figsize=(6, 5))
    ax = figure.add_subplot()
    assert draw(fit.rows[0], fit, ax) is ax
    figure.canvas.draw()
    scales = {ax.get_xscale(), ax.get_yscale()}
    assert ("log" in scales) == (source == "bcg")
    if draw is study_trace:
        names = {text.get_text() for text in ax.texts}
        assert names >= {*fit.rows[0].pool.studies, "mu"}
        assert sum(line.get_label() == "_study" for line in ax.lines) == fit.rows[0].pool.k
