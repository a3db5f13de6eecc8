"""One outcome at one time: published, recomputed and Bayesian."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import Literal

from bayesmeta.appraisal.audit.against import disagreements
from bayesmeta.appraisal.audit.bounds import Box
from bayesmeta.appraisal.audit.data import Data, box_of_rows, pool_ranges
from bayesmeta.appraisal.audit.finding import Interval
from bayesmeta.appraisal.audit.printed import Printed, PrintedRow
from bayesmeta.appraisal.audit.ranges import PoolRange
from bayesmeta.appraisal.audit.recipes import LEVEL, Label, Recipe
from bayesmeta.appraisal.audit.region import off_scale
from bayesmeta.evidence.study import Evidence, Pool
from bayesmeta.fit import Fit, Row
from bayesmeta.fit.numbers import Numbers
from bayesmeta.frequentist import FrequentistPool, Profile, pool
from bayesmeta.frequentist.pools import studies_of

type Agreement = Literal["digits", "rounding", "beyond"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A point estimate and its interval, on the analysis scale."""

    estimate: float
    ci_low: float
    ci_high: float

    @property
    def width(self) -> float:
        """From one limit to the other."""
        return self.ci_high - self.ci_low

    @property
    def excludes_no_effect(self) -> bool:
        """Whether 0 is outside."""
        return self.ci_low > 0 or self.ci_high < 0


@dataclass(frozen=True)
class Compared:
    """One outcome at one time.

    Attributes
    ----------
    fit : Fit
        Of the analysis.
    row : Row
        Data and posterior.
    printed : PrintedRow or None
        What was published.
    recipe : Recipe
        How the pool is recomputed: the method that the printed label means or, where its pool
        has other numbers, another that the label allows and that has them; without a printed row
        the profile's.
    pool : FrequentistPool or None
        Recomputed; None where it cannot be estimated.
    agreement : {'digits', 'rounding', 'beyond'} or None
        Whether estimate and limits round to what is printed, or differ by what the rounding of
        printed and study rows allows, or by more.
    gap : float or None
        The largest difference of the three, on the scale of the measure.
    """

    fit: Fit
    row: Row
    printed: PrintedRow | None
    recipe: Recipe
    pool: FrequentistPool | None
    agreement: Agreement | None
    gap: float | None

    @property
    def published(self) -> Estimate | None:
        """The printed row."""
        if self.printed is None:
            return None
        values = (cell.value for cell in _cells(self.printed))
        ratio = self.fit.evidence.measure.ratio
        return Estimate(*(log(max(value, 1e-300)) if ratio else value for value in values))

    @property
    def recomputed(self) -> Estimate | None:
        """The frequentist pool."""
        if self.pool is None:
            return None
        return Estimate(self.pool.estimate, self.pool.ci_low, self.pool.ci_high)

    @property
    def posterior(self) -> Estimate:
        """Median and credible interval of the pooled effect."""
        return _estimate(self.row.exact.mu)

    @property
    def prediction(self) -> Estimate:
        """Median and prediction interval of the effect in a new study."""
        return _estimate(self.row.exact.theta_new)

    def width_ratio(self, of: Estimate | None) -> float | None:
        """Return the width over that of the published interval, None unless levels agree."""
        published = self.published
        if of is None or published is None or published.width <= 0:
            return None
        assert self.printed is not None
        return of.width / published.width if self.printed.label.level == self.level else None

    @property
    def level(self) -> float:
        """Of the recomputed and the Bayesian intervals."""
        return self.fit.ask.level

    @cached_property
    def sentences(self) -> list[str]:
        """Where the three differ, and why."""
        from bayesmeta.appraisal.comparison_words import sentences

        return sentences(self)


def compared(
    fit: Fit, row: Row, printed: Sequence[PrintedRow], data: Data | None, profile: Profile
) -> Compared:
    """Recompute a pool by the method that its printed row means or, for want of it, allows."""
    studies = studies_of(row.pool, fit.evidence.measure)
    own = next((one for one in printed if (one.outcome, one.time) == row.key), None)

    def compute(recipe: Recipe, level: float) -> FrequentistPool | None:
        return pool(studies, recipe.method, ci=recipe.ci, level=level, profile=profile)

    if own is None:
        recipe = _default(row.pool, studies.counts is not None, profile)
        return Compared(fit, row, None, recipe, compute(recipe, fit.ask.level), None, None)
    recipes, rounding = _recipes(own, row.pool, fit.evidence, data)
    gaps = {
        recipe: _gap(own, found)
        for recipe in recipes
        if (found := compute(recipe, own.label.level)) is not None
    }
    recipe = min(gaps, key=lambda one: gaps[one]) if gaps else recipes[0]
    exact = compute(recipe, own.label.level)
    agreement: Agreement | None = None
    if exact is not None:
        rounded = all(cell.range.meets(x) for cell, x in _pairs(own, exact))
        agreement = "digits" if rounded else "rounding" if rounding else "beyond"
    found = compute(recipe, fit.ask.level)
    return Compared(fit, row, own, recipe, found, agreement, gaps.get(recipe))


def _default(pool: Pool, tables: bool, profile: Profile) -> Recipe:
    """Return how a profile pools where nothing is published."""
    if pool.k == 1:
        return Recipe("MH" if tables and profile != "metafor" else "IV")
    return {
        "metafor": Recipe("REML"),
        "revman5": Recipe("DL"),
        "revman-web": Recipe("REML", "hksj"),
    }[profile]


def _recipes(
    printed: PrintedRow, pool: Pool, evidence: Evidence, data: Data | None
) -> tuple[list[Recipe], bool]:
    """Return the methods that a label means, or else allows, whose pool can be the printed one.

    Where none can, the first that it means and that suits the data, and False.
    """
    if data is None or data.changes:
        box = Box(pool.y, pool.y, pool.se, pool.se)
    else:
        box = box_of_rows(data, data.rows_of(pool))
    label = printed.label
    first: list[Recipe] = []
    for recipes in (label.meant(pool.k), label.open(pool.k), Label(label.model).meant(pool.k)):
        found = list(pool_ranges(pool, box, recipes, evidence.measure, evidence.convention))
        first = first or [Recipe(one.method, one.ci) for one in found[:1]]
        if label.level == LEVEL:
            agreeing = [one for one in found if not _apart(printed, one)]
            if agreeing:
                return [Recipe(one.method, one.ci) for one in agreeing], True
    return first, False


_LIMITS = {"estimate", "lower limit", "upper limit"}


def _apart(printed: PrintedRow, found: PoolRange) -> bool:
    """Say whether an estimate or a limit is otherwise than printed, beyond rounding."""
    return any(name in _LIMITS for name, _, _ in disagreements(printed, found))


def _gap(printed: PrintedRow, found: FrequentistPool) -> float:
    return max(abs(cell.value - x.low) for cell, x in _pairs(printed, found))


def _pairs(printed: PrintedRow, found: FrequentistPool) -> list[tuple[Printed, Interval]]:
    """Put estimate and limits beside the printed ones, on the printed scale."""
    values = found.estimate, found.ci_low, found.ci_high
    points = [off_scale(Interval(value, value), printed.measure) for value in values]
    return list(zip(_cells(printed), points, strict=True))


def _cells(printed: PrintedRow) -> tuple[Printed, Printed, Printed]:
    return printed.estimate, printed.ci_low, printed.ci_high


def _estimate(numbers: Numbers) -> Estimate:
    """Return median and interval, which every proper posterior has."""
    middle, low, high = numbers.median, numbers.ci_low, numbers.ci_high
    assert middle is not None
    assert low is not None
    assert high is not None
    return Estimate(middle, low, high)
