"""How an analysis file joins its times, and mistakes in it."""

import shutil

import pytest

from bayesmeta.errors import InputError
from bayesmeta.evidence import bundled_project, evidence_from_analysis

BUNDLED = bundled_project()
ALTERNATIVE = "12-months-equal-variances-swapped"


def analysis(tmp_path, joint, name="sledai"):
    """The bundled analysis with another [joint] table."""
    shutil.copytree(BUNDLED.root / "data", tmp_path / "data", dirs_exist_ok=True)
    head, _, rest = BUNDLED.find(name).read_text().partition("[joint]")
    tail = rest.partition("\n[variants")
    file = tmp_path / f"{name}.toml"
    file.write_text(f"{head}\n{joint}\n{tail[1]}{tail[2]}")
    return evidence_from_analysis(file, tmp_path)


@pytest.mark.parametrize("name", ["sledai", "proteinuria"])
def test_the_bundled_two_are_joined_and_say_why(name):
    joint = evidence_from_analysis(BUNDLED.find(name), BUNDLED.root).joint
    assert (joint.mean, joint.between, joint.rho) == ("per-time", "cs", "uniform(0, 1)")
    assert joint.within_correlation == "uniform(0, 0.95)"
    assert joint.reason


def test_without_the_table_each_time_stands_alone():
    assert evidence_from_analysis(BUNDLED.find("c3"), BUNDLED.root).joint is None


def test_defaults_and_what_is_named_are_told_apart(tmp_path):
    joint = analysis(tmp_path, '[joint]\nbetween = "ar1"\nwithin_correlation = 0.5').joint
    assert joint.given == {"between", "within_correlation"}
    assert joint.within_correlation == "0.5"
    assert joint.rho == "uniform(0, 1)"


def test_weights_are_those_of_the_user(tmp_path):
    joint = analysis(tmp_path, f'[joint.weights]\nmain = 3\n"{ALTERNATIVE}" = 1').joint
    assert joint.weights == {"main": 3.0, ALTERNATIVE: 1.0}


MISTAKES = {
    "unknown key": ('[joint]\nbetwen = "cs"', "unknown key 'joint.betwen': did you mean 'between'"),
    "unknown kind": ('[joint]\nbetween = "cs1"', "joint.between is 'cs1': did you mean 'cs'"),
    "negative lag": ("[joint]\nrho_lag = -1", "joint.rho_lag is -1"),
    "a list for a prior": ("[joint]\nrho = [0, 1]", "joint.rho is [0, 1]: a text in quotes"),
    "true for a prior": ("[joint]\nrho = true", "joint.rho is True: a text in quotes"),
    "unknown set": ("[joint.weights]\nmian = 1", "joint.weights names 'mian': did you mean 'main'"),
    "negative weight": ("[joint.weights]\nmain = -1", "joint.weights.main is -1"),
    "no weight": (
        f'[joint.weights]\nmain = 0\n"{ALTERNATIVE}" = 0',
        "joint.weights are all 0: one above 0 is expected",
    ),
}


@pytest.mark.parametrize(("joint", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line(tmp_path, joint, said):
    with pytest.raises(InputError) as error:
        analysis(tmp_path, joint)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
