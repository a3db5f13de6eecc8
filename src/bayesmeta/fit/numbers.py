"""The labelled numbers of one pool: what every table, file and figure is made from."""

from dataclasses import dataclass
from math import isnan

import numpy as np

from bayesmeta.engines.exact import IntervalKind, Posterior, Summaries, Summary
from bayesmeta.engines.exact import fit as fit_exact
from bayesmeta.errors import InputError
from bayesmeta.evidence.study import Direction, Pool
from bayesmeta.fit.events import Event
from bayesmeta.models import NormalNormal, model_for
from bayesmeta.priors import MuPrior, TauPrior


@dataclass(frozen=True, slots=True)
class Numbers:
    """Summaries of one quantity, on the analysis scale; None where one does not exist."""

    mean: float | None
    sd: float | None
    median: float | None
    mode: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, slots=True)
class StudyNumbers:
    """A study as observed, and its effect given all of them."""

    study: str
    estimate: float
    se: float
    status: str | None
    shrunk: Numbers
    weight: float | None


@dataclass(frozen=True, slots=True)
class PosteriorNumbers:
    """The posterior of one pool.

    ``reasons`` says, by the path of the field (such as ``theta_new.sd``), why one is None.
    """

    mu: Numbers
    tau: Numbers
    theta_new: Numbers
    i2: Numbers
    studies: tuple[StudyNumbers, ...]
    prior_weight: float | None
    prob_benefit: float | None
    prob_benefit_new: float | None
    prob_below_zero: float | None
    log_marginal_likelihood: float | None
    numerical_error: float | None
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of every pool of an analysis."""

    mu: MuPrior
    tau: TauPrior
    level: float
    interval: IntervalKind
    direction: Direction | None
    events: tuple[Event, ...] = ()


def model_of(pool: Pool, mu: MuPrior, tau: TauPrior) -> NormalNormal:
    """Return the model of a pool, a batch of one, with the prior on tau bound to its data."""
    time = "" if pool.time is None else f" at time {pool.time:g}"
    return model_for(pool.y, pool.se, mu, tau, f"{pool.outcome}{time}")


def exact_numbers(pool: Pool, ask: Ask) -> tuple[Posterior, PosteriorNumbers]:
    """Fit a pool by the exact engine and put its labels back."""
    model = model_of(pool, ask.mu, ask.tau)
    with np.errstate(all="ignore"):
        posterior, found = fit_exact(model, ask.level, ask.interval)
    return posterior, numbers_of(pool, ask, model, found)


def numbers_of(pool: Pool, ask: Ask, model: NormalNormal, found: Summaries) -> PosteriorNumbers:
    """Put the labels of a pool back on its summaries, those of the studies where there are any.

    Raises
    ------
    InputError
        When the priors and the data are too far apart for double precision.
    """
    if not np.isfinite(found.numerical_error[0]):
        raise InputError(
            f"{pool.outcome}: {ask.mu} on mu, {ask.tau} on tau and the data are too far apart for "
            "double precision: are they in the same units?"
        )
    below, below_new = (float(found.of[name].below_zero[0]) for name in ("mu", "theta_new"))
    return PosteriorNumbers(
        mu=_numbers(found.of["mu"]),
        tau=_numbers(found.of["tau"]),
        theta_new=_numbers(found.of["theta_new"]),
        i2=_numbers(found.of["i2"]),
        studies=_studies(pool, found) if "theta" in found.of else (),
        prior_weight=float(found.prior_weight[0]),
        prob_benefit=benefit(below, ask.direction),
        prob_benefit_new=benefit(below_new, ask.direction),
        prob_below_zero=below,
        log_marginal_likelihood=(
            float(found.log_evidence[0]) if ask.mu.proper and ask.tau.proper else None
        ),
        numerical_error=float(found.numerical_error[0]),
        reasons=reasons(model, ask),
    )


def benefit(below: float | None, direction: Direction | None) -> float | None:
    """P(benefit) from P(below zero): None where nobody said which direction is better."""
    if direction is None or below is None:
        return None
    return below if direction == "lower" else 1 - below


def reasons(model: NormalNormal, ask: Ask) -> dict[str, str]:
    """Say why a moment, an evidence or a probability is None, by the path of the field."""
    why: dict[str, str] = {}
    for order, name, word in ((1, "mean", "mean"), (2, "sd", "standard deviation")):
        for quantity in ("mu", "tau", "theta_new"):
            if not model.moment_exists(order, of_mu=quantity == "mu")[0]:
                why[f"{quantity}.{name}"] = (
                    f"the {word} does not exist: {int(model.k[0])} "
                    f"{'study' if model.k[0] == 1 else 'studies'} with {ask.mu} on mu and "
                    f"{ask.tau} on tau leave a tail too heavy for it"
                )
    for name, prior in (("mu", ask.mu), ("tau", ask.tau)):
        if not prior.proper:
            why["log_marginal_likelihood"] = (
                f"the prior on {name} is improper ({prior}): p(y) is defined up to a constant only"
            )
    if ask.direction is None:
        for name in ("prob_benefit", "prob_benefit_new"):
            why[name] = "the direction of benefit is not given: --direction lower|higher"
    return why


def _studies(pool: Pool, found: Summaries) -> tuple[StudyNumbers, ...]:
    effects, weights = found.of["theta"], found.weights[0]
    return tuple(
        StudyNumbers(
            study,
            float(pool.y[i]),
            float(pool.se[i]),
            pool.status[i],
            _numbers(effects, (0, i)),
            float(weights[i]),
        )
        for i, study in enumerate(pool.studies)
    )


_NAMES = ("mean", "sd", "median", "mode", "low", "high")


def _numbers(summary: Summary, at: tuple[int, ...] = (0,)) -> Numbers:
    values = (float(getattr(summary, name)[at]) for name in _NAMES)
    return Numbers(*(None if isnan(value) else value for value in values))
