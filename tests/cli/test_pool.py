"""``bayesmeta pool`` as a person and a pipe meet it."""

import csv
import io
import json

import pytest

from tests.cli.test_fit import REFERENCES, bayesmeta, table

BCG = REFERENCES / "bcg_vaccine.csv"


def test_json_of_one_method(tmp_path):
    arguments = ("--measure", "RR", "--method", "REML", "--ci", "hksj", "--format", "json")
    done = bayesmeta("pool", BCG, *arguments, cwd=tmp_path)
    found = json.loads(done.stdout, parse_constant=pytest.fail)
    (row,) = found["rows"]
    assert row["posterior"] is None
    (pool,) = row["frequentist"]
    # metafor 3.8 on these tables, to the step at which it stops.
    assert (pool["method"], pool["ci"]) == ("REML", "hksj")
    assert pool["estimate"] == pytest.approx(-0.7145323483651, abs=1e-6)
    assert pool["tau2"] == pytest.approx(0.3132433259809, abs=1e-6)
    assert sum(pool["weights"]) == pytest.approx(1)
    assert list(tmp_path.iterdir()) == []


def test_all_as_a_table_names_every_interval(tmp_path):
    done = bayesmeta("pool", BCG, "--measure", "RR", "--method", "all", cwd=tmp_path)
    for words in ("MH", "hksj-floor", "Hunter-Schmidt", "bootstrap", "hts: t with k - 2"):
        assert words in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 140


def test_a_bundled_analysis_of_single_studies(tmp_path):
    done = bayesmeta("pool", "c4", "--ci", "hksj", cwd=tmp_path)
    assert "RevMan 5" in done.stdout
    assert "the interval is Wald's" in done.stdout


def test_csv_parses(tmp_path):
    done = bayesmeta("pool", "sledai", "--method", "all", "--format", "csv", cwd=tmp_path)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["method"] for row in rows} >= {"IV", "REML", "HS"}
    assert {row["ci"] for row in rows} == {"wald", "hksj"} | {"hksj-floor"}
    assert {row["time"] for row in rows} == {"2.0", "3.0", "6.0", "12.0"}


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    arguments = ("pool", BCG, "--measure", "RR", "--format", "json", "--seed")
    one, other, third = (bayesmeta(*arguments, n, cwd=tmp_path).stdout for n in (1, 1, 2))
    assert one == other != third


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "REM"], ["'REM'", "'REML'"]),
        (["--method", "IV", "--ci", "hksj"], ["IV", "REML"]),
        (["--ci", "knha"], ["'knha'", "hksj"]),
        (["--profile", "revman"], ["'revman5'"]),
        (["--method", "Peto", "--measure", "RR"], ["Peto", "OR", "RR"]),
        (["--level", "95"], ["0.95"]),
    ],
)
def test_bad_input_is_one_line(arguments, words, tmp_path):
    measure = [] if "--measure" in arguments else ["--measure", "OR"]
    done = bayesmeta("pool", BCG, *measure, *arguments, cwd=tmp_path, status=2)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    for word in words:
        assert word in line


def test_effects_have_no_mantel_haenszel(tmp_path):
    name = table(tmp_path, "study,estimate,se\nA,1,0.5\nB,3,0.7\n")
    done = bayesmeta("pool", name, "--method", "MH", cwd=tmp_path, status=2)
    (line,) = done.stderr.splitlines()
    assert "2x2 tables" in line


def test_a_method_that_is_its_own_name_is_not_explained(tmp_path):
    arguments = ("pool", BCG, "--measure", "OR", "--method")
    both = bayesmeta(*arguments, "all", cwd=tmp_path).stdout
    assert "Peto" in both
    assert "Peto Peto" not in both
    assert "Peto Peto" not in bayesmeta(*arguments, "Peto", cwd=tmp_path).stdout
