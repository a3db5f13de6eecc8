"""The grid file of a sensitivity analysis: what may stand in it, and what is said of a mistake."""

from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError, field_validator

from bayesmeta.appraisal.grid import Grid, rounded
from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.evidence.analysis import shown_path
from bayesmeta.evidence.schema import Part, read_toml, sentence
from bayesmeta.priors import mu_prior, rho_prior, scaled, tau_prior
from bayesmeta.priors.base import parameters
from bayesmeta.priors.text import MU_FAMILIES, RHO_FAMILIES, TAU_FAMILIES

MOST_POINTS = 100_000

_UNLESS_GIVEN = {"rate": 1.0, "u": 1.0, "high": 1.0, "value": 1.0, "mean": 0.0, "low": 0.0}
"""Parameters that a range of the scale can do without."""


class GridFile(Part):
    """The priors of a sensitivity analysis, and what else is varied.

    Attributes
    ----------
    tau, mu : list, or one entry
        Text forms such as ``"half-normal(0.5)"``, and families with a range of a parameter,
        ``{family = "half-normal", scale = {from = 0.05, to = 2, points = 40}}``, spaced
        geometrically. Of the two, the key that is not there stands for the analysis's own prior.
        ``scale`` is the parameter of that name; of a family on tau without one, or of a text form,
        it multiplies tau in the whole prior, and a rate or an upper end that is not given is 1,
        a mean or a lower end 0.
    rho, within_correlation : list, or one entry
        The same on the correlations over time of the joint model, where the analysis has one; a
        number fixes it.
    leave_one_out, alternatives : bool
        Also with each study left out; also with the other reconstructions of the data.
    """

    tau: list[Any] | None = Field(None, min_length=1)
    mu: list[Any] | None = Field(None, min_length=1)
    rho: list[Any] | None = Field(None, min_length=1)
    within_correlation: list[Any] | None = Field(None, min_length=1)
    leave_one_out: bool = False
    alternatives: bool = False

    @field_validator("rho", "within_correlation", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        listed = value if isinstance(value, list) else [value]
        return [str(one) if isinstance(one, int | float) else one for one in listed]

    @field_validator("tau", "mu", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [value] if isinstance(value, (str, dict)) else value


class Span(Part):
    """A range of one parameter: both ends, positive, and the points between, geometrically."""

    start: Annotated[float, Field(alias="from", gt=0)]
    to: Annotated[float, Field(gt=0)]
    points: Annotated[int, Field(ge=1, le=MOST_POINTS)]

    def values(self) -> list[float]:
        """Return the points, with six digits."""
        return [float(f"{x:.6g}") for x in np.geomspace(self.start, self.to, self.points)]


def read_grid(path: str | Path) -> Grid:
    """Read a grid file; `GridFile` documents its keys.

    Raises
    ------
    InputError
        One line: the file, the key, what was found, what is expected.
    """
    path = Path(path)
    shown = shown_path(path)
    try:
        found = GridFile.model_validate(read_toml(path, shown))
    except ValidationError as error:
        keys = list(GridFile.model_fields)
        raise InputError(f"{shown}: {sentence(error, lambda _: keys)}") from None
    taus, mus, rhos, withins = (_priors(shown, name, getattr(found, name) or []) for name in _LIKE)
    if not (taus or mus or rhos or withins):
        raise InputError(f"{shown} has no priors: {_LIKE['tau']} is expected")
    return Grid(taus, mus, found.leave_one_out, found.alternatives, rhos, withins)


_LIKE = {
    "tau": 'the like of tau = ["half-normal(0.5)"]',
    "mu": 'the like of mu = ["flat"]',
    "rho": 'the like of rho = ["uniform(0, 1)"]',
    "within_correlation": "the like of within_correlation = [0, 0.5]",
}
_READ: dict[str, Callable[[str], Any]] = {
    "tau": tau_prior,
    "mu": mu_prior,
    "rho": rho_prior,
    "within_correlation": rho_prior,
}
_FAMILIES: dict[str, dict[str, Any]] = {
    "tau": {family.name: family for family in TAU_FAMILIES},
    "mu": {family.name: family for family in MU_FAMILIES},
    "rho": {family.name: family for family in RHO_FAMILIES},
    "within_correlation": {family.name: family for family in RHO_FAMILIES},
}


def _priors(shown: str, name: str, entries: list[Any]) -> dict[str, Any]:
    """Return the priors of one key by their words."""
    found: dict[str, Any] = {}
    for at, entry in enumerate(entries, 1):
        try:
            if isinstance(entry, str):
                found[entry.strip()] = _READ[name](entry)
            elif isinstance(entry, dict):
                found |= {str(prior): prior for prior in _of_family(name, **entry)}
            else:
                raise InputError(f"{entry!r} is no prior: {_LIKE[name]} is expected")
        except InputError as error:
            where = f"{name}, entry {at}" if len(entries) > 1 else name
            raise InputError(f"{shown}: {where}: {error}") from None
    return found


def _of_family(name: str, /, family: object = None, **given: object) -> Iterator[Any]:
    """Yield the priors of a family, at every point of the ranges of its parameters."""
    if not isinstance(family, str):
        raise InputError(f"family is {family!r}: a name is expected, such as 'half-normal'")
    make, needed = _maker(name, family)
    multiplies = name == "tau" and "scale" not in needed
    known = [*needed, "scale"] if multiplies else needed
    for key in given:
        if key not in known:
            raise InputError(f"unknown key {key!r}: {did_you_mean(key, ['family', *known])}")
    values = {"scale": [1.0]} if multiplies else {}
    if name == "mu" or "scale" in given:
        values |= {key: [_UNLESS_GIVEN[key]] for key in needed if key in _UNLESS_GIVEN}
    values |= {key: _values(key, value) for key, value in given.items()}
    for key in needed:
        if key not in values:
            raise InputError(f"the key {key!r} is missing: {family} has {', '.join(needed)}")
    if (points := prod(map(len, values.values()))) > MOST_POINTS:
        raise InputError(f"{points:,} priors: {MOST_POINTS:,} at most are expected")
    for point in product(*values.values()):
        parts = dict(zip(values, point, strict=True))
        factor = parts.pop("scale") if multiplies else 1.0
        prior = make(**parts)
        yield prior if factor == 1 else rounded(scaled(prior, factor), 6)


def _maker(name: str, word: str) -> tuple[Callable[..., Any], list[str]]:
    """Return what makes a prior of the numbers it needs, and their names; none of a text form."""
    family = _FAMILIES[name].get(word.strip().lower().replace("_", "-"))
    if family is None or hasattr(family, "from_words") or not parameters(family):
        prior = _READ[name](word)
        return lambda: prior, []
    return family, parameters(family)


def _values(key: str, value: object) -> list[float]:
    if isinstance(value, dict):
        try:
            return TypeAdapter(dict[str, Span]).validate_python({key: value})[key].values()
        except ValidationError as error:
            raise InputError(sentence(error, lambda _: ["from", "to", "points"])) from None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return [float(value)]
    raise InputError(
        f"{key} is {value!r}: a number is expected, or a range such as "
        "{from = 0.05, to = 2, points = 40}"
    )
