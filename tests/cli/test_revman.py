"""``bayesmeta import``: says what it wrote and what it left out; one line for what it refuses."""

import json
import subprocess
import sys

from tests.evidence.revman import make


def bayesmeta(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "bayesmeta", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_import_and_fit(tmp_path):
    (tmp_path / "full.rm5").write_bytes(make.full().encode("latin-1"))
    done = bayesmeta("import", "full.rm5", "--project", "mine", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "001_01_deces" in done.stdout
    assert "CMP-001.06 Harms in words: text, without numbers to pool" in done.stdout
    assert "mine: 9 of 11 outcomes written. Next: bayesmeta fit 001_01_deces" in done.stdout
    fitted = bayesmeta(
        "fit", "001_01_deces", "--project", "mine", "--engine", "exact", "--format", "json",
        cwd=tmp_path,
    )  # fmt: skip
    assert fitted.returncode == 0, fitted.stderr
    (row,) = json.loads(fitted.stdout)["rows"]
    assert row["outcome"] == "CMP-001.01"


def test_one_line_and_status_2(tmp_path):
    (tmp_path / "review.rm5").write_text(make.full()[:5000], encoding="latin-1")
    for arguments, expected in (
        (("review.rm5", "--project", "mine"), "review.rm5 is damaged XML, line "),
        (("none.rm5", "--project", "mine"), "cannot read none.rm5"),
        ((".", "--project", "mine"), "is a directory"),
        (("review.rm5",), "--project"),
    ):
        done = bayesmeta("import", *arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stdout == ""
        assert expected in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "mine").exists()
