"""``bayesmeta compare`` as a person and a pipe meet it."""

import csv
import io
import json

import pytest

from tests.cli.test_fit import bayesmeta, table

STUDIES = "study,estimate,se,n\nA,0.40,0.20,98\nB,0.90,0.25,61\nC,0.10,0.30,42\n"
PRINTED = "outcome,measure,model,estimate,ci_low,ci_high\npain,MD,random,0.48,0.06,0.91\n"


def test_table_files_and_last_line(tmp_path):
    done = bayesmeta("compare", "sledai", cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "bayesmeta-output/sledai-comparison"
    folder = tmp_path / "bayesmeta-output/sledai-comparison"
    names = {path.name for path in folder.iterdir()}
    assert names == {"comparison.csv", "comparison.json", "sledai.png", "sledai.svg"}
    for words in (
        "Published (random)",
        "Recomputed (DL)",
        "-1.00 (-3.13 to 1.14)",
        "12 months, 2 studies:",
        "DerSimonian-Laird puts tau at 1.45",
        "P(benefit)",
    ):
        assert words in done.stdout
    assert not done.stderr


def test_every_analysis_without_a_name(tmp_path):
    done = bayesmeta("compare", "--at", "12", "--format", "csv", cwd=tmp_path)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["analysis"] for row in rows} >= {"sledai", "c3", "c4", "scr", "bun_series"}
    assert {row["agreement"] for row in rows} == {"digits", "rounding", ""}
    assert (tmp_path / "bayesmeta-output/comparison/c3.svg").is_file()
    assert (tmp_path / "bayesmeta-output/comparison/comparison.csv").read_text() == done.stdout


def test_json_is_one_strict_object(tmp_path):
    done = bayesmeta("compare", "adverse_events", "--format", "json", cwd=tmp_path)
    found = json.loads(done.stdout, parse_constant=pytest.fail)
    (row,) = found["rows"]
    assert (row["scale"], row["k"], row["recomputed"]["method"]) == ("log", 2, "MH")
    assert row["published"]["estimate"] == pytest.approx(-1.3470736)  # ln 0.26
    assert row["posterior"]["prob_benefit"] == pytest.approx(0.9646, abs=1e-3)
    assert row["width_ratio"]["posterior"] > 1
    assert any("excludes no effect" in sentence for sentence in row["sentences"])


def test_a_table_takes_its_measure_and_its_outcome_from_the_printed_row(tmp_path):
    table(tmp_path, STUDIES)
    name = table(tmp_path, PRINTED, "printed.csv")
    prior = ("--prior", "tau=half-normal(0.5)")
    done = bayesmeta("compare", "trials.csv", "--published", name, *prior, cwd=tmp_path)
    assert "0.48 (0.06 to 0.91)" in done.stdout
    assert "P(MD < 0)" in done.stdout
    assert "The rows give every printed digit again" in done.stdout


def test_printed_rows_without_studies_are_a_warning(tmp_path):
    name = table(tmp_path, PRINTED, "printed.csv")
    done = bayesmeta("compare", "c4", "--published", name, cwd=tmp_path)
    assert done.stdout.startswith("Warning: pain (MD) of printed.csv: no study rows belong to it")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sledia",), "unknown analysis 'sledia': did you mean 'sledai'?"),
        (("no.csv",), "cannot read no.csv: no such file or directory"),
        (("empty.csv",), "empty.csv is empty"),
        (("folder",), "unknown analysis 'folder'"),
        (("trials.csv", "--published", "trials.csv"), "trials.csv has no column"),
        (("sledai", "--at", "7"), "nothing at time 7"),
        (("sledai", "--measure", "MD"), "--measure is for a table of your own"),
        (("--profile", "revman"), "did you mean 'revman5'?"),
        (("--level", "95"), "0.95"),
        (("--project", "folder"), "is no project"),
    ],
)
def test_bad_input_is_one_line_and_status_2(tmp_path, arguments, words):
    table(tmp_path, STUDIES)
    table(tmp_path, "", "empty.csv")
    (tmp_path / "folder").mkdir()
    done = bayesmeta("compare", *arguments, cwd=tmp_path, status=2)
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout
    assert not (tmp_path / "bayesmeta-output").exists()
