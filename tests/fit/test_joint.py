"""The joint model with its labels: limits where it must equal other models, sets of rows, words."""

import json
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.engines.joint import fit_joint
from bayesmeta.errors import InputError
from bayesmeta.evidence.study import JointSpec
from bayesmeta.fit.joint_ask import JointAsk
from bayesmeta.fit.joint_words import joint_hypers

REFERENCES = Path(__file__).parents[1] / "references"
SUMMARY = ("mean", "sd", "median", "ci_low", "ci_high")
TWO_TIMES = {
    "study": ["A", "A", "B", "B", "C", "D"],
    "time": [3, 12, 3, 12, 3, 12],
    "estimate": [-1.2, -0.6, -0.4, 0.1, -0.9, -0.7],
    "se": [0.4, 0.3, 0.35, 0.5, 0.2, 0.3],
}
THREE_TIMES = {
    "study": ["A", "A", "B", "B", "C", "D", "D"],
    "time": [3, 12, 3, 6, 6, 6, 12],
    "estimate": [-1.2, -0.6, -0.4, 0.1, -0.9, -0.7, -0.2],
    "se": [0.4, 0.3, 0.35, 0.5, 0.2, 0.3, 0.3],
}
PRIORS = {"tau": "half-normal(0.7)", "mu": "normal(0, 2)"}


def longitudinal(table, **options):
    return bm.fit(table, **({"measure": "MD", "model": "longitudinal"} | PRIORS | options))


@pytest.fixture(scope="module")
def sledai():
    return bm.fit("sledai")


def test_without_correlations_and_a_tau_a_time_it_is_each_time_alone():
    # Nothing links the times: two answers of two engines, each to its own error.
    fit = longitudinal(TWO_TIMES, rho=0, within_correlation=0, tau_per_time=True)
    for row, mu, new, tau in zip(
        fit.rows, fit.joint.numbers.mu, fit.joint.numbers.theta_new, fit.joint.numbers.tau,
        strict=True,
    ):  # fmt: skip
        for name in SUMMARY:
            assert getattr(mu, name) == pytest.approx(getattr(row.exact.mu, name), abs=1e-8)
            assert getattr(new, name) == pytest.approx(getattr(row.exact.theta_new, name), abs=1e-8)
            assert getattr(tau, name) == pytest.approx(getattr(row.exact.tau, name), abs=1e-8)
        assert (mu.time, tau.time) == (row.pool.time, row.pool.time)
    evidence = sum(row.exact.log_marginal_likelihood for row in fit.rows)
    assert fit.joint.numbers.log_marginal_likelihood == pytest.approx(evidence, abs=1e-8)
    assert [narrowing.ratio for narrowing in fit.joint.narrowing] == pytest.approx([1, 1])


def test_with_one_time_it_is_the_univariate_model():
    table = {name: column[::2] for name, column in TWO_TIMES.items()} | {"time": [3, 3, 3]}
    fit = longitudinal(table)
    (row,), numbers = fit.rows, fit.joint.numbers
    for name in SUMMARY:
        for one, other in (
            (numbers.mu[0], row.exact.mu),
            (numbers.theta_new[0], row.exact.theta_new),
            (numbers.tau[0], row.exact.tau),
        ):
            assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-10, rel=1e-10)
    assert (numbers.rho_between, numbers.rho_within, numbers.contrasts) == (None, None, ())


def test_the_order_of_rows_changes_nothing():
    order = [5, 2, 0, 4, 1, 3]
    shuffled = {name: [column[i] for i in order] for name, column in TWO_TIMES.items()}
    one, other = longitudinal(TWO_TIMES).joint, longitudinal(shuffled).joint
    for mine, theirs in zip(one.numbers.mu, other.numbers.mu, strict=True):
        assert mine.median == pytest.approx(theirs.median, abs=1e-9)
    by_name = dict(zip(other.studies, other.contributions.T, strict=True))
    for name, shares in zip(one.studies, one.contributions.T, strict=True):
        np.testing.assert_allclose(shares, by_name[name], atol=1e-9)


def test_a_new_study_scatters_more_than_the_pooled_effect_by_tau():
    numbers = longitudinal(TWO_TIMES).joint.numbers
    second_moment = numbers.tau[0].sd ** 2 + numbers.tau[0].mean ** 2
    for mu, new in zip(numbers.mu, numbers.theta_new, strict=True):
        assert new.sd**2 - mu.sd**2 == pytest.approx(second_moment, rel=1e-6)
        assert new.ci_low < mu.ci_low < mu.ci_high < new.ci_high


