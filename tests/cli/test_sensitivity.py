"""``bayesmeta sensitivity`` as a person and a pipe meet it."""

import csv
import io
import json

import pytest

from tests.cli.test_fit import REFERENCES, bayesmeta, table

TIDY = (
    "outcome,time,data,prior_mu,prior_tau,left_out,quantity,mean,sd,median,ci_low,ci_high,"
    "prob_benefit"
)
GRID = """
tau = ["half-normal(0.5)", {family = "half-cauchy", scale = {from = 0.1, to = 1, points = 3}}]
mu = ["flat", "normal(0, 4)"]
leave_one_out = true
"""


def test_table_files_and_last_line(tmp_path):
    done = bayesmeta("sensitivity", "sledai", cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "bayesmeta-output/sledai-sensitivity"
    names = {path.name for path in (tmp_path / "bayesmeta-output/sledai-sensitivity").iterdir()}
    assert {"sensitivity.nc", "sensitivity.csv"} <= names
    assert not [name for name in names if name.startswith(".")]
    for words in ("reference prior on tau: half-normal(0.85)", "P(benefit)", "half-cauchy(2.29)"):
        assert words in done.stdout
    for words in ("Yang 2014", "12-months-equal-variances-swapped: the same two-study row split"):
        assert words in done.stdout
    assert " 12-months-equal- " in done.stdout
    assert "The 95% interval includes no effect under the reference priors and" in done.stdout
    assert "times the scale of half-normal(0.85)" in done.stdout
    assert "Hellinger distance from the reference, farthest: of mu" in done.stdout


def test_csv_is_the_tidy_table_of_the_grid_and_of_the_file(tmp_path):
    (tmp_path / "grid.toml").write_text(GRID)
    asked = ("sensitivity", "adverse_events", "--grid", "grid.toml", "--format", "csv")
    done = bayesmeta(*asked, "--output", "here", cwd=tmp_path)
    assert done.stdout.splitlines()[0] == TIDY
    assert (tmp_path / "here/sensitivity.csv").read_text() == done.stdout
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    # 4 priors on tau, 2 on mu, everybody or one of two left out, 4 quantities.
    assert len(rows) == 4 * 2 * 3 * 4
    assert {row["prior_tau"] for row in rows} == {
        "half-normal(0.5)", "half-cauchy(0.1)", "half-cauchy(0.316228)", "half-cauchy(1)"
    }  # fmt: skip
    assert {row["prior_mu"] for row in rows} == {"flat", "normal(0, 4)"}
    assert {row["left_out"] for row in rows} == {"", "Deng 2017", "Yang 2014"}
    assert {row["time"] for row in rows} == {""}
    for row in rows:
        assert (row["prob_benefit"] != "") == (row["quantity"] in ("mu", "theta_new"))
    # One study, flat mu and a half-Cauchy: no mean (DESIGN.md).
    alone = [r for r in rows if r["left_out"] and r["prior_mu"] == "flat"]
    heavy = [r for r in alone if r["prior_tau"].startswith("half-cauchy") and r["quantity"] == "mu"]
    assert {row["mean"] for row in heavy} == {""}
    assert "" not in {row["median"] for row in heavy}


def test_json_is_strict(tmp_path):
    (tmp_path / "grid.toml").write_text(GRID)
    asked = ("sensitivity", "sledai", "--at", "12", "--grid", "grid.toml", "--level", "0.9")
    done = bayesmeta(*asked, "--direction", "higher", "--format", "json", cwd=tmp_path)

    def refuse(word):
        raise AssertionError(word)

    found = json.loads(done.stdout, parse_constant=refuse)
    assert (found["level"], found["direction"], found["scale"]) == (0.9, "higher", "natural")
    assert found["grid"]["prior_tau"][0] == "half-normal(0.5)"
    assert {c["left_out"] for c in found["conclusions"]} == {"", "Yang 2014", "Zeng 2016"}


def test_a_table_of_ones_own(tmp_path):
    (tmp_path / "grid.toml").write_text(GRID)
    asked = ("sensitivity", REFERENCES / "bcg_vaccine.csv", "--measure", "RR", "--direction")
    done = bayesmeta(*asked, "lower", "--grid", "grid.toml", "--format", "csv", cwd=tmp_path)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len({row["left_out"] for row in rows}) == 14
    whole = [r for r in rows if not r["left_out"] and r["quantity"] == "mu"]
    assert all(float(row["prob_benefit"]) > 0.99 for row in whole)
    assert (tmp_path / "bayesmeta-output/bcg_vaccine-sensitivity/sensitivity.nc").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("sledia",), "unknown analysis 'sledia': did you mean 'sledai'"),
        (("sledai", "--prior", "tau=half-norml(1)"), "did you mean 'half-normal'"),
        (("sledai", "--prior", "tau=half-normal(-1)"), "it must be positive"),
        (("sledai", "--grid", "missing.toml"), "cannot read missing.toml"),
        (("sledai", "--grid", "empty.toml"), "empty.toml: tau is []: one entry or more"),
        (("sledai", "--grid", "unknown.toml"), "unknown.toml: tau: unknown prior on tau"),
        (("sledai", "--grid", "negative.toml"), "negative.toml: tau: scale of half-cauchy(-2) is"),
        (("schools.csv",), "give one, for instance --prior tau="),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_line_and_status_2(tmp_path, arguments, expected):
    (tmp_path / "empty.toml").write_text("tau = []\n")
    (tmp_path / "unknown.toml").write_text('tau = "half-cauch(1)"\n')
    (tmp_path / "negative.toml").write_text('tau = ["half-cauchy(-2)"]\n')
    table(tmp_path, "study,estimate,se\nA,1,0.5\nB,3,0.7\n", "schools.csv")
    done = bayesmeta("sensitivity", *arguments, cwd=tmp_path, status=2)
    assert done.stdout == ""
    assert done.stderr.startswith("bayesmeta: ")
    assert done.stderr.count("\n") == 1
    assert expected in done.stderr
    assert not (tmp_path / "bayesmeta-output").exists()
