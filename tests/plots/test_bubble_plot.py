"""Bubble plots: areas, lines, levels, and what is written."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import bayesmeta as bm
from bayesmeta.errors import InputError
from bayesmeta.plots import bubble, bubble_figure, save_bubble

BCG = Path(__file__).parents[1] / "references" / "bcg_vaccine.csv"


def fitted(formula):
    return bm.fit(BCG, measure="RR", direction="lower", formula=formula)


def drawn(fit, moderator):
    return bubble(fit, moderator, Figure(figsize=(6, 5)).add_subplot())


def test_areas_are_weights_and_places_are_the_studies():
    fit = fitted("~ latitude")
    (bubbles,) = (
        one for one in drawn(fit, "latitude").collections if one.get_label() == "_studies"
    )
    x, y = bubbles.get_offsets().T
    np.testing.assert_allclose(x, fit.regression.moderators.values["latitude"])
    np.testing.assert_allclose(y, np.exp(fit.regression.pool.y))
    areas = bubbles.get_sizes()
    np.testing.assert_allclose(
        areas / areas.max(), fit.regression.weights / fit.regression.weights.max()
    )


def test_a_line_for_each_level_of_a_factor():
    ax = drawn(fitted("~ latitude + allocation"), "latitude")
    labels = ax.get_legend_handles_labels()[1]
    assert labels == ["allocation alternate", "allocation random", "allocation systematic"]
    studies = [one for one in ax.collections if one.get_label() == "_studies"]
    assert sum(len(one.get_offsets()) for one in studies) == 13


def test_levels_of_a_factor_have_a_place_each():
    ax = drawn(fitted("~ allocation"), "allocation")
    assert [text.get_text() for text in ax.get_xticklabels()] == [
        "alternate", "random", "systematic",
    ]  # fmt: skip


def test_a_panel_for_each_moderator():
    assert len(bubble_figure(fitted("~ latitude + allocation")).axes) == 2


def test_nothing_to_draw(tmp_path):
    for fit in (fitted("~ 1"), bm.fit(BCG, measure="RR")):
        assert save_bubble(fit, tmp_path) == []
    with pytest.raises(InputError, match="no meta-regression"):
        drawn(bm.fit(BCG, measure="RR"), "latitude")
    with pytest.raises(InputError, match="did you mean 'latitude'"):
        drawn(fitted("~ latitude"), "latitud")


def test_saved_twice_gives_the_same_bytes(tmp_path):
    fit = fitted("~ latitude")
    first, second = (save_bubble(fit, tmp_path / name) for name in "ab")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
