import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation

import bayesmeta as bm
from bayesmeta.plots import forest, forest_figure, save_forest

REFERENCES = Path(__file__).parents[1] / "references"


@pytest.fixture(scope="module")
def bcg():
    return bm.fit(REFERENCES / "bcg_vaccine.csv", measure="RR", direction="lower")


def drawn(fit, at=0):
    return forest(fit.rows[at], fit, Figure(figsize=(11, 5)).add_subplot())


def labelled(ax, label):
    return [artist for artist in ax.get_children() if artist.get_label() == label]


def words(ax):
    texts = [text.get_text() for text in ax.texts]
    return [*texts, ax.get_title(loc="left")]


def all_words(figure):
    texts = [text.get_text() for text in figure.texts]
    return "\n".join([*texts, *(word for ax in figure.axes for word in words(ax))])


def test_it_draws_on_the_axes_it_is_given():
    fit, ax = bm.fit("sledai"), Figure(figsize=(11, 3)).add_subplot()
    assert forest(fit.rows[3], fit, ax) is ax


def test_one_square_a_study_with_area_proportional_to_weight(bcg):
    (squares,) = labelled(drawn(bcg), "_squares")
    weights = [study.weight for study in bcg.rows[0].exact.studies]
    assert len(squares.get_offsets()) == 13
    areas = np.asarray(squares.get_sizes())
    np.testing.assert_allclose(areas / areas.sum(), np.array(weights) / sum(weights), rtol=1e-12)


def test_squares_lie_at_the_estimates_on_the_ratio_scale(bcg):
    (squares,) = labelled(drawn(bcg), "_squares")
    np.testing.assert_allclose(squares.get_offsets()[:, 0], np.exp(bcg.rows[0].pool.y))


def test_each_study_has_its_ci_and_its_shrinkage_estimate(bcg):
    ax = drawn(bcg)
    assert len(labelled(ax, "_whisker")) == 2 * 13
    dots = [dot.get_xdata()[0] for dot in labelled(ax, "_dot")]
    np.testing.assert_allclose(np.log(dots), [s.shrunk.median for s in bcg.rows[0].exact.studies])


def test_a_diamond_for_each_frequentist_pool_the_published_row_and_the_posterior():
    fit = bm.fit("adverse_events")
    assert len(labelled(drawn(fit), "_diamond")) == len(fit.rows[0].frequentist) + 2


def test_the_diamond_and_the_bar_end_where_the_intervals_end():
    fit = bm.fit("sledai", at=12)
    ax, numbers = drawn(fit), fit.rows[0].exact
    x = labelled(ax, "_diamond")[-1].get_xy()[:, 0]
    assert (x.min(), x.max()) == (numbers.mu.ci_low, numbers.mu.ci_high)
    (bar,) = labelled(ax, "_bar")
    assert bar.get_x() == numbers.theta_new.ci_low
    assert bar.get_width() == pytest.approx(numbers.theta_new.ci_high - numbers.theta_new.ci_low)


def test_ratios_on_a_log_axis_with_ratio_ticks(bcg):
    ax = drawn(bcg)
    assert ax.get_xscale() == "log"
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert ticks == ["0.1", "0.25", "0.5", "1", "2", "4"]


def test_differences_on_a_linear_axis():
    assert drawn(bm.fit("sledai")).get_xscale() == "linear"


def test_bounds_of_the_prediction_interval_in_the_text():
    assert "−0.75 [−3.89, 1.94]" in words(drawn(bm.fit("sledai", at=12)))


def test_clipped_intervals_have_arrows_and_others_none():
    wide = bm.fit("proteinuria", at=3, tau="half-cauchy(5)")
    assert len(labelled(drawn(wide), "_arrow")) == 4  # both ends of mu and of the prediction
    assert not labelled(drawn(bm.fit("sledai", at=12)), "_arrow")


def test_nothing_but_arrows_is_drawn_beyond_the_axis():
    ax = drawn(bm.fit("proteinuria", at=3, tau="half-cauchy(5)"))
    low, high = ax.spines["bottom"].get_bounds()
    x = labelled(ax, "_diamond")[-1].get_xy()[:, 0]
    assert low <= x.min() < x.max() <= high


