"""Printed numbers: each is every real number that rounds to it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from bayesmeta.appraisal.audit.finding import Finding, Interval, Severity
from bayesmeta.appraisal.audit.recipes import Label, Model, label_of
from bayesmeta.errors import InputError
from bayesmeta.evidence.measures import Measure, measure_named
from bayesmeta.evidence.table import NUMBER, STANDARD_ERROR, Rule, Table

P_COLUMNS = ("p", "p_overall")
LIMITS = ("estimate", "ci_low", "ci_high")


@dataclass(frozen=True, slots=True)
class Printed:
    """A number as printed, and what it can have been before it was rounded."""

    text: str
    range: Interval

    @property
    def value(self) -> float:
        """The printed number itself."""
        return float(_plain(self.text).lstrip("<>"))


def printed(text: str, decimals: int | None = None) -> Printed:
    """Return the interval of a printed number: half a unit of its last digit to either side.

    Parameters
    ----------
    text : str
    decimals : int, optional
        Digits after the point that it had at least, trailing zeros being lost.

    Examples
    --------
    >>> printed("-5.00").range
    Interval(low=-5.005, high=-4.995)
    >>> printed("2", decimals=1).range
    Interval(low=1.95, high=2.05)
    """
    number = Decimal(_plain(text))
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    last = exponent if decimals is None else min(exponent, -decimals)
    half = Decimal((0, (5,), last - 1))
    return Printed(text, Interval(float(number - half), float(number + half)))


def printed_p(text: str) -> Printed:
    """Return the interval of a printed P value, which may be a bound.

    Examples
    --------
    >>> printed_p("<0.001").range, printed_p("1.00").range
    (Interval(low=0.0, high=0.001), Interval(low=0.995, high=1.0))
    """
    plain = _plain(text)
    if plain[0] == "<":
        return Printed(text, Interval(0.0, float(plain[1:])))
    if plain[0] == ">":
        return Printed(text, Interval(float(plain[1:]), 1.0))
    found = printed(plain).range
    return Printed(text, Interval(max(0.0, found.low), min(1.0, found.high)))


@dataclass(frozen=True, slots=True)
class PrintedRow:
    """A pooled row of a table, as printed; estimates and limits on the scale of the measure.

    ``padded`` are the decimals of the row's estimate and limits where a spreadsheet seems to have
    dropped trailing zeros: numbers with fewer may be read with these.
    """

    outcome: str
    time: float | None
    design: str
    measure: Measure
    label: Label
    estimate: Printed
    ci_low: Printed
    ci_high: Printed
    se: Printed | None
    p: Printed | None
    q: Printed | None
    i2: Printed | None
    p_heterogeneity: Printed | None
    df: int | None
    k: int | None
    n: Mapping[str, int]
    source: str
    padded: int | None

    @property
    def model(self) -> Model | None:
        """The model that the row's label names."""
        return self.label.model

    @property
    def t_df(self) -> int | None:
        """Degrees of freedom of a Hartung-Knapp interval, None unless the label names one."""
        named = self.label.ci not in (None, "wald")
        return self.k - 1 if named and self.k is not None and self.k > 1 else None

    @property
    def decimals(self) -> int:
        """The largest number of digits after the point of estimate and limits."""
        return max(_decimals(x.text) for x in (self.estimate, self.ci_low, self.ci_high))

    @property
    def shown(self) -> str:
        """The estimate and its interval."""
        return f"{self.estimate.text} ({self.ci_low.text} to {self.ci_high.text})"

    def finding(
        self,
        severity: Severity,
        check: str,
        message: str,
        printed: str = "",
        recomputed: Interval | None = None,
    ) -> Finding:
        """Return a finding about this row."""
        return Finding(severity, check, message, self.outcome, self.time, printed, recomputed)

    def with_zeros(self) -> "PrintedRow | None":
        """Return the row read with the trailing zeros that it seems to have lost, if it has."""
        if self.padded is None:
            return None
        estimate, low, high = (
            printed(x.text, self.padded) for x in (self.estimate, self.ci_low, self.ci_high)
        )
        return replace(self, estimate=estimate, ci_low=low, ci_high=high, padded=None)


def read_printed(table: Table) -> tuple[PrintedRow, ...]:
    """Read the rows of a table of pooled results as text, so that every printed digit counts.

    Columns ``outcome, measure, estimate, ci_low, ci_high`` (95 %; ratios on the ratio scale) are
    needed; a time (any column whose name begins with ``time``), ``model`` (fixed or random, and the
    method where it is printed: ``random, REML, Hartung-Knapp``), ``k``, ``n`` and ``n_<arm>``,
    ``p`` (or ``p_overall``), ``q``, ``df``, ``i2`` (per cent), ``p_heterogeneity``, ``se`` (log
    scale for ratios), ``design`` and ``source`` are used where they are. P values may be bounds:
    ``<0.001``.

    A number has the digits that its text has. Where no estimate or limit of the whole table ends
    in a 0 after the point, a spreadsheet may have dropped them: a row whose numbers differ in
    decimals can then be read with the decimals of its longest (`PrintedRow.with_zeros`), unless
    all three have as many significant digits, which is a style of printing.

    Raises
    ------
    InputError
        One line that names the cell.

    Examples
    --------
    >>> from bayesmeta.evidence.table import table_of_columns
    >>> columns = {"outcome": ["pain"], "measure": ["MD"], "estimate": ["-2.00"],
    ...            "ci_low": ["-3.81"], "ci_high": ["-0.19"], "p": ["0.03"]}
    >>> read_printed(table_of_columns(columns, "the table"))[0].p.range
    Interval(low=0.025, high=0.035)
    """
    table.need(("outcome", "measure", *LIMITS))
    lost = not any(
        "." in cell and cell.endswith("0") for name in LIMITS for cell in table.text(name)
    )
    return tuple(_row(table.select([i]), lost=lost) for i in range(len(table)))


