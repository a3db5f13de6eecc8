"""The words and the digits in which numbers are shown, on the scale of the measure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, floor, log10
from typing import TYPE_CHECKING

from bayesmeta.evidence.measures import Measure
from bayesmeta.evidence.pooling import words_of_time
from bayesmeta.evidence.study import Direction, Evidence, Pool
from bayesmeta.fit.numbers import PosteriorNumbers
from bayesmeta.priors import DataDependent, Flat, MuPrior, Prior, TauPrior

if TYPE_CHECKING:
    from bayesmeta.fit.result import Fit, Row

_FREQUENTIST = {
    "IV": "Inverse variance, fixed",
    "MH": "Mantel-Haenszel, fixed",
    "DL": "DerSimonian-Laird, random",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table of a pool, as text."""

    label: str
    estimate: str
    kind: str
    interval: str
    note: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class StudyLine:
    """One study as text: as observed, and given all."""

    study: str
    observed: str
    shrunk: str
    weight: str
    status: str


def heading(fit: "Fit") -> list[str]:
    """Return the lines above the tables: what was pooled, how, and with which priors."""
    evidence = fit.evidence
    unit = f" ({evidence.unit})" if evidence.unit else ""
    each = ", each time alone" if len({row.pool.time for row in fit.rows}) > 1 else ""
    lines = [
        evidence.title,
        f"{evidence.measure.label}{unit}, {better(fit.direction)}; effect sizes by the rules of "
        f"{'RevMan 5' if evidence.convention == 'revman5' else 'metafor'}",
        f"normal-normal random-effects model{each}; "
        f"{percent(fit.ask.level)} {fit.interval} intervals",
    ]
    for name, prior in (("mu", fit.ask.mu), ("tau", fit.ask.tau)):
        default = " (default)" if name in fit.default_priors else ""
        lines.append(f"prior on {name}: {prior}{default}; {meaning(prior, evidence.measure)}")
    if evidence.prior_reason and str(fit.ask.tau) == evidence.tau:
        lines.append(f"why this tau: {evidence.prior_reason}")
    return [*lines, *evidence.assumptions]


def better(direction: Direction | None) -> str:
    """Say which direction is better."""
    return f"{direction} is better" if direction else "direction not given"


def meaning(prior: Prior, measure: Measure) -> str:
    """Say on which scale a prior acts, and where it puts 95 % on the scale of the measure.

    Examples
    --------
    >>> from bayesmeta.evidence.measures import measure_named
    >>> from bayesmeta.priors import Normal
    >>> meaning(Normal(0, 1), measure_named("OR"))
    'on the log OR: 95 % on OR 0.141 to 7.1'
    """
    on = f"on the log {measure.name}" if measure.ratio else f"on the {measure.name}"
    if isinstance(prior, DataDependent):
        return f"{on}: its scale is that of the standard errors"
    if not prior.proper:
        return f"{on}, {'no value preferred' if prior.name == 'flat' else 'improper'}"
    if isinstance(prior, MuPrior):
        low, high = (float(x) for x in prior.ppf([0.025, 0.975]))
        if measure.ratio:
            low, high = exp(min(low, 700)), exp(min(high, 700))
        return f"{on}: 95 % on {measure.name} {low:.3g} to {high:.3g}"
    if isinstance(prior, TauPrior) and prior.support[0] < prior.support[1]:
        return f"{on}: 95 % below {float(prior.ppf(0.95)):.3g}"
    return on


def pool_title(fit: "Fit", pool: Pool) -> str:
    """Name a pool: its outcome where there are several, its time, its number of studies."""
    return title_of(fit.evidence, [row.pool for row in fit.rows], pool)


def title_of(evidence: Evidence, pools: Sequence[Pool], pool: Pool) -> str:
    """Name one of several pools."""
    time = words_of_time(pool.time, evidence.time_unit)
    several = len({other.outcome for other in pools}) > 1 or not time
    parts = [pool.outcome if several else "", time, count(pool.k, "study", "studies")]
    return ", ".join(part for part in parts if part)