def test_it_names_measure_model_priors_level_direction_and_order():
    text = all_words(forest_figure(bm.fit("sledai", level=0.9)))
    for part in (
        "SLEDAI",
        "12 months",
        "Mean difference (points)",
        "lower is better",
        "Normal-normal random-effects",
        "mu flat; tau half-normal(0.85)",
        "90% CI",
        "90% CrI",
        "order of the table",
        "← favours treatment",
        "favours control →",
        "Zhou 2020 Table 2",
        "Published, random effects (95% CI)",
    ):
        assert part in text


def test_higher_is_better_turns_the_words_round():
    texts = words(drawn(bm.fit("albumin")))
    assert "← favours control" in texts
    assert "favours treatment →" in texts


def test_uncontrolled_series_show_improvement_not_favour():
    text = all_words(forest_figure(bm.fit("sledai_series")))
    assert "← improvement" in text
    assert "favours" not in text
    assert "P(improvement)" in text
    assert "natural course" in text


def test_without_direction_nobody_is_favoured():
    fit = bm.fit(REFERENCES / "bcg_vaccine.csv", measure="RR")
    assert "favours" not in "\n".join(words(drawn(fit)))
    assert "direction of benefit not given" in "\n".join(words(drawn(fit)))


def test_status_is_marked_and_explained():
    texts = words(drawn(bm.fit("proteinuria", at=6)))
    assert {"Deng 2017†", "Tang 2016‡"} <= set(texts)
    assert any("† derived, ‡ reconstructed" in text for text in texts)


def test_one_study_says_whose_interval_it_is():
    one, two = (words(drawn(bm.fit("sledai", at=at))) for at in (3, 12))
    assert any("One study: the interval of mu" in text for text in one)
    assert not any("One study" in text for text in two)


def test_dollar_signs_in_a_label_are_text():
    data = {"study": ["$\\frac{A", "B"], "estimate": [1, 2], "se": [1, 1]}
    fit = bm.fit(data, tau="half-normal(1)")
    figure = forest_figure(fit)
    figure.canvas.draw()
    assert "$\\frac{A" in words(figure.axes[0])


@pytest.mark.parametrize("name", ["sledai", "proteinuria", "adverse_events", "sledai_series"])
def test_no_text_overlaps_another_or_is_cut_off(name):
    figure = forest_figure(bm.fit(name))
    figure.canvas.draw()
    boxes = [
        text.get_window_extent()
        for text in [*figure.texts, *(text for ax in figure.axes for text in ax.texts)]
        if text.get_text()
    ]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width + 1 for box in boxes)
    assert all(box.y0 >= 0 and box.y1 <= figure.bbox.height + 1 for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("width", [5, 8, 11])
def test_text_shrinks_to_the_axes(width):
    fit = bm.fit("adverse_events")
    figure = Figure(figsize=(width, 4))
    FigureCanvasAgg(figure)
    ax = forest(fit.rows[0], fit, figure.add_subplot())
    figure.canvas.draw()
    inside = [text for text in ax.texts if not isinstance(text, Annotation)]
    boxes = [text.get_window_extent() for text in inside if text.get_text()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_forty_studies_are_one_tall_panel():
    rng = np.random.default_rng(1)
    data = {
        "study": [f"Study {i}" for i in range(40)],
        "estimate": rng.normal(size=40),
        "se": rng.uniform(0.1, 1, 40),
    }
    figure = forest_figure(bm.fit(data, tau="half-normal(1)"))
    (ax,) = figure.axes
    assert len(labelled(ax, "_squares")[0].get_offsets()) == 40
    assert figure.get_figheight() > 10


def test_same_bytes_twice_whatever_the_style(tmp_path):
    fit = bm.fit("sledai", at=12)
    first = save_forest(fit, tmp_path / "a")
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black"}):
        second = save_forest(bm.fit("sledai", at=12), tmp_path / "b")
    assert [path.name for path in first] == ["forest.png", "forest.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_an_interrupted_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    fit = bm.fit("sledai", at=12)
    save_forest(fit, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_forest(fit, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_neither_pyplot_nor_global_style_is_touched(tmp_path):
    code = (
        "import sys, bayesmeta as bm, bayesmeta.plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "fit = bm.fit('sledai', at=12)\n"
        "from bayesmeta.plots import save_forest\n"
        "from matplotlib import rcParams\n"
        "style = lambda: {name: rcParams[name] for name in rcParams if name != 'backend'}\n"
        "before = style()\n"
        f"save_forest(fit, {str(tmp_path)!r})\n"
        "assert style() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
