"""Where analyses are: the bundled review, and projects of the user's own."""

import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bayesmeta.errors import InputError, did_you_mean

_TEMPLATE = Path(__file__).parent / "template"


@dataclass(frozen=True, slots=True)
class Analysis:
    """An analysis file of a project."""

    name: str
    title: str
    path: Path


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with ``data/``, tables, and ``models/``, one analysis file per analysis."""

    root: Path

    @property
    def data(self) -> Path:
        """The folder of the tables."""
        return self.root / "data"

    @property
    def models(self) -> Path:
        """The folder of the analysis files."""
        return self.root / "models"

    def analyses(self) -> list[Analysis]:
        """Return the analyses, sorted by name.

        Raises
        ------
        InputError
            If the folder is no project.
        """
        if not self.models.is_dir():
            raise InputError(f"{self.root} is no project: a folder {self.models} is expected")
        return [Analysis(p.stem, _title(p), p) for p in sorted(self.models.glob("*.toml"))]

    def find(self, name: str) -> Path:
        """Return the analysis file of that name.

        Raises
        ------
        InputError
            If there is none, with the nearest name.
        """
        known = {analysis.name: analysis.path for analysis in self.analyses()}
        try:
            return known[name]
        except KeyError:
            hint = did_you_mean(name, known) if known else f"{self.models} has no analysis files"
            raise InputError(f"unknown analysis {name!r}: {hint}") from None


def bundled_project() -> Project:
    """Return the review that comes with the package, installed or in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "bundled"
    return Project(installed if installed.is_dir() else package.parents[1])


def new_project(path: str | Path) -> Project:
    """Make a project folder with a commented example that fits as it stands.

    It appears whole or not at all.

    Raises
    ------
    InputError
        If there is something at the path already, or it cannot be written.
    """
    sources = sorted(_TEMPLATE.rglob("*.*"))
    return write_project(
        path, {str(file.relative_to(_TEMPLATE)): file.read_bytes() for file in sources}
    )


def write_project(path: str | Path, files: Mapping[str, bytes]) -> Project:
    """Write a project folder from its files: at its top, in ``data/`` and in ``models/``.

    It appears whole or not at all.

    Raises
    ------
    InputError
        If there is something at the path already, or it cannot be written.
    """
    target = Path(path)
    try:
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise InputError(f"{target} exists already: a new name or an empty folder is expected")
        parent = target.absolute().parent
        if not parent.is_dir():
            raise InputError(f"cannot make {target}: there is no folder {parent}")
        with tempfile.TemporaryDirectory(prefix=".bayesmeta-", dir=parent) as made:
            whole = Path(made) / "project"
            for folder in ("data", "models"):
                (whole / folder).mkdir(parents=True)
            for name, content in files.items():
                (whole / name).write_bytes(content)
            if target.exists():
                target.rmdir()
            whole.rename(target)
    except OSError as error:
        raise InputError(
            f"cannot make {target}: {(error.strerror or str(error)).lower()}"
        ) from None
    return Project(target)


def _title(path: Path) -> str:
    try:
        title = tomllib.loads(path.read_text(encoding="utf-8")).get("title", "")
    except (OSError, ValueError):
        return "(cannot be read)"
    return title if isinstance(title, str) else ""
