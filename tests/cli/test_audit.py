"""``bayesmeta audit`` as a person and a pipe meet it."""

import csv
import io
import json

import pytest

from tests.cli.test_fit import bayesmeta, table

PRINTED = """outcome,measure,model,k,estimate,ci_low,ci_high,p,q,df,i2,p_heterogeneity
pain,MD,fixed,3,0.49,0.22,0.76,0.0004,4.58,2,56,0.10
sleep,MD,fixed,3,0.49,0.22,0.67,0.04,4.58,2,56,0.84
"""


def test_the_review_prints_its_findings_and_ends_with_their_number(tmp_path):
    done = bayesmeta("audit", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("18 printed rows of ")
    assert lines[0].endswith("sle_msc/published.csv, beside 14 analyses")
    assert lines[-1].startswith("0 errors, 13 warnings, ")
    assert "2 of 105615 combinations of whole patients" in done.stdout
    assert not done.stderr
    assert not list(tmp_path.iterdir())


def test_finding_errors_is_no_failure(tmp_path):
    done = bayesmeta("audit", "--published", table(tmp_path, PRINTED), cwd=tmp_path)
    assert done.stdout.splitlines()[0] == "2 printed rows of trials.csv"
    for words in ("symmetry", "heterogeneity", "sleep", "3 errors, 0 warnings, 0 notes"):
        assert words in done.stdout
    assert "pain" not in done.stdout


def test_json_is_one_strict_object(tmp_path):
    name = table(tmp_path, PRINTED)
    done = bayesmeta("audit", "--published", name, "--format", "json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert (found["rows"], found["errors"], found["warnings"], found["analyses"]) == (2, 3, 0, [])
    assert [f["check"] for f in found["findings"]] == ["symmetry", *2 * ["heterogeneity"]]
    first = found["findings"][0]
    assert (first["printed"], first["outcome"], first["time"]) == ("0.49", "sleep", None)
    assert first["recomputed_low"] == pytest.approx(0.44)
    assert first["recomputed_high"] == pytest.approx(0.45)


def test_csv_has_a_line_for_each_finding(tmp_path):
    done = bayesmeta("audit", "c4", "scr", "--format", "csv", cwd=tmp_path)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["outcome"] for row in rows} == {"", "c4", "scr"}
    assert {row["severity"] for row in rows} == {"warning", "note"}


def test_studies_of_the_user_beside_the_printed_table(tmp_path):
    table(tmp_path, "study,estimate,se\nA,0.40,0.20\nB,0.90,0.25\nC,0.20,0.30\n", "studies.csv")
    head, pain, _ = PRINTED.splitlines()
    name = table(tmp_path, f"{head}\n{pain}\n", "printed.csv")
    done = bayesmeta("audit", "studies.csv", "--published", name, cwd=tmp_path)
    assert "A, B and C give MD" in done.stdout
    assert done.stdout.splitlines()[0] == "1 printed row of printed.csv, beside 1 analysis"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sledia",), "unknown analysis 'sledia': did you mean 'sledai'?"),
        (("--published", "no.csv"), "cannot read no.csv: no such file or directory"),
        (("trials.csv",), "trials.csv is a table of studies: --published FILE is expected with it"),
        (("--published", "trials.csv"), "trials.csv has no column measure"),
        (("--project", "."), "is no project"),
    ],
)
def test_bad_input_is_one_line_and_status_2(tmp_path, arguments, words):
    table(tmp_path, "study,outcome,estimate,ci_low,ci_high\nA,pain,1,0,2\n")
    done = bayesmeta("audit", *arguments, cwd=tmp_path, status=2)
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_no_outcome_of_the_table_has_study_rows(tmp_path):
    name = table(tmp_path, PRINTED)
    done = bayesmeta("audit", "sledai", "--published", name, cwd=tmp_path)
    assert done.stdout.count("no study rows of this outcome are here") == 2
