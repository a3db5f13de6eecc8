"""How the times of an outcome are joined: the text of a user read into a model."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.evidence.study import JointSpec, Pool
from bayesmeta.fit.numbers import Ask
from bayesmeta.models.between import LKJ
from bayesmeta.models.covariance import Correlation, correlation
from bayesmeta.models.curves import Curve, Plateau, RandomWalk
from bayesmeta.models.design import COURSES
from bayesmeta.models.joint import JointModel
from bayesmeta.models.longitudinal import coefficient_priors, longitudinal_model
from bayesmeta.priors import MuPrior, RhoPrior, mu_prior, rho_prior, tau_prior

UNSTRUCTURED = "unstructured"
"""Name of a covariance over time with a tau a time and any correlations."""

CURVES = {"plateau": Plateau, "random-walk": RandomWalk}
"""Means over time with a hyperparameter."""


@dataclass(frozen=True, slots=True)
class JointAsk:
    """How the times are joined."""

    mean: str | Curve
    between: Correlation | LKJ
    within: Correlation
    tau_per_time: bool
    beta: MuPrior
    weights: Mapping[str, float]
    reason: str
    given: frozenset[str]

    @classmethod
    def of(cls, spec: JointSpec) -> Self:
        """Read the text of a specification."""
        return cls(
            _mean(spec.mean),
            _between(spec),
            correlation(
                spec.within, _rho("within_correlation", spec.within_correlation), spec.rho_lag
            ),
            spec.tau_per_time or spec.between == UNSTRUCTURED,
            mu_prior(spec.beta),
            spec.weights,
            spec.reason,
            spec.given,
        )

    @property
    def course(self) -> str:
        """Name of the mean over time."""
        return self.mean if isinstance(self.mean, str) else self.mean.word

    @property
    def kind(self) -> str:
        """Name of the covariance of the study effects over time."""
        return self.between.kind if isinstance(self.between, Correlation) else UNSTRUCTURED

    @property
    def rho(self) -> str:
        """The prior on their correlation."""
        between = self.between
        return str(between.rho) if isinstance(between, Correlation) else f"lkj({between.eta:g})"

    def model(self, pools: Sequence[Pool], ask: Ask, also_at: Sequence[float] = ()) -> JointModel:
        """Return the joint model of the pools of one outcome.

        Changes from a baseline of which the table has mean and SD enter as the two values that
        they are, whose correlation then is that of the errors over time.
        """
        labelled = [(pool, i) for pool in pools for i in range(pool.k)]
        times = {pool.time for pool in pools}
        tau = [ask.tau] * len(times) if self.tau_per_time else ask.tau
        model = longitudinal_model(
            [pool.studies[i] for pool, i in labelled],
            [_time(pool) for pool, _ in labelled],
            [pool.y[i] for pool, i in labelled],
            [pool.se[i] for pool, i in labelled],
            tau=tau,
            between=self.between,
            within=self.within,
            mean=self.mean,
            also_at=also_at,
            coefficients=ask.mu,
        )
        model = _with_baseline(model, labelled)
        slopes = {"time", "log time"}
        priors = (self.beta if name in slopes else ask.mu for name in model.names)
        return replace(model, coefficients=coefficient_priors(list(priors), model.names))


def _mean(text: str) -> str | Curve:
    """Read the mean over time; a curve has a prior in brackets."""
    found = re.fullmatch(r"\s*([\w-]+)\s*(?:\((.*)\))?\s*", text)
    word, prior = (found[1], found[2]) if found else (text, None)
    if word not in (*COURSES, *CURVES):
        raise InputError(
            f"unknown mean over time {word!r}: {did_you_mean(word, (*COURSES, *CURVES))}"
        )
    if word in COURSES:
        if prior is not None:
            raise InputError(f"mean is {text!r}: a {word} mean takes no prior in brackets")
        return word
    if prior is None:
        raise InputError(f"mean is {text!r}: expected a prior too, as in {word}(half-normal(1))")
    return CURVES[word](tau_prior(prior))


def _with_baseline(model: JointModel, labelled: list[tuple[Pool, int]]) -> JointModel:
    """Return the model with the standard errors of baselines beside those of later values."""
    start, later = np.array([_errors(pool, at) for pool, at in labelled]).T
    changes = np.isfinite(start)
    if not changes.any():
        return model
    if model.times[0] <= 0:
        raise InputError("changes from baseline need times after it, above 0")
    baseline, se = np.where(changes, start, 0.0), np.where(changes, later, model.se)
    return replace(model, se=se, baseline=baseline)


def _errors(pool: Pool, at: int) -> tuple[float, float]:
    """Standard errors of the values at baseline and later, ``nan`` where y is no change."""
    names = ("baseline_sd", "sd", "n")
    if not all(name in pool.cells for name in names):
        return np.nan, np.nan
    before, after, n = (float(pool.cells[name][at]) for name in names)
    return before / np.sqrt(n), after / np.sqrt(n)


def _between(spec: JointSpec) -> Correlation | LKJ:
    if spec.between != UNSTRUCTURED:
        return correlation(spec.between, _rho("rho", spec.rho), spec.rho_lag)
    if "rho" not in spec.given:
        return LKJ()
    found = re.fullmatch(r"\s*lkj\(\s*([-+.\deE]+)\s*\)\s*", spec.rho)
    if not found:
        raise InputError(
            f"rho is {spec.rho!r}: unstructured correlations take lkj(1), or another eta"
        )
    return LKJ(float(found[1]))


def _rho(name: str, text: str) -> RhoPrior:
    try:
        return rho_prior(text)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _time(pool: Pool) -> float:
    assert pool.time is not None
    return pool.time
