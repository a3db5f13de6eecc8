"""A folder of reviews: one table, past damage, after an interrupt, by any number of processes."""

import csv
import os
import signal

import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.appraisal.reanalysis import library
from bayesmeta.appraisal.reanalysis.journal import Journal
from bayesmeta.appraisal.reanalysis.record import COLUMNS
from tests.evidence.revman import make
from tests.evidence.revman.test_csv import web


def shelf(folder, n=5):
    """Write n reviews that differ, one of them in a folder of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "more").mkdir(exist_ok=True)
    for i in range(n):
        outcomes = [make.dich(make.aspirin()[: i % 6 + 1]), make.dich([], ID="CMP-001.02")]
        make.write(folder if i % 3 else folder / "more", *outcomes, name=f"{i}.rm5")
    (folder / "full.rm5").write_bytes(make.full().encode("latin-1"))
    return folder


def reanalysed(folder, output, **how):
    found = bm.reanalyse_folder(folder, output, workers=how.pop("workers", 1), **how)
    return found, output.read_bytes()


def test_one_table(tmp_path):
    reviews = shelf(tmp_path / "reviews")
    found, _ = reanalysed(reviews, tmp_path / "all.csv")
    assert (found.reviews, found.rows, found.before, found.failed) == (6, 25, 0, ())
    table = pd.read_csv(tmp_path / "all.csv")
    assert sorted(table["review"].unique()) == list(table["review"].unique())
    assert not (tmp_path / "all.csv.partial").exists()
    one = bm.reanalyse(reviews / "full.rm5").table()
    its = table[table["review"] == "full.rm5"].reset_index(drop=True)
    for name in ("id", "k", "recomputed_estimate", "recomputed_i2", "changed"):
        for mine, theirs in zip(its[name], one[name], strict=True):
            assert mine == theirs or (pd.isna(mine) and (pd.isna(theirs) or theirs == ""))
    difference = (its["theta_new_ci_low"] - one["theta_new_ci_low"]).abs()
    assert difference.max() < 1e-9
    reanalysed(reviews, tmp_path / "all.parquet")
    parquet = pd.read_parquet(tmp_path / "all.parquet")
    assert list(parquet.columns) == list(table.columns) == [
        "review", "digest", "row", "rows", *COLUMNS,
    ]  # fmt: skip
    for name in table.columns:
        same = parquet[name].astype(object).where(parquet[name].notna(), None)
        assert list(same) == list(table[name].astype(object).where(table[name].notna(), None))


def test_a_package_of_revman_web_is_one_review(tmp_path):
    folder = tmp_path / "web" / "package"
    folder.mkdir(parents=True)
    alone = web(folder)
    (folder / "CD000001-risk-of-bias.csv").write_text("a,b\n")
    (folder / ".hidden.csv").write_text("a,b\n")
    found, table = reanalysed(tmp_path / "web", tmp_path / "all.csv")
    assert (found.reviews, found.failed) == (1, ())
    assert {row["outcome"] for row in rows(table)} == {one.id for one in alone.outcomes}


def test_past_damage(tmp_path):
    reviews = shelf(tmp_path / "reviews", 2)
    good = (reviews / "1.rm5").read_bytes()
    (reviews / "cut.rm5").write_bytes(good[: len(good) // 2])
    (reviews / "zip.rm5").write_bytes(b"PK\x03\x04")
    (reviews / "other.csv").write_text("a,b\n1,2\n")
    found, before = reanalysed(reviews, tmp_path / "all.csv")
    assert found.reviews == 3
    assert [name for name, _ in found.failed] == ["cut.rm5", "other.csv", "zip.rm5"]
    assert all(reason.count("\n") == 0 for _, reason in found.failed)
    (reviews / "cut.rm5").write_bytes(good)
    (reviews / "zip.rm5").unlink()
    (reviews / "other.csv").unlink()
    found, after = reanalysed(reviews, tmp_path / "all.csv")
    assert (found.reviews, found.before, found.failed) == (4, 3, ())
    assert set(before.splitlines()) < set(after.splitlines())


def test_a_fault_of_the_program_is_no_end_of_the_run(tmp_path, monkeypatch):
    reviews = shelf(tmp_path / "reviews", 2)
    read = library.read_review

    def faulty(path):
        if path.name == "1.rm5":
            raise ZeroDivisionError("by\n0")
        return read(path)

    monkeypatch.setattr(library, "read_review", faulty)
    found, _ = reanalysed(reviews, tmp_path / "all.csv")
    ((name, reason),) = found.failed
    assert (name, found.reviews) == ("1.rm5", 2)
    assert reason.endswith("1.rm5: ZeroDivisionError: by 0 (a fault of the program)")


@pytest.mark.parametrize("after", [1, 3])
def test_goes_on_after_an_interrupt(tmp_path, monkeypatch, after):
    reviews = shelf(tmp_path / "reviews")
    _, expected = reanalysed(reviews, tmp_path / "whole.csv")
    told = []

    def interrupt():
        told.append(1)
        if len(told) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reanalysed(reviews, tmp_path / "all.csv", done=interrupt)
    assert not (tmp_path / "all.csv").exists()
    partial = tmp_path / "all.csv.partial"
    partial.write_bytes(partial.read_bytes() + b"torn,row")
    counts = []
    found, table = reanalysed(reviews, tmp_path / "all.csv", start=counts.append)
    assert (found.before, counts) == (after, [6 - after])
    assert table == expected


def test_what_changed_is_done_again(tmp_path):
    reviews = shelf(tmp_path / "reviews", 2)
    (reviews / "bad.rm5").write_text("<svg/>")
    found, _ = reanalysed(reviews, tmp_path / "all.csv")
    make.write(reviews, make.dich(make.aspirin("CDP")), name="1.rm5")
    found, table = reanalysed(reviews, tmp_path / "all.csv")
    assert found.before == 2
    assert [row["k"] for row in rows(table) if row["review"] == "1.rm5"] == ["1"]
    found, table = reanalysed(reviews, tmp_path / "all.csv", tau="half-normal(1)")
    assert found.before == 0
    assert {row["prior_tau"] for row in rows(table)} == {"half-normal(1)", ""}


def test_a_review_that_can_be_read_no_longer_is_no_end_of_the_run(tmp_path, monkeypatch):
    reviews = shelf(tmp_path / "reviews", 2)
    (reviews / "bad.rm5").write_text("<svg/>")
    reanalysed(reviews, tmp_path / "all.csv")

    def locked(path):
        return [path.with_name("locked") if path.name == "1.rm5" else path]

    monkeypatch.setattr(library, "files_of", locked)
    found, _ = reanalysed(reviews, tmp_path / "all.csv")
    assert [name for name, _ in found.failed] == ["1.rm5", "bad.rm5"]
    assert "cannot read" in found.failed[0][1]
    assert found.before == found.reviews == 2


def rows(table):
    return list(csv.DictReader(table.decode().splitlines()))


def test_a_torn_journal_keeps_whole_reviews_alone(tmp_path):
    reviews = shelf(tmp_path / "reviews", 2)
    (reviews / "bad.rm5").write_text("<svg/>")
    reanalysed(reviews, tmp_path / "all.csv")
    path = tmp_path / "all.csv.partial"
    raw, blocks = path.read_bytes(), Journal(path).blocks
    assert len(blocks) == 3
    ends = sorted(end for _, end in blocks.values())
    for cut in {*range(ends[0] - 40, ends[0] + 40), *range(ends[0], len(raw), 97)}:
        path.write_bytes(raw[:cut])
        kept = Journal(path).blocks
        assert kept == {key: place for key, place in blocks.items() if place[1] <= cut}
        ends_of_kept = [end for _, end in kept.values()]
        assert path.stat().st_size == max([raw.index(b"\n") + 1, *ends_of_kept])


def test_processes_give_the_same_file(tmp_path):
    reviews = shelf(tmp_path / "reviews")
    _, one = reanalysed(reviews, tmp_path / "one.csv")
    before = dict(os.environ)
    found, two = reanalysed(reviews, tmp_path / "two.csv", workers=2)
    assert (one, found.failed) == (two, ())
    assert dict(os.environ) == before


def test_a_dask_worker_killed_halfway(tmp_path):
    """Nothing lost, nothing twice."""
    distributed = pytest.importorskip("distributed")
    reviews = shelf(tmp_path / "reviews", 12)
    _, expected = reanalysed(reviews, tmp_path / "one.csv")
    told = []
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(host="127.0.0.1", **options) as cluster:

        def kill():
            told.append(1)
            if len(told) == 3:
                os.kill(cluster.workers[0].pid, signal.SIGKILL)

        found, table = reanalysed(
            reviews, tmp_path / "all.csv", scheduler=cluster.scheduler_address, done=kill
        )
    assert (found.failed, len(told)) == ((), 13)
    assert table == expected


def test_bad_requests(tmp_path):
    reviews = shelf(tmp_path / "reviews", 1)
    (tmp_path / "none").mkdir()
    (tmp_path / "a.csv").mkdir()
    for how, expected in (
        ({"output": tmp_path / "all.xlsx"}, "ends in .parquet or .csv"),
        ({"output": tmp_path / "a.csv"}, "a file is expected, and it is a folder"),
        ({"folder": tmp_path / "none"}, "has no reviews in it"),
        ({"workers": 0}, "workers is 0: expected 1 or more"),
        ({"scheduler": "nonsense://x"}, "no Dask scheduler answers at 'nonsense://x'"),
        ({"tau": "half-norml(1)"}, "half-normal"),
    ):
        asked = {"folder": reviews, "output": tmp_path / "all.csv"} | how
        with pytest.raises(bm.InputError, match=expected):
            bm.reanalyse_folder(**asked)
    (tmp_path / "all.csv.partial").write_text("review,other\n")
    with pytest.raises(bm.InputError, match="was begun by another version"):
        bm.reanalyse_folder(reviews, tmp_path / "all.csv")
