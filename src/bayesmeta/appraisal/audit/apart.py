"""A printed pool taken apart: the 2x2 tables and the two studies that can have produced it."""

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from math import isfinite, prod

from bayesmeta.appraisal.audit.against import agrees
from bayesmeta.appraisal.audit.alone import p_of_q, q_of, span
from bayesmeta.appraisal.audit.data import INDEPENDENT, MADE, Data, box_of_rows, listed
from bayesmeta.appraisal.audit.finding import Finding, Interval
from bayesmeta.appraisal.audit.printed import PrintedRow
from bayesmeta.appraisal.audit.recipes import Model
from bayesmeta.appraisal.audit.region import Region, off_scale
from bayesmeta.appraisal.audit.split import WIDE, Component, other_of_two, split_pool
from bayesmeta.appraisal.audit.tables import MEASURES, MOST, Counts, possible_tables, tables_of
from bayesmeta.appraisal.audit.trials import arms_of
from bayesmeta.errors import InputError
from bayesmeta.evidence.pooling import describe
from bayesmeta.evidence.study import Pool
from bayesmeta.fit.words import count

type Sizes = Mapping[str, set[tuple[int, int]]]
type Solution = tuple[list[str], Counts]

LARGEST = 10**9
"""Combinations of tables that are searched, most of them ruled out by the estimate, at most."""
MOST_IN_ANY_ARMS = 200
"""Patients of one study whose arms are searched for too, at most."""
SHOWN = 10
"""Solutions that a message lists."""


def check_counts(row: PrintedRow, data: Data | None, sizes: Sizes) -> Iterator[Finding]:
    """Look for whole patients behind a printed OR, RR or RD, where the data do not show them.

    Every set of k of the trials with known arm sizes is tried. A row of one study that prints its
    numbers of patients needs no data: ``n_treatment`` and ``n_control``, or ``n`` in any arms.
    """
    if row.measure.name not in MEASURES or not row.label.revman5:
        return
    if data is not None and _counted(row, data):
        return
    pool = None if data is None else data.pool_of(row)
    k = row.k if row.k is not None else 0 if pool is None else pool.k
    if k == 1 and (own := _own_arms(row)):
        sizes = {"the study": own}
    groups = [
        list(zip(trials, arms, strict=True))
        for trials in combinations(sizes, k)
        for arms in product(*(sorted(sizes[trial]) for trial in trials))
    ]
    if k < 1 or not groups:
        return
    searched = sum(prod((a + 1) * (b + 1) for _, (a, b) in group) for group in groups)
    found: list[Solution] = []
    try:
        if searched > (MOST if row.model == "random" and k > 1 else LARGEST):
            raise InputError(f"{searched:.2g} combinations of tables")
        for group in groups:
            solutions = possible_tables(row, [tables_of(a, b) for _, (a, b) in group])
            found += [([name for name, _ in group], solution) for solution in solutions]
    except InputError as error:
        yield row.finding("note", "2x2 tables", f"not searched: {error}")
        return
    several = len({tuple(name for name, _ in group) for group in groups})
    sets = f"{several} sets of {count(k, 'trial', 'trials')}" if several > 1 else "these arms"
    yield _counts_finding(row, f"{searched} combinations of whole patients over {sets}", found)


def check_split(row: PrintedRow, data: Data | None) -> Iterator[Finding]:
    """Split a pool of two studies that the data do not report both of.

    The formulas are those of inverse variance, so pools of 2x2 tables are `check_counts`' alone.
    """
    pool = None if data is None else data.pool_of(row)
    if row.measure.name in MEASURES and (pool is None or pool.counts is not None):
        return
    k = row.k if row.k is not None else 0 if pool is None else pool.k
    region = Region.of(row)
    if k != 2 or row.model is None or region.empty or region.se.low <= 0:
        return
    if not row.label.revman5:
        return
    known = [] if pool is None else _known(pool)
    if data is not None and pool is not None and pool.k == 2 and len(known) == 1:
        yield from _other(row, row.model, data, pool, known[0], region)
    elif not known and (q := q_of(row, 1)) and (row.model == "random" or isfinite(q.high)):
        yield _halves(row, row.model, pool, region, q)


def _counted(row: PrintedRow, data: Data) -> bool:
    """Say whether reported counts reproduce the row, or the data have other things than counts."""
    pool = data.pool_of(row)
    if pool is None or pool.counts is None:
        return pool is not None
    return all(status in INDEPENDENT for status in pool.status) and agrees(row, data)


