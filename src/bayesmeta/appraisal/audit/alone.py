"""A printed row against itself: every number is an interval, so rounding is no error."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from math import log, sqrt

import numpy as np
from scipy.special import chdtrc, chdtri, stdtrit

from bayesmeta.appraisal.audit.finding import Finding, Interval, Severity
from bayesmeta.appraisal.audit.printed import Printed, PrintedRow
from bayesmeta.appraisal.audit.region import Region, Z, off_scale, on_scale, two_sided

UNCERTAIN = 0.1
"""Share of a standard error that rounding leaves open and that is worth a note."""


def check_alone(row: PrintedRow) -> Iterator[Finding]:
    """Check a row against itself, as printed and, where zeros seem lost, with them.

    What contradicts itself only with zeros put back is a warning, not an error.
    """
    found = tuple(_checks(row))
    yield from found
    if (padded := row.with_zeros()) is not None:
        seen = {finding.check for finding in found}
        for finding in _checks(padded):
            if finding.severity == "error" and finding.check not in seen:
                words = (
                    f"; so if {row.shown} had {row.padded} decimals and lost trailing zeros "
                    "(no estimate or limit of the table ends in one)"
                )
                yield replace(finding, severity="warning", message=finding.message + words)


def _checks(row: PrintedRow) -> Iterator[Finding]:
    region = Region.of(row, row.t_df)
    if row.ci_low.range.low > row.ci_high.range.high:
        yield row.finding("error", "limits", f"{row.shown}: the lower limit is above the upper")
    elif region.empty:
        yield _asymmetry(row)
    else:
        yield from _standard_error(row, region)
        yield from _p_value(row, region)
    yield from _degrees_of_freedom(row)
    yield from _heterogeneity(row)


def _asymmetry(row: PrintedRow) -> Finding:
    """An interval m -+ z s has its middle at m: on the log scale for ratios."""
    low, high = (on_scale(x.range, row.measure) for x in (row.ci_low, row.ci_high))
    middle = off_scale(Interval((low.low + high.low) / 2, (low.high + high.high) / 2), row.measure)
    a, b = row.ci_low, row.ci_high
    if row.measure.ratio:
        formula, value = f"sqrt({a.text} x {b.text})", sqrt(a.value * b.value)
    else:
        formula, value = f"({a.text} + {b.text}) / 2", (a.value + b.value) / 2
    digits = row.decimals + 1
    return row.finding(
        "error",
        "symmetry",
        f"the middle of the interval is {formula} = {value:.{digits}f} ({span(middle, digits)} by "
        f"rounding), but the estimate is {row.estimate.text} ({span(row.estimate.range, digits)})",
        row.estimate.text,
        middle,
    )


def _standard_error(row: PrintedRow, region: Region) -> Iterator[Finding]:
    se = region.se
    if row.se is not None and not se.meets(row.se.range):
        yield row.finding(
            "error",
            "SE from CI",
            f"{_se_formula(row)} = {span(se)} by rounding; printed {row.se.text}",
            row.se.text,
            se,
        )
    share = (se.high - se.low) / (se.high + se.low)
    if share > UNCERTAIN:
        yield row.finding(
            "note",
            "SE from CI",
            f"{_se_formula(row)} = {se.middle:.3g}, but rounding leaves {span(se)}: "
            f"{100 * share:.0f} % to either side, {100 * _variance_share(se):.0f} % in a weight",
            row.shown,
            se,
        )


def _p_value(row: PrintedRow, region: Region) -> Iterator[Finding]:
    if row.p is None:
        return
    if row.t_df is not None:
        if not region.p.meets(row.p.range):
            yield row.finding(
                "note",
                "P from CI",
                f"t on {row.t_df} df gives P {span(region.p)}; printed {row.p.text}: it may be "
                "Wald's, which RevMan Web prints beside Hartung and Knapp's interval",
                row.p.text,
                region.p,
            )
        return
    z, p = _from_the_numbers(row)
    formula = (
        f"{_se_formula(row)}, z = {_log(row, row.estimate.text)} / SE = {z:.3g}, P = {p:.3g} "
        f"({span(region.p)} by rounding, the estimate in the middle)"
    )
    if region.p.meets(row.p.range):
        if not Interval(p, p).meets(row.p.range):
            yield row.finding(
                "note",
                "P from CI",
                f"{formula}; printed {row.p.text}: looks off, and is within rounding",
                row.p.text,
                region.p,
            )
        return
    severity: Severity = "error"
    words = ""
    if row.k is not None and row.k > 1:
        other = Region.of(row, row.k - 1)
        if not other.empty and other.p.meets(row.p.range):
            severity = "note"
            words = f"; a t interval on {row.k - 1} df (P {span(other.p)}) agrees with it"
    yield row.finding(
        severity, "P from CI", f"{formula}; printed {row.p.text}{words}", row.p.text, region.p
    )


def _degrees_of_freedom(row: PrintedRow) -> Iterator[Finding]:
    if row.df is not None and row.k is not None and row.df != row.k - 1:
        yield row.finding(
            "error",
            "df",
            f"{row.k} studies have k - 1 = {row.k - 1} degrees of freedom; printed {row.df}",
            str(row.df),
            Interval(row.k - 1, row.k - 1),
        )


@dataclass(frozen=True, slots=True)
class _OfQ:
    """A statistic of heterogeneity: its name, what it says of Q, and what Q says of it."""

    name: str
    printed: Printed
    q: Interval
    back: Callable[[Interval], Interval]


def _heterogeneity(row: PrintedRow) -> Iterator[Finding]:
    """Q, its P and I2 are functions of each other: each printed one leaves a range of Q.

    ``P = P(chi2_df > Q)``; ``I2 = max(0, 1 - df / Q)`` (Higgins and Thompson 2002, Stat Med
    21:1539). Ranges on a line have a common point if every two of them have.
    """
    df = row.df if row.df is not None else None if row.k is None else row.k - 1
    printed = [x for x in (row.q, row.p_heterogeneity, row.i2) if x is not None]
    if df is None or not printed:
        return
    if df == 0:
        if any(x.q.low > 0 for x in _statistics(row, 1)):
            yield row.finding(
                "error",
                "heterogeneity",
                "one study has no heterogeneity, yet there is a Q or I2 above 0 or a P below 1",
            )
        return
    for one, other in combinations(_statistics(row, df), 2):
        if one.q.meets(other.q):
            continue
        # Some programs take I2 from tau2, which is not Q's where the model is random.
        of_tau2 = row.model == "random" and "I2" in (one.name, other.name)
        words = ", unless I2 was taken from tau2 and not from Q" if of_tau2 else ""
        found = other.back(one.q)
        other_tau2 = of_tau2 and row.label.method not in (None, "DL")
        yield row.finding(
            "note" if other_tau2 else "warning" if of_tau2 else "error",
            "heterogeneity",
            f"on {df} df {one.name} {one.printed.text} "
            + (f"means Q {span(one.q)}, which gives " if one.name != "Q" else "gives ")
            + f"{other.name} {span(found)}; printed {other.printed.text}{words}",
            other.printed.text,
            found,
        )


def _statistics(row: PrintedRow, df: int) -> list[_OfQ]:
    found = []
    if row.q is not None:
        found.append(_OfQ("Q", row.q, row.q.range, lambda q: q))
    if row.p_heterogeneity is not None:
        found.append(
            _OfQ(
                "heterogeneity P",
                row.p_heterogeneity,
                q_of_p(row.p_heterogeneity.range, df),
                lambda q: p_of_q(q, df),
            )
        )
    if row.i2 is not None:
        low, high = row.i2.range.low / 100, row.i2.range.high / 100
        q = Interval(
            df / (1 - low) if 0 < low < 1 else 0.0 if low <= 0 else np.inf,
            df / (1 - high) if high < 1 else np.inf,
        )
        found.append(_OfQ("I2", row.i2, q, lambda q: i2_of_q(q, df)))
    return found


def q_of(row: PrintedRow, df: int) -> Interval | None:
    """Return the Q that all printed statistics of heterogeneity leave possible, if any."""
    ranges = [statistic.q for statistic in _statistics(row, df)]
    if not ranges:
        return None
    low, high = max(q.low for q in ranges), min(q.high for q in ranges)
    return Interval(low, high) if low <= high else None


def q_of_p(p: Interval, df: int) -> Interval:
    """Return the Q that a heterogeneity P stands for."""
    return Interval(float(chdtri(df, p.high)), float(chdtri(df, p.low)))


def p_of_q(q: Interval, df: int) -> Interval:
    """Return the heterogeneity P of a Q."""
    return Interval(float(chdtrc(df, q.high)), float(chdtrc(df, q.low)))


def i2_of_q(q: Interval, df: int) -> Interval:
    """Return I2 in per cent."""
    return Interval(*(100 * max(0.0, 1 - df / x) if x > 0 else 0.0 for x in (q.low, q.high)))


def span(x: Interval, decimals: int | None = None) -> str:
    """Show a range with as many decimals, or with the digits in which its ends differ.

    Examples
    --------
    >>> span(Interval(0.87423, 0.88731)), span(Interval(0.0127, 0.0179)), span(Interval(0, 1), 2)
    ('0.874 to 0.887', '0.0127 to 0.0179', '0.00 to 1.00')
    """
    if decimals is not None:
        return f"{x.low:.{decimals}f} to {x.high:.{decimals}f}"
    for digits in range(3, 9):
        low, high = f"{x.low:.{digits}g}", f"{x.high:.{digits}g}"
        if low != high:
            return f"{low} to {high}"
    return f"{x.middle:.3g}"


def _se_formula(row: PrintedRow) -> str:
    widths = 2 * (Z if row.t_df is None else float(stdtrit(row.t_df, 0.975)))
    return f"SE = ({_log(row, row.ci_high.text)} - {_log(row, row.ci_low.text)}) / {widths:.3g}"


def _log(row: PrintedRow, text: str) -> str:
    if row.measure.ratio:
        return f"ln {text}"
    return f"({text})" if text[0] in "-\N{MINUS SIGN}" else text


def _from_the_numbers(row: PrintedRow) -> tuple[float, float]:
    """Return z and P as a reader takes them from the printed numbers, without rounding."""
    estimate, low, high = (x.value for x in (row.estimate, row.ci_low, row.ci_high))
    if row.measure.ratio:
        estimate, low, high = (log(max(x, 1e-300)) for x in (estimate, low, high))
    se = (high - low) / (2 * Z)
    if se <= 0:
        return np.inf, 0.0
    return estimate / se, float(two_sided(estimate / se))


def _variance_share(se: Interval) -> float:
    """Return the half-range of 1 / SE^2 as a share of its middle."""
    return (se.high**2 - se.low**2) / (se.high**2 + se.low**2)
