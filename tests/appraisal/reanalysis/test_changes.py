"""Which sentence is said, against the three conditions on made-up intervals."""

from dataclasses import replace

import pytest

import bayesmeta as bm
from bayesmeta.appraisal.reanalysis.changes import changes
from bayesmeta.appraisal.reanalysis.values import RevManResult

FIT = bm.fit({"study": ["A", "B"], "estimate": [-1.0, -2.0], "se": [1.0, 1.0]}, tau="fixed(0)")


def said(scale, revman, cri, prediction, median):
    found = FIT.rows[0].exact
    mu = replace(found.mu, median=median, ci_low=cri[0], ci_high=cri[1])
    new = replace(found.theta_new, ci_low=prediction[0], ci_high=prediction[1])
    result = RevManResult(scale, *revman, tau2=None, q=None, i2=None, z=None)
    return changes(result, replace(found, mu=mu, theta_new=new), FIT.evidence, 0.95)


def test_nothing_changes():
    assert said("natural", (-1, -2, -0.5), (-2, -0.4), (-3, -0.1), -1) == ()
    assert said("natural", (-1, -2, 0.5), (-2, 0.4), (-3, 3), -1) == ()


def test_intervals_differ():
    (one,) = said("natural", (-1, -2, -0.5), (-2, 0.4), (-3, 3), -1)
    assert one == (
        "RevMan's 95% CI (-2.0 to -0.5) excludes no effect, the 95% CrI (-2.0 to 0.4) includes it."
    )
    (two,) = said("natural", (-1, -2, 0.5), (-2, -0.4), (-3, 3), -1)
    assert "includes no effect, the 95% CrI (-2.0 to -0.4) excludes it." in two


def test_the_next_study():
    (one,) = said("natural", (1, 0.5, 2), (0.4, 2), (-1, 3), 1)
    assert one.endswith("exclude no effect, the 95% prediction interval (-1.0 to 3.0) includes it.")


def test_opposite_signs():
    (one,) = said("natural", (0.1, -1, 1), (-1, 1), (-3, 3), -0.2)
    assert one.endswith("(0.1) and the posterior median (-0.2) have opposite signs.")
    assert said("natural", (0.0, -1, 1), (-1, 1), (-3, 3), -0.2) == ()
    assert said("natural", (0.1, -1, 1), (-1, 1), (-3, 3), -1e-16) == ()  # rounding has no sign


def test_ratios_are_compared_with_one():
    assert said("ratio", (0.5, 0.2, 0.9), (-2, -0.4), (-3, -0.1), -1) == ()
    (one,) = said("ratio", (1.1, 0.2, 1.9), (-2, 0.4), (-3, 1), -1)
    assert "opposite signs" in one
    assert len(said("ratio", (1.5, 1.2, 1.9), (-2, 0.4), (-3, 1), -1)) == 2


@pytest.mark.parametrize("revman", [None, (1.0, None, None)])
def test_nothing_to_compare_with(revman):
    result = revman and RevManResult("natural", *revman, tau2=None, q=None, i2=None, z=None)
    assert changes(result, FIT.rows[0].exact, FIT.evidence, 0.95) == ()
    assert changes(RevManResult("natural", 1, 0, 2, 0, 0, 0, 0), None, FIT.evidence, 0.95) == ()