def _own_arms(row: PrintedRow) -> set[tuple[int, int]]:
    """Return the arms that a row's own numbers of patients allow."""
    if {"n_treatment", "n_control"} <= set(row.n):
        return {(row.n["n_treatment"], row.n["n_control"])}
    n = row.n.get("n", 0)
    return {(a, n - a) for a in range(1, n)} if n <= MOST_IN_ANY_ARMS else set()


def _counts_finding(row: PrintedRow, searched: str, found: list[Solution]) -> Finding:
    if not found:
        return row.finding(
            "warning",
            "2x2 tables",
            f"none of {searched} gives {row.shown}: it is adjusted, or of another method, or of "
            "other numbers of patients",
            row.shown,
        )
    matched = [row.measure.name, "interval"]
    matched += ["P"] * (row.p is not None)
    matched += ["heterogeneity P"] * (row.p_heterogeneity is not None)
    lines = [
        ", ".join(
            f"{name} {a}/{n1} v {c}/{n2}"
            for name, (a, n1, c, n2) in zip(names, counts, strict=True)
        )
        for names, counts in found[:SHOWN]
    ]
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return row.finding(
        "note",
        "2x2 tables",
        f"{len(found)} of {searched} {'reproduces' if len(found) == 1 else 'reproduce'} "
        f"{listed(matched)}: {'; or '.join(lines)}{more}",
        row.shown,
    )


def _known(pool: Pool) -> list[int]:
    """Return the places in a pool of studies that were not made from it."""
    return [j for j, status in enumerate(pool.status) if status not in MADE]


def _other(
    row: PrintedRow, model: Model, data: Data, pool: Pool, j: int, region: Region
) -> Iterator[Finding]:
    """Find the second study, and what heterogeneity P the two must have."""
    place = data.rows_of(pool)[j]
    arms = arms_of(data).get(place)
    if arms is not None:
        y, se = arms.effect(data.measure)
        known, words = Component(Interval(y, y), Interval(se, se)), arms.words
    else:
        box = box_of_rows(data, [place])
        known = Component(
            Interval(float(box.y_low[0]), float(box.y_high[0])),
            Interval(float(box.se_low[0]), float(box.se_high[0])),
        )
        words = describe(data.table, place)
    first, second = pool.studies[j], pool.studies[1 - j]
    if model == "fixed" and known.se.high <= region.se.low:
        yield row.finding(
            "warning",
            "two-study split",
            f"{first} ({words}) has an SE of {span(known.se)}, not above the pool's "
            f"{span(region.se)}: no second study makes it a fixed-effect pool of two",
        )
        return
    pair = other_of_two(region, known, model)
    if pair is None:
        return
    component, q = pair.other, pair.q
    p = p_of_q(q, 1)
    text = (
        f"with {first} as it stands ({words}) the pool leaves {second} "
        f"{_of(row, component)}, and heterogeneity P {span(p)}"
    )
    printed = row.p_heterogeneity
    if printed is not None and not printed.range.meets(p):
        yield row.finding(
            "warning",
            "two-study split",
            f"{text}; printed {printed.text}: what was pooled for {first} was not exactly this",
            printed.text,
            p,
        )
    else:
        yield row.finding(
            "note", "two-study split", text, row.shown, off_scale(component.y, row.measure)
        )


def _halves(
    row: PrintedRow, model: Model, pool: Pool | None, region: Region, q: Interval
) -> Finding:
    """Split with equal variances, and with very unequal ones."""
    equal, wide = split_pool(region, q, model), split_pool(region, q, model, WIDE)
    whose = f"; which is {' and which '.join(pool.studies)} is not printed" if pool else ""
    return row.finding(
        "note",
        "two-study split",
        f"with equal variances the two studies are {_of(row, equal[0])} and "
        f"{_of(row, equal[1])}; with 10 to 90 % of the variance in either, "
        f"{span(off_scale(wide[0].y, row.measure))} and "
        f"{span(off_scale(wide[1].y, row.measure))}{whose}",
        row.shown,
        off_scale(wide[0].y, row.measure),
    )


def _of(row: PrintedRow, component: Component) -> str:
    on = "SE of the log" if row.measure.ratio else "SE"
    return f"{span(off_scale(component.y, row.measure))} ({on} {span(component.se)})"
