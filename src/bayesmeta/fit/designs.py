"""Uncontrolled series beside randomised contrasts in one model, and how much they move it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bayesmeta.arrays import Mask
from bayesmeta.engines.importance import fit_any
from bayesmeta.errors import InputError
from bayesmeta.evidence.study import Pool, SeriesSpec
from bayesmeta.fit.joint_numbers import (
    CoefficientNumbers,
    HyperNumbers,
    JointNumbers,
    joint_numbers,
    rho_numbers,
)
from bayesmeta.fit.numbers import Ask
from bayesmeta.models.covariance import Bias
from bayesmeta.models.designs import biased, inflated
from bayesmeta.models.joint import JointModel
from bayesmeta.priors import Fixed, Normal, TauPrior, mu_prior, scaled, tau_prior

AS_SET = "series as set"
"""Name of the design effect that the analysis file sets."""

type ModelOf = Callable[[Sequence[Pool], Ask], JointModel]


@dataclass(frozen=True, slots=True)
class Design:
    """What sets the series apart: an allowance for bias, and a factor of their variances."""

    bias: Normal | None
    bias_sd: TauPrior
    inflation: float


@dataclass(frozen=True, slots=True)
class Influence:
    """The answer under one design effect."""

    name: str
    numbers: JointNumbers


@dataclass(frozen=True, slots=True)
class Designs:
    """Contrasts and series together, never as one kind of evidence.

    Attributes
    ----------
    spec : SeriesSpec
    numbers : JointNumbers
        The effect of treatment given both; that in the series alone where they are kept separate.
    bias : CoefficientNumbers or None
        The mean, over series, of what a change before and after holds beyond that effect.
    bias_sd : HyperNumbers or float or None
        Its SD between series.
    influence : tuple of Influence
        The same with other priors on the bias, or other factors of the variances.
    """

    spec: SeriesSpec
    numbers: JointNumbers
    bias: CoefficientNumbers | None
    bias_sd: HyperNumbers | float | None
    influence: tuple[Influence, ...]


def fit_designs(
    contrasts: Sequence[Pool], spec: SeriesSpec, ask: Ask, model_of: ModelOf
) -> Designs:
    """Fit randomised contrasts and series in one model, or the series alone where kept separate.

    Parameters
    ----------
    contrasts : sequence of Pool
    spec : SeriesSpec
    ask : Ask
    model_of : callable
        The joint model of pools.
    """
    if spec.design == "separate":
        model = model_of(spec.pools, ask)
        found = fit_any(model, ask.level)[1]
        return Designs(spec, joint_numbers(model, found, ask.direction), None, None, ())
    beside = [replace(p, studies=tuple(f"{s} (series)" for s in p.studies)) for p in spec.pools]
    pools = [*contrasts, *beside]
    labels = list(dict.fromkeys(name for pool in pools for name in pool.studies))
    named = {name for pool in beside for name in pool.studies}
    model, series = model_of(pools, ask), np.array([name in named for name in labels])
    fits = [(name, _fit(model, series, design, ask)) for name, design in _around(spec)]
    numbers, bias, bias_sd = dict(fits)[AS_SET]
    influence = tuple(Influence(name, found) for name, (found, _, _) in fits)
    return Designs(spec, numbers, bias, bias_sd, influence)


def _around(spec: SeriesSpec) -> list[tuple[str, Design]]:
    """Return the design effect as set, and stronger or weaker ones, by name."""
    if spec.design == "inflation":
        return [
            (
                AS_SET if factor == 1 else f"variances times {factor * spec.inflation:g}",
                Design(None, Fixed(0.0), factor * spec.inflation),
            )
            for factor in (1, 2, 4)
        ]
    bias, sd = _bias(spec)
    return [
        (
            name,
            Design(Normal(bias.mean, factor * bias.sd), scaled(sd, factor), spec.inflation),
        )
        for name, factor in (
            ("bias prior half as wide", 0.5),
            (AS_SET, 1.0),
            ("bias prior twice as wide", 2.0),
        )
    ]


def _bias(spec: SeriesSpec) -> tuple[Normal, TauPrior]:
    """Read the priors on the bias."""
    try:
        mean = mu_prior(spec.bias)
        sd = tau_prior(spec.bias_sd)
    except InputError as error:
        raise InputError(f"series: {error}") from None
    if not isinstance(mean, Normal):
        raise InputError(
            f"series.bias is {spec.bias}: normal(mean, sd) is expected, for without a limit to the "
            f"bias a series says nothing of the effect"
        )
    if not sd.proper:
        raise InputError(f"series.bias_sd is {spec.bias_sd}: a proper prior is expected")
    return mean, sd


def _fit(
    model: JointModel, series: Mask, design: Design, ask: Ask
) -> tuple[JointNumbers, CoefficientNumbers | None, HyperNumbers | float | None]:
    wider = inflated(model, series, design.inflation)
    if (mean := design.bias) is None:
        found = fit_any(wider, ask.level)[1]
        return joint_numbers(wider, found, ask.direction), None, None
    both = biased(wider, series, mean, design.bias_sd)
    found = fit_any(both, ask.level)[1]
    numbers = joint_numbers(both, found, ask.direction)
    return numbers, numbers.coefficients[-1], rho_numbers(both, found, Bias.name)