def test_contributions_and_the_prior_share_the_information():
    joint = longitudinal(TWO_TIMES, mu="flat").joint
    np.testing.assert_allclose(joint.contributions.sum(1), 1, atol=1e-9)
    assert (longitudinal(TWO_TIMES).joint.contributions.sum(1) < 1).all()


def test_correlations_that_no_study_tells_of_stay_at_their_priors(sledai):
    # SLEDAI: flat means take all that one study alone says of two times.
    for rho, prior in (
        (sledai.joint.numbers.rho_between, (0.025, 0.5, 0.975)),
        (sledai.joint.numbers.rho_within, (0.02375, 0.475, 0.92625)),
    ):
        assert (rho.ci_low, rho.median, rho.ci_high) == pytest.approx(prior, abs=1e-6)
        assert rho.moved == pytest.approx(0, abs=1e-6)


def test_numerical_errors_are_below_what_is_promised(sledai):
    assert sledai.joint.numbers.numerical_error < 1e-6
    assert all(one.numerical_error < 1e-6 for one in sledai.joint.at_rho_within)


def test_fixed_within_correlations_are_fits_of_their_own(sledai):
    again = bm.fit("sledai", within_correlation=0.6).joint
    assert again.numbers.rho_within == 0.6
    third = sledai.joint.at_rho_within[2]
    assert third.rho_within == 0.6
    for one, other in zip(third.mu, again.numbers.mu, strict=True):
        assert one.median == pytest.approx(other.median, abs=1e-5)


def test_no_within_correlation_to_vary_where_no_study_is_seen_twice():
    once = TWO_TIMES | {"study": list("ABCDEF")}
    assert longitudinal(once).joint.at_rho_within == ()


def test_alternatives_are_fits_of_their_rows_and_the_average_lies_between(sledai):
    joint = sledai.joint
    assert [one.name for one in joint.alternatives] == ["main", "12-months-equal-variances-swapped"]
    assert [one.weight for one in joint.alternatives] == [0.5, 0.5]
    swapped = {
        "study": ["Tang 2016", "Yang 2014", "Tang 2016", "Yang 2014", "Zeng 2016"],
        "time": [2, 3, 6, 12, 12],
        "estimate": [-6.25, -0.89, -4.25, -2.0893, 0.0893],
        "se": [1.424, 0.663, 1.291, 0.5352, 0.5352],
    }
    alone = longitudinal(swapped, mu="flat", tau="half-normal(0.85)", direction="lower").joint
    for one, other in zip(joint.alternatives[1].numbers.mu, alone.numbers.mu, strict=True):
        assert one.median == pytest.approx(other.median, abs=1e-6)
    for both in zip(
        joint.averaged.mu, *(one.numbers.mu for one in joint.alternatives), strict=True
    ):
        average, first, second = both
        assert average.mean == pytest.approx((first.mean + second.mean) / 2, abs=1e-9)
        assert min(first.median, second.median) - 1e-6 <= average.median
        assert average.median <= max(first.median, second.median) + 1e-6
    assert joint.averaged.log_marginal_likelihood is None
    assert "do not compare" in joint.averaged.reasons["log_marginal_likelihood"]


@pytest.mark.parametrize("name", ["sledai", "proteinuria"])
def test_one_way_round_yang_keeps_its_benefit_and_the_other_way_it_loses_it(name):
    kept = {one.rows: one for one in bm.fit(name).joint.kept}
    swapped = kept["12-months-equal-variances-swapped"]
    assert {one.study for one in kept.values()} == {"Yang 2014"}
    assert (swapped.first, swapped.last) == (3, 12)
    assert not kept["main"].kept
    assert 0.4 < kept["main"].prob_last < 0.7
    assert swapped.kept
    assert swapped.prob_last > 0.999


def test_first_benefit_is_the_first_time_of_the_data_with_a_mean_a_time(sledai):
    assert sledai.joint.first_benefit == 2
    assert bm.fit("sledai", level=0.9995).joint.first_benefit is None
    assert longitudinal(TWO_TIMES).joint.first_benefit is None  # no direction


def test_a_straight_course_passes_the_level_between_times():
    joint = longitudinal(TWO_TIMES, mean="linear", direction="lower", level=0.9).joint
    at = joint.first_benefit
    (mu,), _ = joint.course([at])
    if at > 3:
        assert mu.prob_benefit == pytest.approx(0.9, abs=1e-4)
    assert joint.course([3.0])[0][0].median == pytest.approx(joint.numbers.mu[0].median, abs=1e-5)


def test_implied_correlations_are_powers_of_rho():
    table = TWO_TIMES | {"time": [3, 12, 3, 12, 3, 12]}
    joint = longitudinal(table, between="ar1", rho=0.9, rho_lag=9, within_correlation=0.5).joint
    (only,) = joint.implied
    assert (only.gap, only.median, only.ci_low) == (9, pytest.approx(0.9), pytest.approx(0.9))


