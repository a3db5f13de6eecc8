"""The figure of a course: what is drawn where, and what it writes."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import bayesmeta as bm
from bayesmeta.errors import InputError
from bayesmeta.plots import course, course_figure, save_course

TABLE = {
    "study": ["A", "A", "B", "B", "C"],
    "time": [3, 12, 3, 12, 12],
    "estimate": [-1.2, -0.6, -0.4, 0.1, -0.9],
    "se": [0.4, 0.3, 0.35, 0.5, 0.2],
}


def fitted(**options):
    given = {"measure": "MD", "model": "longitudinal", "tau": "half-normal(0.7)"} | options
    return bm.fit(TABLE, **given)


def drawn(fit):
    return course(fit, Figure(figsize=(8, 5)).add_subplot())


def test_the_line_goes_through_the_medians():
    fit = fitted()
    (line,) = (one for one in drawn(fit).lines if one.get_label().startswith("Pooled course"))
    np.testing.assert_allclose(line.get_xdata(), [3, 12])
    np.testing.assert_allclose(line.get_ydata(), [one.median for one in fit.joint.numbers.mu])


def test_a_ratio_is_drawn_on_its_own_scale():
    fit = fitted(measure="OR", direction="lower")
    ax = drawn(fit)
    assert ax.get_yscale() == "log"
    (line,) = (one for one in ax.lines if one.get_label().startswith("Pooled course"))
    np.testing.assert_allclose(line.get_ydata(), np.exp([m.median for m in fit.joint.numbers.mu]))
    assert {"← favours treatment", "favours control →"} <= {text.get_text() for text in ax.texts}


def test_a_straight_course_is_drawn_between_times():
    ax = drawn(fitted(mean="linear"))
    (line,) = (one for one in ax.lines if one.get_label().startswith("Pooled course"))
    assert len(line.get_xdata()) > 50
    np.testing.assert_allclose(np.diff(line.get_ydata(), 2), 0, atol=0.01)


def test_studies_each_time_alone_and_published_rows_are_in_the_legend():
    labels = drawn(bm.fit("sledai")).get_legend_handles_labels()[1]
    for words in ("Studies", "Each time alone", "Published rows", "prediction", "credible"):
        assert any(words in label for label in labels)


def test_notes_say_which_way_round_a_benefit_is_kept():
    words = " ".join(text.get_text() for text in course_figure(bm.fit("proteinuria")).texts)
    words = words.replace("\n", " ")
    assert "as analysed it loses its benefit (P(benefit) >0.999 at 3, 0.553 at 12)" in words
    assert "with 12-months-equal-variances-swapped it keeps its benefit" in words


def test_without_a_joint_model_nothing_is_drawn(tmp_path):
    fit = bm.fit("c3")
    assert save_course(fit, tmp_path) == []
    with pytest.raises(InputError, match="no course over time"):
        drawn(fit)


def test_saved_twice_gives_the_same_bytes(tmp_path):
    fit = fitted()
    first, second = (save_course(fit, tmp_path / name) for name in "ab")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_studies_at_one_time_lie_side_by_side():
    fit = fitted()
    (lines,) = (one for one in drawn(fit).collections if one.get_label() == "_ci")
    places = [segment[0, 0] for segment in lines.get_segments()]
    model = fit.joint.model
    assert len(set(places)) == model.y.size
    assert np.all((places > model.times[model.slot]) & (places < model.times[model.slot] + 1))
