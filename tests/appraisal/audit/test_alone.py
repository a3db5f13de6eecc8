"""Errors put into a row by hand, each found by its own check; and what is no error."""

import numpy as np
import pytest
from scipy import stats

from bayesmeta.appraisal.audit import Region, read_printed
from bayesmeta.appraisal.audit.alone import check_alone
from bayesmeta.evidence.table import table_of_columns

# The inverse-variance pool of 0.4 (SE 0.2), 0.9 (0.25) and 0.1 (0.3).
TRUE = {
    "outcome": "pain",
    "measure": "MD",
    "model": "fixed",
    "k": "3",
    "estimate": "0.490",
    "ci_low": "0.218",
    "ci_high": "0.761",
    "p": "0.0004",
    "q": "4.58",
    "df": "2",
    "i2": "56",
    "p_heterogeneity": "0.10",
}


def findings(**cells):
    columns = {name: [cell] for name, cell in {**TRUE, **cells}.items()}
    (row,) = read_printed(table_of_columns(columns, "t.csv"))
    return list(check_alone(row))


def checks(**cells):
    return [(finding.severity, finding.check) for finding in findings(**cells)]


def test_the_true_row_is_fine():
    y, se = np.array([0.4, 0.9, 0.1]), np.array([0.2, 0.25, 0.3])
    w = se**-2
    mu, s = w @ y / w.sum(), w.sum() ** -0.5
    q = w @ (y - mu) ** 2
    p = stats.chi2.sf(q, 2)
    assert [round(x, 3) for x in (mu, mu - 1.96 * s, mu + 1.96 * s)] == [0.49, 0.218, 0.761]
    assert [f"{q:.2f}", f"{100 * (1 - 2 / q):.0f}", f"{p:.2f}"] == ["4.58", "56", "0.10"]
    assert f"{2 * stats.norm.sf(mu / s):.4f}" == "0.0004"
    assert checks() == []


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"estimate": "0.409"}, ("error", "symmetry")),  # two digits swapped
        ({"ci_high": "0.716"}, ("error", "symmetry")),
        ({"ci_low": "0.761", "ci_high": "0.214"}, ("error", "limits")),
        ({"p": "0.005"}, ("error", "P from CI")),
        ({"p": ">0.05"}, ("error", "P from CI")),
        ({"se": "0.150"}, ("error", "SE from CI")),
        ({"df": "3", "i2": "", "p_heterogeneity": ""}, ("error", "df")),
        ({"i2": "65"}, ("error", "heterogeneity")),
        ({"p_heterogeneity": "0.01", "i2": ""}, ("error", "heterogeneity")),
        ({"p_heterogeneity": "0.01", "q": "", "i2": "56"}, ("error", "heterogeneity")),
        ({"i2": "65", "model": "random"}, ("warning", "heterogeneity")),
        ({"k": "1", "df": "", "i2": "", "p_heterogeneity": ""}, ("error", "heterogeneity")),
    ],
)
def test_an_error_is_found_by_its_check(cells, found):
    assert found in checks(**cells)


def test_the_arithmetic_is_shown():
    (found,) = findings(p="0.005")
    assert found.message.startswith(
        "SE = (0.761 - 0.218) / 3.92, z = 0.490 / SE = 3.54, P = 0.0004"
    )
    assert found.printed == "0.005"
    assert 0.00038 < found.recomputed.low < found.recomputed.high < 0.00043


def test_ratios_are_symmetric_on_the_log_scale():
    ratio = {"measure": "OR", "q": "", "i2": "", "p_heterogeneity": "", "df": "", "p": "0.03"}
    # 0.26 is in the middle on the log scale, within rounding; 0.48 on the natural scale.
    assert checks(**ratio, estimate="0.26", ci_low="0.07", ci_high="0.89") == [
        ("note", "P from CI")
    ]
    assert checks(**ratio, estimate="0.48", ci_low="0.07", ci_high="0.89") == [
        ("error", "symmetry")
    ]


def test_a_lower_limit_that_rounds_to_zero_leaves_no_bound_below():
    ratio = {"measure": "OR", "q": "", "i2": "", "p_heterogeneity": "", "df": "", "p": "0.06"}
    cells = {**ratio, "estimate": "0.04", "ci_low": "0.00", "ci_high": "1.10"}
    assert [severity for severity, _ in checks(**cells)] == ["note"]


def test_a_t_interval_is_no_error():
    """Hartung and Knapp's interval and P: t on k - 1 degrees of freedom."""
    se, t = 0.14, stats.t(2).ppf(0.975)
    cells = {
        "ci_low": f"{0.490 - t * se:.3f}",
        "ci_high": f"{0.490 + t * se:.3f}",
        "p": f"{2 * stats.t(2).sf(0.490 / se):.3f}",
    }
    assert checks(**cells) == [("note", "P from CI")]


def test_lost_zeros_make_a_warning_and_not_an_error():
    """0.5 for 0.500 contradicts the limits; 0.5 for anything from 0.45 to 0.55 does not."""
    zeros = {"estimate": "0.5", "i2": "", "q": "", "p_heterogeneity": "", "df": ""}
    (found,) = [finding for finding in findings(**zeros) if finding.check == "symmetry"]
    assert found.severity == "warning"
    assert "lost trailing zeros" in found.message
    assert checks(**zeros, ci_low="0.210")[:1] != [("warning", "symmetry")]


@pytest.mark.parametrize("measure", ["MD", "OR"])
def test_region_holds_what_rounds_to_the_row_and_nothing_else(measure):
    """Against a grid of estimates and standard errors, each rounded."""
    cells = {**TRUE, "measure": measure, "estimate": "0.6", "ci_low": "0.2", "ci_high": "1.7"}
    cells |= {"estimate": "0.9"} if measure == "MD" else {}
    (row,) = read_printed(table_of_columns({n: [c] for n, c in cells.items()}, "t.csv"))
    region, (low, high) = Region.of(row), ((0.3, 1.0), (0.2, 0.8))
    low, high = ((0.3, 1.2), (0.2, 0.8)) if measure == "MD" else ((-0.9, -0.2), (0.3, 0.8))
    m, s = (x.ravel() for x in np.meshgrid(np.linspace(*low, 1501), np.linspace(*high, 1501)))
    numbers = np.stack([m, m - 1.959964 * s, m + 1.959964 * s])
    numbers = np.exp(numbers) if measure == "OR" else numbers
    target = np.array([float(cells[n]) for n in ("estimate", "ci_low", "ci_high")])
    fits = (np.abs(numbers - target[:, None]) <= 0.05).all(axis=0)
    z = np.abs(m / s)[fits]
    for found, values in (
        (region.mu, m[fits]),
        (region.se, s[fits]),
        (region.p, 2 * stats.norm.sf(z)),
    ):
        # The grid lies inside, and its extremes within a step or two of the vertices.
        assert found.low <= values.min() + 1e-9 <= found.low + 2e-3
        assert found.high >= values.max() - 1e-9 >= found.high - 2e-3
