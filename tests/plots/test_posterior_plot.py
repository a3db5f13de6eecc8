"""The figure of the joint posterior and the trace: which pools it draws, and what it writes."""

import bayesmeta as bm
from bayesmeta.plots import posterior_figure, save_posterior

TABLE = {"study": ["A", "B", "C"], "estimate": [0.1, -0.5, 0.4], "se": [0.2, 0.3, 0.25]}


def test_one_pool_fills_two_axes_with_its_name_and_priors():
    joint, trace = posterior_figure(bm.fit(TABLE, tau="half-normal(0.5)")).axes
    assert joint.get_ylabel() == trace.get_xlabel() == "tau"
    assert "half-normal(0.5)" in joint.get_title("left")


def test_nothing_to_draw_writes_nothing(tmp_path):
    one = {name: column[:1] for name, column in TABLE.items()}
    for fit in (bm.fit(one, tau="half-normal(0.5)"), bm.fit(TABLE, tau="fixed(0.2)")):
        assert save_posterior(fit, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_saved_twice_gives_the_same_bytes(tmp_path):
    fit = bm.fit(TABLE, tau="half-cauchy(0.5)", mu="normal(0, 1)")
    first, second = (save_posterior(fit, tmp_path / name)[0] for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_the_line_of_no_effect_lies_on_the_band():
    _, trace = posterior_figure(bm.fit(TABLE, tau="half-normal(0.5)")).axes
    (band,) = (one for one in trace.collections if one.get_label() == "_interval")
    (none,) = (one for one in trace.lines if one.get_label() == "_none")
    assert band.get_zorder() < none.get_zorder()


def test_titles_say_what_lines_and_band_are():
    joint, trace = posterior_figure(bm.fit(TABLE, tau="half-normal(0.5)", level=0.9)).axes
    assert "mu given tau, mean, 1 and 2 SD" in joint.get_title("left")
    assert "mu (blue, 90%)" in trace.get_title("left")
