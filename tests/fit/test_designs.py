"""Series beside contrasts: limits in which they say nothing, how they are named, mistakes."""

import json
import shutil
from dataclasses import replace

import pytest

import bayesmeta as bm
from bayesmeta.errors import InputError
from bayesmeta.evidence import bundled_project, evidence_from_analysis
from bayesmeta.fit.designs import AS_SET, fit_designs
from bayesmeta.fit.joint_ask import JointAsk
from bayesmeta.fit.numbers import Ask
from bayesmeta.priors import Flat, HalfNormal

BUNDLED = bundled_project()
EVIDENCE = evidence_from_analysis(BUNDLED.find("sledai_designs"), BUNDLED.root)
ASK = Ask(Flat(), HalfNormal(0.85), 0.95, "central", "lower")
# Two hyperparameters fewer: what is tested here does not depend on them.
HOW = JointAsk.of(replace(EVIDENCE.joint, rho="0.5", within_correlation="0.5"))


def designs(**changes):
    return fit_designs(EVIDENCE.pools, replace(EVIDENCE.series, **changes), ASK, HOW.model)


def mu(numbers):
    return {one.time: (one.median, one.ci_low, one.ci_high) for one in numbers.mu}


@pytest.fixture(scope="module")
def alone():
    from bayesmeta.engines.joint import fit_joint
    from bayesmeta.fit.joint_numbers import joint_numbers

    model = HOW.model(EVIDENCE.pools, ASK)
    return mu(joint_numbers(model, fit_joint(model)[1], "lower"))


def test_variances_without_end_leave_the_contrasts_alone(alone):
    found = mu(designs(design="inflation", inflation=1e12).numbers)
    for time, numbers in alone.items():
        assert found[time] == pytest.approx(numbers, abs=1e-4)


def test_a_bias_of_any_size_leaves_the_effect_to_the_contrasts():
    # What is left of a series then is the change between its times; one time each says nothing.
    once = tuple(pool for pool in EVIDENCE.series.pools if pool.time == 12)
    model = HOW.model(EVIDENCE.pools, ASK)
    from bayesmeta.engines.joint import fit_joint

    contrasts = fit_joint(model)[1].mu
    found = designs(pools=once, bias="normal(0, 1e5)", bias_sd="fixed(0)").numbers
    for at, one in enumerate(found.mu):
        assert one.median == pytest.approx(contrasts.median[at], abs=2e-3)
        assert one.ci_high == pytest.approx(contrasts.high[at], abs=2e-3)


def test_series_kept_separate_are_a_model_of_their_own():
    found = designs(design="separate")
    assert found.numbers.times == tuple(pool.time for pool in EVIDENCE.series.pools)
    assert (found.bias, found.bias_sd, found.influence) == (None, None, ())
    assert found.numbers.mu[-1].median == pytest.approx(-9, abs=0.01)  # Liang 2010 alone


def test_times_are_those_of_either():
    found = designs(bias_sd="fixed(1)")
    assert found.numbers.times == (1, 2, 3, 4, 6, 12)
    assert found.bias_sd == 1
    assert found.bias.prior == "normal(-4, 4)"
    assert [one.name for one in found.influence] == [
        "bias prior half as wide", AS_SET, "bias prior twice as wide",
    ]  # fmt: skip
    named = [one.name for one in found.numbers.coefficients]
    assert named[-1] == "bias of series"
    assert len(named) == 7


def test_json_and_warnings_of_the_bundled_one():
    # One rule instead of two, and fixed correlations: the fields, not the digits.
    joint = bm.fit("sledai_designs", rho=0.5, within_correlation=0.5).to_dict()["joint"]
    series = json.loads(json.dumps(joint["series"], allow_nan=False))
    assert {"bias", "bias_sd", "influence", "mu", "theta_new", "tau", "design"} <= series.keys()
    assert series["warnings"] == [
        "Nanjing UC-MSC and Liang 2010 are all of Nanjing Drum Tower: patients may be counted twice"
    ]
    assert series["bias_sd"]["prior"] == "half-normal(2)"
    assert [mu["time"] for mu in joint["mu"]] == [2, 3, 6, 12]  # contrasts alone


def test_without_series_there_is_none():
    assert bm.fit("sledai").joint.series is None


MISTAKES = {
    "flat bias": ({"bias": "flat"}, "series.bias is flat: normal(mean, sd) is expected"),
    "improper SD": ({"bias_sd": "flat"}, "series.bias_sd is flat: a proper prior is expected"),
    "no prior": ({"bias": "nrmal(0, 1)"}, "series: unknown prior on mu 'nrmal'"),
}


@pytest.mark.parametrize(("changes", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_prior_that_cannot_be_used_is_one_line(changes, said):
    with pytest.raises(InputError) as error:
        designs(**changes)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


FILES = {
    "itself": ('analysis = "here"', "no change from baseline: an analysis of series is expected"),
    "contrasts": ('analysis = "sledai"', "'sledai', no change from baseline"),
    "other unit": ('analysis = "proteinuria_series"', "unit is 'points', and 'g/24 h'"),
    "unknown": ('analysis = "sledai_serie"', "sledai_series"),
    "design": ('analysis = "sledai_series"\ndesign = "biased"', "did you mean 'bias'"),
    "inflation": ('analysis = "sledai_series"\ninflation = 0', "series.inflation is 0"),
}


@pytest.mark.parametrize(("series", "said"), FILES.values(), ids=FILES)
def test_a_mistake_in_the_file_is_one_line(tmp_path, series, said):
    shutil.copytree(BUNDLED.data, tmp_path / "data")
    shutil.copytree(BUNDLED.models, tmp_path / "models")
    head = (tmp_path / "models/sledai_designs.toml").read_text().partition("\n[series]")[0]
    path = tmp_path / "models/here.toml"
    path.write_text(f"{head}\n[series]\n{series}\n")
    with pytest.raises(InputError) as error:
        evidence_from_analysis(path, tmp_path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_series_need_the_joint_model(tmp_path):
    shutil.copytree(BUNDLED.data, tmp_path / "data")
    shutil.copytree(BUNDLED.models, tmp_path / "models")
    path = tmp_path / "models/sledai.toml"
    head = path.read_text().partition("# One model")[0]
    path.write_text(f'{head}\n[series]\nanalysis = "sledai_series"\n')
    with pytest.raises(InputError, match=r"add \[joint\]"):
        evidence_from_analysis(path, tmp_path)
