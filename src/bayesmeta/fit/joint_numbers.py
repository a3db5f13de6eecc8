"""The labelled numbers of a joint model: what its tables, files and figures are made from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from math import isnan
from typing import Any

import numpy as np

from bayesmeta.engines.joint import MOST_FREE
from bayesmeta.engines.joint_summaries import JointSummaries, Linear, Movement
from bayesmeta.evidence.study import Direction
from bayesmeta.fit.numbers import benefit
from bayesmeta.models.between import Unstructured
from bayesmeta.models.joint import JointModel


@dataclass(frozen=True, slots=True)
class TimeNumbers:
    """The pooled effect, or the effect in a new study, at one time."""

    time: float
    mean: float | None
    sd: float | None
    median: float
    ci_low: float
    ci_high: float
    prob_benefit: float | None
    prob_below_zero: float


@dataclass(frozen=True, slots=True)
class ContrastNumbers:
    """The pooled effect at one time minus that at an earlier one."""

    from_time: float
    to_time: float
    mean: float | None
    sd: float | None
    median: float
    ci_low: float
    ci_high: float
    prob_benefit: float | None
    prob_below_zero: float


@dataclass(frozen=True, slots=True)
class CoefficientNumbers:
    """A coefficient of the mean."""

    name: str
    prior: str
    mean: float | None
    sd: float | None
    median: float
    ci_low: float
    ci_high: float
    prob_below_zero: float


@dataclass(frozen=True, slots=True)
class HyperNumbers:
    """A hyperparameter, beside its prior.

    ``moved`` is the largest change, over x, of the probability that it lies below x: 0 where the
    data said nothing of it, near 1 where they ruled its prior out. None under an improper prior.
    ``time`` is None where all times share it; ``times`` are the two of a correlation that is
    theirs alone.
    """

    time: float | None
    mean: float | None
    sd: float | None
    median: float
    ci_low: float
    ci_high: float
    prior: str
    prior_median: float | None
    prior_low: float | None
    prior_high: float | None
    moved: float | None
    times: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class JointNumbers:
    """The posterior of a joint model.

    ``method`` is how it was integrated. ``tau`` has one entry, or one a time. A correlation is its
    value where it is fixed, None where there is one time, and one a pair of times where they are
    unstructured. ``curve`` is the half-life of a plateau or the SD of a random walk. ``reasons``
    says why a field is None.
    """

    times: tuple[float, ...]
    mu: tuple[TimeNumbers, ...]
    theta_new: tuple[TimeNumbers, ...]
    tau: tuple[HyperNumbers, ...]
    rho_between: HyperNumbers | tuple[HyperNumbers, ...] | float | None
    rho_within: HyperNumbers | float | None
    curve: HyperNumbers | None
    coefficients: tuple[CoefficientNumbers, ...]
    contrasts: tuple[ContrastNumbers, ...]
    log_marginal_likelihood: float | None
    numerical_error: float | None
    method: str
    reasons: dict[str, str]

    def long(self) -> Iterator[tuple[float | None, str, Any]]:
        """Yield time, name and summary of each quantity."""
        for name in ("mu", "theta_new", "tau"):
            for one in getattr(self, name):
                yield one.time, name, one
        for name in ("rho_between", "rho_within"):
            rho = getattr(self, name)
            if isinstance(rho, HyperNumbers):
                yield None, name, rho
            elif isinstance(rho, tuple):
                for one in rho:
                    yield one.times[1], f"{name} with {one.times[0]:g}", one
        for one in self.contrasts:
            yield one.to_time, f"mu since {one.from_time:g}", one


def joint_numbers(
    model: JointModel, found: JointSummaries, direction: Direction | None
) -> JointNumbers:
    """Put the labels back on the summaries of a joint model asked at its own times."""
    times = tuple(model.times.tolist())
    later = [(times[i], times[j]) for i, j in found.pairs.tolist()]
    return JointNumbers(
        times=times,
        mu=at_times(times, found.mu, direction),
        theta_new=at_times(times, found.theta_new, direction),
        tau=tau_numbers(model, found),
        rho_between=_rhos(model, found)
        if isinstance(model.between, Unstructured)
        else rho_numbers(model, found, "rho_between"),
        rho_within=rho_numbers(model, found, "rho_within"),
        curve=_curve(model, found),
        coefficients=coefficient_numbers(model, found),
        contrasts=tuple(
            ContrastNumbers(
                start, end, *_five(found.contrasts, at), benefit(below, direction), below
            )
            for at, ((start, end), below) in enumerate(
                zip(later, _below(found.contrasts), strict=True)
            )
        ),
        log_marginal_likelihood=None if improper_priors(model) else found.log_evidence,
        numerical_error=found.numerical_error,
        method=_method(model),
        reasons=missing_reasons(model, found),
    )


def coefficient_numbers(model: JointModel, found: JointSummaries) -> tuple[CoefficientNumbers, ...]:
    """Label the coefficients of the mean; those of a curve but the first have its prior."""
    priors = [str(prior) for prior in model.coefficients]
    if (curve := model.curve) is not None:
        priors[1 : len(curve.knots)] = [str(curve)] * (len(curve.knots) - 1)
    return tuple(
        CoefficientNumbers(name, prior, *_five(found.coefficients, at), below)
        for at, (name, prior, below) in enumerate(
            zip(model.names, priors, _below(found.coefficients), strict=True)
        )
    )


def tau_numbers(model: JointModel, found: JointSummaries) -> tuple[HyperNumbers, ...]:
    """Label tau, which is one for all times or one for each."""
    taus = len(model.between.tau)
    times = model.times.tolist() if taus > 1 else [None]
    return tuple(
        hyper_numbers(summary, str(hyper.prior), time)
        for time, hyper, summary in zip(times, model.hypers, found.hypers, strict=False)
    )


def at_times(
    times: Iterable[float], found: Linear, direction: Direction | None
) -> tuple[TimeNumbers, ...]:
    """Label summaries with the times that they belong to."""
    return tuple(
        TimeNumbers(time, *_five(found, at), benefit(below, direction), below)
        for at, (time, below) in enumerate(zip(times, _below(found), strict=True))
    )


def improper_priors(model: JointModel) -> list[str]:
    """Say which priors of a model are improper."""
    named = [
        *zip(model.names, model.coefficients, strict=True),
        *((hyper.name, hyper.prior) for hyper in model.hypers),
    ]
    return [f"the prior on {name} is improper ({p})" for name, p in named if not p.proper]


def number(value: float) -> float | None:
    """Return a number, None where it does not exist."""
    return None if isnan(value) else float(value)


def _five(found: Linear, at: int) -> tuple[float | None, float | None, float, float, float]:
    return (
        number(found.mean[at]),
        number(found.sd[at]),
        float(found.median[at]),
        float(found.low[at]),
        float(found.high[at]),
    )


def _below(found: Linear) -> list[float]:
    below: list[float] = found.below_zero.tolist()
    return below


def rho_numbers(model: JointModel, found: JointSummaries, name: str) -> HyperNumbers | float | None:
    """Return a correlation, its value where it is fixed, None where there is one time."""
    hyper = next((hyper for hyper in model.hypers if hyper.name == name), None)
    if hyper is None:
        return None
    summary = found.hyper(name)
    return summary.median if hyper.fixed else hyper_numbers(summary, str(hyper.prior))


def _rhos(model: JointModel, found: JointSummaries) -> tuple[HyperNumbers, ...]:
    """Return the correlation of each pair of times, where each has its own."""
    shown = [hyper for hyper, _ in model.shown(np.full((len(model.hypers), 1), 0.5))]
    named = [hyper for hyper in shown if hyper.name.startswith("rho_between ")]
    return tuple(
        replace(hyper_numbers(found.hyper(hyper.name), str(hyper.prior)), times=pair)
        for hyper, pair in zip(named, combinations(model.times.tolist(), 2), strict=True)
    )


def _curve(model: JointModel, found: JointSummaries) -> HyperNumbers | None:
    if (curve := model.curve) is None:
        return None
    return hyper_numbers(found.hyper(curve.parameter), str(curve.prior))


def _method(model: JointModel) -> str:
    free = sum(not hyper.fixed for hyper in model.hypers)
    return "Gauss-Legendre quadrature" if free <= MOST_FREE else "importance sampling"


def hyper_numbers(found: Movement, prior: str, time: float | None = None) -> HyperNumbers:
    """Label a hyperparameter."""
    median, low, high = map(number, found.prior)
    return HyperNumbers(
        time,
        number(found.mean),
        number(found.sd),
        found.median,
        found.low,
        found.high,
        prior,
        median,
        low,
        high,
        number(found.moved),
    )


def missing_reasons(model: JointModel, found: JointSummaries) -> dict[str, str]:
    """Say why a moment or the evidence is None, by the path of the field."""
    why = {}
    if improper := improper_priors(model):
        why["log_marginal_likelihood"] = f"{improper[0]}: p(y) is defined up to a constant only"
    for word, name in (("mean", "mean"), ("standard deviation", "sd")):
        for quantity in ("mu", "theta_new", "coefficients", "contrasts"):
            if any(map(isnan, getattr(getattr(found, quantity), name))):
                why[f"{quantity}.{name}"] = f"the {word} does not exist: its tail is too heavy"
        if any(isnan(getattr(hyper, name)) for hyper in found.hypers):
            why[f"tau.{name}"] = f"the {word} does not exist: its tail is too heavy"
    return why
