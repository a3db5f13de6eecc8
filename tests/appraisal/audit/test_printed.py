"""A printed number is every number that rounds to it."""

import pytest

from bayesmeta.appraisal.audit import Interval, read_printed
from bayesmeta.appraisal.audit.printed import printed, printed_p
from bayesmeta.errors import InputError
from bayesmeta.evidence.table import table_of_columns

ROW = {"outcome": "pain", "measure": "MD", "estimate": "1.50", "ci_low": "0.2", "ci_high": "2.8"}


def table(*rows):
    """Return a table of rows that differ from the usual one as given."""
    names = dict.fromkeys(name for row in rows for name in {**ROW, **row})
    return table_of_columns(
        {n: [{**ROW, **row}.get(n, "") for row in rows] for n in names}, "t.csv"
    )


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0.26", 0.255, 0.265),
        ("-5.00", -5.005, -4.995),
        ("\N{MINUS SIGN}5.0", -5.05, -4.95),
        ("12", 11.5, 12.5),
        ("1.1E+2", 105, 115),
    ],
)
def test_half_a_unit_of_the_last_digit(text, low, high):
    assert printed(text).range == Interval(low, high)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0.84", 0.835, 0.845),
        ("<0.00001", 0, 0.00001),
        ("< 0.001", 0, 0.001),
        (">0.05", 0.05, 1),
        ("=0.03", 0.025, 0.035),
        ("0.00", 0, 0.005),
        ("1.00", 0.995, 1),
    ],
)
def test_p_values_and_their_bounds(text, low, high):
    assert printed_p(text).range == Interval(low, high)


def test_digits_are_those_of_the_text_where_the_table_has_a_trailing_zero():
    (row,) = read_printed(table({}))
    assert row.estimate.range == Interval(1.495, 1.505)
    assert row.ci_low.range.low == pytest.approx(0.15)
    assert row.with_zeros() is None


def test_lost_zeros_are_put_back_where_no_number_of_the_table_ends_in_one():
    row, _ = read_printed(table({"estimate": "1.5", "ci_high": "2.83"}, {"estimate": "1.5"}))
    assert row.estimate.range == Interval(1.45, 1.55)
    assert row.with_zeros().estimate.range == Interval(1.495, 1.505)


def test_equal_significant_digits_are_no_lost_zeros():
    (row,) = read_printed(table({"estimate": "1.5", "ci_low": "0.98", "ci_high": "2.3"}))
    assert row.with_zeros() is None


def test_optional_columns():
    (row,) = read_printed(
        table(
            {
                "time_months": "6",
                "model": "IV, Random, 95% CI",
                "k": "3",
                "df": "2",
                "q": "2.50",
                "i2": "20%",
                "p_heterogeneity": "0.29",
                "p_overall": "<0.001",
                "n_msc": "47",
                "source": "Table 2",
            }
        )
    )
    assert (row.time, row.model, row.k, row.df, row.n) == (6.0, "random", 3, 2, {"n_msc": 47})
    assert row.i2.range == Interval(19.5, 20.5)
    assert row.p.range == Interval(0.0, 0.001)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"estimate": "1,5"}, "estimate is '1,5' in row 1 of t.csv: a number with a decimal point"),
        ({"estimate": ""}, "estimate is missing in row 1 of t.csv"),
        ({"measure": "OR", "ci_low": "-0.2"}, "ci_low is -0.2 in row 1 of t.csv: a ratio"),
        ({"measure": "WMD"}, "unknown measure 'WMD': did you mean 'MD'? in row 1 of t.csv"),
        ({"p": "1.2"}, "p is 1.2 in row 1 of t.csv: a P value of 0 to 1"),
        ({"p": "n.s."}, "p is 'n.s.' in row 1 of t.csv"),
        ({"i2": "120%"}, "per cent, 0 to 100, is expected"),
        ({"model": "mixed"}, "model is 'mixed' in row 1 of t.csv: a text with fixed"),
        ({"k": "2.5"}, "k is 2.5 in row 1 of t.csv: a whole number, 1 or more"),
        ({"q": "-1"}, "q is -1 in row 1 of t.csv: a number, 0 or more"),
    ],
)
def test_bad_cells_are_named(cells, words):
    with pytest.raises(InputError) as error:
        read_printed(table(cells))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_column_is_named():
    with pytest.raises(InputError, match=r"t.csv has no column ci_high"):
        read_printed(table_of_columns({n: [c] for n, c in ROW.items() if n != "ci_high"}, "t.csv"))