def test_json_has_the_promised_fields(sledai):
    joint = json.loads(json.dumps(sledai.to_dict(), allow_nan=False))["joint"]
    wanted = {
        "times", "between", "mu", "theta_new", "tau", "rho_between", "rho_within", "coefficients",
        "log_marginal_likelihood", "numerical_error", "nuts", "alternatives", "averaged",
    }  # fmt: skip
    assert wanted <= joint.keys()
    assert joint["times"] == [2, 3, 6, 12]
    assert joint["between"] == "cs"
    for name in ("mu", "theta_new"):
        assert [one["time"] for one in joint[name]] == joint["times"]
        assert set(SUMMARY) < joint[name][0].keys()
    assert "prob_benefit" in joint["mu"][0]
    for name in ("tau", "rho_between", "rho_within"):
        assert set(SUMMARY) < joint[name].keys()
    assert joint["log_marginal_likelihood"] is None
    assert "improper" in joint["reasons"]["log_marginal_likelihood"]
    for one in joint["alternatives"]:
        assert {"name", "weight", "mu", "tau", "rho_within"} <= one.keys()
    assert sum(one["weight"] for one in joint["alternatives"]) == pytest.approx(1)
    assert json.loads(json.dumps(bm.fit("c3").to_dict()))["joint"] is None


def test_json_of_fixed_correlations_and_a_tau_a_time():
    fit = longitudinal(TWO_TIMES, rho=0.3, within_correlation=0.5, tau_per_time=True)
    joint = fit.to_dict()["joint"]
    assert (joint["rho_between"], joint["rho_within"]) == (0.3, 0.5)
    assert [one["time"] for one in joint["tau"]] == [3, 12]


def test_summary_has_rows_with_time(sledai):
    rows = sledai.summary().query("quantity == 'joint mu'")
    assert rows["time"].tolist() == [2, 3, 6, 12]
    median = [one.median for one in sledai.joint.numbers.mu]
    assert rows["median"].tolist() == pytest.approx(median)


MISUSES = {
    "correlation beyond 1": ({"within_correlation": 1.5}, "must lie between -1 and 1"),
    "prior beyond 1": ({"rho": "uniform(0, 2)"}, "rho: the bounds of uniform(0, 2)"),
    "AR(1) below 0": ({"between": "ar1", "rho": "uniform(-1, 1)"}, "AR(1) lie in [0, 1)"),
    "unknown model": ({"model": "longitudnal"}, "did you mean 'longitudinal'"),
    "unknown mean": ({"mean": "linaer"}, "did you mean 'linear'"),
    "curve without a prior": ({"mean": "plateau"}, "as in plateau(half-normal(1))"),
    "line with a prior": ({"mean": "linear(flat)"}, "takes no prior in brackets"),
    "half-life of 0": ({"mean": "plateau(fixed(0))"}, "it must be above 0"),
    "prior too narrow": ({"rho": "beta(1e300, 1e300)"}, "a prior is too narrow"),
    "prior of a curve": ({"mean": "plateau(halfnormal)"}, "unknown prior on tau 'halfnormal'"),
    "lkj": ({"between": "unstructured", "rho": "uniform(0, 1)"}, "take lkj(1), or another eta"),
    "unknown kind": ({"between": "ar"}, "unknown correlation over time 'ar'"),
    "lag": ({"rho_lag": 0}, "it must be positive"),
    "one time asked": ({"at": 3}, "joins all times"),
    "not of this model": ({"model": None, "rho": 0.5}, "add --model longitudinal"),
}


