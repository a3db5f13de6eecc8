"""Figures of prior sensitivity: what is drawn where, and that nothing lies upon another."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import integrate

import bayesmeta as bm
from bayesmeta.appraisal.tipping import tipping_scales
from bayesmeta.engines.sweep import sweep
from bayesmeta.plots import benefit_heat_map, interval_ribbon, prior_posterior
from bayesmeta.priors import scaled, tau_prior

SCALES = np.geomspace(0.1, 10, 41)


def axes():
    return Figure(figsize=(7.5, 4.8), layout="constrained").add_subplot()


def intervals(row):
    model = row.posterior.model
    zero, unit = float(model.location[0]), model.unit
    alone = replace(
        model, y=zero + unit * model.y[0], se=unit * model.se[0], location=0.0, unit=1.0
    )
    found = sweep(alone, [scaled(model.tau, float(c)) for c in SCALES])
    return [
        np.stack([found.of[name].low, found.of[name].median, found.of[name].high])
        for name in ("mu", "theta_new")
    ]


@pytest.fixture(scope="module")
def events():
    return bm.fit("adverse_events")


@pytest.fixture(scope="module")
def events_ribbon(events):
    row, ax = events.rows[0], axes()
    tipping = [
        tipping_scales(row.posterior.model, "lower", quantity) for quantity in ("mu", "theta_new")
    ]
    interval_ribbon(SCALES, *intervals(row), row, events, ax, tipping)
    return ax, tipping


def overlapping(texts):
    boxes = [text.get_window_extent() for text in texts]
    return [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]


def test_a_ribbon_of_ratios_has_two_log_axes_and_no_effect_at_1(events_ribbon, events):
    ax, _ = events_ribbon
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlim() == pytest.approx((0.1, 10))
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["_none"].get_ydata()[0] == 1
    assert lines["prior of the analysis"].get_xdata()[0] == 1
    median = lines["mu, median"].get_ydata()[20]
    assert median == pytest.approx(np.exp(events.rows[0].exact.mu.median), rel=1e-9)


def test_rings_lie_where_intervals_touch_no_effect(events_ribbon):
    ax, tipping = events_ribbon
    rings = sorted(line.get_xdata()[0] for line in ax.lines if line.get_label() == "_ring")
    assert rings == pytest.approx(sorted(c for found in tipping for c in found.interval))
    turns = sorted(line.get_xdata()[0] for line in ax.lines if line.get_label() == "_turn")
    every = [c for found in tipping for c in (*found.interval, *found.benefit)]
    assert turns == pytest.approx(sorted(c for c in every if 0.1 < c < 10))
    assert any(text.get_text() == "mu: P(benefit) = 0.95 at 1.51" for text in ax.texts)


def test_words_at_the_foot_are_apart_and_inside(events_ribbon):
    ax, _ = events_ribbon
    ax.figure.draw_without_rendering()
    assert len(ax.texts) == 4
    assert not overlapping(ax.texts)
    frame = ax.get_window_extent()
    for text in ax.texts:
        box = text.get_window_extent()
        assert frame.x0 <= box.x0
        assert box.x1 <= frame.x1
    entries = ax.get_legend().get_texts()
    assert not overlapping([ax._left_title, *entries])


def test_a_ribbon_of_differences_holds_what_matters():
    fit = bm.fit("sledai", at=12)
    row = fit.rows[0]
    mu, theta_new = intervals(row)
    ax = interval_ribbon(SCALES, mu, theta_new, row, fit, axes())
    assert ax.get_yscale() == "linear"
    low, high = ax.get_ylim()
    assert low < theta_new[0, 20] < theta_new[2, 20] < high  # the prediction at the reference
    assert high - low < 4 * (theta_new[2, 20] - theta_new[0, 20])  # and not that at c = 10
    assert not ax.texts  # nothing turns


def test_improvement_is_the_word_of_uncontrolled_series():
    fit = bm.fit("sledai_series")
    row = fit.rows[0]
    tipping = tipping_scales(row.posterior.model, "lower", level=0.99999)
    ax = interval_ribbon(SCALES, *intervals(row), row, fit, axes(), [tipping])
    assert all("P(benefit)" not in text.get_text() for text in ax.texts)


def test_a_map_has_a_number_in_each_cell_and_a_line_at_the_level(events):
    p = np.array([[0.98, 0.96, 0.90], [0.97, 0.94, np.nan], [0.40, 0.0, 1.0]])
    names = ["half-normal", "half-cauchy", "uniform(0, ·)"], ["× 0.5", "× 1", "× 2"]
    ax = benefit_heat_map(p, *names, events.rows[0], events, axes(), reference=(0, 1))
    shown = [text.get_text() for text in ax.texts]
    assert shown == [
        "0.980", "0.960", "0.900", "0.970", "0.940", "–", "0.400", "<0.001", ">0.999",
    ]  # fmt: skip
    edges = [
        tuple(zip(*line.get_data(), strict=True))
        for line in ax.lines
        if line.get_label() == "_level"
    ]
    assert set(edges) == {
        ((2, 0), (2, 1)),  # 0.96 | 0.90
        ((1, 1), (1, 2)),  # 0.97 | 0.94
        ((1, 1), (2, 1)),  # 0.96 over 0.94
        ((0, 2), (1, 2)),  # 0.97 over 0.40
        ((2, 2), (2, 3)),  # 0 | 1; of the cell without a number nothing
    }
    frame = next(line for line in ax.lines if line.get_label() == "_reference")
    assert (frame.get_xdata().min(), frame.get_xdata().max()) == pytest.approx((1.06, 1.94))
    assert [label.get_text() for label in ax.get_yticklabels()] == names[0]


def test_numbers_fit_their_cells(events):
    p = np.linspace(0.5, 0.999, 63).reshape(7, 9)
    ax = Figure(figsize=(7.5, 3.9), layout="constrained").add_subplot()
    rows, columns = [f"family {i}" for i in range(7)], [f"× {i}" for i in range(9)]
    benefit_heat_map(p, rows, columns, events.rows[0], events, ax)
    ax.figure.draw_without_rendering()
    width = ax.get_window_extent().width / 9
    assert all(text.get_window_extent().width < 0.9 * width for text in ax.texts)


def test_priors_and_posteriors_of_tau_are_densities(events):
    priors = {text: tau_prior(text) for text in ("half-normal(0.5)", "uniform(0.2, 1)", "jeffreys")}
    ax = prior_posterior(priors, events.rows[0], events, axes())
    solid = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    assert list(solid) == list(priors)
    area = {name: np.trapezoid(line.get_ydata(), line.get_xdata()) for name, line in solid.items()}
    assert area["half-normal(0.5)"] == pytest.approx(1, abs=1e-3)
    assert area["uniform(0.2, 1)"] == pytest.approx(1, abs=1e-2)
    assert area["jeffreys"] < 1  # its tail goes on
    dashed = [line for line in ax.lines if line.get_label() == "_prior"]
    assert len(dashed) == 2  # none for the improper one
    assert dashed[0].get_color() == solid["half-normal(0.5)"].get_color()


def test_a_posterior_of_tau_is_the_likelihood_times_the_prior(events):
    row = events.rows[0]
    ax = prior_posterior({"prior": tau_prior("half-cauchy(0.4)")}, row, events, axes())
    line = next(line for line in ax.lines if line.get_label() == "prior")
    y, se = row.pool.y, row.pool.se

    def unnormalised(tau):
        w = 1 / (se**2 + tau**2)
        mean = w @ y / w.sum()
        kernel = np.sqrt(w.prod() / w.sum()) * np.exp(-(w @ (y - mean) ** 2) / 2)
        return kernel / (1 + (tau / 0.4) ** 2)

    total = integrate.quad(unnormalised, 0, np.inf, epsabs=1e-13)[0]
    for at in (10, 100, 400):
        tau = line.get_xdata()[at]
        assert line.get_ydata()[at] == pytest.approx(unnormalised(tau) / total, rel=1e-6)


def test_unbounded_and_fixed_priors_leave_room_for_the_rest(events):
    priors = {text: tau_prior(text) for text in ("gamma(0.2, 1)", "half-normal(0.5)", "fixed(0.3)")}
    ax = prior_posterior(priors, events.rows[0], events, axes())
    assert ax.get_ylim()[1] < 10
    fixed = next(line for line in ax.lines if line.get_label() == "fixed(0.3)")
    assert fixed.get_xdata()[0] == 0.3


def test_more_priors_than_can_be_told_apart(events):
    priors = {str(i): tau_prior(f"half-normal({i + 1})") for i in range(7)}
    with pytest.raises(ValueError, match="one to 6 priors"):
        prior_posterior(priors, events.rows[0], events, axes())
