"""Pooled rows as a paper printed them."""

from collections.abc import Mapping

import numpy as np

from bayesmeta.errors import InputError
from bayesmeta.evidence.measures import Measure
from bayesmeta.evidence.study import Published
from bayesmeta.evidence.table import ABOVE_ZERO, NUMBER, SIZE, Table

type Key = tuple[str, float | None]


def published_rows(published: Table, measure: Measure, data: Table) -> Mapping[Key, Published]:
    """Return the rows of the measure by outcome and time, on the analysis scale.

    Where both tables have a column ``design``, only rows of a design in the data are taken.

    Parameters
    ----------
    published : Table
        Columns ``outcome, measure, model, k, estimate, ci_low, ci_high, p_heterogeneity,
        p_overall, source``, a time, and ``design`` if the data have it; ratio measures on the
        ratio scale.
    measure : Measure
    data : Table
    """
    time = next((name for name in published.columns if name.startswith("time")), "")
    published.need(COLUMNS)
    outcomes = set(data.text("outcome")) if "outcome" in data else set(published.text("outcome"))
    designs = set(data.text("design")) if "design" in data and "design" in published else set()
    keep = [
        i
        for i in range(len(published))
        if published.columns["outcome"][i] in outcomes
        and published.columns["measure"][i].upper() == measure.name
        and (not designs or published.columns["design"][i] in designs)
    ]
    table = published.select(keep)
    rule = ABOVE_ZERO if measure.ratio else NUMBER
    numbers = np.stack([table.numbers(c, rule) for c in ("estimate", "ci_low", "ci_high")], axis=1)
    numbers = np.log(numbers) if measure.ratio else numbers
    ks = table.numbers("k", SIZE)
    times = table.numbers(time, optional=True) if time else np.full(len(table), np.nan)
    rows: dict[Key, Published] = {}
    for i in range(len(table)):
        key = table.columns["outcome"][i], None if np.isnan(times[i]) else float(times[i])
        if key in rows:
            raise InputError(
                f"outcome {key[0]!r} is there twice at one time in {table.where(i)}: "
                "one published row of it is expected"
            )
        p, p_heterogeneity = table.text("p_overall")[i], table.text("p_heterogeneity")[i]
        rows[key] = Published(
            estimate=float(numbers[i, 0]),
            ci_low=float(numbers[i, 1]),
            ci_high=float(numbers[i, 2]),
            p=_p(table, "p_overall", i),
            p_text=p,
            p_heterogeneity=_p(table, "p_heterogeneity", i),
            p_heterogeneity_text=p_heterogeneity,
            k=int(ks[i]),
            model=table.text("model")[i],
            source=table.text("source")[i],
        )
    return rows


COLUMNS = (
    "outcome",
    "measure",
    "model",
    "k",
    "estimate",
    "ci_low",
    "ci_high",
    "p_heterogeneity",
    "p_overall",
    "source",
)


def _p(table: Table, column: str, i: int) -> float | None:
    """Return the P value, None where it is a bound or missing."""
    cell = table.text(column)[i]
    if not cell or cell.startswith("<"):
        return None
    return float(table.select([i]).numbers(column)[0])
