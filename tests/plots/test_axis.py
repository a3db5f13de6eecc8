from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.plots.axis import Interval, Limits, axis_limits, nice_ticks, shared_limits, ticks

finite = st.floats(-1e3, 1e3)
widths = st.floats(1e-3, 1e3)


@given(st.lists(st.tuples(finite, widths, widths), min_size=1, max_size=6))
def test_limits_hold_every_point_estimate_and_no_effect(triples):
    intervals = [Interval(mid - below, mid, mid + above) for mid, below, above in triples]
    limits = axis_limits(intervals, [])
    assert limits.low < 0 < limits.high
    assert all(limits.low < interval.mid < limits.high for interval in intervals)


def test_intervals_within_reason_are_whole():
    study, prediction = Interval(-2, -1, 0), Interval(-3, -1, 1)
    limits = axis_limits([study], [prediction])
    assert limits.low < -3
    assert limits.high > 1


def test_an_enormous_prediction_interval_does_not_squeeze_the_studies():
    limits = axis_limits([Interval(-2, -1, 0)], [Interval(-1e6, -1, 1e6)])
    assert limits.span < 15


def test_common_axis_only_where_every_panel_stays_legible():
    assert shared_limits([Limits(-2, 1), Limits(-1, 2)]) == Limits(-2, 2)
    assert shared_limits([Limits(-20, 1), Limits(-1, 2)]) is None


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.08, 6, [0.1, 0.25, 0.5, 1, 2, 4]),
        (0.002, 60, [0.01, 0.1, 1, 10]),
        (0.82, 1.13, [0.85, 0.9, 0.95, 1.0, 1.05, 1.1]),
    ],
)
def test_ticks_of_ratios_are_round_on_the_ratio_scale(low, high, expected):
    assert ticks(Limits(log(low), log(high)), ratio=True) == pytest.approx(expected)


@given(st.floats(-1e4, 0), st.floats(1e-3, 1e4))
def test_linear_ticks_are_few_within_the_axis_and_hold_zero(low, high):
    found = nice_ticks(Limits(low, high))
    assert 2 <= len(found) <= 6
    assert 0.0 in found


@given(st.floats(-60, -0.01), st.floats(0.01, 60))
def test_ratio_ticks_are_few_and_hold_one(low, high):
    found = ticks(Limits(low, high), ratio=True)
    assert 1 <= len(found) <= 8
    assert any(x == pytest.approx(1) for x in found)
    assert all(low - 1e-9 <= log(x) <= high + 1e-9 for x in found)
