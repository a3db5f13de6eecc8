"""Which 2x2 tables of whole patients can have produced a printed pool: all of them."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from bayesmeta.appraisal.audit.finding import Interval
from bayesmeta.appraisal.audit.printed import PrintedRow
from bayesmeta.appraisal.audit.region import Z, on_scale, two_sided
from bayesmeta.arrays import Array, Mask
from bayesmeta.errors import InputError
from bayesmeta.evidence.effects import add_half_to_zeros, effect_of_counts, not_estimable

type Counts = NDArray[np.int64]
type Positions = NDArray[np.int64]
type Size = int | tuple[int, int]

MEASURES = ("OR", "RR", "RD")
MOST = 20_000_000
"""Combinations of tables that are looked at one by one, at most."""
MOST_OF_ONE = 1_000_000
"""Tables that one trial may have."""

_CHUNK = 200_000
_SLACK = 1e-9
_FEWER = "fewer trials, smaller arms or known tables are expected"


def tables_of(n_treatment: Size, n_control: Size) -> Counts:
    """Return every 2x2 table with arms of these sizes, or of sizes between two bounds.

    Returns
    -------
    ndarray of int, shape (m, 4)
        events_treatment, n_treatment, events_control, n_control.

    Examples
    --------
    >>> tables_of(1, 1).tolist()
    [[0, 1, 0, 1], [0, 1, 1, 1], [1, 1, 0, 1], [1, 1, 1, 1]]
    >>> len(tables_of((1, 2), 3))
    20
    """
    bounds = [(x, x) if isinstance(x, int) else x for x in (n_treatment, n_control)]
    for low, high in bounds:
        if not 1 <= low <= high:
            raise InputError(
                f"an arm of {low} to {high} patients: 1 or more, or (least, most), is expected"
            )
    many = prod((low + high + 2) * (high - low + 1) // 2 for low, high in bounds)
    if many > MOST_OF_ONE:
        raise InputError(f"{many:.2g} tables of one trial: smaller arms are expected")
    treatment, control = (
        np.array([(x, n) for n in range(low, high + 1) for x in range(n + 1)])
        for low, high in bounds
    )
    return np.hstack(
        [np.repeat(treatment, len(control), axis=0), np.tile(control, (len(treatment), 1))]
    )


def possible_tables(row: PrintedRow, trials: Sequence[Counts]) -> Counts:
    """Return every combination of 2x2 tables, one a trial, that rounds to a printed pool.

    The pool is Mantel and Haenszel's by RevMan 5's rules (a half in every cell of a table with a
    zero, none of tables without an estimate), or DerSimonian and Laird's around it where the row
    is random. Estimate, limits, P and heterogeneity P have to agree, as far as they are printed.

    The Mantel-Haenszel estimate is a ratio of sums over trials, ``sum R / sum S``, so it lies in
    ``[e0, e1]`` if and only if ``sum (R - e0 S) >= 0 >= sum (R - e1 S)``: with the tables of the
    last trial sorted by ``R - e0 S``, those that can complete a combination of the others are
    next to each other.

    Parameters
    ----------
    row : PrintedRow
        Of an OR, RR or RD.
    trials : sequence of ndarray, shape (m, 4)
        The tables that each trial can have: `tables_of` its arms, or one known table.

    Returns
    -------
    ndarray of int, shape (solutions, k, 4)

    Raises
    ------
    InputError
        Where there are too many combinations to look at.

    Examples
    --------
    >>> from bayesmeta.appraisal.audit.printed import read_printed
    >>> from bayesmeta.evidence.table import table_of_columns
    >>> columns = {"outcome": ["adverse events"], "measure": ["OR"], "estimate": ["0.26"],
    ...            "ci_low": ["0.07"], "ci_high": ["0.89"], "p": ["0.03"],
    ...            "p_heterogeneity": ["0.66"]}
    >>> row = read_printed(table_of_columns(columns, "the table"))[0]
    >>> found = possible_tables(row, [tables_of(12, 6), tables_of(20, 20)])
    >>> found[..., [0, 2]].tolist()
    [[[2, 2], [3, 9]], [[2, 2], [11, 17]]]
    """
    terms = [_terms(counts, row.measure.name) for counts in trials]
    order = sorted(range(len(trials)), key=lambda i: len(trials[i]))
    found = [np.empty((0, len(trials)), dtype=np.int64)]
    for chunk in _candidates(row, [terms[i] for i in order]):
        here = np.stack([terms[i][chunk[:, j]] for j, i in enumerate(order)], axis=1)
        found.append(chunk[_fits(row, here)])
    picked = np.concatenate(found)[:, np.argsort(order)]
    solutions = np.stack([trials[i][picked[:, i]] for i in range(len(trials))], axis=1)
    return solutions[np.lexsort(solutions.reshape(len(solutions), 4 * len(trials)).T[::-1])]


def _terms(counts: Counts, measure: str) -> Array:
    """Return what each table adds to the sums of a pool, shape (m, 8); 0 where it has no estimate.

    R and S, whose sums have the Mantel-Haenszel estimate for their ratio; the three terms of its
    variance, by the formulas of `mantel_haenszel`; the table's own effect and inverse variance;
    1 for a table that counts.
    """
    x1, n1, x2, n2 = counts.T.astype(float)
    cells = np.stack([x1, n1 - x1, x2, n2 - x2], axis=1)
    used = ~not_estimable(cells, measure)
    a, b, c, d = add_half_to_zeros(cells).T
    n1, n2 = a + b, c + d
    n = n1 + n2
    zero = np.zeros_like(n)
    if measure == "OR":
        p, q, r, s = (a + d) / n, (b + c) / n, a * d / n, b * c / n
        variance = p * r, p * s + q * r, q * s
    elif measure == "RR":
        r, s = a * n2 / n, c * n1 / n
        variance = (n1 * n2 * (a + c) - a * c * n) / n**2, zero, zero
    else:
        r, s = (a * n2 - c * n1) / n, n1 * n2 / n
        variance = (a * b * n2**3 + c * d * n1**3) / (n1 * n2 * n**2), zero, zero
    y, se = (np.where(used, x, 1.0) for x in effect_of_counts(counts, measure, "revman5"))
    return np.stack([r, s, *variance, y, 1 / se**2, np.ones_like(n)], axis=1) * used[:, None]


def _candidates(row: PrintedRow, terms: list[Array]) -> Iterator[Positions]:
    """Yield combinations whose estimate can be the printed one, as positions, shape (m, k)."""
    *first, last = terms
    sizes = [len(x) for x in first]
    if prod(sizes) > MOST:
        raise InputError(f"{prod(sizes) * len(last):.2g} combinations of tables: {_FEWER}")
    low, high = _estimates(row)
    above = last[:, 0] - low * last[:, 1]
    order = np.argsort(above, kind="stable")
    above, reach, seen = above[order], (high - low) * last[:, 1].max(), 0
    for start, stop in pairwise([*range(0, prod(sizes), _CHUNK // 10), prod(sizes)]):
        picks = np.stack(np.unravel_index(np.arange(start, stop), (*sizes, 1)), axis=1)[:, :-1]
        sums = np.zeros((stop - start, 2))
        for j, x in enumerate(first):
            sums += x[picks[:, j], :2]
        r, s = sums.T
        slack = _SLACK * (np.abs(r) + s + np.abs(above).max())
        begin = np.searchsorted(above, low * s - r - slack, "left")
        end = np.searchsorted(above, high * s - r + reach + slack, "right")
        seen += int((end - begin).sum())
        if seen > MOST:
            raise InputError(f"{seen:.2g} combinations of tables or more could fit: {_FEWER}")
        yield from _expanded(picks, begin, end, order)


def _estimates(row: PrintedRow) -> tuple[float, float]:
    """Return the Mantel-Haenszel estimates that a row allows: any, in a random-effects pool."""
    if row.model == "random":
        return (0.0, 1e100) if row.measure.ratio else (-1.0, 1.0)
    return row.estimate.range.low, row.estimate.range.high


def _expanded(
    picks: Positions, begin: Positions, end: Positions, order: Positions
) -> Iterator[Positions]:
    """Put beside each pick the tables of the last trial from ``begin`` to ``end``, in chunks."""
    many = end - begin
    total = np.concatenate([[0], np.cumsum(many)])
    cuts = np.searchsorted(total, np.arange(0, total[-1], _CHUNK), "left").tolist()
    for start, stop in pairwise([*dict.fromkeys(cuts), len(many)]):
        n = many[start:stop]
        left = np.repeat(np.arange(start, stop), n)
        step = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
        yield np.column_stack([picks[left], order[begin[left] + step]])


def _fits(row: PrintedRow, terms: Array) -> Mask:
    """Say which combinations, shape (m, k, 8), round to all that is printed."""
    r, s, first, second, third = terms[..., :5].sum(axis=1).T
    y, w, df = terms[..., 5], terms[..., 6], terms[..., 7].sum(axis=1) - 1
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if row.measure.name == "OR":
            mu, v = np.log(r / s), (first / r**2 + second / (r * s) + third / s**2) / 2
        elif row.measure.name == "RR":
            mu, v = np.log(r / s), first / (r * s)
        else:
            mu, v = r / s, first / s**2
        q = (w * (y - mu[:, None]) ** 2).sum(axis=1)
        if row.model == "random":
            total = w.sum(axis=1)
            spread = total - (w**2).sum(axis=1) / total
            tau2 = np.where(df > 0, np.maximum(0.0, (q - df) / spread), 0.0)
            w = np.where(w > 0, 1 / (1 / w + tau2[:, None]), 0.0)
            total = w.sum(axis=1)
            mu, v = (w * y).sum(axis=1) / total, 1 / total
        se = np.sqrt(v)
        fits = np.isfinite(se)
        for value, cell in (
            (mu, row.estimate),
            (mu - Z * se, row.ci_low),
            (mu + Z * se, row.ci_high),
        ):
            fits &= _inside(value, on_scale(cell.range, row.measure))
        if row.p is not None:
            fits &= _inside(two_sided(mu / se), row.p.range)
        if row.p_heterogeneity is not None:
            fits &= (df > 0) & _inside(chdtrc(df, q), row.p_heterogeneity.range)
    return np.asarray(fits)


def _inside(x: Array, printed: Interval) -> Mask:
    return np.asarray((x >= printed.low - _SLACK) & (x <= printed.high + _SLACK))
