"""What a forest plot says: its lines, numbers as text, and the words around them. No drawing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from scipy.special import ndtri

from bayesmeta.evidence.study import Evidence, Pool, Published
from bayesmeta.fit import Fit, Row, words
from bayesmeta.fit.numbers import Numbers, PosteriorNumbers
from bayesmeta.fit.words import percent, spread
from bayesmeta.frequentist import FrequentistPool
from bayesmeta.plots.axis import Interval

type Kind = Literal["study", "pool", "mu", "prediction"]
type Show = Callable[[float | None], str]

MARKS = {"derived": "†", "reconstructed": "‡", "secondary": "¶", "unverified": "§"}
METHODS = {
    "IV": "Inverse variance, fixed effect",
    "MH": "Mantel–Haenszel, fixed effect",
    "DL": "DerSimonian–Laird, random effects",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the plot: an estimate with its CI, a posterior with its CrI, or both.

    Intervals are on the analysis scale, ``weight`` is a fraction.
    """

    kind: Kind
    label: str
    ci: Interval | None = None
    cri: Interval | None = None
    weight: float | None = None


def lines(row: Row, fit: Fit) -> list[Line]:
    """Return studies in the order of the table, frequentist pools, posterior and prediction."""
    numbers = shown(row, fit)
    return [
        *_studies(row, numbers, fit.ask.level),
        *_pools(row, fit.ask.level),
        Line("mu", "Posterior of mu", cri=_interval(numbers.mu)),
        Line("prediction", "Prediction, new study", cri=_interval(numbers.theta_new)),
    ]


def shown(row: Row, fit: Fit) -> PosteriorNumbers:
    """Return the posterior of a row by the engine that was asked for."""
    return row.sampled.numbers if fit.engine == "nuts" and row.sampled else row.exact


def interval_text(interval: Interval, show: Show) -> str:
    """Return the like of ``-1.00 [-3.13, 1.14]``, with a true minus.

    Examples
    --------
    >>> interval_text(Interval(-3.13, -1, 1.14), "{:.2f}".format)
    '−1.00 [−3.13, 1.14]'
    """
    low, mid, high = map(show, interval)
    return f"{mid} [{low}, {high}]".replace("-", "−")


def heading(fit: Fit, pool: Pool) -> str:
    """Return outcome, time and number of studies, without an outcome that the title names."""
    outcome = pool.outcome.replace("_", " ").casefold()
    title = words.pool_title(fit, pool)
    named = outcome in fit.evidence.title.replace("_", " ").casefold()
    return title.removeprefix(f"{pool.outcome}, ") if named else title


def axis_label(evidence: Evidence) -> str:
    """Return measure, unit and kind of axis."""
    label = evidence.measure.label[:1].upper() + evidence.measure.label[1:]
    details = [evidence.unit, "log axis" if evidence.measure.ratio else ""]
    inside = ", ".join(detail for detail in details if detail)
    return f"{label} ({inside})" if inside else label


def favours(fit: Fit) -> tuple[str, str] | None:
    """Return the words at the left and the right of no effect, None where nobody said."""
    if fit.direction is None:
        return None
    better, worse = (
        ("favours treatment", "favours control")
        if fit.evidence.controlled
        else ("improvement", "worsening")
    )
    left, right = (better, worse) if fit.direction == "lower" else (worse, better)
    return f"← {left}", f"{right} →"


def caption(fit: Fit) -> list[str]:
    """Return what holds for every pool of a fit: measure, direction, model, priors, intervals."""
    ratio = fit.evidence.measure.ratio
    better = f"{fit.direction} is better" if fit.direction else "direction of benefit not given"
    priors = "; ".join(
        f"{name} {prior}{' (default)' if name in fit.default_priors else ''}"
        for name, prior in (("mu", fit.ask.mu), ("tau", fit.ask.tau))
    )
    level = percent(fit.ask.level)
    engine = "NUTS" if fit.engine == "nuts" else "exact"
    return [
        *(f"Warning: {warning}" for warning in fit.warnings),
        f"{axis_label(fit.evidence)}; {better}. "
        f"Normal-normal random-effects model, {engine} engine. "
        f"Priors{' (log scale)' if ratio else ''}: {priors}.",
        f"Black: studies and frequentist pools, {level} CI (confidence interval). "
        f"Blue: posterior, {level} CrI ({fit.interval} credible interval).",
        "Squares: area by posterior mean weight; below them in blue, each study's shrinkage "
        "estimate. Studies in the order of the table. Arrows: beyond the axis.",
    ]


