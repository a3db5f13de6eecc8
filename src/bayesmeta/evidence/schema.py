"""The analysis file: what may stand in it, and what is said of a mistake in it."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.evidence.study import Convention, Direction, JointSpec
from bayesmeta.evidence.table import read_text

type Correlation = Annotated[float, Field(ge=-1, le=1)]
type Cell = str | int | float
type Rows = dict[str, Cell | list[Cell]]
type PriorText = Annotated[str, BeforeValidator(_number_as_text)]
type Positive = Annotated[float, Field(gt=0)]
type Weight = Annotated[float, Field(ge=0)]

_JOINT = JointSpec()


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


class Joint(Part):
    """One model of all times of the outcome, fitted beside the pools of each time.

    Attributes
    ----------
    mean : str
        The pooled course over time: ``per-time``, ``linear``, ``log-linear``, ``spline``,
        ``plateau(half-normal(6))`` with a prior on the half-life, ``random-walk(half-normal(1))``
        with one on the SD of the change in a unit of time.
    between, within : {"cs", "ar1", "unstructured"}
        Correlation over time of the study effects, and of the errors of a study's estimates:
        compound symmetry, or ``rho^(gap / rho_lag)``; between studies also a tau a time and any
        correlations, with ``rho = "lkj(1)"``.
    rho, within_correlation : str or float
        Priors on the two correlations, or numbers that fix them; the second is hardly ever
        reported.
    beta : str
        Prior on the slope of a linear or log-linear course, flat by default.
    rho_lag : float
        The gap of time to which an AR(1) correlation belongs, 1 by default.
    tau_per_time : bool
        A tau for each time.
    weights : dict of float
        Of the sets of rows in ``alternatives`` that are averaged, and of ``main``, the analysis's
        own rows; equal by default.
    reason : str
        Why these priors on the correlations.
    """

    mean: str = "per-time"
    between: Literal["cs", "ar1", "unstructured"] = "cs"
    within: Literal["cs", "ar1"] = "cs"
    rho: PriorText = _JOINT.rho
    within_correlation: PriorText = _JOINT.within_correlation
    beta: str = _JOINT.beta
    rho_lag: Positive = 1.0
    tau_per_time: bool = False
    weights: dict[str, Weight] = {}
    reason: str = ""

    def spec(self) -> JointSpec:
        """Return the value that the rest of the package is given."""
        return JointSpec(**self.model_dump(), given=frozenset(self.model_fields_set))


class Series(Part):
    """Uncontrolled series of the same outcome, set apart by a design effect; needs ``joint``.

    Attributes
    ----------
    analysis : str
        Another analysis of the project, ``contrast = "from baseline"``.
    design : {"bias", "inflation", "separate"}
        A change before and after holds the effect of treatment and a bias (natural course,
        regression to the mean, other treatment); or it is taken as that effect with larger
        variances; or series and contrasts share nothing.
    bias : str
        Prior on the mean bias over series, ``normal(mean, sd)``.
    bias_sd : str or float
        Prior on the SD of the bias between series, or a number that fixes it.
    inflation : float
        Factor of the variances of the series, 1 by default, with ``bias`` too.
    reason : str
        Why these.
    """

    analysis: str
    design: Literal["bias", "inflation", "separate"] = "bias"
    bias: str = "normal(0, 1)"
    bias_sd: PriorText = "half-normal(0.5)"
    inflation: Positive = 1.0
    reason: str = ""


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
    joint : Joint
        One model of all times beside.
    series : Series
        Uncontrolled series in that model, with an allowance for their design.
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
    joint: Joint | None = None
    series: Series | None = None
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
    nested: dict[str, type[Part]] = {
        "arms": Arms,
        "variants": Selection,
        "joint": Joint,
        "series": Series,
    }
    owner = nested.get(loc[0], AnalysisFile) if len(loc) > 1 else AnalysisFile
    return list(owner.model_fields)


def _number_as_text(found: Any) -> Any:
    return repr(found) if isinstance(found, int | float) and not isinstance(found, bool) else found


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
