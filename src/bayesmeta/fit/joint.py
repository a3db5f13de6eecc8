"""One model of all times of an outcome: the labelled result, and what it hangs on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.engines.averaged import averaged
from bayesmeta.engines.importance import fit_any
from bayesmeta.engines.joint import JointPosterior
from bayesmeta.engines.joint_summaries import JointSummaries
from bayesmeta.engines.mixture import Mixture
from bayesmeta.errors import InputError
from bayesmeta.evidence.overlap import shared_centres
from bayesmeta.evidence.study import Pool, SeriesSpec, Variant
from bayesmeta.fit.designs import Designs, fit_designs
from bayesmeta.fit.joint_ask import JointAsk
from bayesmeta.fit.joint_numbers import JointNumbers, TimeNumbers, joint_numbers
from bayesmeta.fit.numbers import Ask, benefit
from bayesmeta.models.between import LKJ
from bayesmeta.models.curves import Curve
from bayesmeta.models.joint import JointModel
from bayesmeta.priors import RhoFixed

RHO_WITHIN = (0.0, 0.3, 0.6, 0.9)
"""Within-study correlations at which the analysis is repeated, for nobody reports it."""

MAIN = "main"
"""Name of the analysis's own rows among the sets of rows."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A joint model fitted to one set of rows."""

    name: str
    reason: str
    weight: float
    pools: tuple[Pool, ...]
    posterior: JointPosterior
    summaries: JointSummaries
    numbers: JointNumbers


