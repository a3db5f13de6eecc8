"""The words in which a joint model is shown: lines and cells of text."""

from collections.abc import Sequence
from math import ceil, floor, log10
from textwrap import wrap
from typing import TYPE_CHECKING

from bayesmeta.evidence.pooling import words_of_time
from bayesmeta.fit.designs import Designs
from bayesmeta.fit.joint import MAIN, RHO_WITHIN, Joint, Kept
from bayesmeta.fit.joint_numbers import HyperNumbers, JointNumbers
from bayesmeta.fit.words import formatter, percent, probability, span, spread
from bayesmeta.models.between import LKJ
from bayesmeta.models.covariance import Correlation

if TYPE_CHECKING:
    from bayesmeta.fit.result import Fit

MEANS = {
    "per-time": "a pooled effect for each time",
    "linear": "a straight line over time",
    "log-linear": "a straight line over log time",
    "spline": "a natural cubic spline over time",
    "plateau": "an exponential approach to a plateau",
    "random-walk": "a random walk over time",
}

type Cells = tuple[str, ...]


def joint_heading(fit: "Fit", joint: Joint) -> list[str]:
    """Return the lines above the tables of a joint model."""
    how, unit = joint.how, fit.evidence.time_unit
    lines = [
        f"{MEANS[how.course]}; {'a tau for each time' if how.tau_per_time else 'one tau'}; "
        f"{percent(fit.ask.level)} central intervals; priors on mu and tau as above",
        _correlation("true effects of one study", "rho", joint, how.between, unit),
    ]
    if "rho_within" in {hyper.name for hyper in joint.model.hypers}:
        lines.append(
            _correlation(
                "errors of one study's estimates", "within_correlation", joint, how.within, unit
            )
        )
    if how.reason:
        lines.append(f"why these: {how.reason}")
    sampled = joint.numbers.method == "importance sampling"
    error = f"{'about' if sampled else 'below'} {_rounded_up(joint.numbers.numerical_error or 0)}"
    return [
        *lines,
        f"computed by {joint.numbers.method}; largest numerical error {error} (of locations in "
        "posterior SDs, of tau relative)",
    ]


def joint_times(fit: "Fit", joint: Joint) -> list[Cells]:
    """Return time, mu, P(benefit), prediction, and the width of the interval beside each alone."""
    show = formatter(fit.evidence)
    return [
        (
            words_of_time(mu.time, fit.evidence.time_unit),
            f"{show(mu.median)} ({span(show, mu.ci_low, mu.ci_high)})",
            probability(mu.prob_below_zero if mu.prob_benefit is None else mu.prob_benefit),
            span(show, new.ci_low, new.ci_high),
            f"{width.ratio:.2f}",
            _information(joint.studies, shares),
        )
        for mu, new, width, shares in zip(
            joint.numbers.mu,
            joint.numbers.theta_new,
            joint.narrowing,
            joint.contributions.tolist(),
            strict=True,
        )
    ]


def _information(studies: tuple[str, ...], shares: list[float]) -> str:
    """Say how much each study adds, or of many the one that adds most."""
    told = [
        f"{study} {100 * share:.0f}%"
        for study, share in zip(studies, shares, strict=True)
        if share >= 0.005 and (len(studies) <= _MOST_STUDIES or share == max(shares))
    ]
    return ("" if len(studies) <= _MOST_STUDIES else "most: ") + ", ".join(told)


_MOST_STUDIES = 6


