"""The figure of a sensitivity analysis: its numbers are those of single fits."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.appraisal.scales import scales_of
from bayesmeta.plots import save_sensitivity, sensitivity_figure
from bayesmeta.priors import scaled

DATA = {"study": ["A", "B", "C"], "estimate": [-0.6, -0.3, -0.9], "se": [0.3, 0.3, 0.4]}
GRID = bm.Grid.of(tau=["half-normal(0.5)", "half-cauchy(9)", "half-cauchy(0.3)", "2 * dumouchel"])


@pytest.fixture(scope="module")
def found():
    return bm.sensitivity(DATA, grid=GRID, direction="lower", tau="half-normal(0.5)")


def test_scales_are_fits_of_multiples(found):
    scales = scales_of(found)
    assert list(scales.families) == ["half-normal(0.5)", "half-cauchy(0.3)", "2 * dumouchel"]
    for at in (0, 20, 40):
        fit = bm.fit(DATA, tau=bm.HalfNormal(0.5 * scales.multiples[at]))
        for name, got in zip(("mu", "theta_new"), scales.intervals[0][..., at], strict=True):
            numbers = getattr(fit.rows[0].exact, name)
            want = numbers.ci_low, numbers.median, numbers.ci_high
            np.testing.assert_allclose(got, want, atol=1e-8 * np.ptp(want))
    for i, prior in enumerate(scales.families.values()):
        for j, factor in enumerate(scales.factors):
            want = bm.fit(DATA, tau=scaled(prior, factor)).prob("mu < 0")
            assert scales.benefit[0, i, j] == pytest.approx(want, abs=1e-9)


def test_three_views_or_two_without_a_direction(found):
    assert len(sensitivity_figure(found).axes) == 3
    nobody_said = bm.sensitivity(DATA, grid=GRID, tau="half-normal(0.5)")
    assert len(sensitivity_figure(nobody_said).axes) == 2


@pytest.mark.parametrize("tau", ["fixed(0)", "jeffreys", "flat"])
def test_a_reference_without_a_median_is_drawn_too(tau, tmp_path):
    found = bm.sensitivity(DATA, grid=GRID, direction="lower", tau=tau)
    (path,) = save_sensitivity(found, tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [file.name for file in tmp_path.iterdir()] == ["sensitivity.png"]
