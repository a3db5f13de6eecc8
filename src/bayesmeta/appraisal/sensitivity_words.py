"""What a sensitivity analysis says, in words and digits for a person."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bayesmeta.appraisal.conclusions import BENEFIT, Conclusion, Moved, Pair, Verdict
from bayesmeta.appraisal.joint_sensitivity import AtTime, JointSensitivity, Triple
from bayesmeta.engines.exact import TOLERANCE
from bayesmeta.evidence.pooling import words_of_time
from bayesmeta.fit.words import (
    better,
    count,
    formatter,
    meaning,
    p_value,
    percent,
    probability,
    span,
    spread,
    title_of,
)

if TYPE_CHECKING:
    from bayesmeta.appraisal.sensitivity import Sensitivity


@dataclass(frozen=True, slots=True)
class MovedLine:
    """One row of the table of a pool, as text: a number and how far it moves."""

    label: str
    reference: str
    low: str
    low_under: str
    high: str
    high_under: str


@dataclass(frozen=True, slots=True)
class OtherLine:
    """Another set of data, as text: under the reference priors, and P(benefit) over the grid."""

    pool: str
    data: str
    left_out: str
    estimate: str
    prediction: str
    tau: str
    benefit: str
    over: str


def heading(found: "Sensitivity") -> list[str]:
    """Return the lines above the tables: what is varied, and what it is compared with."""
    evidence, sizes = found.evidence, found.dataset.sizes
    unit = f" ({evidence.unit})" if evidence.unit else ""
    varied = [f"{count(sizes['prior_mu'], 'prior', 'priors')} on mu by {sizes['prior_tau']} on tau"]
    if sizes["data"] > 1:
        varied.append(count(sizes["data"] - 1, "other data set", "other data sets"))
    if sizes["left_out"] > 1:
        varied.append("each study left out")
    posteriors = int(found.dataset["numerical_error"].count())
    return [
        evidence.title,
        f"{evidence.measure.label}{unit}, {better(found.fit.direction)}; "
        f"{percent(found.fit.ask.level)} central intervals, exact engine",
        *(
            f"reference prior on {name}: {prior}; {meaning(prior, evidence.measure)}"
            for name, prior in (("mu", found.fit.ask.mu), ("tau", found.fit.ask.tau))
        ),
        f"grid: {', '.join(varied)}: {count(posteriors, 'posterior', 'posteriors')}",
        *evidence.assumptions,
    ]


def warnings(found: "Sensitivity") -> list[str]:
    """Return what the reader must know before believing a number."""
    errors = found.dataset["numerical_error"]
    lines = [
        f"{count(n, 'posterior is', 'posteriors are')} not in the grid: {reason}"
        for reason, n in found.refused.items()
    ]
    if imprecise := int((errors > TOLERANCE).sum()):
        lines.append(
            f"quadrature reached an error above 1e-10, {float(errors.max()):.1e} at most, in "
            f"{count(imprecise, 'posterior', 'posteriors')}"
        )
    for reason, n in found.joint.refused.items() if found.joint else ():
        lines.append(
            f"all times in one model: {count(n, 'posterior', 'posteriors')} less: {reason}"
        )
    if found.joint_refused:
        lines.append(f"the joint model of all times is not in the grid: {found.joint_refused}")
    return [*lines, *found.evidence.warnings]


def pool_name(found: "Sensitivity", conclusion: Conclusion) -> str:
    """Name the pool of a conclusion."""
    pool = next(pool for pool in found.pools if pool.label == conclusion.pool)
    return title_of(found.evidence, found.pools, pool)


def moved_lines(found: "Sensitivity", conclusion: Conclusion) -> list[MovedLine]:
    """Return how far each number of a pool moves over the grid."""
    return _moved_lines(found, conclusion.moved, _under)


def joint_lines(found: "Sensitivity", joint: JointSensitivity, at: AtTime) -> list[MovedLine]:
    """Return how far each number of the joint model moves at one time."""
    return _moved_lines(found, at.moved, lambda under: _beside(joint.own, under))


def joint_benefit(found: "Sensitivity", joint: JointSensitivity) -> str:
    """Say under how many priors there is a benefit at each time, nothing without a direction."""
    parts = [
        f"{words_of_time(at.time, found.evidence.time_unit)} {at.benefit}"
        for at in joint.moved
        if at.benefit is not None
    ]
    of = count(len(joint.triples), "prior", "priors")
    if not parts:
        return ""
    return f"{benefit_word(found)} is at least {BENEFIT:g}, of {of}: {', '.join(parts)}."


def _moved_lines[Under](
    found: "Sensitivity", over: Mapping[str, Moved[Under]], words: Callable[[Under], str]
) -> list[MovedLine]:
    show, level, word = formatter(found.evidence), percent(found.fit.ask.level), benefit_word(found)
    ratio = found.evidence.measure.ratio
    below = f"P({found.evidence.measure.name} < 1)" if ratio else "P(mu < 0)"
    labels = {
        "estimate": ("Pooled effect mu", show),
        "ci_low": (f"{level} CrI from", show),
        "ci_high": (f"{level} CrI to", show),
        "prob_benefit": (word, _probability),
        "prob_below_zero": (below, _probability),
        "prediction_low": (f"New study, {level} PI from", show),
        "prediction_high": (f"New study, {level} PI to", show),
        "prob_benefit_new": (f"New study, {word}", _probability),
        "tau": ("Heterogeneity tau" + (" (log scale)" if ratio else ""), spread),
    }
    if "prob_benefit" in over:
        del labels["prob_below_zero"]
    return [
        MovedLine(
            label,
            shown(moved.reference),
            shown(moved.low),
            words(moved.low_under),
            shown(moved.high),
            words(moved.high_under),
        )
        for name, (label, shown) in labels.items()
        if (moved := over.get(name)) is not None
    ]


def other_line(found: "Sensitivity", conclusion: Conclusion) -> OtherLine:
    """Return what another set of data says."""
    show = formatter(found.evidence)
    own = {name: moved.reference for name, moved in conclusion.moved.items()}
    benefit = conclusion.moved.get("prob_benefit") or conclusion.moved["prob_below_zero"]
    return OtherLine(
        pool=pool_name(found, conclusion),
        data=conclusion.data,
        left_out=conclusion.left_out,
        estimate=f"{show(own['estimate'])} ({span(show, own['ci_low'], own['ci_high'])})",
        prediction=span(show, own["prediction_low"], own["prediction_high"]),
        tau=spread(own["tau"]),
        benefit=_probability(benefit.reference),
        over=span(_probability, benefit.low, benefit.high),
    )


def sentences(found: "Sensitivity", conclusion: Conclusion) -> list[str]:
    """Say whether what the analysis concludes holds over the whole grid."""
    return [_sentence(found, verdict) for verdict in conclusion.verdicts]


def remarks(found: "Sensitivity", conclusion: Conclusion) -> list[str]:
    """Say where the reference priors tip, what they expect and weigh, and who is farthest."""
    checks = next(checks for checks in found.checks if checks.pool == conclusion.pool)
    lines = [
        words
        for tipping in checks.tipping
        for words in (tipping.benefit_words, tipping.interval_words)
    ]
    if checks.sceptical is not None:
        lines.append(checks.sceptical.words)
    else:
        lines.append("where P(benefit) tips takes a direction: --direction lower|higher")
    conflict = checks.conflict
    expected = [
        f"{name} {p_value(p)}"
        for name, p in (("of Q", conflict.q), ("of the pooled estimate", conflict.estimate))
        if p is not None
    ]
    if expected:
        lines.append(f"prior predictive P (Box): {', '.join(expected)}")
    if checks.size.value > 0:
        lines.append(checks.size.words)
    lines.append(_farthest(found, conclusion))
    return [f"{line[0].upper()}{line[1:]}." for line in lines]


def _farthest(found: "Sensitivity", conclusion: Conclusion) -> str:
    """Name the posteriors of mu and theta_new farthest from those of the reference priors."""
    of_pool = found.distances.sel(pool=conclusion.pool)
    parts = []
    for quantity in ("mu", "theta_new"):
        of = of_pool.sel(quantity=quantity)
        at = of.argmax(...)
        mu, tau = (str(of[dim][at[dim]].values) for dim in ("prior_mu", "prior_tau"))
        parts.append(f"of {quantity} {float(of.max()):.2f} under {tau} on tau with {mu} on mu")
    return f"Hellinger distance from the reference, farthest: {'; '.join(parts)}"


def benefit_word(found: "Sensitivity") -> str:
    """Return the printed word for P(benefit)."""
    return "P(benefit)" if found.evidence.controlled else "P(improvement)"


def _sentence(found: "Sensitivity", verdict: Verdict) -> str:
    if verdict.claim == "interval":
        stands, not_so = "excludes no effect", "includes no effect"
        subject = f"The {percent(found.fit.ask.level)} interval"
    else:
        stands, not_so = f"is at least {BENEFIT:g}", f"is below {BENEFIT:g}"
        subject = benefit_word(found)
    says, other = (stands, not_so) if verdict.stands else (not_so, stands)
    over = f"{subject} {says} under the reference priors"
    if verdict.first is None:
        return f"{over} and under all {verdict.of} of the grid."
    return (
        f"{over} and under {verdict.same} of {verdict.of} of the grid; the first under which it "
        f"{other}: {verdict.first.tau} on tau with {verdict.first.mu} on mu."
    )


def _beside(own: Triple, under: Triple) -> str:
    """Name the priors that are not the analysis's own."""
    tau = [] if under.tau == own.tau else [f"tau {under.tau}"]
    return "; ".join([*tau, *under.correlations(own)]) or "its own"


def _under(pair: Pair) -> str:
    return f"{pair.tau}; {pair.mu}"


def _probability(p: float | None) -> str:
    return "" if p is None else probability(p)
