"""The command line as a person and a pipe meet it: output, exit status, files."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

REFERENCES = Path(__file__).parents[1] / "references"


def bayesmeta(*arguments, cwd, status=0):
    done = subprocess.run(
        [sys.executable, "-m", "bayesmeta", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done


def table(tmp_path, text, name="trials.csv"):
    (tmp_path / name).write_text(text)
    return name


def test_table_files_and_last_line(tmp_path):
    done = bayesmeta("fit", "sledai", "--engine", "exact", cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "bayesmeta-output/sledai"
    names = {path.name for path in (tmp_path / "bayesmeta-output/sledai").iterdir()}
    times = (2, 3, 6, 12)
    assert names == {"fit.json", "summary.csv", "forest.png", "forest.svg", "posterior.png"} | {
        f"sledai-{time}.nc" for time in times
    }
    for words in ("Published", "Inverse variance", "prediction", "P(benefit)", "reconstructed"):
        assert words in done.stdout
    assert "tau is its prior, exactly" in done.stdout
    assert "Deng 2017" in done.stdout
    assert "all rows" in done.stdout
    # One study leaves DerSimonian-Laird nothing to estimate: only the pool of two has its row.
    assert done.stdout.count("DerSimonian-Laird") == 1


def test_weights_in_the_table_add_up(tmp_path):
    arguments = ("--engine", "exact", "--prior", "mu=normal(0, 1)")
    done = bayesmeta("fit", "adverse_events", *arguments, cwd=tmp_path)
    lines = done.stdout.split("Weight")[1].splitlines()[2:5]
    shown = [int(word[:-1]) for line in lines for word in line.split() if word.endswith("%")]
    # Three weights, the prior's among them, each rounded to a whole per cent.
    assert len(shown) == 3
    assert abs(sum(shown) - 100) <= 1


def test_json_is_one_strict_object_with_the_promised_fields(tmp_path):
    done = bayesmeta("fit", "adverse_events", "--engine", "exact", "--format", "json", cwd=tmp_path)

    def refuse(word):
        raise AssertionError(word)

    found = json.loads(done.stdout, parse_constant=refuse)
    assert found["scale"] == "log"
    assert found["measure"] == "OR"
    assert found["priors"]["tau"]["default"] is False
    (row,) = found["rows"]
    assert {f["method"] for f in row["frequentist"]} == {"MH", "IV", "DL"}
    # log(0.26) = -1.3471 and log(0.89) = -0.1165: the published row is on the scale of the rest.
    assert row["published"]["estimate"] == pytest.approx(-1.3471, abs=1e-4)
    assert row["published"]["ci_high"] == pytest.approx(-0.1165, abs=1e-4)
    posterior = row["posterior"]
    six = {"mean", "sd", "median", "mode", "ci_low", "ci_high"}
    for quantity in ("mu", "tau", "theta_new", "i2"):
        assert set(posterior[quantity]) == six
    assert set(posterior["studies"][0]) == {
        "study",
        "estimate",
        "se",
        "status",
        "shrunk",
        "weight",
    }
    assert posterior["log_marginal_likelihood"] is None
    assert "log_marginal_likelihood" in posterior["reasons"]
    assert row["nuts"] is None


def test_moments_that_do_not_exist_are_null_with_a_reason(tmp_path):
    name = table(tmp_path, "study,estimate,se\nA,1,0.5\nB,3,0.7\n")
    done = bayesmeta(
        "fit", name, "--prior", "tau=half-cauchy(1)", "--engine", "exact", "--format", "json",
        cwd=tmp_path,
    )  # fmt: skip
    posterior = json.loads(done.stdout)["rows"][0]["posterior"]
    # DESIGN.md: two studies and a half-Cauchy under flat mu have a mean and no SD.
    assert posterior["mu"]["sd"] is None
    assert posterior["mu"]["mean"] is not None
    assert {"mu.sd", "theta_new.sd", "tau.sd"} <= set(posterior["reasons"])


def test_csv_parses(tmp_path):
    done = bayesmeta("fit", "c3", "--engine", "exact", "--format", "csv", cwd=tmp_path)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["quantity"] for row in rows} == {"mu", "tau", "theta_new", "i2", "theta"}


def test_options_reach_the_fit(tmp_path):
    arguments = ("--at", "12", "--level", "0.8", "--interval", "shortest", "--seed", "7")
    done = bayesmeta(
        "fit", "sledai", *arguments, "--prior", "mu=normal(0, 10)", "--engine", "exact",
        "--format", "json", "--output", "here", "--direction", "higher", cwd=tmp_path,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert [row["time"] for row in found["rows"]] == [12]
    assert (found["level"], found["interval"], found["seed"]) == (0.8, "shortest", 7)
    assert found["direction"] == "higher"
    assert (tmp_path / "here/fit.json").exists()
    posterior = found["rows"][0]["posterior"]
    assert posterior["prob_benefit"] == pytest.approx(1 - posterior["prob_below_zero"])
    assert posterior["log_marginal_likelihood"] is not None


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        bayesmeta("fit", "c4", "--engine", "exact", "--output", folder, cwd=tmp_path)
    for name in ("fit.json", "summary.csv", "forest.svg", "forest.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_list_new_and_project(tmp_path):
    assert "adverse_events" in bayesmeta("list", cwd=tmp_path).stdout
    bayesmeta("new", "mine", cwd=tmp_path)
    assert "rejection" in bayesmeta("list", "--project", "mine", cwd=tmp_path).stdout
    done = bayesmeta("fit", "rejection", "--project", "mine", "--engine", "exact", cwd=tmp_path)
    assert "odds ratio" in done.stdout
    bayesmeta("new", "mine", cwd=tmp_path, status=2)


def test_nuts_agrees_and_says_so(tmp_path):
    done = bayesmeta("fit", "proteinuria", "--at", "6", cwd=tmp_path)
    assert "root mean square difference" in done.stdout
    found = json.loads((tmp_path / "bayesmeta-output/proteinuria/fit.json").read_text())
    nuts = found["rows"][0]["nuts"]
    assert nuts["diagnostics"]["divergences"] == 0
    assert nuts["max_difference_mcse"] < 5
    assert set(nuts["mcse"]["mu"]) == set(nuts["posterior"]["mu"])


def test_failed_diagnostics_change_the_exit_status(tmp_path):
    done = bayesmeta("fit", "c4", "--at", "12", "--draws", "20", cwd=tmp_path, status=3)
    assert "did not converge" in done.stdout


COUNTS = "study,events_treatment,n_treatment,events_control,n_control\n"
BAD = {
    "unknown analysis": (None, ["sledia"], ["'sledia'", "sledai"]),
    "missing file": (None, ["none.csv"], ["none.csv"]),
    "missing columns": ("study,estimate\nA,1\n", [], ["se"]),
    "negative SE": ("study,estimate,se\nA,1,-1\n", [], ["se", "-1", "row 1", "A"]),
    "zero SE": ("study,estimate,se\nA,1,0\n", [], ["se", "row 1"]),
    "events above n": (
        COUNTS + "A,14,12,1,12\n",
        ["--measure", "OR"],
        ["events_treatment is 14", "n_treatment is 12", "row 1"],
    ),
    "text for a number": ("study,estimate,se\nA,one,1\n", [], ["estimate", "one", "row 1"]),
    "one arm only": (
        "study,events_treatment,n_treatment\nA,1,2\n",
        ["--measure", "OR"],
        ["events_control"],
    ),
    "duplicate": ("study,estimate,se\nA,1,1\nA,2,1\n", [], ["A", "row"]),
    "unknown measure": ("study,estimate,se\nA,1,1\n", ["--measure", "ORR"], ["ORR", "OR"]),
    "unknown prior": (
        "study,estimate,se\nA,1,1\n",
        ["--prior", "tau=half-norml(1)"],
        ["half-norml", "half-normal"],
    ),
    "negative scale": (
        "study,estimate,se\nA,1,1\n",
        ["--prior", "tau=half-normal(-1)"],
        ["scale", "positive"],
    ),
    "prior without a name": ("study,estimate,se\nA,1,1\n", ["--prior", "half-normal(1)"], ["tau="]),
    "no default scale": ("study,estimate,se\nA,1,1\n", [], ["--prior tau="]),
    "empty table": ("study,estimate,se\n", [], ["trials.csv"]),
    "empty file": ("", [], ["trials.csv"]),
    "level": ("study,estimate,se\nA,1,1\n", ["--level", "95"], ["0.95"]),
    "time": (None, ["sledai", "--at", "7"], ["7", "12"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_nothing_written(name, tmp_path):
    text, arguments, words = BAD[name]
    given = [] if text is None else [table(tmp_path, text)]
    before = set(tmp_path.rglob("*"))
    done = bayesmeta("fit", *given, *arguments, "--engine", "exact", cwd=tmp_path, status=2)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    for word in words:
        assert word in line
    assert set(tmp_path.rglob("*")) == before


def test_toml_typo_names_file_and_key(tmp_path):
    bayesmeta("new", "mine", cwd=tmp_path)
    path = tmp_path / "mine/models/rejection.toml"
    path.write_text(path.read_text().replace("measure =", "mesure ="))
    done = bayesmeta("fit", "rejection", "--project", "mine", cwd=tmp_path, status=2)
    (line,) = done.stderr.splitlines()
    assert "mesure" in line
    assert "rejection.toml" in line
    assert "measure" in line


def test_eight_schools_to_twelve_digits(tmp_path):
    # The numbers, on which two independent rules agree to 12 digits.
    done = bayesmeta(
        "fit", REFERENCES / "eight_schools.csv", "--prior", "tau=half-normal(10)", "--prior",
        "mu=normal(0, 50)", "--engine", "exact", "--format", "json", cwd=tmp_path,
    )  # fmt: skip
    posterior = json.loads(done.stdout)["rows"][0]["posterior"]
    assert posterior["log_marginal_likelihood"] == pytest.approx(-32.747610081812, rel=1e-12)
    assert posterior["mu"]["mean"] == pytest.approx(7.9538809734752, rel=1e-12)
    assert posterior["mu"]["sd"] == pytest.approx(4.7212124467004, rel=1e-12)
    assert posterior["mu"]["median"] == pytest.approx(7.9385543622112, rel=1e-12)
    assert posterior["tau"]["mean"] == pytest.approx(4.828662155149, rel=1e-12)
    assert posterior["numerical_error"] < 1e-10
