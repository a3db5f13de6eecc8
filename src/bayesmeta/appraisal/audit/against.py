"""A printed row against the study rows behind it."""

from collections.abc import Iterable, Iterator

from bayesmeta.appraisal.audit.alone import span
from bayesmeta.appraisal.audit.data import (
    INDEPENDENT,
    MADE,
    Data,
    box_of_rows,
    listed,
    pool_at,
    pool_ranges,
)
from bayesmeta.appraisal.audit.finding import Finding, Interval, Severity
from bayesmeta.appraisal.audit.printed import Printed, PrintedRow
from bayesmeta.appraisal.audit.ranges import PoolRange
from bayesmeta.appraisal.audit.recipes import Recipe
from bayesmeta.appraisal.audit.region import off_scale
from bayesmeta.evidence.study import Pool


def check_against(row: PrintedRow, data: Data) -> Iterator[Finding]:
    """Check a printed row against its rows: how many, how many patients, and their pool."""
    pool = data.pool_of(row)
    if pool is None:
        yield row.finding(
            "warning", "k", f"no row of {data.evidence.source} belongs to this printed row"
        )
        return
    if row.k is not None and row.k != pool.k:
        yield row.finding(
            "error",
            "k",
            f"printed k is {row.k}; the data have {pool.k}: {listed(pool.studies)}",
            str(row.k),
            Interval(pool.k, pool.k),
        )
    yield from _patients(row, data, pool)
    if not data.changes:
        yield from _pool(row, data, pool)
        yield from _independent_rows(row, data, pool)


def agrees(row: PrintedRow, data: Data) -> bool:
    """Say whether the pool of the rows, by a method that the row's label allows, is the printed."""
    pool = data.pool_of(row)
    if pool is None:
        return False
    recipes = row.label.meant(pool.k) + row.label.open(pool.k)
    return any(not disagreements(row, one) for one in ranges_of(data, pool, recipes))


def ranges_of(data: Data, pool: Pool, recipes: Iterable[Recipe]) -> Iterator[PoolRange]:
    """Yield the pools of a pool's rows, one a recipe that suits them."""
    box = box_of_rows(data, data.rows_of(pool))
    return pool_ranges(pool, box, recipes, data.measure, data.evidence.convention)


def matching(row: PrintedRow, found: Iterable[PoolRange]) -> PoolRange | None:
    """Return the pool that can have all numbers of a printed row, the nearest of several."""
    agreeing = (one for one in found if not disagreements(row, one))
    return min(agreeing, key=lambda one: distance(row, one), default=None)


def distance(row: PrintedRow, found: PoolRange) -> float:
    """Return how far estimate and limits are from the printed ones, ranges by their middles."""
    cells = (row.estimate, row.ci_low, row.ci_high)
    ranges = (found.estimate, found.ci_low, found.ci_high)
    pairs = zip(cells, (off_scale(x, row.measure) for x in ranges), strict=True)
    return max(abs(cell.value - x.middle) for cell, x in pairs)


def disagreements(row: PrintedRow, found: PoolRange) -> list[tuple[str, Printed, Interval]]:
    """Return what a printed row has otherwise than a pool: name, printed, recomputed."""
    pairs = [
        ("estimate", row.estimate, off_scale(found.estimate, row.measure)),
        ("lower limit", row.ci_low, off_scale(found.ci_low, row.measure)),
        ("upper limit", row.ci_high, off_scale(found.ci_high, row.measure)),
        ("P", row.p, found.p),
        ("Q", row.q, found.q),
        ("I2", row.i2, found.i2),
        ("heterogeneity P", row.p_heterogeneity, found.p_heterogeneity),
    ]
    return [
        (name, printed, recomputed)
        for name, printed, recomputed in pairs
        if printed is not None and recomputed is not None and not printed.range.meets(recomputed)
    ]