def joint_hypers(fit: "Fit", joint: Joint) -> list[Cells]:
    """Return name, posterior, prior and how far the data moved it, for each hyperparameter."""
    numbers, level = joint.numbers, percent(fit.ask.level)
    named: list[tuple[str, HyperNumbers | float | None]] = [
        ("tau" if one.time is None else f"tau at {one.time:g}", one) for one in numbers.tau
    ]
    if isinstance(numbers.rho_between, tuple):
        for one in numbers.rho_between:
            first, last = one.times or (0.0, 0.0)
            named.append((f"rho, between, {_from_to(first, last, fit.evidence.time_unit)}", one))
    else:
        named.append(("rho, between", numbers.rho_between))
    named.append(("rho, within", numbers.rho_within))
    if joint.model.curve is not None:
        named.append((joint.model.curve.parameter_words, numbers.curve))
    rows: list[Cells] = [
        (name, f"{found:g}", "fixed", "")
        if isinstance(found, float)
        else (
            name,
            f"{spread(found.median)} ({span(spread, found.ci_low, found.ci_high)})",
            found.prior
            if found.prior_low is None
            else f"{found.prior}: {spread(found.prior_median)} "
            f"({span(spread, found.prior_low, found.prior_high)})",
            "" if found.moved is None else f"{found.moved:.2f}",
        )
        for name, found in named
        if found is not None
    ]
    return rows + [
        (
            f"correlation {_gap(one.gap, fit.evidence.time_unit)} apart",
            f"{one.median:.2f} ({one.ci_low:.2f} to {one.ci_high:.2f})",
            f"implied by rho, {level} CrI",
            "",
        )
        for one in joint.implied
    ]


def joint_contrasts(fit: "Fit", joint: Joint) -> list[Cells]:
    """Return pairs of times, the change of mu between them, and P(the later is better)."""
    show = formatter(fit.evidence)
    return [
        (
            _from_to(one.from_time, one.to_time, fit.evidence.time_unit),
            f"{show(one.median)} ({span(show, one.ci_low, one.ci_high)})",
            probability(one.prob_below_zero if one.prob_benefit is None else one.prob_benefit),
        )
        for one in joint.numbers.contrasts
    ]


def joint_assumptions(fit: "Fit", joint: Joint) -> list[Cells]:
    """Return a row for each assumption: mu at each time when the unknown is set otherwise."""
    rows: list[Cells] = [
        (f"rho within {rho:g}", *_course(fit, numbers))
        for rho, numbers in zip(RHO_WITHIN, joint.at_rho_within, strict=False)
    ]
    for one in joint.alternatives:
        name = "rows as analysed" if one.name == MAIN else one.name
        title = "\n".join(wrap(f"{name}, weight {one.weight:.2g}", _WIDTH_OF_NAMES))
        rows.append((title, *_course(fit, one.numbers)))
    if joint.averaged is not None:
        rows.append(("average of these", *_course(fit, joint.averaged)))
    return rows


_WIDTH_OF_NAMES = 30


def series_heading(fit: "Fit", found: Designs) -> list[str]:
    """Say how the series stand beside the contrasts, and why they are no contrasts."""
    spec = found.spec
    inflation = f", their variances times {spec.inflation:g}" if spec.inflation != 1 else ""
    how = {
        "bias": f"a change is the effect of treatment plus a bias: mean {spec.bias}, SD between "
        f"series {spec.bias_sd}{inflation}",
        "inflation": f"a change is taken as the effect of treatment{inflation}",
        "separate": "nothing is shared with the contrasts: a model of their own",
    }[spec.design]
    lines = [
        f"in the series ({spec.analysis}) {how}",
        "a change before and after holds the natural course, other treatment and regression to the "
        "mean, for patients enter a series when they are at their worst",
    ]
    if spec.reason:
        lines.append(f"why these: {spec.reason}")
    return lines


def series_rows(fit: "Fit", joint: Joint, found: Designs) -> tuple[list[str], list[Cells]]:
    """Return kinds of evidence, and mu at each time from each of them."""
    show = formatter(fit.evidence)
    answers = [("contrasts alone", joint.numbers)]
    answers += [(one.name, one.numbers) for one in found.influence]
    if not found.influence:
        answers.append(("series alone", found.numbers))
    columns = [{mu.time: mu for mu in numbers.mu} for _, numbers in answers]
    rows: list[Cells] = [
        (
            words_of_time(time, fit.evidence.time_unit),
            *(
                f"{show(mu.median)} ({span(show, mu.ci_low, mu.ci_high)})"
                if (mu := at.get(time))
                else ""
                for at in columns
            ),
        )
        for time in found.numbers.times
    ]
    return [name for name, _ in answers], rows


