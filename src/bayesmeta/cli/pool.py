"""``bayesmeta pool``: frequentist pools alone, as a table, JSON or CSV."""

import csv
import json
import sys
from collections.abc import Callable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bayesmeta.cli import show
from bayesmeta.evidence.pooling import words_of_time
from bayesmeta.fit import Pooled, PooledRow
from bayesmeta.fit.words import count, formatter, p_value, percent, span, spread
from bayesmeta.frequentist import METHODS, PREDICTIONS, PROFILES, FrequentistPool

type Show = Callable[[float | None], str]


def run(found: Pooled, format: str) -> None:
    """Print frequentist pools."""
    if format == "json":
        print(json.dumps(found.to_dict(), allow_nan=False, ensure_ascii=False, indent=2))
    elif format == "csv":
        _print_csv(found)
    else:
        _print_tables(show.console(), found)


def _print_csv(found: Pooled) -> None:
    rows = list(found.long())
    writer = csv.DictWriter(sys.stdout, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print_tables(to: Console, found: Pooled) -> None:
    evidence, level = found.evidence, percent(found.level)
    for warning in found.warnings:
        to.print(Text(f"Warning: {warning}", style="bold"))
    to.print(Text(evidence.title, style="bold"))
    unit = f" ({evidence.unit})" if evidence.unit else ""
    to.print(
        Text(
            f"{evidence.measure.label}{unit}; frequentist pools by the rules of "
            f"{PROFILES[found.profile]}, {level} intervals",
            style="dim",
        )
    )
    _print_rows(to, found, found.rows)
    for variant in found.variants:
        to.print(Text(f"Also: {variant.name}. {variant.reason}", style="bold"))
        _print_rows(to, found, variant.rows)
    for line in _legend(found):
        to.print(Text(line, style="dim"))


def _print_rows(to: Console, found: Pooled, rows: tuple[PooledRow, ...]) -> None:
    shown = formatter(found.evidence)
    for row in rows:
        to.print(_pools(row, found, shown))
        if any(map(_predicts, row.frequentist)):
            to.print(_predictions(row, found, shown))


def _legend(found: Pooled) -> list[str]:
    every = (found.rows, *(variant.rows for variant in found.variants))
    pools = [pool for rows in every for row in rows for pool in row.frequentist]
    methods = dict.fromkeys(pool.method for pool in pools)
    names = "; ".join(f"{name} {METHODS[name]}" for name in methods if name != METHODS[name])
    intervals = [f"{name}: {words}" for name, words in PREDICTIONS.items()]
    return [
        *([names] if names else []),
        "Intervals of tau and I2 by Q-profile.",
        *(intervals if any(map(_predicts, pools)) else []),
        *dict.fromkeys(pool.reasons["ci"] for pool in pools if "ci" in pool.reasons),
    ]


def _predicts(pool: FrequentistPool) -> bool:
    return any((pool.prediction or {}).values())


def _title(row: PooledRow, found: Pooled) -> str:
    time = words_of_time(row.pool.time, found.evidence.time_unit)
    parts = row.pool.outcome, time, count(row.pool.k, "study", "studies")
    return ", ".join(part for part in parts if part)


def _pools(row: PooledRow, found: Pooled, shown: Show) -> Table:
    level = percent(found.level)
    table = Table(
        "Method",
        "Interval",
        f"Estimate ({found.evidence.measure.name})",
        f"{level} CI",
        "P",
        f"tau ({level} CI)",
        f"I2 ({level} CI)",
        "Q (df), P",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=_title(row, found),
        title_justify="left",
    )
    for pool in row.frequentist:
        cells = (
            pool.method,
            pool.ci,
            shown(pool.estimate),
            span(shown, pool.ci_low, pool.ci_high),
            p_value(pool.p),
            _tau(pool),
            _i2(pool),
            f"{pool.q:.3g} ({pool.df}), {p_value(pool.p_heterogeneity)}" if pool.df else "",
        )
        table.add_row(*map(Text, cells))
    return table


def _predictions(row: PooledRow, found: Pooled, shown: Show) -> Table:
    """Return the prediction intervals, a column an estimator: they do not depend on ``ci``."""
    random = {pool.method: pool.prediction for pool in row.frequentist if pool.prediction}
    table = Table(
        f"{percent(found.level)} PI, new study",
        *random,
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for name in PREDICTIONS:
        limits = [prediction[name] for prediction in random.values()]
        cells = ["none" if one is None else span(shown, one.ci_low, one.ci_high) for one in limits]
        table.add_row(name, *map(Text, cells))
    return table


def _tau(pool: FrequentistPool) -> str:
    limits = _within(spread, _root(pool.tau2_ci_low), _root(pool.tau2_ci_high))
    return f"{spread(_root(pool.tau2))}{limits}".strip()


def _i2(pool: FrequentistPool) -> str:
    if pool.i2 is None:
        return ""
    return f"{_percent(pool.i2)}{_within(_percent, pool.i2_ci_low, pool.i2_ci_high)}"


def _within(shown: Show, low: float | None, high: float | None) -> str:
    return "" if low is None else f" ({span(shown, low, high)})"


def _root(x: float | None) -> float | None:
    return None if x is None else x**0.5


def _percent(x: float | None) -> str:
    return "" if x is None else f"{100 * x:.0f}%"
