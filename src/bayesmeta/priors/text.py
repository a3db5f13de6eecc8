"""Priors as statisticians write them: ``half-normal(0.5)``, ``normal(0, 10)``, ``flat``."""

import re
from dataclasses import fields
from typing import cast

from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.priors.base import Prior, TauPrior
from bayesmeta.priors.mu import Flat, MuPrior, Normal
from bayesmeta.priors.tau import (
    Exponential,
    Fixed,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    LogNormal,
    Uniform,
)

TAU_FAMILIES = (HalfNormal, HalfCauchy, HalfStudentT, Exponential, LogNormal, Uniform, Fixed)
MU_FAMILIES = (Normal, Flat)

_CALL = re.compile(r"\s*([A-Za-z][\w-]*)\s*(?:\(\s*([^()]*)\s*\))?\s*")


def tau_prior(text: str) -> TauPrior:
    """Read a prior on tau from its text form.

    Raises
    ------
    InputError
        For an unknown family (with the nearest known one), a wrong number of parameters, text
        in place of a number, or a value out of range.

    Examples
    --------
    >>> tau_prior("half-student-t(4, 1)")
    HalfStudentT(df=4.0, scale=1.0)
    """
    return cast(TauPrior, _read(text, "tau", {family.name: family for family in TAU_FAMILIES}))


def mu_prior(text: str) -> MuPrior:
    """Read a prior on mu from its text form.

    Raises
    ------
    InputError
        As `tau_prior`.

    Examples
    --------
    >>> mu_prior("normal(0, 10)")
    Normal(mean=0.0, sd=10.0)
    """
    return cast(MuPrior, _read(text, "mu", {family.name: family for family in MU_FAMILIES}))


def _read(text: str, parameter: str, families: dict[str, type[Prior]]) -> Prior:
    found = _CALL.fullmatch(text)
    if not found:
        raise InputError(
            f"prior on {parameter} is {text!r}: expected a family and its numbers, "
            f"such as {example(parameter)}"
        )
    family = families.get(found[1].lower().replace("_", "-"))
    if family is None:
        raise InputError(
            f"unknown prior on {parameter} {found[1]!r}: {did_you_mean(found[1], families)}"
        )
    names = [field.name for field in fields(family)]  # type: ignore[arg-type]
    given = [part.strip() for part in found[2].split(",")] if found[2] else []
    form = f"{family.name}({', '.join(names)})" if names else family.name
    if len(given) != len(names):
        raise InputError(
            f"prior on {parameter} is {text!r}: {len(given)} numbers given, expected {form}"
        )
    try:
        values = [float(part) for part in given]
    except ValueError:
        raise InputError(
            f"prior on {parameter} is {text!r}: expected numbers, as in {form}"
        ) from None
    return family(*values)


def example(parameter: str) -> str:
    """Return a well-formed prior on ``mu`` or ``tau`` to show in a message."""
    return "half-normal(0.5)" if parameter == "tau" else "normal(0, 10) or flat"