@pytest.mark.parametrize(("options", "said"), MISUSES.values(), ids=MISUSES)
def test_misuse_is_one_line(options, said):
    with pytest.raises(InputError) as error:
        longitudinal(TWO_TIMES, **options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_more_times_leave_less_room_below_zero():
    # Compound symmetry over T times is positive definite above -1 / (T - 1).
    longitudinal(TWO_TIMES, rho="uniform(-1, 1)")
    table = TWO_TIMES | {"time": [3, 12, 3, 12, 6, 12]}
    with pytest.raises(InputError, match=r"over 3 times is positive definite in \(-0.5, 1\)"):
        longitudinal(table, rho="uniform(-1, 1)")


def test_more_than_four_hyperparameters_are_sampled_and_that_is_said():
    numbers = longitudinal(THREE_TIMES, tau_per_time=True).joint.numbers
    assert numbers.method == "importance sampling"
    # Of all summaries the worst, in relative terms: the lower bound of a tau that may be 0.
    assert 1e-6 < numbers.numerical_error < 0.5
    assert longitudinal(TWO_TIMES).joint.numbers.method == "Gauss-Legendre quadrature"


def test_unstructured_covariances_have_a_correlation_for_each_pair_of_times():
    fit = longitudinal(TWO_TIMES, between="unstructured", rho="lkj(2)", within_correlation=0.5)
    joint = fit.to_dict()["joint"]
    (rho,) = joint["rho_between"]
    # beta(b, b) on (-1, 1) with b = eta - 1 + t / 2 = 2: its 97.5 % quantile.
    assert rho["times"] == (3, 12)
    assert rho["prior_high"] == pytest.approx(0.8114, abs=1e-4)
    assert joint["between"] == "unstructured"
    assert [one["time"] for one in joint["tau"]] == [3, 12]
    assert joint["priors"]["rho"]["text"] == "lkj(2)"


def test_unstructured_over_three_times_with_correlations_near_zero_is_each_time_alone():
    # Isolates correlations that are shown but are no hyperparameters: partial ones are.
    fit = longitudinal(THREE_TIMES, between="unstructured", rho="lkj(10000)", within_correlation=0)
    assert fit.to_dict()["joint"]["tau"][2]["time"] == 12
    assert len(fit.to_dict()["joint"]["rho_between"]) == 3
    for row, mu in zip(fit.rows, fit.joint.numbers.mu, strict=True):
        assert mu.mean == pytest.approx(row.exact.mu.mean, abs=0.02)


@pytest.mark.parametrize("mean", ["plateau(half-normal(6))", "random-walk(half-normal(1))"])
def test_curves_are_followed_between_times(mean):
    fit = longitudinal(THREE_TIMES, mean=mean, rho=0.5, within_correlation=0.5)
    joint = fit.joint
    assert joint.numbers.curve.prior == mean.partition("(")[2][:-1]
    assert {"half-life", "walk SD"} & {row[0] for row in joint_hypers(fit, joint)}
    assert [one.prior for one in joint.numbers.coefficients] == ["normal(0, 2)", mean, mean]
    mu, _ = joint.course([3, 4.5, 12])
    # The course is another fit, on fewer nodes.
    assert mu[0].median == pytest.approx(joint.numbers.mu[0].median, abs=2e-3)
    assert mu[2].median == pytest.approx(joint.numbers.mu[2].median, abs=2e-3)
    assert min(mu[0].median, joint.numbers.mu[1].median) - 0.3 < mu[1].median


def test_series_of_one_hospital_at_different_times_are_said_to_overlap():
    assert not bm.fit("sledai").warnings
    (line,) = bm.fit("sledai_series").warnings
    assert line == (
        "all times in one model: Nanjing UC-MSC and Liang 2010 are all of Nanjing Drum Tower: "
        "patients may be counted twice"
    )


def test_a_change_from_baseline_at_one_time_is_that_of_the_univariate_model():
    # SE^2 = (sd0^2 + sd1^2 - 2 r sd0 sd1) / n, with r = 0.5 in both.
    fit = bm.fit("proteinuria_series", at=3)
    how = JointAsk.of(JointSpec(within_correlation="0.5"))
    model = how.model([fit.rows[0].pool], fit.ask)
    found, known = fit_joint(model)[1], fit.rows[0].exact.mu
    assert found.mu.median[0] == pytest.approx(known.median, abs=1e-10)
    assert found.mu.high[0] == pytest.approx(known.ci_high, abs=1e-10)


def test_the_correlation_of_before_and_after_has_a_prior():
    rho = bm.fit("proteinuria_series").joint.numbers.rho_within
    assert rho.prior == "uniform(0, 0.95)"
    assert 0 < rho.moved < 1


def test_tables_without_times_or_with_two_outcomes_are_refused():
    table = {name: column for name, column in TWO_TIMES.items() if name != "time"}
    with pytest.raises(InputError, match="joins times, and data has none"):
        longitudinal(table | {"study": list("ABCDEF")})
    with pytest.raises(InputError, match="one outcome, and there are 2, a, b"):
        longitudinal(TWO_TIMES | {"outcome": list("aabbab")})


def test_defaults_are_told_from_what_is_given():
    priors = longitudinal(TWO_TIMES, rho="uniform(0, 1)").to_dict()["joint"]["priors"]
    assert {name: prior["default"] for name, prior in priors.items()} == {
        "rho": False, "within_correlation": True, "beta": True
    }  # fmt: skip


def test_normal_normal_leaves_the_joint_model_out():
    assert bm.fit("sledai", model="normal-normal").joint is None
    assert bm.fit("sledai", at=12).joint is None
