"""The longitudinal model and meta-regression at the command line: output, files, exit status."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCES = ROOT / "tests/references"
BASELINE_OF_LI = "Li,2016,Fuzhou,case_series,sledai,0,"
TRIALS = "study,time,estimate,se\nA,3,-1.2,0.4\nA,12,-0.6,0.3\nB,3,-0.4,0.35\nB,12,0.1,0.5\n"
LONGITUDINAL = (
    "--measure", "MD", "--model", "longitudinal", "--prior", "tau=half-normal(0.5)",
    "--engine", "exact",
)  # fmt: skip


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


def test_a_table_of_ones_own_as_the_issue_writes_it(tmp_path):
    (tmp_path / "trials.csv").write_text(TRIALS)
    done = bayesmeta(
        "fit", "trials.csv", *LONGITUDINAL, "--between", "ar1", "--within-correlation", "0.5",
        "--prior", "rho=uniform(0, 1)", "--prior", "mu=normal(0, 5)", "--format", "json",
        cwd=tmp_path,
    )  # fmt: skip
    joint = json.loads(done.stdout)["joint"]
    assert joint["times"] == [3, 12]
    assert joint["between"] == "ar1"
    assert joint["rho_within"] == 0.5
    assert joint["nuts"] is None
    assert [one["gap"] for one in joint["implied_correlation"]] == [9]
    assert joint["log_marginal_likelihood"] < 0


def test_tables_say_defaults_and_what_the_benefit_hangs_on(tmp_path):
    done = bayesmeta("fit", "sledai", "--engine", "exact", cwd=tmp_path)
    words = " ".join(done.stdout.split())
    assert "All times in one model" in words
    assert "Width / alone" in words
    for rho in ("0", "0.3", "0.6", "0.9"):
        assert f"rho within {rho} " in words
    assert "average of these" in words
    # Neither 0.930 nor 0.621 is a benefit where 0.95 is asked.
    assert "as analysed it has no clear benefit at either (P(benefit) 0.930 at 3, 0.621" in words
    assert "with 12-months-equal-variances-swapped it has a benefit at the end only" in words
    assert "(default)" not in words.split("All times in one model")[1]
    (tmp_path / "trials.csv").write_text(TRIALS)
    done = bayesmeta("fit", "trials.csv", *LONGITUDINAL, cwd=tmp_path)
    assert "uniform(0, 0.95) (default)" in " ".join(done.stdout.split())
    assert {"joint.nc", "course.png", "course.svg"} <= {
        path.name for path in (tmp_path / "bayesmeta-output/trials").iterdir()
    }


def test_summary_rows_have_time(tmp_path):
    (tmp_path / "trials.csv").write_text(TRIALS)
    done = bayesmeta("fit", "trials.csv", *LONGITUDINAL, "--format", "csv", cwd=tmp_path)
    rows = [line.split(",") for line in done.stdout.splitlines()]
    assert [row[1] for row in rows if row[2] == "joint mu"] == ["3.0", "12.0"]


def test_meta_regression(tmp_path):
    shutil.copy(REFERENCES / "bcg_vaccine.csv", tmp_path / "bcg.csv")
    done = bayesmeta(
        "fit", "bcg.csv", "--measure", "RR", "--formula", "~ latitude + C(allocation)",
        "--engine", "exact", "--direction", "lower", "--predict", "latitude=40, allocation=random",
        cwd=tmp_path,
    )  # fmt: skip
    words = " ".join(done.stdout.split())
    assert "reference level of allocation: alternate" in words
    assert "latitude 40, allocation random" in words
    assert "C(allocation)[T.random]" in words
    assert "bubble.png" in words


def test_what_nuts_does_not_sample_is_said(tmp_path):
    (tmp_path / "doses.csv").write_text(DOSES)
    asked = ("--measure", "MD", "--prior", "tau=half-normal(1)", "--formula", "~ dose")
    # So few draws may fail the diagnostics: what is printed is asked.
    done = subprocess.run(
        [sys.executable, "-m", "bayesmeta", "fit", "doses.csv", *asked, "--draws", "50"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert "Not sampled: ~ dose." in done.stdout


TIMES = "study,time,estimate,se\n"
THREE = TIMES + "A,3,1,1\nA,6,1,1\nA,12,1,1\nB,3,0,1\n"
DOSES = "study,estimate,se,dose,twice\nA,1,1,1,2\nB,2,1,2,4\nC,2,1,3,6\nD,1,1,4,8\n"
JOINT = ("--model", "longitudinal")

MISTAKES = {
    "duplicate": (TIMES + "A,3,1,1\nA,3,2,1\n", JOINT, "study 'A' at time 3 is in rows 1 and 2"),
    "time in words": (TIMES + "A,three,1,1\n", JOINT, "time is 'three' in row 1 (A)"),
    "no time": (TIMES + "A,3,1,1\nB,,2,1\n", JOINT, "time is missing in row 2 (B)"),
    "no times": (DOSES, JOINT, "a column time with a number in every row is expected"),
    "correlation of errors": (
        THREE, (*JOINT, "--within-correlation", "1"), "must lie between -1 and 1",
    ),
    "correlation of effects": (THREE, (*JOINT, "--prior", "rho=-1.5"), "must lie between -1 and 1"),
    "not positive definite": (
        THREE, (*JOINT, "--within-correlation", "-0.9"), "positive definite in (-0.5, 1)",
    ),
    "negative and AR(1)": (
        THREE, (*JOINT, "--between", "ar1", "--prior", "rho=uniform(-0.5, 1)"), "lie in [0, 1)",
    ),
    "prior": (THREE, (*JOINT, "--prior", "rho=unifrm(0, 1)"), "did you mean 'uniform'"),
    "name": (THREE, (*JOINT, "--prior", "roh=uniform(0, 1)"), "did you mean 'rho'"),
    "prior on mu": (THREE, (*JOINT, "--prior", "mu=student-t(4, 0, 1)"), "--model normal-normal"),
    "prior on a slope": (
        THREE, (*JOINT, "--mean", "linear", "--prior", "beta=student-t(4, 0, 1)"),
        "flat or normal(mean, sd)",
    ),
    "no such column": (DOSES, ("--formula", "~ age"), "has no column 'age'"),
    "rank": (DOSES, ("--formula", "~ dose + twice"), "has rank 2, and flat priors on 3"),
    "point": (DOSES, ("--formula", "~ dose", "--predict", "dose"), "the like of 'latitude=33'"),
    "formula over time": (THREE, (*JOINT, "--formula", "~ se"), "one of the two is expected"),
}  # fmt: skip


@pytest.mark.parametrize(("table", "options", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_status_2(tmp_path, table, options, said):
    (tmp_path / "trials.csv").write_text(table)
    done = bayesmeta(
        "fit", "trials.csv", "--measure", "MD", "--prior", "tau=half-normal(0.5)",
        "--engine", "exact", *options, cwd=tmp_path, status=2,
    )  # fmt: skip
    (line,) = done.stderr.splitlines()
    assert said in line


def test_a_series_without_a_baseline_is_one_line_and_status_2(tmp_path):
    for folder in ("data/sle_msc", "models"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    path = tmp_path / "data/sle_msc/series.csv"
    kept = [row for row in path.read_text().splitlines() if not row.startswith(BASELINE_OF_LI)]
    path.write_text("\n".join(kept) + "\n")
    done = bayesmeta("fit", "sledai_designs", "--project", ".", cwd=tmp_path, status=2)
    (line,) = done.stderr.splitlines()
    assert "no baseline of row" in line
    assert "a row of the study at time_months 0" in line
