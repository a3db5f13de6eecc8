"""Pools computed from unrounded studies, and the table that prints them."""

from decimal import Decimal

import numpy as np

from bayesmeta.appraisal.audit.data import Data
from bayesmeta.evidence import evidence_from_table
from bayesmeta.evidence.effects import effect_of_counts
from bayesmeta.evidence.measures import measure_named
from bayesmeta.evidence.pooling import keys_of
from bayesmeta.evidence.study import Pool
from bayesmeta.evidence.table import table_of_columns
from bayesmeta.frequentist import frequentist_pools


def rounded(x, digits):
    return str(Decimal(float(x)).quantize(Decimal(1).scaleb(-digits)))


def significant(x, digits):
    """Round to significant digits, as some journals print ratios."""
    x = Decimal(float(x))
    return rounded(x, digits - 1 - x.adjusted()) if x else "0"


def printed_p(p, digits):
    """Print a P value as RevMan and journals do: rounded, or a bound."""
    for bound in ("0.00001", "0.0001", "0.001"):
        if digits >= 3 and p < float(bound):
            return f"<{bound}"
    return rounded(p, digits)


def without_zeros(text):
    """Lose trailing zeros, as a spreadsheet does."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def table(pool, measure, model, k, digits, p_digits, show=rounded):
    """Return the one printed row of a pool, as columns of text."""
    limits = np.array([pool.estimate, pool.ci_low, pool.ci_high])
    limits = np.exp(limits) if measure in ("OR", "RR", "HR", "ROM") else limits
    columns = {
        "outcome": "pain",
        "measure": measure,
        "model": model,
        "k": str(k),
        **{
            name: show(x, digits)
            for name, x in zip(("estimate", "ci_low", "ci_high"), limits, strict=True)
        },
        "p": printed_p(pool.p, p_digits),
    }
    if k > 1:
        columns |= {
            "df": str(k - 1),
            "q": rounded(pool.q, digits),
            "i2": rounded(100 * pool.i2, p_digits % 2),
            "p_heterogeneity": printed_p(pool.p_heterogeneity, p_digits),
        }
    return {name: [cell] for name, cell in columns.items()}


def pooled(y, se, model):
    """Return the inverse-variance or the DerSimonian-Laird pool."""
    y, se = np.asarray(y, dtype=float), np.asarray(se, dtype=float)
    return _pools(y, se, "MD")["DL" if model == "random" else "IV"]


def pooled_counts(counts, measure="OR", model="fixed"):
    """Return RevMan's Mantel-Haenszel pool, or its random effects; None without an estimate."""
    counts = np.asarray(counts, dtype=float)
    y, se = effect_of_counts(counts, measure, "revman5")
    used = np.isfinite(y)
    if not used.any():
        return None
    pools = _pools(y[used], se[used], measure, counts[used])
    return pools.get("MH") and pools["DL" if model == "random" else "MH"]


def _pools(y, se, measure, counts=None):
    names = tuple(map(str, range(len(y))))
    pool = Pool("", None, names, y, se, (None,) * len(y), ("",) * len(y), counts=counts)
    return {p.method: p for p in frequentist_pools(pool, measure_named(measure), "revman5")}


def data(columns, measure):
    """Return a table of studies as the audit reads it."""
    rows = table_of_columns(columns, "the studies")
    return Data(
        evidence=evidence_from_table(columns, measure=measure, name="pain", convention="revman5"),
        table=rows,
        keys=keys_of(rows, "pain", "time"),
        kept=tuple(range(len(rows))),
        changes=False,
        arms=("treatment", "control"),
        published=None,
        beside={},
    )
