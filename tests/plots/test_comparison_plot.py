"""The figure of a comparison: what is drawn where, and that texts stay apart."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure

import bayesmeta as bm
from bayesmeta.plots import comparison, comparison_figure, save_comparison


@pytest.fixture(scope="module")
def sledai():
    return bm.compare("sledai")


def drawn(rows):
    return comparison(rows, Figure(figsize=(11, 6)).add_subplot())


def labelled(ax, label):
    return [artist for artist in ax.get_children() if artist.get_label() == label]


def test_three_intervals_and_a_prediction_for_each_time(sledai):
    ax = drawn(sledai.rows)
    whiskers = [tuple(line.get_xdata()) for line in labelled(ax, "_whisker")]
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in labelled(ax, "_bar")]
    expected, predicted = [], []
    for row in sledai.rows:
        expected += [(x.ci_low, x.ci_high) for x in (row.published, row.recomputed, row.posterior)]
        predicted.append((row.prediction.ci_low, row.prediction.ci_high))
    np.testing.assert_allclose(whiskers, expected)
    np.testing.assert_allclose(bars, predicted)


def test_published_numbers_are_shown_with_their_own_digits(sledai):
    texts = [text.get_text() for text in drawn(sledai.rows).texts]
    assert "−1.00 [−3.13, 1.14]" in texts
    proteinuria = [text.get_text() for text in drawn(bm.compare("proteinuria", at=2).rows).texts]
    assert "−1.74 [−5.00, 1.52]" in proteinuria
    assert "−1.740 [−5.269, 1.789]" in proteinuria


def test_ratios_have_a_log_axis(sledai):
    ax = drawn(bm.compare("adverse_events").rows)
    assert ax.get_xscale() == "log"
    published = labelled(ax, "_whisker")[0].get_xdata()
    np.testing.assert_allclose(published, [0.07, 0.89])


def test_without_published_rows_there_are_no_widths():
    ax = drawn(bm.compare("sledai_series").rows)
    texts = [text.get_text() for text in ax.texts]
    assert "Width" not in texts
    assert "P(improvement)" in texts
    assert not any(text.startswith("Published") for text in texts)


@pytest.mark.parametrize("name", ["sledai", "proteinuria", "adverse_events", "sledai_series"])
def test_texts_lie_apart_and_inside(name):
    figure = comparison_figure(bm.compare(name).rows)
    figure.draw_without_rendering()
    (ax,) = figure.axes
    texts = [text for text in (*ax.texts, *figure.texts) if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    for box in boxes:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1


def test_files_of_each_analysis_are_the_same_bytes_again(tmp_path):
    found = bm.compare(["c4", "adverse_events"])
    first = save_comparison(found, tmp_path / "a")
    second = save_comparison(found, tmp_path / "b")
    names = ["c4.png", "c4.svg", "adverse_events.png", "adverse_events.svg"]
    assert [path.name for path in first] == names
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
