"""The words in which a meta-regression is shown: lines and cells of text."""

from typing import TYPE_CHECKING

from bayesmeta.evidence.moderators import Value
from bayesmeta.fit.joint_numbers import HyperNumbers
from bayesmeta.fit.regression import Regression
from bayesmeta.fit.words import formatter, percent, probability, span, spread

if TYPE_CHECKING:
    from bayesmeta.fit.result import Fit

type Cells = tuple[str, ...]


def regression_heading(fit: "Fit", found: Regression) -> list[str]:
    """Return the lines above the tables of a meta-regression."""
    measure = fit.evidence.measure
    scale = f"on the log {measure.name}" if measure.ratio else f"on the {measure.name}"
    lines = [
        f"{found.formula}; {found.pool.k} studies; coefficients {scale}; "
        f"{percent(fit.ask.level)} central intervals; prior on tau as above"
    ]
    lines += [
        f"reference level of {name}: {levels[0]}"
        for name in found.moderators.values
        if (levels := found.moderators.levels(name))
    ]
    if found.tau_within is not None:
        studies = len(set(found.pool.groups or ()))
        lines[0] = lines[0].replace(
            f"{found.pool.k} studies", f"{found.pool.k} effects in {studies} studies"
        )
        lines.append(f"prior on tau within studies: {found.tau_within.prior}")
    return lines


def regression_coefficients(found: Regression) -> list[Cells]:
    """Return name, posterior, P(below zero) and prior of each coefficient."""
    return [
        (
            one.name,
            f"{_digits(one.median)} ({span(_digits, one.ci_low, one.ci_high)})",
            probability(one.prob_below_zero),
            one.prior,
        )
        for one in found.coefficients
    ]


def regression_contrasts(fit: "Fit", found: Regression) -> list[Cells]:
    """Return pairs of levels, the difference of the mean effect, and P(the second is better)."""
    show = formatter(fit.evidence)
    return [
        (
            f"{one.factor}: {one.to_level} against {one.from_level}",
            f"{show(one.difference.median)} "
            f"({span(show, one.difference.ci_low, one.difference.ci_high)})",
            _prob(one.difference.prob_benefit, one.difference.prob_below_zero),
        )
        for one in found.contrasts
    ]


def regression_predictions(fit: "Fit", found: Regression) -> list[Cells]:
    """Return values of the moderators, the mean effect, P(benefit), and the prediction."""
    show = formatter(fit.evidence)
    return [
        (
            words_of_point(one.values),
            f"{show(one.mu.median)} ({span(show, one.mu.ci_low, one.mu.ci_high)})",
            _prob(one.mu.prob_benefit, one.mu.prob_below_zero),
            span(show, one.theta_new.ci_low, one.theta_new.ci_high),
        )
        for one in found.predictions
    ]


def regression_remarks(fit: "Fit", found: Regression) -> list[str]:
    """Say how much heterogeneity the moderators leave."""
    tau, alone, level = found.tau, fit.rows[0].exact.tau, percent(fit.ask.level)
    if (within := found.tau_within) is not None:
        return [_two_levels(found, tau, within, level)]
    lines = [
        f"tau {spread(tau.median)} ({level} CrI {span(spread, tau.ci_low, tau.ci_high)}) is left "
        f"by the moderators, of {spread(alone.median)} "
        f"({span(spread, alone.ci_low, alone.ci_high)}) without them."
    ]
    if found.pool.k < 10 * (len(found.coefficients) - 1):
        lines.append(
            "Fewer than ten studies a coefficient: an association over so few studies is easily "
            "found by chance, and it is one between studies, not between patients."
        )
    return lines


def _two_levels(found: Regression, tau: HyperNumbers, within: HyperNumbers, level: str) -> str:
    rho = found.rho_within
    errors = f"{rho:g}" if isinstance(rho, float) else "its prior's"
    return (
        f"tau between studies {spread(tau.median)} ({level} CrI "
        f"{span(spread, tau.ci_low, tau.ci_high)}), within studies {spread(within.median)} "
        f"({span(spread, within.ci_low, within.ci_high)}); errors of one study's estimates "
        f"correlated by {errors}. The pool above takes each effect as a study of its own: too sure."
    )


def words_of_point(values: dict[str, Value]) -> str:
    """Show values of moderators.

    Examples
    --------
    >>> words_of_point({"latitude": 33.0, "allocation": "random"})
    'latitude 33, allocation random'
    """
    shown = (
        f"{name} {value}" if isinstance(value, str) else f"{name} {value:g}"
        for name, value in values.items()
    )
    return ", ".join(shown) or "all studies"


def _prob(benefit: float | None, below: float) -> str:
    return probability(below if benefit is None else benefit)


def _digits(x: float | None) -> str:
    """Show a coefficient, whose size is that of its moderator's unit, with three digits."""
    return "" if x is None else f"{x:.3g}"