@dataclass(frozen=True, slots=True)
class Narrowing:
    """The width of the interval of mu at one time, joint and pooled alone."""

    time: float
    joint: float
    alone: float

    @property
    def ratio(self) -> float:
        """Joint over alone: below 1 where the other times help."""
        return self.joint / self.alone


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether a study keeps a benefit from its first to its last time, under one set of rows."""

    study: str
    rows: str
    first: float
    last: float
    prob_first: float
    prob_last: float
    kept: bool


@dataclass(frozen=True, slots=True)
class Implied:
    """The correlation of a study's true effects at two times that lie a gap apart."""

    gap: float
    median: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class Joint:
    """The longitudinal model of an outcome: all times at once.

    Attributes
    ----------
    ask : Ask
    how : JointAsk
    main : Fitted
        The analysis's own rows.
    others : tuple of Variant
        Other sets of rows.
    alone : tuple of float
        For each time the width of the interval of mu pooled alone.
    beside : SeriesSpec or None
        Uncontrolled series of the same outcome.
    """

    ask: Ask
    how: JointAsk
    main: Fitted
    others: tuple[Variant, ...]
    alone: tuple[float, ...]
    beside: SeriesSpec | None = None

    @property
    def numbers(self) -> JointNumbers:
        """The posterior given the analysis's own rows."""
        return self.main.numbers

    @property
    def model(self) -> JointModel:
        """The model of the analysis's own rows."""
        return self.main.posterior.model

    @property
    def warnings(self) -> tuple[str, ...]:
        """On patients counted twice, for which times need not be the same."""
        return tuple(f"all times in one model: {line}" for line in shared_centres(self.main.pools))

    @property
    def studies(self) -> tuple[str, ...]:
        """Names of the studies, in the order of the model."""
        return tuple(dict.fromkeys(name for pool in self.main.pools for name in pool.studies))

    @cached_property
    def narrowing(self) -> tuple[Narrowing, ...]:
        """How much narrower the intervals of mu are than those of each time alone."""
        return tuple(
            Narrowing(mu.time, mu.ci_high - mu.ci_low, alone)
            for mu, alone in zip(self.numbers.mu, self.alone, strict=True)
        )

    @cached_property
    def implied(self) -> tuple[Implied, ...]:
        """The AR(1) correlation at the smallest and the largest gap between two times."""
        rho = self.numbers.rho_between
        between = self.how.between
        if isinstance(between, LKJ) or between.kind != "ar1" or isinstance(rho, tuple | None):
            return ()
        times = self.model.times
        ends = (rho,) * 3 if isinstance(rho, float) else (rho.median, rho.ci_low, rho.ci_high)
        return tuple(
            Implied(gap, *(float(end) ** (gap / between.lag) for end in ends))
            for gap in dict.fromkeys((float(np.diff(times).min()), float(np.ptp(times))))
        )

    @cached_property
    def contributions(self) -> Array:
        """How much each study adds at each time, shape (times, studies): shares of information."""
        return self.main.posterior.shares()

    @cached_property
    def first_benefit(self) -> float | None:
        """The first time at which P(benefit) passes the level, None where it never does.

        Of the times of the data where each has a mean of its own, for between them such a course
        is a line that nobody observed, and where the course is a curve, which is followed there;
        of all times between the first and the last otherwise.
        """
        if self.ask.direction is None:
            return None
        if self.how.mean == "per-time" or isinstance(self.how.mean, Curve):
            passed = (one for one in self.numbers.mu if (one.prob_benefit or 0) >= self.ask.level)
            return next((one.time for one in passed), None)
        found = self.main.posterior.first_time(self.ask.level, below=self.ask.direction == "lower")
        return None if np.isnan(found) else found

    @cached_property
    def at_rho_within(self) -> tuple[JointNumbers, ...]:
        """The same model with the within-study correlation fixed at each of `RHO_WITHIN`.

        Empty where no study is seen twice, for then it has no part.
        """
        if len(np.unique(self.model.study)) == len(self.model.y):
            return ()
        models = [
            replace(self.model, within=replace(self.model.within, rho=RhoFixed(rho)))
            for rho in RHO_WITHIN
        ]
        return tuple(
            joint_numbers(model, fit_any(model, self.ask.level, 1e-6)[1], self.ask.direction)
            for model in models
        )

    @cached_property
    def alternatives(self) -> tuple[Fitted, ...]:
        """Every set of rows, the analysis's own first; empty where there is no other."""
        if not self.others:
            return ()
        rest = [
            _fitted(
                other.name, other.reason, self._weight(other.name), other.pools, self.ask, self.how
            )
            for other in self.others
        ]
        return (replace(self.main, weight=self._weight(MAIN)), *rest)

    @cached_property
    def series(self) -> Designs | None:
        """The uncontrolled series beside, with what their design adds."""
        if self.beside is None:
            return None
        return fit_designs(self.main.pools, self.beside, self.ask, self.how.model)

    @cached_property
    def averaged(self) -> JointNumbers | None:
        """The average over the sets of rows, with the weights of the user, equal unless given."""
        sets = [one for one in self.alternatives if one.weight > 0]
        if not sets:
            return None
        whole = averaged(
            [(one.posterior, one.summaries) for one in sets],
            [one.weight for one in sets],
            self.ask.level,
        )
        numbers = joint_numbers(self.model, whole, self.ask.direction)
        why = {"log_marginal_likelihood": "evidences of different data do not compare"}
        return replace(numbers, log_marginal_likelihood=None, reasons=numbers.reasons | why)

    @cached_property
    def kept(self) -> tuple[Kept, ...]:
        """Which studies keep their benefit under one set of rows and not under another.

        A benefit is kept where its posterior probability at the study's last time is at least
        the level.
        """
        if self.ask.direction is None:
            return ()
        found: dict[str, list[Kept]] = {}
        for one in self.alternatives:
            for kept in self._kept(one):
                found.setdefault(kept.study, []).append(kept)
        differ = [all_ for all_ in found.values() if len({kept.kept for kept in all_}) > 1]
        return tuple(kept for all_ in differ for kept in all_)

    def course(self, at: ArrayLike) -> tuple[tuple[TimeNumbers, ...], tuple[TimeNumbers, ...]]:
        """Return the pooled effect and the effect in a new study at any times.

        Where each time has an effect of its own (``mean="per-time"``), that between two times is
        taken on the line between theirs: an assumption of this answer, not of the model, and the
        narrower for it. A plateau or a random walk is fitted again with knots at these times, to a
        hundredth of a posterior SD.
        """
        posterior = self.main.posterior.coarser
        times = np.atleast_1d(np.asarray(at, dtype=float))
        if isinstance(self.how.mean, Curve):
            model = self.how.model(self.main.pools, self.ask, times.tolist())
            posterior = fit_any(model, self.ask.level, 1e-2)[0]
        p = np.array([(1 - self.ask.level) / 2, 0.5, (1 + self.ask.level) / 2])
        parts = []
        for mixture in (posterior.mu(times), posterior.theta_new(times)):
            low, median, high = mixture.quantile(p).T
            below = mixture.cdf(0.0)
            parts.append(
                tuple(
                    TimeNumbers(
                        float(time),
                        None,
                        None,
                        float(median[i]),
                        float(low[i]),
                        float(high[i]),
                        benefit(float(below[i]), self.ask.direction),
                        float(below[i]),
                    )
                    for i, time in enumerate(times)
                )
            )
        return parts[0], parts[1]

    def _weight(self, name: str) -> float:
        names = (MAIN, *(other.name for other in self.others))
        total = sum(self.how.weights.get(one, 1.0) for one in names)
        return self.how.weights.get(name, 1.0) / total

    def _kept(self, one: Fitted) -> list[Kept]:
        model, grid = one.posterior.model, one.posterior.coarser.best
        names = list(dict.fromkeys(name for pool in one.pools for name in pool.studies))
        found = []
        for studies, mean, variance in model.study_effects(grid.phi, grid.given):
            below = Mixture(grid.weights, mean, np.sqrt(variance)).cdf(0.0)
            prob = below if self.ask.direction == "lower" else 1 - below
            for study, of_study in zip(studies, prob.T, strict=True):
                slots = np.sort(model.slot[model.study == study])
                if len(slots) > 1:
                    first, last = model.times[slots[[0, -1]]].tolist()
                    before, after = of_study[slots[[0, -1]]].tolist()
                    kept = after >= self.ask.level
                    found.append(Kept(names[study], one.name, first, last, before, after, kept))
        return found


def fit_longitudinal(
    pools: tuple[Pool, ...],
    others: tuple[Variant, ...],
    ask: Ask,
    how: JointAsk,
    alone: Sequence[float],
    beside: SeriesSpec | None = None,
) -> Joint:
    """Fit the joint model of the pools of one outcome.

    Raises
    ------
    InputError
        When the pools have several outcomes or no times, or the model cannot be fitted to them.
    """
    outcomes = list(dict.fromkeys(pool.outcome for pool in pools))
    if len(outcomes) > 1:
        raise InputError(
            f"a longitudinal model joins the times of one outcome, and there are "
            f"{len(outcomes)}, {', '.join(outcomes)}: a table of one of them is expected"
        )
    if any(pool.time is None for pool in pools):
        raise InputError(
            f"a longitudinal model joins times, and {outcomes[0]} has none: a column time with a "
            f"number in every row is expected"
        )
    main = _fitted(MAIN, "", 1.0, pools, ask, how)
    return Joint(ask, how, main, others, tuple(alone), beside)


def _fitted(
    name: str, reason: str, weight: float, pools: tuple[Pool, ...], ask: Ask, how: JointAsk
) -> Fitted:
    model = how.model(pools, ask)
    posterior, found = fit_any(model, ask.level)
    numbers = joint_numbers(model, found, ask.direction)
    return Fitted(name, reason, weight, pools, posterior, found, numbers)
