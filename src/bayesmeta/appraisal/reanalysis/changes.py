"""Which conclusions change: sentences for a reader who knew RevMan's result alone."""

from math import inf, log

from bayesmeta.appraisal.reanalysis.values import RevManResult
from bayesmeta.evidence.study import Evidence
from bayesmeta.fit.numbers import PosteriorNumbers
from bayesmeta.fit.words import formatter, percent, span


def changes(
    revman: RevManResult | None,
    posterior: PosteriorNumbers | None,
    evidence: Evidence,
    level: float,
) -> tuple[str, ...]:
    """Return the sentences that hold, none where one of the results is not there.

    RevMan's CI and the CrI differ on excluding no effect; both exclude it but the prediction
    interval does not; the posterior median and RevMan's estimate have opposite signs.
    """
    if revman is None or posterior is None or None in (revman.ci_low, revman.ci_high):
        return ()
    show, of = formatter(evidence), percent(level)
    ours, new = posterior.mu, posterior.theta_new
    ends = [_on_analysis_scale(revman, x) for x in (revman.ci_low, revman.ci_high)]
    ci = f"RevMan's {of} CI ({span(show, *ends)})"
    cri = f"the {of} CrI ({span(show, ours.ci_low, ours.ci_high)})"
    theirs, mine = _excludes(*ends), _excludes(ours.ci_low, ours.ci_high)
    said = []
    if theirs != mine:
        verbs = ("excludes", "includes") if theirs else ("includes", "excludes")
        said.append(f"{ci} {verbs[0]} no effect, {cri} {verbs[1]} it.")
    if theirs and mine and not _excludes(new.ci_low, new.ci_high):
        interval = f"the {of} prediction interval ({span(show, new.ci_low, new.ci_high)})"
        said.append(f"{ci} and {cri} exclude no effect, {interval} includes it.")
    estimate, median = _on_analysis_scale(revman, revman.estimate), ours.median
    if _sign(estimate, *ends) * _sign(median, ours.ci_low, ours.ci_high) < 0:
        said.append(
            f"RevMan's estimate ({show(estimate)}) and the posterior median ({show(median)}) have "
            "opposite signs."
        )
    return tuple(said)


def _on_analysis_scale(revman: RevManResult, x: float | None) -> float | None:
    if x is None or revman.scale == "natural":
        return x
    return log(x) if x > 0 else -inf


def _sign(x: float | None, low: float | None, high: float | None) -> int:
    """Return the sign of an estimate, 0 where rounding may have made it."""
    if x is None or low is None or high is None or abs(x) <= 1e-9 * (high - low):
        return 0
    return 1 if x > 0 else -1


def _excludes(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and (low > 0 or high < 0)
