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
