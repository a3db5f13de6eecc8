"""Projects: found, listed, made whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from bayesmeta.errors import InputError
from bayesmeta.evidence import Project, bundled_project, evidence_from_analysis, new_project


def test_a_new_project_fits_as_it_stands(tmp_path):
    project = new_project(tmp_path / "mine")
    (analysis,) = project.analyses()
    assert evidence_from_analysis(analysis.path, project.root).pools[0].k == 6


def test_an_empty_folder_is_taken_and_a_full_one_or_a_file_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    assert new_project(tmp_path / "empty").find("rejection").is_file()
    for name in ("empty", "file"):
        (tmp_path / "file").write_text("x")
        with pytest.raises(InputError, match="exists already"):
            new_project(tmp_path / name)


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    def broken(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(InputError, match="no space left on device"):
        new_project(tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


def test_there_must_be_a_folder_to_make_it_in(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        new_project(tmp_path / "nowhere" / "mine")


def test_near_misses_of_names_and_paths_that_are_no_names():
    with pytest.raises(InputError, match=r"^unknown analysis 'sladai': did you mean 'sledai'\?$"):
        bundled_project().find("sladai")
    with pytest.raises(InputError, match="unknown analysis"):
        bundled_project().find("../models/sledai")


def test_a_folder_that_is_no_project(tmp_path):
    with pytest.raises(InputError, match="is no project"):
        Project(tmp_path).analyses()


def test_a_broken_file_does_not_break_the_list(tmp_path):
    project = new_project(tmp_path / "mine")
    (project.models / "broken.toml").write_text("title = ")
    assert project.analyses()[0].title == "(cannot be read)"


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("from bayesmeta.evidence import bundled_project as b; b().analyses()", "numpy pydantic"),
        ("from bayesmeta.evidence import evidence_from_table", "pydantic pandas scipy.stats"),
        (
            "from bayesmeta.evidence import bundled_project as b, evidence_from_analysis as e;"
            "e(b().find('sledai'), b().root); import bayesmeta.frequentist",
            "pandas scipy.stats xarray matplotlib pymc arviz",
        ),
    ],
)
def test_nothing_is_imported_that_is_not_needed(code, absent):
    check = f"{code}; import sys; assert not set({absent.split()}) & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
