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
from bayesmeta.appraisal.audit.region import off_scale
from bayesmeta.evidence.study import Pool

METHODS = {"fixed": ("MH", "IV"), "random": ("DL",), None: ("MH", "IV", "DL")}
NAMES = {
    "MH": "Mantel-Haenszel",
    "IV": "inverse variance",
    "DL": "DerSimonian-Laird",
}


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
    """Say whether the pool of the rows, by the row's own model, is the printed one."""
    pool = data.pool_of(row)
    if pool is None:
        return False
    ranges = pool_ranges(
        pool, box_of_rows(data, data.rows_of(pool)), data.measure, data.evidence.convention
    )
    return any(not disagreements(row, x) for x in labelled(row, ranges, pool.k))


def labelled(row: PrintedRow, ranges: Iterable[PoolRange], k: int) -> list[PoolRange]:
    """Return the pools that a row's label can mean; of one study every method makes the same."""
    return [x for x in ranges if x.method in METHODS[row.model if k > 1 else None]]


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
        f"by {NAMES[found.method]}"
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
    box = box_of_rows(data, data.rows_of(pool))
    ranges = pool_ranges(pool, box, data.measure, data.evidence.convention)
    wanted = labelled(row, ranges, pool.k)
    if any(not disagreements(row, x) for x in wanted):
        return
    others = [x for x in ranges if x not in wanted and not disagreements(row, x)]
    if others:
        yield row.finding(
            "error",
            "model",
            f"labelled {row.model}, but the rows of {listed(pool.studies)} give {row.shown} as "
            f"{described(row, others[0])} and not {described(row, wanted[0])}",
            row.model or "",
        )
        return
    best = min(wanted, key=lambda x: len(disagreements(row, x)))
    for name, printed, recomputed in disagreements(row, best):
        status = {s for s in pool.status if s not in (None, "reported")}
        words = f" (rows {listed(sorted(status))})" if status else ""
        yield row.finding(
            _weight(pool),
            "pool",
            f"{listed(pool.studies)}{words} give {described(row, best)}, {name} "
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
    ranges = pool_ranges(found, box_of_rows(data, rows), data.measure, convention)
    wanted = labelled(row, ranges, found.k)
    if not any(not disagreements(row, x) for x in wanted):
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