def series_remarks(found: Designs) -> list[str]:
    """Say how large the bias is, and who may be counted twice."""
    lines = []
    if found.bias is not None:
        bias, sd = found.bias, found.bias_sd
        spread_of = (
            f"{sd:g}, fixed"
            if not isinstance(sd, HyperNumbers)
            else f"{spread(sd.median)} ({span(spread, sd.ci_low, sd.ci_high)})"
        )
        lines.append(
            f"Bias of the series: mean {bias.median:.3g} "
            f"({span(spread, bias.ci_low, bias.ci_high)}), SD between series {spread_of}."
        )
    return lines + [f"{warning[:1].upper()}{warning[1:]}." for warning in found.spec.warnings]


def joint_remarks(fit: "Fit", joint: Joint) -> list[str]:
    """Say what the tables do not: when a benefit begins, and which one hangs on the rows."""
    lines = []
    level, unit = percent(fit.ask.level), fit.evidence.time_unit
    word = "P(benefit)" if fit.evidence.controlled else "P(improvement)"
    if fit.direction is not None:
        first = joint.first_benefit
        times = joint.numbers.times
        lines.append(
            f"{word} does not reach {level} between {times[0]:g} and "
            f"{words_of_time(times[-1], unit)}."
            if first is None
            else f"{word} first reaches {level} at {words_of_time(round(first, 2), unit)}."
        )
    unmoved = [
        name
        for name, found in (
            ("rho between", joint.numbers.rho_between),
            ("rho within", joint.numbers.rho_within),
        )
        if isinstance(found, HyperNumbers) and found.moved is not None and found.moved < 0.05
    ]
    if unmoved:
        lines.append(
            f"Of {' and '.join(unmoved)} these data say next to nothing: the posterior is the "
            "prior."
        )
    by_study: dict[str, list[str]] = {}
    for kept in joint.kept:
        name = "as analysed" if kept.rows == MAIN else f"with {kept.rows}"
        opening = (
            f"{kept.study}, {_from_to(kept.first, kept.last, unit)}: "
            if kept.study not in by_study
            else ""
        )
        by_study.setdefault(kept.study, []).append(
            f"{opening}{name} it {_benefit(kept, joint.ask.level)} "
            f"({word} {probability(kept.prob_first)} at {kept.first:g}, "
            f"{probability(kept.prob_last)} at {kept.last:g})"
        )
    lines += [
        f"{'; '.join(parts)}. Which rows are right is not known: the average gives each set its "
        "weight."
        for parts in by_study.values()
    ]
    return lines


def _benefit(kept: Kept, level: float) -> str:
    """Say what becomes of a benefit from the first to the last time."""
    if kept.prob_first >= level:
        return "keeps its benefit" if kept.kept else "loses its benefit"
    return "has a benefit at the end only" if kept.kept else "has no clear benefit at either"


def _correlation(
    what: str, name: str, joint: Joint, correlation: Correlation | LKJ, unit: str
) -> str:
    default = "" if name in joint.how.given else " (default)"
    if isinstance(correlation, LKJ):
        return f"covariance over time of the {what}: unstructured; prior: {joint.how.rho}{default}"
    kind = (
        "compound symmetry, one rho whatever the gap"
        if correlation.kind == "cs"
        else f"AR(1), rho at a gap of {_gap(correlation.lag, unit)}"
    )
    return f"correlation over time of the {what}: {kind}; prior on it: {correlation.rho}{default}"


def _rounded_up(error: float) -> str:
    """Show one digit, never less than it is."""
    if error <= 0:
        return "1e-16"
    unit = 10.0 ** floor(log10(error))
    return f"{ceil(error / unit) * unit:.0e}"


def _from_to(first: float, last: float, unit: str) -> str:
    return f"{first:g} to {last:g} {unit}" if unit else f"time {first:g} to {last:g}"


def _gap(gap: float, unit: str) -> str:
    return f"{gap:g} {unit.removesuffix('s') if gap == 1 else unit}".rstrip()


def _course(fit: "Fit", numbers: JointNumbers) -> Sequence[str]:
    show = formatter(fit.evidence)
    return [f"{show(mu.median)} ({span(show, mu.ci_low, mu.ci_high)})" for mu in numbers.mu]
