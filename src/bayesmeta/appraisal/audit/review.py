"""A review as a whole: single studies, what is significant when, rows left out, centres twice."""

from collections.abc import Iterator, Sequence

from bayesmeta.appraisal.audit.against import agrees
from bayesmeta.appraisal.audit.data import INDEPENDENT, Data, listed
from bayesmeta.appraisal.audit.finding import Finding
from bayesmeta.appraisal.audit.printed import PrintedRow
from bayesmeta.appraisal.audit.region import on_scale
from bayesmeta.fit.words import count


def check_single_studies(rows: Sequence[PrintedRow]) -> Iterator[Finding]:
    """Count the rows that rest on one study and carry the name of a model."""
    single = [row for row in rows if row.k == 1 and row.model is not None]
    if single:
        models = listed(sorted({str(row.model) for row in single}))
        where: dict[str, list[str]] = {}
        for row in single:
            times = where.setdefault(row.outcome, [])
            times += [] if row.time is None else [f"{row.time:g}"]
        places = "; ".join(f"{name} {', '.join(times)}".strip() for name, times in where.items())
        yield Finding(
            "warning",
            "model",
            f"labelled {models}, yet resting on one study: {len(single)} of "
            f"{count(len(rows), 'row', 'rows')} ({places}); nothing is pooled there, whatever the "
            "model",
            printed=models,
        )


def check_significance(rows: Sequence[PrintedRow]) -> Iterator[Finding]:
    """Say at which times an outcome's interval excludes no effect, for what the text claims."""
    groups: dict[tuple[str, str, str], list[PrintedRow]] = {}
    for row in rows:
        if row.time is not None:
            groups.setdefault((row.outcome, row.measure.name, row.design), []).append(row)
    for (outcome, _, _), group in groups.items():
        if len(group) < 2:
            continue
        null = "1" if group[0].measure.ratio else "0"
        times: dict[str, list[str]] = {}
        for row in group:
            low, high = (on_scale(x.range, row.measure) for x in (row.ci_low, row.ci_high))
            word = (
                f"excludes {null}"
                if low.low > 0 or high.high < 0
                else f"includes {null}"
                if low.high < 0 < high.low
                else f"ends at {null}, as far as its digits go,"
            )
            times.setdefault(word, []).append(f"{row.time:g}")
        text = ", ".join(f"{word} at {listed(at)}" for word, at in sorted(times.items()))
        yield Finding("note", "times", f"the interval {text}", outcome)


def check_left_out(data: Data) -> Iterator[Finding]:
    """Name the studies whose rows of the outcome were not chosen for a pool of their time."""
    pooled = {(p.outcome, p.time): set(p.studies) for p in data.evidence.pools}
    found: dict[tuple[str, str, float | None], list[str]] = {}
    for i in range(len(data.table)):
        key = data.keys.outcomes[i], data.keys.times[i]
        if i not in data.kept and data.keys.studies[i] not in pooled.get(key, set()):
            scale = data.table.text("scale")[i] if "scale" in data.table else ""
            found.setdefault((data.keys.studies[i], *key), []).append(scale)
    for (study, outcome, time), scales in found.items():
        how = f" (as {listed(filter(None, scales))})" if any(scales) else ""
        yield Finding(
            "warning",
            "left out",
            f"{study} has the outcome{how} and was not pooled",
            outcome,
            time,
        )


def check_overlap(data: Data) -> Iterator[Finding]:
    """Pass on what the evidence warns of: one centre twice in a pool."""
    for warning in data.evidence.warnings:
        yield Finding("warning", "overlap", warning, data.evidence.pools[0].outcome)


def check_agreement(pairs: Sequence[tuple[PrintedRow, Data | None]]) -> Iterator[Finding]:
    """Count the rows that their study rows give again, and of what kind those are."""
    compared = [(row, data) for row, data in pairs if data is not None and not data.changes]
    again = [(row, data) for row, data in compared if agrees(row, data)]
    pools = (data.pool_of(row) for row, data in again)
    made = sum(pool is not None and not set(pool.status) <= INDEPENDENT for pool in pools)
    if compared:
        words = (
            f"; under {made} of these lie rows derived or reconstructed, in part from the printed "
            "row itself, so that agreement is arithmetic and not evidence"
        )
        yield Finding(
            "note",
            "agreement",
            f"of {count(len(compared), 'row', 'rows')} with study rows {len(again)} "
            f"{'agrees' if len(again) == 1 else 'agree'} in every number with their pool"
            + (words if made else ""),
        )
