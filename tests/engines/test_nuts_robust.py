"""Student-t study effects by NUTS against brute force, and against normal ones for large df.

One size of data and one pair of families, so that PyMC compiles once.
"""

import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy import stats

import bayesmeta as bm
from bayesmeta.engines.nuts_robust import sample_robust
from bayesmeta.errors import InputError
from bayesmeta.models import NormalNormal
from bayesmeta.priors import LogNormal, Normal

MU, TAU = Normal(0, 2), LogNormal(np.log(0.8), 0.5)
Y, SE = np.array([-0.6, -0.3, 2.5]), np.array([0.3, 0.25, 0.4])
ASK = {"draws": 2500, "chains": 4, "seed": 3, "progress": False}


def by_brute_force(df):
    """E and SD of mu and tau, and E of the study effects: sums over grids of all of them."""
    mu, log_tau = np.linspace(-7, 7, 181), np.linspace(-2, 2, 41) + np.log(0.8)
    theta, step = np.linspace(-7, 7, 1401, retstep=True)
    tau = np.exp(log_tau)
    mass = stats.norm.pdf(mu, 0, 2) * stats.norm.pdf((log_tau - np.log(0.8)) / 0.5)[:, None]
    scale = np.exp(stats.t.logpdf(0, df))
    z = (theta - mu[:, None]) / tau[:, None, None]
    effects = scale * (1 + z * z / df) ** (-(df + 1) / 2) / tau[:, None, None]
    means = []
    for y, se in zip(Y, SE, strict=True):
        likelihood = stats.norm.pdf(y, theta, se) * step
        of_y = effects @ likelihood
        mass = mass * of_y
        means.append(effects @ (likelihood * theta) / of_y)
    mass = mass / mass.sum()
    found = {}
    for name, values in (("mu", mu[None]), ("tau", tau[:, None])):
        mean = (mass * values).sum()
        found[name] = mean, np.sqrt((mass * (values - mean) ** 2).sum())
    return found, [(mass * mean).sum() for mean in means]


def test_three_studies_by_brute_force():
    draws = sample_robust(NormalNormal(Y, SE, MU, TAU), 4, **ASK)
    assert not draws.sample_stats["diverging"].any()
    expected, effects = by_brute_force(4)
    for name, (mean, sd) in expected.items():
        chain = getattr(draws, name)
        assert abs(chain.mean() - mean) < 5 * array_stats.mcse(chain)
        assert abs(chain.std() - sd) < 5 * array_stats.mcse(chain, method="sd")
    for i, mean in enumerate(effects):
        chain = draws.theta[..., i]
        assert abs(chain.mean() - mean) < 5 * array_stats.mcse(chain)


def test_many_degrees_of_freedom_are_normal_effects():
    table = {"study": ["A", "B", "C"], "estimate": Y, "se": SE}
    fit = bm.fit(table, mu=MU, tau=TAU, draws=2500, direction="lower")
    found = fit.robust(1e6)
    assert found.converged
    lines = found.summary()
    assert list(lines["quantity"]) == ["mu", "tau", "theta_new", "theta", "theta", "theta"]
    far = (lines["median"] - lines["normal_median"]) / lines["mcse"]
    assert far.abs().max() < 5
    p = lines.set_index("quantity").loc["mu", "prob_benefit"]
    assert p == pytest.approx(fit.prob("mu < 0"), abs=0.03)
    assert lines["precision"].dropna().to_numpy() == pytest.approx(1, abs=0.01)


def test_a_study_apart_counts_less():
    # 30 SEs away: under normal effects tau takes it all.
    table = {"study": ["A", "B", "C"], "estimate": [0.0, 0.1, 12.0], "se": [0.3, 0.3, 0.4]}
    fit = bm.fit(table, mu=MU, tau=TAU)
    found = fit.robust(4)
    assert found.converged
    lines = found.summary().set_index("quantity")
    assert lines.loc["tau", "median"] < fit.rows[0].exact.tau.median
    assert lines.loc["mu", "median"] < fit.rows[0].exact.mu.median
    apart = lines.loc["theta", "precision"].to_numpy()
    assert apart[2] < 0.3 < apart[:2].min()


def test_the_same_seed_gives_the_same_draws():
    model = NormalNormal(Y, SE, MU, TAU)
    one, two = (sample_robust(model, 4, **ASK | {"draws": 200}) for _ in range(2))
    np.testing.assert_array_equal(one.theta, two.theta)


def test_moments_that_a_student_t_has_not():
    table = {"study": ["A", "B", "C"], "estimate": Y, "se": SE}
    lines = bm.fit(table, mu=MU, tau=TAU, draws=500).robust(1.5).summary().set_index("quantity")
    assert np.isfinite(lines.loc["theta_new", "mean"])
    assert np.isnan(lines.loc["theta_new", "sd"])
    assert np.isfinite(lines.loc["mu", "sd"])


def test_degrees_of_freedom_out_of_range():
    table = {"study": ["A", "B", "C"], "estimate": Y, "se": SE}
    with pytest.raises(InputError, match=r"df is 0\.5: expected degrees of freedom from 1"):
        bm.fit(table, mu=MU, tau=TAU).robust(0.5)
