"""The first table does not wait for what it does not need."""

import os
import subprocess
import sys

HEAVY = ("pandas", "xarray", "pymc", "nutpie", "arviz", "scipy.stats", "matplotlib")


def imported(*arguments, cwd):
    """Names imported, and lines printed, in their order."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bayesmeta", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        timeout=120,
        check=True,
    )
    return done.stdout.splitlines()


def modules(lines):
    found = {line.rsplit("|", 1)[1].strip() for line in lines if line.startswith("import time:")}
    return {name for name in found if name.startswith(HEAVY)}


def test_first_table_waits_for_none_of_them(tmp_path):
    lines = imported("fit", "sledai", "--engine", "exact", cwd=tmp_path)
    (title, *_) = (at for at, line in enumerate(lines) if "Heterogeneity tau" in line)
    assert not modules(lines[:title])
    # The test would see them: they are imported afterwards, to write the files.
    assert modules(lines[title:])


def test_help_imports_neither_them_nor_numpy(tmp_path):
    lines = imported("--help", cwd=tmp_path)
    assert not modules(lines)
    assert not any(line.rsplit("|", 1)[-1].strip() == "numpy" for line in lines)