def described(row: PrintedRow, found: PoolRange) -> str:
    """Show a pool on the scale of the printed row."""
    digits = row.decimals + 1
    estimate, low, high = (
        off_scale(x, row.measure).middle for x in (found.estimate, found.ci_low, found.ci_high)
    )
    return (
        f"{row.measure.name} {estimate:.{digits}f} ({low:.{digits}f} to {high:.{digits}f}) "
        f"by {Recipe(found.method, found.ci).words}"
    )


def _patients(row: PrintedRow, data: Data, pool: Pool) -> Iterator[Finding]:
    rows = data.table.select(data.rows_of(pool))
    names = {rows.name(column): column for column in rows.columns}
    for name, printed in row.n.items():
        columns = [names.get(name, name)]
        if columns == ["n"] and "n" not in rows:
            columns = ["n_treatment", "n_control"]
        if any(column not in rows or "" in rows.text(column) for column in columns):
            continue
        cells = [rows.text(column) for column in columns]
        total = sum(int(float(x)) for column in cells for x in column)
        if total != printed:
            sums = " + ".join("+".join(column) for column in zip(*cells, strict=True))
            yield row.finding(
                "error",
                "n",
                f"printed {name} is {printed}; the rows of {listed(pool.studies)} have "
                f"{sums} = {total}",
                str(printed),
                Interval(total, total),
            )


def _pool(row: PrintedRow, data: Data, pool: Pool) -> Iterator[Finding]:
    """Recompute the pool; a contradiction weighs as much as the rows: reported, derived, made."""
    meant = list(ranges_of(data, pool, row.label.meant(pool.k)))
    if not meant or matching(row, meant):
        return
    best = min(meant, key=lambda x: len(disagreements(row, x)))
    words = f"the rows of {listed(pool.studies)} give {row.shown} as"
    if found := matching(row, ranges_of(data, pool, row.label.open(pool.k))):
        yield row.finding(
            "note",
            "method",
            f"{words} {described(row, found)}, which the label does not say, and not "
            f"{described(row, best)}",
            row.shown,
        )
        return
    if found := matching(row, ranges_of(data, pool, row.label.others(pool.k))):
        yield row.finding(
            "error",
            "model",
            f"labelled {row.label.words}, but {words} {described(row, found)} and not "
            f"{described(row, best)}",
            row.label.words,
        )
        return
    for name, printed, recomputed in disagreements(row, best):
        status = {s for s in pool.status if s not in (None, "reported")}
        kind = f" (rows {listed(sorted(status))})" if status else ""
        yield row.finding(
            _weight(pool),
            "pool",
            f"{listed(pool.studies)}{kind} give {described(row, best)}, {name} "
            f"{span(recomputed)} by rounding; printed {printed.text}",
            printed.text,
            recomputed,
        )


def _weight(pool: Pool) -> Severity:
    if all(status in (None, "reported") for status in pool.status):
        return "error"
    return "note" if MADE & set(pool.status) else "warning"


def _independent_rows(row: PrintedRow, data: Data, pool: Pool) -> Iterator[Finding]:
    """Pool the rows that were not made from the printed pool, where others are in it."""
    if all(status in INDEPENDENT for status in pool.status) or "status" not in data.table:
        return
    rows = [i for i in data.at(row) if (data.table.text("status")[i] or None) in INDEPENDENT]
    if len(rows) < 2 or len({data.keys.studies[i] for i in rows}) < len(rows):
        return
    convention = data.evidence.convention
    found = pool_at(data.table, rows, data.measure, convention)
    box, label = box_of_rows(data, rows), row.label
    wanted, left = (
        list(pool_ranges(found, box, recipes, data.measure, convention))
        for recipes in (label.meant(found.k), label.open(found.k))
    )
    if wanted and not matching(row, wanted + left):
        made = listed(
            f"{study} ({status})"
            for study, status in zip(pool.studies, pool.status, strict=True)
            if status not in INDEPENDENT
        )
        yield row.finding(
            "warning",
            "reported rows",
            f"the rows that do not come from the printed pool, {listed(found.studies)}, give "
            f"{described(row, wanted[0])}, not {row.shown}: that takes {made}",
            row.shown,
            off_scale(wanted[0].estimate, row.measure),
        )
