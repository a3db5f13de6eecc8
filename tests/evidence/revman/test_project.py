"""A review becomes a project that fit runs, whole or not at all."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.errors import InputError
from bayesmeta.evidence import evidence_from_analysis, import_review
from bayesmeta.evidence.revman import pool_of
from tests.evidence.revman import make


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("import")
    path = folder / "full.rm5"
    path.write_bytes(make.full().encode("latin-1"))
    return import_review(path, folder / "project")


def spec(imported, outcome_id):
    (name,) = (one.name for one in imported.written if one.outcome.id == outcome_id)
    return tomllib.loads(imported.project.find(name).read_text(encoding="utf-8"))


def test_every_analysis_fits_on_the_same_numbers_as_the_review(imported):
    assert [one.name for one in imported.written] == [
        "001_01_deces",
        "001_02_death_by_year",
        "001_03_survival",
        "001_05_bleeding_by_sex",
        "002_01_days_in_hospital",
        "002_02_days_in_hospital",
        "003_01_time_to_death",
        "003_02_coaching",
        "004_01_death_o_e",
    ]
    for one in imported.written:
        fit = bm.fit(one.name, project=imported.project.root)
        (row,) = fit.rows
        pool, _ = pool_of(one.outcome)
        assert row.pool.studies == pool.studies
        if one.outcome.id != "CMP-001.05":  # Peto's method has effect sizes of its own
            np.testing.assert_allclose(row.pool.y, pool.y, rtol=1e-15)
            np.testing.assert_allclose(row.pool.se, pool.se, rtol=1e-15)


def test_what_is_left_out_and_why(imported):
    assert [(row.id, row.what, row.reason) for row in imported.left_out] == [
        ("CMP-001.02.03", "Unknown", "it has no studies"),
        ("CMP-001.04", "Hare 1991 (events_treatment 0, n_treatment 0, events_control 0, "
         "n_control 0)", "the number of patients is 0"),
        ("CMP-001.04", "Bleeding", "none of its studies can be estimated"),
        ("CMP-001.06", "Harms in words", "text, without numbers to pool"),
    ]  # fmt: skip
    readme = (imported.project.root / "README.md").read_text(encoding="utf-8")
    assert "- CMP-001.06, Harms in words: text, without numbers to pool" in readme
    assert "| `001_01_deces` | CMP-001.01 | Décès | OR | MH, fixed | 7 |" in readme


def test_revmans_total_stands_beside_the_fit(imported):
    fit = bm.fit("001_01_deces", project=imported.project.root)
    (row,) = fit.rows
    assert np.exp(row.pool.published.estimate) == pytest.approx(0.8969)
    assert (row.pool.published.k, row.pool.published.model) == (7, "fixed, MH")
    (pool,) = (pool for pool in row.frequentist if pool.method == "MH")
    assert np.exp(pool.estimate) == pytest.approx(0.8969, abs=5e-5)
    assert fit.direction == "lower"


def test_subgroups_are_variants_nested_ones_too(imported):
    variants = spec(imported, "CMP-001.02")["variants"]
    assert {name: part["rows"]["subgroup"] for name, part in variants.items()} == {
        "Early": ["CMP-001.02.01"],
        "Late": ["CMP-001.02.02", "CMP-001.02.02.01"],
        "Large, late": ["CMP-001.02.02.01"],
    }
    fit = bm.fit("001_02_death_by_year", project=imported.project.root)
    assert [variant.rows[0].pool.k for variant in fit.variants] == [4, 3, 2]
    # The review shows subtotals alone, so no total is printed as its own.
    assert fit.rows[0].pool.published is None
    assert "published" not in spec(imported, "CMP-001.02")


def test_settings_that_change_the_data_are_told(imported):
    fit = bm.fit("001_03_survival", project=imported.project.root)
    assert fit.evidence.assumptions == (
        "events are those without the event of the name, as the review analyses them",
    )
    evidence = evidence_from_analysis(
        imported.project.find("004_01_death_o_e"), imported.project.root
    )
    assert evidence.pools[0].status == ("derived", "derived")


def test_without_numbers_of_patients_the_prior_takes_its_scale_from_the_standard_errors(imported):
    assert spec(imported, "CMP-003.02")["tau"] == "uniform-shrinkage"
    assert "tau" not in spec(imported, "CMP-003.01")


def test_names_that_toml_and_files_do_not_like(tmp_path):
    names = ['"Pain" \\ &lt;3 weeks', "# = [x]", "痛み 😀", "", "Pain", "pain", "../../etc"]
    outcomes = [
        make.dich(make.aspirin(), ID=f"CMP-001.{i:02d}", name=name, stored=make.TOTAL)
        for i, name in enumerate(names, 1)
    ]
    path = tmp_path / "review.rm5"
    text = make.review(make.comparison(*outcomes), encoding="UTF-8")
    path.write_text(text, encoding="utf-8")
    found = import_review(path, tmp_path / "project")
    assert [one.name for one in found.written] == [
        "001_01_pain_3_weeks",
        "001_02_x",
        "001_03",
        "001_04",
        "001_05_pain",
        "001_06_pain",
        "001_07_etc",
    ]
    titles = [analysis.title for analysis in found.project.analyses()]
    assert titles[0] == '"Pain" \\ <3 weeks (Aspirin versus control)'
    assert titles[2] == "痛み 😀 (Aspirin versus control)"
    for one in found.written:
        assert bm.fit(one.name, project=found.project.root).rows[0].pool.k == 7


def test_ids_of_another_form_give_distinct_names(tmp_path):
    outcomes = [make.dich(make.aspirin(), ID=key) for key in ("A/1", "A 1", "a-1")]
    found = import_review(make.write(tmp_path, *outcomes), tmp_path / "project")
    assert [one.name for one in found.written] == ["a_1_death", "a_1_death_2", "a_1_death_3"]


def test_a_review_in_which_nothing_can_be_estimated_is_still_written(tmp_path):
    path = make.write(tmp_path, make.dich([]))
    found = import_review(path, tmp_path / "project")
    assert found.written == ()
    assert found.project.analyses() == []
    assert [row.reason for row in found.left_out] == ["it has no studies"]


def test_a_full_folder_is_refused_and_left_alone(tmp_path):
    path = make.write(tmp_path, make.dich(make.aspirin()))
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"full exists already: a new name or an empty folder"):
        import_review(path, full)
    assert [file.name for file in full.iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert import_review(path, tmp_path / "empty").written


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    path = make.write(tmp_path, make.dich(make.aspirin()))

    def broken(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(InputError, match="no space left on device"):
        import_review(path, tmp_path / "project")
    assert [file.name for file in tmp_path.iterdir()] == ["review.rm5"]


def test_the_same_review_gives_the_same_bytes(tmp_path):
    path = make.write(tmp_path, make.dich(make.aspirin()))
    for name in ("one", "two"):
        import_review(path, tmp_path / name)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 4
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