def axes_note(pools: int, shared: bool) -> list[str]:
    """Say whether the axes of several pools are the same."""
    if pools == 1:
        return []
    return [f"The axis is {'the same for all pools' if shared else 'of its own for each pool'}."]


def notes(row: Row, fit: Fit) -> list[str]:
    """Return what a reader must know of one pool: its posterior, then the status of its data."""
    numbers = shown(row, fit)
    tau = interval_text(_interval(numbers.tau), spread)
    scale = " (log scale)" if fit.evidence.measure.ratio else ""
    found = [
        f"Heterogeneity tau{scale}: {tau}, {percent(fit.ask.level)} CrI.",
        _benefit(numbers.prob_benefit, fit),
        f"The prior on mu has a weight of {100 * numbers.prior_weight:.1f}%."
        if numbers.prior_weight
        else "",
        "One study: the interval of mu beyond the study's own is the prior's."
        if row.pool.k == 1
        else "",
    ]
    marks = ", ".join(f"{mark} {name}" for name, mark in MARKS.items() if name in row.pool.status)
    published = row.pool.published
    status = [
        f"{marks}: not as reported by the study, the notes of the table say how." if marks else "",
        f"Published row: {published.source}." if published else "",
    ]
    return [" ".join(part for part in parts if part) for parts in (found, status) if any(parts)]


def _benefit(probability: float | None, fit: Fit) -> str:
    if probability is None:
        return ""
    word = "benefit" if fit.evidence.controlled else "improvement"
    sign = "<" if fit.direction == "lower" else ">"
    measure = fit.evidence.measure
    event = f"pooled {measure.name} {sign} 1" if measure.ratio else f"mu {sign} 0"
    value = words.probability(probability)
    relation = f"{value[0]} {value[1:]}" if value[0] in "<>" else f"= {value}"
    return f"P({word}) = P({event}) {relation}."


def _studies(row: Row, numbers: PosteriorNumbers, level: float) -> list[Line]:
    z = float(ndtri((1 + level) / 2))
    return [
        Line(
            "study",
            f"{' '.join(study.study.split())}{MARKS.get(study.status or '', '')}",
            Interval(study.estimate - z * study.se, study.estimate, study.estimate + z * study.se),
            _interval(study.shrunk),
            exact.weight if study.weight is None else study.weight,
        )
        for study, exact in zip(numbers.studies, row.exact.studies, strict=True)
    ]


def _pools(row: Row, level: float) -> list[Line]:
    one = row.pool.k == 1
    computed = [
        Line(
            "pool", "Inverse variance" if one else METHODS.get(pool.method, pool.method), _ci(pool)
        )
        for pool in row.frequentist
        if not (one and pool.method == "DL")  # the same as IV
    ]
    published = row.pool.published
    if published is None:
        return computed
    effects = {"fixed": "fixed effect", "random": "random effects"}
    label = f"Published, {effects.get(published.model, published.model)}"
    label += "" if level == 0.95 else " (95% CI)"
    return [*computed, Line("pool", label, _ci(published))]


def _ci(pool: FrequentistPool | Published) -> Interval:
    return Interval(pool.ci_low, pool.estimate, pool.ci_high)


def _interval(numbers: Numbers) -> Interval:
    """Return the median and the credible interval, which exist under every proper posterior."""
    low, mid, high = numbers.ci_low, numbers.median, numbers.ci_high
    if low is None or mid is None or high is None:
        raise ValueError(f"a posterior without quantiles: {numbers}")
    return Interval(low, mid, high)
