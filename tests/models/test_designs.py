"""Bias columns are what they stand for: a covariance between all estimates of a series."""

import numpy as np
import pytest
from scipy import stats

from bayesmeta.models.covariance import Correlation
from bayesmeta.models.designs import BIAS, biased, inflated
from bayesmeta.models.longitudinal import longitudinal_model
from bayesmeta.priors import HalfNormal, Normal, RhoUniform

STUDY = ["A", "A", "B", "S", "S", "T"]
TIME = [3, 12, 12, 3, 12, 3]
Y = np.array([-1.2, -0.6, -0.9, -4.0, -5.0, -3.0])
SE = np.array([0.4, 0.3, 0.2, 0.5, 0.5, 0.6])
SERIES = np.array([False, False, True, True])


def model():
    return longitudinal_model(
        STUDY, TIME, Y, SE, tau=HalfNormal(1), between=Correlation("cs", RhoUniform(0, 1)),
        within=Correlation("cs", RhoUniform(0, 1)), coefficients=Normal(0, 3),
    )  # fmt: skip


@pytest.mark.parametrize("sd", [0.0, 0.7])
def test_the_marginal_likelihood_is_that_of_one_normal(sd):
    found = biased(model(), SERIES, Normal(-4, 2), sd)
    tau, rho, within = 0.5, 0.6, 0.3
    same = np.array(STUDY)[:, None] == np.array(STUDY)
    now = np.array(TIME)[:, None] == np.array(TIME)
    series = np.isin(STUDY, ["S", "T"])
    covariance = same * np.where(now, SE[:, None] * SE, within * SE[:, None] * SE)
    covariance = covariance + same * tau**2 * np.where(now, 1, rho) + now * 9.0
    covariance += np.outer(series, series) * (4 + sd**2 * same)
    wanted = stats.multivariate_normal(np.where(series, -4.0, 0.0), covariance).logpdf(Y)
    given = found.given(np.array([[tau], [rho], [within]]))
    assert given.log_likelihood[0] == pytest.approx(wanted, abs=1e-10)
    assert found.names[2:] == (BIAS, *((f"{BIAS} 1", f"{BIAS} 2") if sd else ()))


def test_the_course_stays_that_of_the_contrasts():
    rows = biased(model(), SERIES, Normal(-4, 2), 0.7).own_points.rows
    np.testing.assert_array_equal(rows, [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]])


def test_inflation_is_of_the_variances_of_the_series_alone():
    np.testing.assert_allclose(inflated(model(), SERIES, 4).se, SE * [1, 1, 1, 2, 2, 2])
