"""The longitudinal model and meta-regression at the command line: output, files, exit status."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REFERENCES = Path(__file__).parents[1] / "references"
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
    assert "as analysed it loses its benefit" in words
    assert "with 12-months-equal-variances-swapped it keeps its benefit" in words
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


MISTAKES = {
    "duplicate": ("A,3,1,1\nA,3,2,1\n", (), "study 'A' at time 3 is in rows 1 and 2"),
    "time in words": ("A,three,1,1\n", (), "time is 'three' in row 1 (A)"),
    "no time": ("A,3,1,1\nB,,2,1\n", (), "time is missing in row 2 (B)"),
    "correlation": ("A,3,1,1\n", ("--within-correlation", "1"), "must lie between -1 and 1"),
    "prior": ("A,3,1,1\n", ("--prior", "rho=unifrm(0, 1)"), "did you mean 'uniform'"),
    "name": ("A,3,1,1\n", ("--prior", "roh=uniform(0, 1)"), "did you mean 'rho'"),
    "formula": ("A,3,1,1\n", ("--formula", "~ dose"), "has no column 'dose'"),
    "point": ("A,3,1,1\n", ("--formula", "~ se", "--predict", "se"), "the like of 'latitude=33'"),
}


@pytest.mark.parametrize(("rows", "options", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_status_2(tmp_path, rows, options, said):
    (tmp_path / "trials.csv").write_text("study,time,estimate,se\n" + rows)
    done = bayesmeta("fit", "trials.csv", *LONGITUDINAL, *options, cwd=tmp_path, status=2)
    (line,) = done.stderr.splitlines()
    assert said in line
