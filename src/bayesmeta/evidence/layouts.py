"""The layouts of a table of studies, and the effect size that each gives."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.errors import InputError
from bayesmeta.evidence.effects import (
    effect_of_arms,
    effect_of_counts,
    implied_sd,
    pooled_sd,
    se_of_interval,
    se_of_p,
)
from bayesmeta.evidence.measures import MEASURES, Measure, measure_named
from bayesmeta.evidence.study import Convention
from bayesmeta.evidence.table import (
    ABOVE_ZERO,
    COUNT,
    LARGEST,
    NUMBER,
    P_VALUE,
    SIZE,
    STANDARD_ERROR,
    VARIANCE,
    Table,
)


@dataclass(frozen=True, slots=True)
class Effects:
    """Effect sizes of the rows of a table, on the analysis scale; NaN where not estimable."""

    y: Array
    se: Array
    notes: tuple[str, ...]
    n: Array | None = None
    within_sd: Array | None = None
    counts: Array | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns that together give an effect size, and the measures that they can give."""

    columns: tuple[str, ...]
    measures: tuple[str, ...]
    effects: Callable[[Table, Measure, Convention], Effects]


def layout_of(table: Table, measure: str | None) -> tuple[Layout, Measure]:
    """Return the layout of the table and its measure.

    Columns that give the measure itself are used; otherwise the estimates as given.

    Raises
    ------
    InputError
        If the columns give no effect size, or not this one.
    """
    wanted = measure_named(measure) if measure else None
    complete = [layout for layout in LAYOUTS if all(name in table for name in layout.columns)]
    if not complete:
        raise InputError(_what_is_missing(table))
    if wanted is None:
        return _without_measure(table, complete)
    for layout in complete:
        if wanted.name in layout.measures:
            _refuse_two_scales(table, layout, wanted)
            return layout, wanted
    possible = " or ".join(name for layout in complete for name in layout.measures)
    raise InputError(
        f"{table.source} gives {', '.join(map(table.name, complete[0].columns))}, which make no "
        f"{wanted.name} ({wanted.label}): {possible} is possible"
    )


def _without_measure(table: Table, complete: list[Layout]) -> tuple[Layout, Measure]:
    estimates = [layout for layout in complete if "GEN" in layout.measures]
    if not estimates:
        possible = ", ".join(complete[0].measures)
        raise InputError(
            f"the measure is missing and {table.source} gives "
            f"{', '.join(map(table.name, complete[0].columns))}: one of {possible} is expected"
        )
    named = set(table.text("measure")) - {""} if "measure" in table else set()
    measure = measure_named(named.pop()) if len(named) == 1 else MEASURES["GEN"]
    _refuse_two_scales(table, estimates[0], measure)
    return estimates[0], measure


def _refuse_two_scales(table: Table, layout: Layout, measure: Measure) -> None:
    spread = [name for name in ("se", "variance") if name in layout.columns]
    if measure.ratio and spread and "ci_low" in table:
        raise InputError(
            f"{table.source} has {spread[0]} (log scale) and ci_low (ratio scale) for an "
            f"{measure.name}, so the scale of estimate is unclear: one of the two is expected"
        )


def _what_is_missing(table: Table) -> str:
    def absent(layout: Layout) -> list[str]:
        return [name for name in layout.columns if name not in table]

    begun = [layout for layout in LAYOUTS if len(absent(layout)) < len(layout.columns)]
    if not begun:
        return (
            f"{table.source} has {', '.join(map(table.name, table.columns))}: estimate with se, "
            "variance, ci_low and ci_high, or p, or events_ and n_, or mean_, sd_ and n_, of "
            "treatment and control, are expected"
        )
    nearest = min(begun, key=lambda layout: len(absent(layout)) / len(layout.columns))
    arms = {name.rpartition("_")[2] for name in absent(nearest)}
    purpose = "an effect size is wanted"
    if len(nearest.columns) > 3 and len(arms) == 1:
        purpose = "and one arm alone gives no comparison"
    try:
        table.need(absent(nearest), purpose, {name for one in LAYOUTS for name in one.columns})
    except InputError as error:
        return str(error)
    raise AssertionError("no column is absent")


def _estimates(table: Table, measure: Measure, spread: Callable[[Table], Array]) -> Effects:
    y = table.numbers("estimate")
    return _with_sizes(table, measure, y, spread(table), ("",) * len(table))


def _of_se(table: Table, measure: Measure, convention: Convention) -> Effects:
    return _estimates(table, measure, lambda t: t.numbers("se", STANDARD_ERROR))


def _of_variance(table: Table, measure: Measure, convention: Convention) -> Effects:
    return _estimates(table, measure, lambda t: np.sqrt(t.numbers("variance", VARIANCE)))


