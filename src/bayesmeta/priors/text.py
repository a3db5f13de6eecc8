"""Priors as statisticians write them: ``half-normal(0.5)``, ``normal(0, 10)``, ``flat``."""

import re
from typing import Any, cast

from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.priors.base import Prior, TauPrior, parameters
from bayesmeta.priors.empirical import Rhodes, Turner
from bayesmeta.priors.mu import Flat, MuPrior, Normal, NormalMixture, StudentT
from bayesmeta.priors.scaled import scaled
from bayesmeta.priors.tau_data import (
    BergerDeely,
    Conventional,
    DuMouchel,
    Jeffreys,
    OverallJeffreys,
    UniformI2,
    UniformShrinkage,
)
from bayesmeta.priors.tau_heavy import (
    HalfCauchy,
    HalfStudentT,
    InverseGamma,
    LogNormal,
    LogStudentT,
    Lomax,
)
from bayesmeta.priors.tau_light import (
    Exponential,
    Gamma,
    HalfLogistic,
    HalfNormal,
    PenalisedComplexity,
    Weibull,
)
from bayesmeta.priors.tau_other import Fixed, FlatTau, SqrtTau, Uniform

TAU_FAMILIES: tuple[type[TauPrior], ...] = (
    HalfNormal,
    HalfCauchy,
    HalfStudentT,
    HalfLogistic,
    Exponential,
    PenalisedComplexity,
    Lomax,
    LogNormal,
    LogStudentT,
    InverseGamma,
    Gamma,
    Weibull,
    Uniform,
    Fixed,
    FlatTau,
    SqrtTau,
    Jeffreys,
    OverallJeffreys,
    BergerDeely,
    Conventional,
    DuMouchel,
    UniformShrinkage,
    UniformI2,
    Turner,
    Rhodes,
)
MU_FAMILIES: tuple[type[MuPrior], ...] = (Normal, StudentT, NormalMixture, Flat)

_CALL = re.compile(r"\s*([A-Za-z][\w-]*)\s*(?:\(\s*(.*?)\s*\))?\s*", re.DOTALL)
_MULTIPLE = re.compile(r"([^*]*)\*(.*)", re.DOTALL)
_COMMA = re.compile(r",(?![^()]*\))")


def tau_prior(text: str) -> TauPrior:
    """Read a prior on tau from its text form; ``2 * half-normal(1)`` is that of twice tau.

    Raises
    ------
    InputError
        For an unknown family (with the nearest known one), a wrong number of parameters, text
        in place of a number, or a value out of range.

    Examples
    --------
    >>> tau_prior("half-student-t(4, 1)")
    HalfStudentT(df=4.0, scale=1.0)
    >>> print(tau_prior("turner(pain, pharmacological vs control)").plain)
    log-normal(-0.915, 0.76)
    >>> print(tau_prior("2 * exponential(3)"), "and", tau_prior("2 * dumouchel"))
    exponential(1.5) and 2 * dumouchel
    """
    if (found := _MULTIPLE.fullmatch(text)) is not None:
        return scaled(tau_prior(found[2]), _factor(found[1], text))
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


def _read(text: str, parameter: str, families: dict[str, Any]) -> Prior:
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
    given = [part.strip() for part in _COMMA.split(found[2])] if found[2] else []
    if hasattr(family, "from_words"):
        return cast(Prior, family.from_words(given))
    return _numbers(text, parameter, family, given)


def _factor(word: str, text: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise InputError(
            f"prior on tau is {text!r}: expected a number before *, as in 2 * dumouchel"
        ) from None


def _numbers(text: str, parameter: str, family: Any, given: list[str]) -> Prior:
    names = parameters(family)
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
    return cast(Prior, family(*values))


def example(parameter: str) -> str:
    """Return a well-formed prior on ``mu`` or ``tau`` to show in a message."""
    return "half-normal(0.5)" if parameter == "tau" else "normal(0, 10) or flat"