def pool_lines(fit: "Fit", row: "Row", numbers: PosteriorNumbers) -> list[Line]:
    """Return the table of one pool: published, frequentist, posterior, prediction, tau."""
    show = formatter(fit.evidence)
    level = percent(fit.ask.level)
    lines = []
    if (found := row.pool.published) is not None:
        printed = ("P", found.p_text), ("heterogeneity P", found.p_heterogeneity_text)
        note = ", ".join(f"{name} {_printed_p(text)}" for name, text in printed if text)
        label = f"Published ({found.model}, {found.source})"
        lines.append(
            Line(
                label, show(found.estimate), "95% CI", span(show, found.ci_low, found.ci_high), note
            )
        )
    for pool in row.frequentist:
        if row.pool.k == 1 and pool.method == "DL":
            continue  # one study leaves it nothing to estimate: it is the fixed row again
        note = f"P {p_value(pool.p)}"
        if pool.tau2 is not None:
            note += f", tau {pool.tau2**0.5:.3g}"
        if pool.i2 is not None:
            note += f", I2 {100 * pool.i2:.0f}%, heterogeneity P {p_value(pool.p_heterogeneity)}"
        lines.append(
            Line(
                _FREQUENTIST[pool.method],
                show(pool.estimate),
                f"{level} CI",
                span(show, pool.ci_low, pool.ci_high),
                note,
            )
        )
    if row.pool.k == 1:
        study = numbers.studies[0].shrunk
        lines.append(
            Line(
                f"Effect in {numbers.studies[0].study}",
                show(study.median),
                f"{level} CrI",
                span(show, study.ci_low, study.ci_high),
                "the counterpart of the rows above",
            )
        )
    word = "P(benefit)" if fit.evidence.controlled else "P(improvement)"
    for label, kind, quantity, prob in (
        ("Pooled effect mu, posterior", "CrI", numbers.mu, numbers.prob_benefit),
        ("Effect in a new study, prediction", "PI", numbers.theta_new, numbers.prob_benefit_new),
    ):
        note = "" if prob is None else f"{word} {probability(prob)}"
        if prob is None and quantity is numbers.mu and numbers.prob_below_zero is not None:
            below = (
                f"P({fit.evidence.measure.name} < 1)" if fit.evidence.measure.ratio else "P(mu < 0)"
            )
            note = f"{below} {probability(numbers.prob_below_zero)}; give --direction for {word}"
        lines.append(
            Line(
                label,
                show(quantity.median),
                f"{level} {kind}",
                span(show, quantity.ci_low, quantity.ci_high),
                note,
                strong=True,
            )
        )
    lines += [
        Line(f"P({event.text})", probability(event.probability(row.posterior)), "", "", "")
        for event in fit.ask.events
    ]
    tau, i2 = numbers.tau, numbers.i2
    lines.append(
        Line(
            "Heterogeneity tau, posterior" + (" (log scale)" if fit.evidence.measure.ratio else ""),
            spread(tau.median),
            f"{level} CrI",
            span(spread, tau.ci_low, tau.ci_high),
            f"I2 {100 * (i2.median or 0):.0f}% "
            f"({100 * (i2.ci_low or 0):.0f} to {100 * (i2.ci_high or 0):.0f}%)",
        )
    )
    lines += [
        Line(label, f"{value:.3g}", "", "", words)
        for label, value, words in row.hypotheses.lines(row.pool.k)
    ]
    return lines


def pool_remarks(fit: "Fit", row: "Row") -> list[str]:
    """Say what the data of a pool cannot tell."""
    remarks = []
    if row.pool.k == 1:
        prior = (
            "tau is its prior, exactly"
            if isinstance(fit.ask.mu, Flat)
            else "of tau the data say next to nothing beyond its prior"
        )
        remarks.append(
            f"One study: {prior}, and the width of mu and of the prediction beyond the study's own "
            "is the prior's."
        )
    if row.pool.k == 2:
        remarks.append("Two studies say little of tau: its prior matters. Try others with --prior.")
    if not fit.evidence.controlled:
        remarks.append(
            "Uncontrolled series: improvement includes the natural course and regression to the "
            "mean: it is no estimate of a treatment effect."
        )
    moments = [path for path in row.exact.reasons if path.endswith((".mean", ".sd"))]
    if moments:
        remarks.append(
            f"Not finite, so not reported: {', '.join(moments)} (heavy tail of the prior on tau)."
        )
    return remarks


