"""The default grid, and grid files with and without mistakes."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.appraisal.grid import FACTORS, Grid, default_grid
from bayesmeta.appraisal.grid_file import read_grid
from bayesmeta.errors import InputError
from bayesmeta.fit.run import gather, priors_for
from bayesmeta.priors import Flat, tau_prior


def evidence(name):
    return gather(name, measure=None, direction=None, project=None)


@pytest.mark.parametrize("tau", ["half-normal(0.5)", "half-student-t(3, 0.7)", "weibull(2, 0.4)"])
def test_the_default_families_share_their_medians(tau):
    own = tau_prior(tau)
    grid = default_grid(evidence("adverse_events"), Flat(), own)
    assert "turner" in grid.taus
    medians = [prior.ppf(0.5) for word, prior in grid.taus.items() if word != "turner"]
    ratios = np.log2(np.array(medians) / own.ppf(0.5)).reshape(-1, len(FACTORS))
    # Parameters of three digits.
    np.testing.assert_allclose(ratios, np.tile([-2, -1, 0, 1, 2], (len(ratios), 1)), atol=0.01)
    assert grid.taus[str(own)] == own


@pytest.mark.parametrize("tau", ["flat", "jeffreys", "fixed(0)", "2 * dumouchel"])
def test_a_prior_without_a_median_takes_the_standard_error(tau):
    data = {"study": ["A", "B"], "estimate": [0, 1], "se": [3, 5]}
    found = gather(data, measure=None, direction=None, project=None)
    grid = default_grid(found, Flat(), tau_prior(tau))
    assert "half-cauchy(4)" in grid.taus
    assert tau in grid.taus


def test_the_default_priors_on_mu():
    # OR: unit information SD 4 (known); half a unit on the log scale, 0.5 / 1.96 = 0.255.
    found = default_grid(
        evidence("adverse_events"), *priors_for(evidence("adverse_events"), None, None)
    )
    assert list(found.mus) == ["flat", "normal(0, 4)", "normal(0, 0.255)"]
    # A table that does not say how many patients there were has neither.
    data = {"study": ["A", "B"], "estimate": [0, 1], "se": [3, 5]}
    bare = gather(data, measure=None, direction=None, project=None)
    assert list(default_grid(bare, Flat(), tau_prior("half-normal(1)")).mus) == ["flat"]


@pytest.fixture
def grid_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def read(text):
        (tmp_path / "grid.toml").write_text(text)
        return read_grid("grid.toml")

    return read


def test_words_stay_as_they_were_written(grid_of):
    grid = grid_of(
        'tau = ["half-normal(0.50)", "2 * dumouchel"]\n'
        'mu = ["normal(0, 4)", "flat"]\nleave_one_out = true'
    )
    assert list(grid.taus) == ["half-normal(0.50)", "2 * dumouchel"]
    assert list(grid.mus) == ["normal(0, 4)", "flat"]
    assert (grid.leave_one_out, grid.alternatives) == (True, False)


def test_a_range_is_spaced_geometrically(grid_of):
    text = 'tau = {family = "half-normal", scale = {from = 0.05, to = 2, points = 40}}'
    scales = [prior.scale for prior in grid_of(text).taus.values()]
    assert len(scales) == 40
    assert (scales[0], scales[-1]) == (0.05, 2)
    np.testing.assert_allclose(np.diff(np.log(scales)), np.log(40) / 39, atol=2e-5)


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ('family = "half-student-t", df = 4', ["half-student-t(4, 1)", "half-student-t(4, 4)"]),
        ('family = "exponential"', ["exponential(1)", "exponential(0.25)"]),
        ('family = "uniform"', ["uniform(0, 1)", "uniform(0, 4)"]),
        ('family = "uniform", low = 1, high = 2', ["uniform(1, 2)", "uniform(4, 8)"]),
        ('family = "log-normal", sd = 0.5', ["log-normal(0, 0.5)", "log-normal(1.38629, 0.5)"]),
        ('family = "dumouchel"', ["dumouchel", "4 * dumouchel"]),
        ('family = "half-normal(3)"', ["half-normal(3)", "half-normal(12)"]),
        ('family = "turner"', ["turner", "log-normal(0.106294, 0.87)"]),
    ],
)
def test_a_scale_multiplies_tau_in_every_family(grid_of, family, expected):
    grid = grid_of("tau = [{" + family + ", scale = {from = 1, to = 4, points = 2}}]")
    assert list(grid.taus) == expected


def test_ranges_of_two_parameters_are_crossed(grid_of):
    span = "{from = 1, to = 4, points = 2}"
    grid = grid_of("tau = {family = 'half-student-t', df = " + span + ", scale = " + span + "}")
    assert [(p.df, p.scale) for p in grid.taus.values()] == [(1, 1), (1, 4), (4, 1), (4, 4)]
    mus = grid_of("mu = {family = 'normal', sd = " + span + "}").mus
    assert list(mus) == ["normal(0, 1)", "normal(0, 4)"]


RANGE = "tau = {family = 'half-normal', scale = {from = 0.1, to = 2, points = 3}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 'grid.toml has no priors: the like of tau = ["half-normal(0.5)"] is expected'),
        ("leave_one_out = true", "grid.toml has no priors"),
        ("tau = []", "grid.toml: tau is []: one entry or more is expected"),
        ("tau = [3]", "grid.toml: tau: 3 is no prior"),
        ("tau = 3", "grid.toml: tau is 3: a list is expected"),
        ("tau = flat", "grid.toml is not TOML"),
        ('tua = "flat"', "grid.toml: unknown key 'tua': did you mean 'tau'?"),
        ('tau = "half-norml(1)"', "grid.toml: tau: unknown prior on tau 'half-norml'"),
        ('tau = "half-normal(-1)"', "grid.toml: tau: scale of half-normal(-1) is -1: it must be"),
        ('tau = ["flat", "half-normal(a)"]', "grid.toml: tau, entry 2: prior on tau is"),
        ('mu = ["normal(0, 1)", "norml(0, 1)"]', "grid.toml: mu, entry 2: unknown prior on mu"),
        ('tau = "flat"\nleave_one_out = "yes"', "grid.toml: leave_one_out is 'yes'"),
        (RANGE.replace("family", "famly"), "grid.toml: tau: family is None: a name is expected"),
        (RANGE.replace("half-normal", "half-norml"), "grid.toml: tau: unknown prior on tau"),
        (RANGE.replace("scale", "scael"), "grid.toml: tau: unknown key 'scael': did you mean"),
        (RANGE.replace("0.1", "-0.1"), "grid.toml: tau: scale.from is -0.1: input should"),
        (RANGE.replace("3", "0"), "grid.toml: tau: scale.points is 0: input should be greater"),
        (RANGE.replace("points", "point"), "grid.toml: tau: unknown key 'scale.point': did"),
        (RANGE.replace("to = 2, ", ""), "grid.toml: tau: the key 'scale.to' is missing"),
        (RANGE.replace("2", "inf"), "grid.toml: tau: scale.to is inf"),
        ("tau = {family = 'half-normal'}", "grid.toml: tau: the key 'scale' is missing"),
        ("tau = {family = 'half-normal', scale = true}", "grid.toml: tau: scale is True: a number"),
        ("tau = {family = 'exponential', rate = -1}", "grid.toml: tau: rate of exponential(-1)"),
        ("mu = {family = 'normal'}", "grid.toml: mu: the key 'sd' is missing: normal has mean, sd"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_file_and_key(grid_of, text, expected):
    with pytest.raises(InputError) as caught:
        grid_of(text)
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


def test_a_missing_file():
    with pytest.raises(InputError, match=r"cannot read nowhere.toml: no such file"):
        read_grid("nowhere.toml")


def test_without_one_of_the_two_the_analysis_s_own_is_meant(tmp_path):
    (tmp_path / "grid.toml").write_text('tau = ["half-normal(1)"]')
    found = bm.sensitivity("sledai", at=12, grid=tmp_path / "grid.toml")
    assert list(found.dataset["prior_mu"].values) == ["flat"]
    assert list(found.dataset["left_out"].values) == [""]
    only_mu = bm.sensitivity("sledai", at=12, grid=Grid.of(mu=["normal(0, 4)"]))
    assert list(only_mu.dataset["prior_tau"].values) == ["half-normal(0.85)"]
