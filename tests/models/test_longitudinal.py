"""What a joint model refuses, in one line each."""

import numpy as np
import pytest

from bayesmeta.errors import InputError
from bayesmeta.models.covariance import Correlation, correlation
from bayesmeta.models.longitudinal import longitudinal_model, regression_model
from bayesmeta.priors import (
    FlatTau,
    HalfNormal,
    Normal,
    RhoBeta,
    RhoFixed,
    RhoUniform,
    StudentT,
)

CS = Correlation("cs", RhoUniform(0, 1))
GOOD = {
    "study": ["A", "A", "B", "B", "C"],
    "time": [3, 12, 3, 6, 12],
    "y": [-1.0, -0.5, -0.7, -0.2, 0.1],
    "se": [0.3, 0.3, 0.2, 0.2, 0.4],
    "tau": HalfNormal(0.5),
    "between": CS,
}


def refuse(**changes):
    with pytest.raises(InputError) as caught:
        longitudinal_model(**(GOOD | changes))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"time": [3, 3, 3, 6, 12]}, "study A has two rows at time 3, rows 1 and 2"),
        ({"time": [3, "later", 3, 6, 12]}, "time is not a column of numbers"),
        ({"time": [3, np.nan, 3, 6, 12]}, "time is not a finite number in row 2"),
        ({"y": [1.0, np.inf, 0, 0, 0]}, "y is not a finite number in row 2"),
        ({"se": [0.3, 0, 0.2, 0.2, 0.4]}, "se is 0 in row 2: it must be positive"),
        ({"se": [0.3, 0.3]}, "columns need one length"),
        ({"mean": "quadratic"}, "unknown mean over time 'quadratic'"),
        ({"mean": "log-linear", "time": [0, 12, 0, 6, 12]}, "time 0 has no logarithm"),
        ({"tau": [HalfNormal(1)] * 2}, "2 priors on tau for 3 times"),
        (
            {name: GOOD[name][:4] for name in ("study", "time", "y", "se")} | {"tau": FlatTau()},
            "the posterior is improper: flat on tau",
        ),
        ({"coefficients": [Normal(0, 1)] * 2}, "2 priors for 3 coefficients"),
        ({"coefficients": StudentT(4, 0, 1)}, "joint models and regressions take flat or normal"),
        (
            {"between": Correlation("cs", RhoUniform(-1, 1))},
            "compound symmetry over 3 times is positive definite in (-0.5, 1)",
        ),
        (
            {"within": Correlation("cs", RhoFixed(-0.6))},
            "fixed(-0.6) on rho_within: compound symmetry over 3 times",
        ),
        ({"within": Correlation("ar1", RhoFixed(-0.2))}, "correlations of AR(1) lie in [0, 1)"),
        ({"study": ["A", "B", "A", "B", "A"], "time": [1, 1, 2, 2, 2]}, "study A has two rows"),
    ],
)
def test_bad_input_is_one_line(changes, says):
    assert says in refuse(**changes)


def test_designs_of_deficient_rank():
    x = np.column_stack([np.ones(4), np.arange(4.0), 2 + 3 * np.arange(4.0)])
    names = ["one", "two", "three"]
    with pytest.raises(InputError, match="the design matrix of one, two, three has rank 2"):
        regression_model(np.zeros(4), np.ones(4), x, names=names, tau=HalfNormal(1))
    # A normal prior makes it a matter of the prior, not an error.
    mixed = [Normal(0, 1)] * 3
    regression_model(np.zeros(4), np.ones(4), x, names=names, tau=HalfNormal(1), coefficients=mixed)


def test_a_spline_of_more_knots_than_times_seen_is_a_parameter_a_time():
    model = longitudinal_model(**(GOOD | {"mean": "spline"}))
    assert model.names == ("mu at 3", "mu at 6", "mu at 12")


def test_times_beyond_the_data_are_refused():
    model = longitudinal_model(**GOOD)
    with pytest.raises(InputError, match=r"time 24 lies outside the data \(3 to 12\)"):
        model.points([3, 24])


@pytest.mark.parametrize(
    ("kind", "lag", "says"),
    [("toeplitz", 1.0, "unknown correlation over time"), ("ar1", 0.0, "the lag of a correlation")],
)
def test_correlations_in_words(kind, lag, says):
    with pytest.raises(InputError, match=says):
        correlation(kind, RhoBeta(2, 2), lag)


def test_ar1_of_unequal_gaps():
    times = np.array([3.0, 6.0, 12.0, 24.0])
    found = Correlation("ar1", RhoUniform(0, 1), lag=3.0).matrix(np.array([0.5]), times)[:, :, 0]
    np.testing.assert_allclose(found[0], [1, 0.5, 0.125, 0.5**7])
    assert np.all(np.linalg.eigvalsh(found) > 0)