def study_lines(fit: "Fit", row: "Row", numbers: PosteriorNumbers) -> list[StudyLine]:
    """Return the studies of a pool, as observed and given all, with what kind of data they are."""
    from scipy.special import ndtri

    show = formatter(fit.evidence)
    z = float(ndtri((1 + fit.ask.level) / 2))

    def estimate(middle: float | None, low: float | None, high: float | None) -> str:
        return f"{show(middle)} ({span(show, low, high)})"

    lines = [
        StudyLine(
            study.study,
            estimate(study.estimate, study.estimate - z * study.se, study.estimate + z * study.se),
            estimate(study.shrunk.median, study.shrunk.ci_low, study.shrunk.ci_high),
            f"{100 * (study.weight or 0):.0f}%",
            study.status or "",
        )
        for study in numbers.studies
    ]
    if numbers.prior_weight:
        lines.append(StudyLine("prior on mu", "", "", f"{100 * numbers.prior_weight:.0f}%", ""))
    return lines


def formatter(evidence: Evidence) -> Callable[[float | None], str]:
    """Return a function that shows an effect on the scale of the measure."""
    if evidence.measure.ratio:
        return lambda x: "" if x is None else _ratio(exp(min(x, 700.0)))
    return _plain(evidence)


def _plain(evidence: Evidence) -> Callable[[float | None], str]:
    """Return a function that shows a number with two digits of the smallest standard error."""
    smallest = min(float(pool.se.min()) for pool in evidence.pools)
    decimals = min(max(0, 1 - floor(log10(smallest))), 12)

    def shown(x: float | None) -> str:
        text = "" if x is None else f"{x:.{decimals}f}"
        return text.removeprefix("-") if text.strip("-0.") == "" else text

    return shown


def spread(tau: float | None) -> str:
    """Show tau, whose size is its prior's more than the standard errors', with three digits.

    Examples
    --------
    >>> spread(0.9463), spread(1.23e-7)
    ('0.946', '1.23e-07')
    """
    return "" if tau is None else f"{tau:.3g}"


def span(show: Callable[[float | None], str], low: float | None, high: float | None) -> str:
    """Show an interval."""
    return f"{show(low)} to {show(high)}"


def percent(level: float) -> str:
    """Show a level.

    Examples
    --------
    >>> percent(0.95), percent(0.999)
    ('95%', '99.9%')
    """
    return f"{100 * level:.6g}%"


def probability(p: float) -> str:
    """Show a probability, never rounded to 0 or 1.

    Examples
    --------
    >>> probability(0.8571), probability(0.99999)
    ('0.857', '>0.999')
    """
    return "<0.001" if p < 0.001 else ">0.999" if p > 0.999 else f"{p:.3f}"


def p_value(p: float | None) -> str:
    """Show a P value as RevMan does."""
    if p is None:
        return ""
    return "<0.00001" if p < 1e-5 else "<0.0001" if p < 1e-4 else f"{p:.2g}"


def _printed_p(text: str) -> str:
    """Show a P value as printed; one that a program stored, with an exponent, as RevMan does."""
    return p_value(float(text)) if "e" in text.lower() else text


def count(n: int, one: str, many: str) -> str:
    """Count things.

    Examples
    --------
    >>> count(1, "study", "studies"), count(3, "study", "studies")
    ('1 study', '3 studies')
    """
    return f"{n} {one if n == 1 else many}"


def _ratio(x: float) -> str:
    """Show a ratio with two decimals, three below 0.1."""
    if not 1e-3 <= x < 1e5:
        return f"{x:.2e}"
    decimals = 2 if 0.1 <= x < 100 else 0 if x >= 100 else 3
    return f"{x:.{decimals}f}"