def _of_interval(table: Table, measure: Measure, convention: Convention) -> Effects:
    rule = ABOVE_ZERO if measure.ratio else NUMBER
    y, low, high = (table.numbers(name, rule) for name in ("estimate", "ci_low", "ci_high"))
    table.reject(
        ~((low < high) & (low <= y) & (y <= high)),
        lambda i: (
            f"estimate is {y[i]:g} and its interval {low[i]:g} to {high[i]:g} in {table.where(i)}: "
            "an estimate within ci_low < ci_high is expected"
        ),
    )
    if measure.ratio:
        y, low, high = np.log(y), np.log(low), np.log(high)
    off = np.abs((high - y) - (y - low)) / (high - low) > 0.1
    notes = tuple("the interval is lopsided; SE from its width" if bad else "" for bad in off)
    return _with_sizes(table, measure, y, se_of_interval(low, high), notes)


def _of_p(table: Table, measure: Measure, convention: Convention) -> Effects:
    y = table.numbers("estimate", ABOVE_ZERO if measure.ratio else NUMBER)
    y, p = (np.log(y) if measure.ratio else y), table.numbers("p", P_VALUE)
    se = se_of_p(y, p)
    table.reject(
        se == 0,
        lambda i: (
            f"estimate is {table.columns['estimate'][i]} in {table.where(i)}, no effect: "
            "its P value gives no standard error"
        ),
    )
    return _with_sizes(table, measure, y, se, ("SE from the P value",) * len(table))


def _with_sizes(
    table: Table, measure: Measure, y: Array, se: Array, notes: tuple[str, ...]
) -> Effects:
    """Add what optional columns say of numbers of patients."""
    table.reject(
        ~(se > 1 / LARGEST),
        lambda i: f"the standard error in {table.where(i)} comes to {se[i]:g}: it must be above 0",
    )
    if "n_treatment" in table and "n_control" in table:
        n1, n2 = (
            table.numbers(f"n_{arm}", SIZE, optional=True) for arm in ("treatment", "control")
        )
        sd = implied_sd(se, n1, n2) if measure.name == "MD" else None
        return Effects(y, se, notes, _given(n1 + n2), None if sd is None else _given(sd))
    n = _given(table.numbers("n", SIZE, optional=True)) if "n" in table else None
    return Effects(y, se, notes, n)


def _given(values: Array) -> Array | None:
    """Return the numbers, or None where one is missing."""
    return None if np.isnan(values).any() else values


def _of_counts(table: Table, measure: Measure, convention: Convention) -> Effects:
    counts = np.empty((len(table), 4))
    for j, arm in enumerate(("treatment", "control")):
        x, n = table.numbers(f"events_{arm}", COUNT), table.numbers(f"n_{arm}", SIZE)
        counts[:, 2 * j], counts[:, 2 * j + 1] = x, n
        table.reject(x > n, partial(_too_many, table, arm, x, n))
    y, se = effect_of_counts(counts, measure.name, convention)
    zero = (counts[:, [0, 2]] == 0).any(axis=1) | (counts[:, [0, 2]] == counts[:, [1, 3]]).any(
        axis=1
    )
    notes = tuple("0.5 added to every cell (a zero in the table)" if z else "" for z in zero)
    return Effects(y, se, notes, counts[:, 1] + counts[:, 3], None, counts)


def _too_many(table: Table, arm: str, events: Array, n: Array, i: int) -> str:
    return (
        f"{table.name(f'events_{arm}')} is {events[i]:g} but {table.name(f'n_{arm}')} is "
        f"{n[i]:g} in {table.where(i)}: an arm cannot have more events than patients"
    )


def _of_arms(table: Table, measure: Measure, convention: Convention) -> Effects:
    (m1, s1, n1), (m2, s2, n2) = (
        (
            table.numbers(f"mean_{arm}", ABOVE_ZERO if measure.name == "ROM" else NUMBER),
            table.numbers(f"sd_{arm}", ABOVE_ZERO),
            table.numbers(f"n_{arm}", SIZE),
        )
        for arm in ("treatment", "control")
    )
    least = 4 if measure.name == "SMD" else 3
    table.reject(
        n1 + n2 < least,
        lambda i: (
            f"{table.name('n_treatment')} and {table.name('n_control')} are {n1[i]:g} and "
            f"{n2[i]:g} in {table.where(i)}: {least} patients or more are expected"
        ),
    )
    y, se = effect_of_arms((m1, s1, n1), (m2, s2, n2), measure.name, convention)
    return Effects(y, se, ("",) * len(table), n1 + n2, pooled_sd(s1, n1, s2, n2))


COUNTS = ("events_treatment", "n_treatment", "events_control", "n_control")
ARMS = (
    "mean_treatment",
    "sd_treatment",
    "n_treatment",
    "mean_control",
    "sd_control",
    "n_control",
)
_AS_GIVEN = tuple(MEASURES)
LAYOUTS = (
    Layout(COUNTS, ("OR", "RR", "RD"), _of_counts),
    Layout(ARMS, ("MD", "SMD", "ROM"), _of_arms),
    Layout(("estimate", "se"), _AS_GIVEN, _of_se),
    Layout(("estimate", "variance"), _AS_GIVEN, _of_variance),
    Layout(("estimate", "ci_low", "ci_high"), _AS_GIVEN, _of_interval),
    Layout(("estimate", "p"), _AS_GIVEN, _of_p),
)
