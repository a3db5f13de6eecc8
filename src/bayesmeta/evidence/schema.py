"""The analysis file: what may stand in it, and what is said of a mistake in it."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.evidence.study import Convention, Direction
from bayesmeta.evidence.table import read_text

type Correlation = Annotated[float, Field(ge=-1, le=1)]
type Cell = str | int | float
type Rows = dict[str, Cell | list[Cell]]


class Part(BaseModel):
    """A table of a TOML file: only keys that it knows, of the types that it names."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Arms(Part):
    """How the table calls the arms at the end of its column names: ``events_msc``, ``n_msc``."""

    treatment: str = Field(min_length=1)
    control: str = Field(min_length=1)


class Selection(Part):
    """A second selection of rows, shown under the main one."""

    reason: str
    rows: Rows = {}
    prefer: dict[str, list[str]] = {}


class AnalysisFile(Part):
    """One analysis: data, measure, model and priors.

    Attributes
    ----------
    title : str
    data : str
        The table, a path inside the project's ``data`` folder.
    measure : str
        OR, RR, RD, HR, MD, SMD, ROM, MC (mean change from baseline) or GEN.
    outcome : str
        Only rows with this in their column ``outcome``; without it all rows.
    time, time_unit : str
        The column of the time, ``time`` by default, and its unit.
    rows : dict
        Only rows with this cell, or one of these, in that column.
    prefer : dict
        One row a study and time: the one whose cell in that column comes first in the list.
    contrast : {"between arms", "from baseline"}
        From baseline: rows are one arm's ``mean, sd, n`` at one time, and the effect is the change
        since ``baseline_time``, or since ``baseline_mean, baseline_sd`` where the row has them.
    pre_post_correlation, pre_post_correlation_also : float, list of float
        r of a change from baseline, 0.5 by default, and others shown beside, 0.3 and 0.8.
    arms : dict
        How the table calls ``treatment`` and ``control`` at the end of its column names.
    centre : str
        The column of the centre: patients of one centre may be counted twice.
    unit, direction : str
        Of the outcome; direction is ``lower`` or ``higher``, whichever is better.
    model : {"normal-normal"}
        Random effects, each time alone.
    convention : {"metafor", "revman5"}
        Whose rules of the effect sizes.
    published : str
        A table of pooled rows as printed, matched by outcome and time (and design).
    alternatives : str
        A table of other sets of rows, by name in its column ``alternative``: a set replaces the
        rows of the same outcome and time. ``sensitivity`` shows them; ``fit`` does not.
    mu, tau, tau_reason : str
        Priors on the analysis scale (log for ratio measures), and why that scale.
    notes : list of str
        Lines to be shown with every result.
    variants : dict of Selection
        Other selections of rows by name.
    """

    title: str
    data: str
    measure: str
    outcome: str | None = None
    time: str | None = None
    time_unit: str = ""
    rows: Rows = {}
    prefer: dict[str, list[str]] = {}
    contrast: Literal["between arms", "from baseline"] = "between arms"
    baseline_time: float = 0.0
    pre_post_correlation: Correlation = 0.5
    pre_post_correlation_also: list[Correlation] = [0.3, 0.8]
    arms: Arms | None = None
    centre: str | None = None
    unit: str = ""
    direction: Direction | None = None
    model: Literal["normal-normal"] = "normal-normal"
    convention: Convention = "metafor"
    published: str | None = None
    alternatives: str | None = None
    mu: str | None = None
    tau: str | None = None
    tau_reason: str = ""
    notes: list[str] = []
    variants: dict[str, Selection] = {}


def read_analysis(path: Path, shown: str) -> AnalysisFile:
    """Read an analysis file.

    Raises
    ------
    InputError
        One line: the file, the key, what was found, what is expected.
    """
    try:
        return AnalysisFile.model_validate(read_toml(path, shown))
    except ValidationError as error:
        raise InputError(f"{shown}: {sentence(error, _keys_at)}") from None


def read_toml(path: Path, shown: str) -> dict[str, Any]:
    """Read a TOML file; `shown` is the file as messages name it."""
    text = read_text(path, shown)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{shown} is not TOML: {_one_line(str(error))}") from None


def sentence(error: ValidationError, keys_at: Callable[[list[str]], list[str]]) -> str:
    """Say the first mistake; an unknown key before a missing one, for it is often the same.

    ``keys_at`` returns the known keys where the key of that path stands.
    """
    details = error.errors(include_url=False)
    first = min(details, key=lambda detail: detail["type"] != "extra_forbidden")
    loc = [str(part) for part in first["loc"]]
    key = ".".join(loc)
    if "rows" in loc and len(loc) > loc.index("rows") + 1:
        cell = ".".join(loc[: loc.index("rows") + 2])
        found = _one_line(repr(first["input"]))
        return f"{cell} is {found}: a text, a number, or a list of them is expected"
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}: {did_you_mean(loc[-1], keys_at(loc))}"
    if first["type"] == "missing":
        return f"the key {key!r} is missing"
    if first["type"] == "literal_error":
        return f"{key} is {first['input']!r}: {did_you_mean(str(first['input']), _quoted(first))}"
    return f"{key} is {_one_line(repr(first['input']))}: {_expected(first['type'], first['msg'])}"


def _keys_at(loc: list[str]) -> list[str]:
    nested: dict[str, type[Part]] = {"arms": Arms, "variants": Selection}
    owner = nested.get(loc[0], AnalysisFile) if len(loc) > 1 else AnalysisFile
    return list(owner.model_fields)


def _quoted(detail: ErrorDetails) -> list[str]:
    """Return the choices of a literal, which pydantic gives as ``'lower' or 'higher'``."""
    return re.findall("'([^']*)'", detail["ctx"]["expected"])


def _expected(kind: str, message: str) -> str:
    words = {
        "string_type": "a text in quotes is expected",
        "float_type": "a number is expected",
        "dict_type": "a table is expected",
        "model_type": "a table is expected",
        "list_type": "a list is expected",
        "too_short": "one entry or more is expected",
    }
    return words.get(kind, _one_line(message[:1].lower() + message[1:]))


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:197]}..."
