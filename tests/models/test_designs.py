"""A bias of series: a covariance between all estimates of one, and a column of the design."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bayesmeta.models.covariance import Correlation
from bayesmeta.models.designs import BIAS, biased, inflated
from bayesmeta.models.longitudinal import longitudinal_model
from bayesmeta.models.tails import highest_moment, likelihood_fall
from bayesmeta.priors import Fixed, Flat, HalfCauchy, HalfNormal, Normal, RhoUniform

STUDY = ["A", "A", "B", "S", "S", "T"]
TIME = [3, 12, 12, 3, 12, 3]
Y = np.array([-1.2, -0.6, -0.9, -4.0, -5.0, -3.0])
SE = np.array([0.4, 0.3, 0.2, 0.5, 0.5, 0.6])
SERIES = np.array([False, False, True, True])
MEAN, MU = Normal(-4, 2), Normal(0, 3)


def model(coefficients=MU):
    return longitudinal_model(
        STUDY, TIME, Y, SE, tau=HalfNormal(1), between=Correlation("cs", RhoUniform(0, 1)),
        within=Correlation("cs", RhoUniform(0, 1)), coefficients=coefficients,
    )  # fmt: skip


def by_columns(plain, sd):
    """Return the same bias as one more coefficient for each series, with a normal prior."""
    shared = SERIES[plain.study].astype(float)[:, None]
    own = (plain.study[:, None] == np.flatnonzero(SERIES)).astype(float)
    priors = [MEAN] + [Normal(0, sd)] * own.shape[1]
    return replace(
        plain,
        x=np.concatenate([plain.x, shared, own], 1),
        coefficients=(*plain.coefficients, *priors),
        names=(*plain.names, *(f"b{j}" for j in range(len(priors)))),
    )


@pytest.mark.parametrize("sd", [0.0, 0.7])
def test_the_marginal_likelihood_is_that_of_one_normal(sd):
    found = biased(model(), SERIES, MEAN, HalfNormal(1))
    tau, rho, within = 0.5, 0.6, 0.3
    same = np.array(STUDY)[:, None] == np.array(STUDY)
    now = np.array(TIME)[:, None] == np.array(TIME)
    series = np.isin(STUDY, ["S", "T"])
    covariance = same * np.where(now, SE[:, None] * SE, within * SE[:, None] * SE)
    covariance = covariance + same * tau**2 * np.where(now, 1, rho) + now * 9.0
    covariance += np.outer(series, series) * (4 + sd**2 * same)
    wanted = stats.multivariate_normal(np.where(series, -4.0, 0.0), covariance).logpdf(Y)
    given = found.given(np.array([[tau], [rho], [sd], [within]]))
    assert given.log_likelihood[0] == pytest.approx(wanted, abs=1e-10)
    assert found.names[2:] == (BIAS,)
    assert [hyper.name for hyper in found.hypers] == ["tau", "rho_between", "bias_sd", "rho_within"]


def test_study_effects_hold_the_bias():
    # Isolates its way through blocks: coefficients of columns go another one.
    phi = np.array([[0.5, 1.0], [0.6, 0.1], [0.7, 0.7], [0.3, 0.8]])
    ours, theirs = biased(model(), SERIES, MEAN, HalfNormal(1)), by_columns(model(), 0.7)
    kept = phi[[0, 1, 3]]
    found, wanted = (
        {
            number: (mean[:, at], variance[:, at])
            for studies, mean, variance in one.study_effects(values, one.given(values))
            for at, number in enumerate(studies.tolist())
        }
        for one, values in ((ours, phi), (theirs, kept))
    )
    for number in range(4):
        np.testing.assert_allclose(found[number], wanted[number], rtol=1e-12)


def test_the_course_stays_that_of_the_contrasts():
    rows = biased(model(), SERIES, MEAN, Fixed(0.7)).own_points.rows
    np.testing.assert_array_equal(rows, [[1, 0, 0], [0, 1, 0]])


def test_as_many_moments_of_its_sd_as_there_are_series_to_tell():
    # The likelihood falls like sd^-2 by the two series, like sd^-1 where one of them has to tell
    # of an effect too, for the difference between S and T is all that is left.
    both = biased(model(Flat()), SERIES, MEAN, HalfCauchy(1))
    assert likelihood_fall(both, "bias_sd") == 2
    assert highest_moment(both, "bias_sd") == 2
    alone = np.array([True] * 4)
    assert likelihood_fall(biased(model(Flat()), alone, MEAN, HalfCauchy(1)), "bias_sd") == 3


def test_another_prior_on_its_sd():
    found = biased(model(), SERIES, MEAN, HalfNormal(1)).under({"bias_sd": HalfCauchy(2)})
    assert found.bias.sd == HalfCauchy(2)


def test_inflation_is_of_the_variances_of_the_series_alone():
    np.testing.assert_allclose(inflated(model(), SERIES, 4).se, SE * [1, 1, 1, 2, 2, 2])
