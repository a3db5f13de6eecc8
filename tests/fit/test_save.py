"""Files: the same seed gives the same bytes, and an interruption leaves what was there."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import bayesmeta as bm
from bayesmeta.fit import datatree, save
from bayesmeta.plots import save_forest

TWO = {"study": ["A", "B"], "estimate": [1.0, 3.0], "se": [0.5, 0.7]}


def fit(**options):
    return bm.fit(TWO, **{"tau": "half-normal(1)", "draws": 50, "seed": 11, **options})


def written(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_and_their_names(tmp_path):
    paths = bm.fit("c4", draws=20).save(tmp_path / "new" / "folder")
    times = [f"{row.pool.time:g}" for row in bm.fit("c4").rows]
    assert [path.name for path in paths] == ["fit.json", "summary.csv"] + [
        f"c4-{time}.nc" for time in times
    ]
    assert all(path.is_file() for path in paths)


def test_no_time_no_suffix(tmp_path):
    assert written_names(fit().save(tmp_path)) == ["fit.json", "summary.csv", "data.nc"]


def written_names(paths):
    return [path.name for path in paths]


def test_same_seed_same_files(tmp_path):
    # Isolates every random step and every time stamp: bytes for text and figures, arrays for
    # netCDF, whose format holds its own times.
    for name in ("one", "two"):
        found = fit()
        found.save(tmp_path / name)
        save_forest(found, tmp_path / name)
    for name in ("fit.json", "summary.csv", "forest.svg", "forest.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), (
            name
        )
    one, two = (
        xr.open_datatree(tmp_path / n / "data.nc", engine="h5netcdf") for n in ("one", "two")
    )
    with one, two:
        assert one.identical(two)


def test_another_seed_other_draws(tmp_path):
    one, two = (fit(seed=seed).to_datatree()["posterior"] for seed in (1, 2))
    assert not np.any(one["mu"].to_numpy() == two["mu"].to_numpy())


def test_a_second_run_takes_the_place_of_the_first(tmp_path):
    fit().save(tmp_path)
    before = written(tmp_path)
    fit(seed=12).save(tmp_path)
    assert written(tmp_path) == before
    assert json.loads((tmp_path / "fit.json").read_text())["seed"] == 12


@pytest.mark.parametrize("failing", ["to_json", "datatree"])
def test_an_interruption_leaves_no_half_file(tmp_path, monkeypatch, failing):
    # Isolates atomicity: every file is the old one or the new one, and no temporary is left.
    fit().save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def interrupted(*arguments):
        raise KeyboardInterrupt

    home = save if failing == "to_json" else datatree
    monkeypatch.setattr(home, failing, interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(seed=12).save(tmp_path)
    assert written(tmp_path) == sorted(before)
    assert (tmp_path / "data.nc").read_bytes() == before["data.nc"]
    if failing == "to_json":
        assert (tmp_path / "fit.json").read_bytes() == before["fit.json"]
    json.loads((tmp_path / "fit.json").read_text())


def test_an_interruption_in_the_middle_of_a_file(tmp_path):
    # Isolates `whole`: half of a file is written when it ends, and nothing is seen of it.
    path = tmp_path / "fit.json"
    path.write_text("old")

    def interrupted():
        with save.whole(path) as partial:
            partial.write_text("half of the n")
            raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        interrupted()
    assert written(tmp_path) == ["fit.json"]
    assert path.read_text() == "old"


def test_files_are_readable_as_others_are(tmp_path):
    # Isolates the mode: mkstemp makes files for the owner alone.
    (tmp_path / "plain").write_text("")
    with save.whole(tmp_path / "whole") as partial:
        partial.write_text("")
    modes = {(tmp_path / name).stat().st_mode for name in ("plain", "whole")}
    assert len(modes) == 1


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(bm.InputError, match="cannot write to"):
        fit().save(tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize("outcome", ["a/b", "../up", "a b", "ü", "con:x"])
def test_names_of_outcomes_stay_in_the_folder(tmp_path, outcome):
    # Isolates `stem`: an outcome is a word of the table, not a path.
    table = {**TWO, "outcome": [outcome, outcome]}
    folder = tmp_path / "in"
    bm.fit(table, tau="half-normal(1)", draws=4).save(folder)
    assert written(tmp_path) == ["in"]
    assert len(written(folder)) == 3


def test_two_outcomes_two_files(tmp_path):
    # Isolates collisions: outcomes that differ only in characters that a file name cannot hold.
    table = {**TWO, "outcome": ["a/b", "a b"]}
    paths = bm.fit(table, tau="half-normal(1)", draws=4).save(tmp_path)
    assert len(set(map(Path, paths))) == 4


def test_a_time_before_zero(tmp_path):
    # Isolates the seed of a pool's draws: a run-in measurement has a time below 0.
    bm.fit({**TWO, "time": [-1, -1]}, tau="half-normal(1)", draws=4).save(tmp_path)
    assert (tmp_path / "data--1.nc").exists()
