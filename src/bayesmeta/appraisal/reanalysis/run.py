"""From a RevMan file to a reanalysis: one batch of the exact engine for a whole review."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bayesmeta.appraisal.reanalysis.changes import changes
from bayesmeta.appraisal.reanalysis.recompute import (
    given_by_revman,
    recomputed_result,
    stored_result,
)
from bayesmeta.appraisal.reanalysis.values import Reanalysed, Reanalysis, RevManResult
from bayesmeta.engines.exact import QUANTITIES, Quantity, Summaries
from bayesmeta.engines.ragged import fit_pools
from bayesmeta.errors import InputError
from bayesmeta.evidence.revman import Outcome, Review, Subgroup, pool_of, read_review
from bayesmeta.evidence.study import Evidence, Pool
from bayesmeta.fit.numbers import Ask, PosteriorNumbers, model_of, numbers_of
from bayesmeta.fit.run import priors_for
from bayesmeta.models import NormalNormal
from bayesmeta.priors import MuPrior, TauPrior, mu_prior, tau_prior

SUMMARIES: tuple[Quantity, ...] = ("mu", "theta_new", "tau", "i2")
"""What a table of many reviews needs: without the study effects a fit takes a quarter of the
time."""


@dataclass(frozen=True, slots=True)
class Priors:
    """The priors that somebody named, None for those nobody did."""

    mu: MuPrior | None = None
    tau: TauPrior | None = None

    @classmethod
    def of(cls, mu: MuPrior | str | None = None, tau: TauPrior | str | None = None) -> "Priors":
        """Read priors as objects or in their text form."""
        return cls(
            mu_prior(mu) if isinstance(mu, str) else mu,
            tau_prior(tau) if isinstance(tau, str) else tau,
        )

    @property
    def defaults(self) -> frozenset[str]:
        """Which of ``mu`` and ``tau`` nobody named."""
        return frozenset(name for name in ("mu", "tau") if getattr(self, name) is None)


def reanalyse(
    path: str | Path, *, mu: MuPrior | str | None = None, tau: TauPrior | str | None = None
) -> Reanalysis:
    """Pool every outcome and subgroup of a RevMan review again, as RevMan does and Bayesian.

    Parameters
    ----------
    path : path
        RevMan 5's ``.rm5``, its CSV of data and analyses, or RevMan Web's
        ``...-data-rows.csv``.
    mu, tau : prior or str, optional
        For every outcome, on the analysis scale. By default those of `bayesmeta.fit`: flat, and
        half-normal with a scale by measure, from the studies of the outcome; its subgroups have
        the prior of the outcome.

    Returns
    -------
    Reanalysis
        Stored and recomputed results by the model that RevMan has for the outcome, fixed or
        random; posteriors always of the random-effects model, as in `bayesmeta.fit`, from the
        same study effects (Peto's where RevMan's method is Peto's) and at RevMan's level.

    Raises
    ------
    InputError
        One line that says why the file cannot be read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> rows = (
    ...     "Comparison Number,Outcome Number,Subgroup Number,Name,Data Type,Statistical Method,"
    ...     "Effect Measure,Analysis Model,Events 1,Total 1,Events 2,Total 2",
    ...     "1,1,0,Tuberculosis,DICHOTOMOUS,MH,RR,Random,,,,",
    ...     "1,1,0,Aronson 1948,,,,,4,123,11,139",
    ...     "1,1,0,Ferguson 1949,,,,,6,306,29,303",
    ... )
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "bcg.csv"
    ...     written = path.write_text(chr(10).join(rows))
    ...     (found,) = reanalyse(path).outcomes
    >>> round(found.recomputed.estimate, 3), round(float(np.exp(found.posterior.mu.median)), 3)
    (0.266, 0.272)
    """
    return reanalyse_review(read_review(path), Priors.of(mu, tau))


def reanalyse_review(
    review: Review,
    priors: Priors,
    quantities: tuple[Quantity, ...] = QUANTITIES,
    start: Callable[[int], None] = lambda n: None,
    done: Callable[[int], None] = lambda n: None,
) -> Reanalysis:
    """Reanalyse a review that has been read.

    Parameters
    ----------
    review : Review
    priors : Priors
    quantities : tuple of str
        Of which the posterior is summarised; modes come with the study effects.
    start, done : callable
        Called with the number of pools to fit, and of those that have just been fitted.
    """
    tasks = {task.id: task for outcome in review.outcomes for task in _tasks(outcome, priors)}
    ready = [task for task in tasks.values() if task.model is not None]
    start(len(ready))
    for level in {task.level for task in ready}:
        alike = [task for task in ready if task.level == level]
        models = [task.model for task in alike if task.model is not None]
        with np.errstate(all="ignore"):
            found = fit_pools(
                models, level, "central", quantities, modes=quantities == QUANTITIES, done=done
            )
        for task, summaries in zip(alike, found, strict=True):
            task.finish(summaries)
    return Reanalysis(
        review,
        tuple(_reanalysed(review, outcome, None, tasks, priors) for outcome in review.outcomes),
    )


@dataclass(slots=True)
class _Task:
    """A pool on its way to a posterior."""

    id: str
    level: float
    evidence: Evidence
    pool: Pool | None
    ask: Ask | None = None
    model: NormalNormal | None = None
    posterior: PosteriorNumbers | None = None
    reasons: dict[str, str] = field(default_factory=dict)

    def finish(self, found: Summaries) -> None:
        assert self.pool is not None
        assert self.ask is not None
        assert self.model is not None
        try:
            self.posterior = numbers_of(self.pool, self.ask, self.model, found)
        except InputError as error:
            self.reasons["posterior"] = str(error)


def _tasks(outcome: Outcome, priors: Priors) -> Iterator[_Task]:
    """Yield the pools of an outcome and its subgroups, with their models where they have one."""
    parts: list[Subgroup | None] = [None, *_subgroups(outcome.subgroups)]
    pools = [pool_of(outcome, part)[0] for part in parts]
    evidence = _evidence(outcome, pools)
    ask, why = None, ""
    if evidence.pools:
        try:
            mu, tau = priors_for(evidence, priors.mu, priors.tau)
            ask = Ask(mu, tau, outcome.level, "central", outcome.direction)
        except InputError as error:
            why = str(error)
    for part, pool in zip(parts, pools, strict=True):
        task = _Task((part or outcome).id, outcome.level, evidence, pool, ask)
        if pool is None:
            task.reasons["posterior"] = _no_study(outcome, part)
        elif ask is None:
            task.reasons["posterior"] = why
        else:
            try:
                task.model = model_of(pool, ask.mu, ask.tau)
            except InputError as error:
                task.reasons["posterior"] = str(error)
        yield task


def _subgroups(parts: tuple[Subgroup, ...]) -> Iterator[Subgroup]:
    for part in parts:
        yield part
        yield from _subgroups(part.subgroups)


def _evidence(outcome: Outcome, pools: list[Pool | None]) -> Evidence:
    """Return what `fit` would be given: the total, or the subgroups where there is none."""
    whole, *rest = pools
    given = [whole] if whole is not None else [pool for pool in rest if pool is not None]
    return Evidence(
        name=outcome.id,
        title=outcome.name,
        measure=outcome.measure,
        direction=outcome.direction,
        unit="",
        time_unit="",
        convention="revman5",
        controlled=True,
        mu=None,
        tau=None,
        prior_reason="",
        source=outcome.id,
        pools=tuple(given),
    )


def _no_study(outcome: Outcome, part: Subgroup | None) -> str:
    if outcome.type == "other":
        return "text, without numbers to pool"
    return "no study can be estimated" if (part or outcome).studies else "it has no studies"


def _reanalysed(
    review: Review,
    outcome: Outcome,
    part: Subgroup | None,
    tasks: dict[str, _Task],
    priors: Priors,
) -> Reanalysed:
    here = part or outcome
    task = tasks[here.id]
    reasons = dict(task.reasons)
    stored = stored_result(outcome, here.stored)
    if stored is None:
        reasons["stored"] = "RevMan stored no result"
    recomputed: RevManResult | None = None
    if task.pool is None:
        reasons["recomputed"] = reasons["posterior"]
    else:
        try:
            recomputed = recomputed_result(review, outcome, part, task.pool)
        except InputError as error:
            reasons["recomputed"] = str(error)
        if recomputed is None:
            gives = given_by_revman(review, outcome, part)
            reasons.setdefault("recomputed", _NOT_ESTIMABLE if gives else _NO_TOTALS)
    ask = task.ask if task.posterior is not None else None
    return Reanalysed(
        outcome=outcome,
        part=part,
        k=0 if task.pool is None else task.pool.k,
        stored=stored,
        recomputed=recomputed,
        evidence=task.evidence,
        ask=ask,
        default_priors=priors.defaults,
        posterior=task.posterior,
        changed=changes(stored or recomputed, task.posterior, task.evidence, outcome.level),
        reasons=reasons,
        subgroups=tuple(
            _reanalysed(review, outcome, below, tasks, priors) for below in here.subgroups
        ),
    )


_NOT_ESTIMABLE = "not estimable by RevMan's method"
_NO_TOTALS = "RevMan gives none: the review shows no totals here"