def _row(table: Table, *, lost: bool) -> PrintedRow:
    """Read a table of one row."""
    measure = _measure(table)
    rule = _RATIO if measure.ratio else NUMBER
    estimate, low, high = (_cell(table, name, rule) for name in LIMITS)
    time, whole = time_column(table), _whole_numbers(table)
    return PrintedRow(
        outcome=table.text("outcome")[0],
        time=float(table.numbers(time)[0]) if time and _text(table, time) else None,
        design=_text(table, "design"),
        measure=measure,
        label=_label(table),
        estimate=printed(estimate),
        ci_low=printed(low),
        ci_high=printed(high),
        se=_optional(table, "se", STANDARD_ERROR),
        p=_p(table, P_COLUMNS),
        q=_optional(table, "q", _NOT_NEGATIVE),
        i2=_i2(table),
        p_heterogeneity=_p(table, ("p_heterogeneity",)),
        df=whole.pop("df", None),
        k=whole.pop("k", None),
        n=whole,
        source=_text(table, "source"),
        padded=_padded((estimate, low, high)) if lost else None,
    )


def time_column(table: Table) -> str | None:
    """Return the name of the column of the time: the first that begins with ``time``."""
    return next((name for name in table.columns if name.startswith("time")), None)


_WHOLE = Rule(lambda x: x >= 0 and x == int(x), "a whole number, 0 or more, is expected")
_COUNTED = Rule(lambda x: x >= 1 and x == int(x), "a whole number, 1 or more, is expected")
_RATIO = Rule(lambda x: x >= 0, "a ratio, 0 or more, is expected (not its logarithm)")
_NOT_NEGATIVE = Rule(lambda x: x >= 0, "a number, 0 or more, is expected")
_PER_CENT = Rule(lambda x: 0 <= x <= 100, "per cent, 0 to 100, is expected")
_PROBABILITY = Rule(
    lambda x: 0 <= x <= 1, "a P value of 0 to 1, or a bound such as <0.001, is expected"
)


def _plain(text: str) -> str:
    """Return the text of a number that Python reads: no blanks, signs as ASCII."""
    return text.replace(" ", "").replace("\N{MINUS SIGN}", "-").rstrip("%").removeprefix("=")


def _decimals(text: str) -> int:
    exponent = Decimal(_plain(text)).as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def _significant(text: str) -> int:
    return len(Decimal(_plain(text)).as_tuple().digits)


def _padded(texts: tuple[str, ...]) -> int | None:
    decimals = {_decimals(text) for text in texts}
    if len(decimals) == 1 or len({_significant(text) for text in texts}) == 1:
        return None
    return max(decimals)


def _text(table: Table, column: str) -> str:
    return table.text(column)[0] if column in table else ""


def _cell(table: Table, column: str, rule: Rule) -> str:
    """Return the text of a cell that is a number and obeys the rule."""
    table.numbers(column, rule)
    return table.text(column)[0]


def _optional(table: Table, column: str, rule: Rule) -> Printed | None:
    return printed(_cell(table, column, rule)) if _text(table, column) else None


def _whole_numbers(table: Table) -> dict[str, int]:
    return {
        name: int(table.numbers(name, _WHOLE if name == "df" else _COUNTED)[0])
        for name in table.columns
        if (name in ("df", "k", "n") or name.startswith("n_")) and _text(table, name)
    }


def _p(table: Table, columns: tuple[str, ...]) -> Printed | None:
    for column in columns:
        if text := _text(table, column):
            _as_number(table, column, _plain(text).lstrip("<>"), _PROBABILITY)
            return printed_p(text)
    return None


def _i2(table: Table) -> Printed | None:
    if not (text := _text(table, "i2")):
        return None
    _as_number(table, "i2", _plain(text), _PER_CENT)
    found = printed(text).range
    return Printed(text, Interval(max(0.0, found.low), min(100.0, found.high)))


def _as_number(table: Table, column: str, text: str, rule: Rule) -> None:
    try:
        fine = rule.holds(float(text))
    except ValueError:
        fine = False
    if not fine:
        table.fail(column, 0, rule.expected)


def _measure(table: Table) -> Measure:
    try:
        return measure_named(table.text("measure")[0])
    except InputError as error:
        raise InputError(f"{error} in {table.where(0)}") from None


def _label(table: Table) -> Label:
    text = _text(table, "model")
    found = label_of(text)
    if text and found.model is None:
        table.fail("model", 0, "a text with fixed, common or random is expected")
    return found
