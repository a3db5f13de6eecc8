"""``bayesmeta reanalyse``: what it prints, its files, and one line for what it refuses."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest

import bayesmeta as bm
from tests.cli.test_revman import bayesmeta
from tests.evidence.revman import make


@pytest.fixture
def review(tmp_path):
    (tmp_path / "full.rm5").write_bytes(make.full().encode("latin-1"))
    return tmp_path


def test_table(review):
    done = bayesmeta("reanalyse", "full.rm5", cwd=review)
    assert (done.returncode, done.stderr) == (0, "")
    row = next(line for line in done.stdout.splitlines() if "CMP-001.01 " in line)
    assert row.count("0.90 (0.84 to 0.96)") == 2
    assert "0.87 (0.71 to 1.02)" in row
    for words in (
        "RevMan's 95% CI (0.84 to 0.96) excludes no effect, the 95% CrI",
        "CMP-001.06: posterior and recomputed: text, without numbers to pool",
        "it has no studies",
        "tau half-normal(0.5) (default) on the log OR",
        "recomputed and stored: the largest difference",
    ):
        assert words in " ".join(done.stdout.split())


def test_json_and_csv(review):
    done = bayesmeta("reanalyse", "full.rm5", "--format", "json", cwd=review)
    told = json.loads(done.stdout)
    assert [one["id"] for one in told["outcomes"]][:2] == ["CMP-001.01", "CMP-001.02"]
    assert told["outcomes"][0]["posterior"]["priors"]["tau"]["default"] is True
    done = bayesmeta(
        "reanalyse", "full.rm5", "--format", "csv", "--prior", "tau=half-cauchy(1)", cwd=review
    )
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == 15
    assert rows[0]["prior_tau"] == "half-cauchy(1)"
    assert float(rows[0]["recomputed_estimate"]) == told["outcomes"][0]["recomputed"]["estimate"]


def test_a_folder(review):
    (review / "bad.csv").write_text("a,b\n1,2\n")
    done = bayesmeta("reanalyse", ".", "--output", "all.csv", "--workers", 1, cwd=review)
    assert done.returncode == 1
    assert done.stdout == "all.csv: 15 results of 1 review\n"
    first, last = done.stderr.splitlines()
    assert "bad.csv" in first
    assert last == "bayesmeta: 1 review could not be done; the next run does those alone"
    (review / "bad.csv").unlink()
    done = bayesmeta("reanalyse", ".", "--output", "all.csv", cwd=review)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "all.csv: 15 results of 1 review, 1 of them by an earlier run\n"
    done = bayesmeta("reanalyse", ".", "--workers", 1, cwd=review)
    assert "15 results of 1 review" in done.stdout
    assert (review / "bayesmeta-output" / f"{review.name}.parquet").is_file()


def test_a_killed_run_goes_on(tmp_path):
    """A process that is killed leaves no table; the next run does not do its reviews again."""
    folder = tmp_path / "reviews"
    folder.mkdir()
    for i in range(60):
        make.write(folder, make.dich(make.aspirin()[: i % 7 + 1]), name=f"{i}.rm5")
    command = [sys.executable, "-m", "bayesmeta", "reanalyse", "reviews", "--output", "all.parquet"]
    command += ["--workers", "1"]
    run = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    partial = tmp_path / "all.parquet.partial"
    while not (partial.exists() and partial.read_bytes().count(b"\n") > 5):
        assert run.poll() is None
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    assert not (tmp_path / "all.parquet").exists()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    words = done.stdout.split()
    assert done.stdout.startswith("all.parquet: 60 results of 60 reviews, ")
    assert 5 <= int(words[6]) < 60


def test_one_line_and_status_2(tmp_path):
    good = make.review(make.comparison(make.dich(make.aspirin())))
    latin = good.replace("Death", "D\xe9c\xe8s").replace("ISO-8859-1", "UTF-8")
    for name, raw in {
        "damaged.rm5": good[:3000].encode("latin-1"),
        "encoding.rm5": latin.encode("latin-1"),
        "totals.rm5": good.replace('TOTAL_1="615"', "").encode("latin-1"),
        "cells.rm5": good.replace('TOTAL_1="615"', 'TOTAL_1="many"').encode("latin-1"),
        "zip.rm5": b"PK\x03\x04\x14\x00",
    }.items():
        (tmp_path / name).write_bytes(raw)
    (tmp_path / "good.rm5").write_bytes(good.encode("latin-1"))
    for name, expected in (
        ("encoding.rm5", "encoding.rm5 is not in the encoding it declares, UTF-8"),
        ("totals.rm5", "TOTAL_1 is missing in MRC-1 in CMP-001.01 of .*totals.rm5"),
        ("cells.rm5", "TOTAL_1 is 'many' in MRC-1 in CMP-001.01 of .*cells.rm5"),
        ("zip.rm5", "zip.rm5 is a zip archive"),
        ("none.rm5", "cannot read .*none.rm5"),
    ):
        with pytest.raises(bm.InputError, match=expected) as caught:
            bm.reanalyse(tmp_path / name)
        assert "\n" not in str(caught.value)
    for arguments, expected in (
        (("damaged.rm5",), "damaged.rm5 is damaged XML, line "),
        (("good.rm5", "--workers", "2"), "--workers is for a folder of reviews"),
        ((".", "--format", "json"), "--format json is for one review"),
        ((), "REVIEW"),
    ):
        done = bayesmeta("reanalyse", *arguments, cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert done.stdout == ""
        assert expected in done.stderr
        assert len(done.stderr.splitlines()) == 1
