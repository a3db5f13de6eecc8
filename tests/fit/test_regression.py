"""Meta-regression: metafor's coefficients at its tau, algebra of predictions, words, misuse."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.errors import InputError

REFERENCES = Path(__file__).parents[1] / "references"
BCG = REFERENCES / "bcg_vaccine.csv"
METAFOR = json.loads((REFERENCES / "longitudinal.json").read_text())["bcg_vaccine"]
FORMULAS = {
    "latitude": "~ latitude",
    "allocation": "~ allocation",
    "both": "~ latitude + allocation",
}


def bcg(formula, **options):
    given = {"measure": "RR", "direction": "lower", "formula": formula} | options
    return bm.fit(BCG, **given)


@pytest.mark.parametrize("name", METAFOR)
def test_metafor_at_its_own_tau(name):
    # Given tau the posterior under flat priors is the weighted least squares fit, exactly; the
    # reference has 13 to 15 digits.
    known = METAFOR[name]
    found = bcg(FORMULAS[name.split()[0]], tau=f"fixed({known['tau2'] ** 0.5!r})").regression
    for one, estimate, se in zip(
        found.coefficients, known["coefficients"], known["se"], strict=True
    ):
        assert one.median == pytest.approx(estimate, rel=1e-10, abs=1e-11)
        assert one.mean == pytest.approx(estimate, rel=1e-10, abs=1e-11)
        assert one.sd == pytest.approx(se, rel=1e-10)


def test_vague_priors_come_near_metafor():
    # REML, latitude: -0.0291 (0.0072), tau 0.276. A flat prior on tau has a longer right tail.
    known = METAFOR["latitude REML"]
    found = bcg("~ latitude", tau="uniform(0, 10)").regression
    slope = found.coefficients[1]
    assert slope.median == pytest.approx(known["coefficients"][1], abs=known["se"][1] / 4)
    assert slope.sd == pytest.approx(known["se"][1], rel=0.5)
    assert 0.276 < found.tau.median < 0.276 * 1.5


def test_without_moderators_it_is_the_pool():
    fit = bcg("~ 1")
    (point,) = fit.regression.predictions
    for one, other in (
        (point.mu, fit.rows[0].exact.mu),
        (point.theta_new, fit.rows[0].exact.theta_new),
    ):
        for name in ("mean", "sd", "median", "ci_low", "ci_high"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-9)


def test_predictions_are_linear_in_the_moderators():
    found = bcg("~ latitude").regression
    intercept, slope = found.coefficients
    low, high = found.predict([{"latitude": 0}, {"latitude": 50}])
    assert low.mu.mean == pytest.approx(intercept.mean, abs=1e-12)
    assert high.mu.mean == pytest.approx(intercept.mean + 50 * slope.mean, abs=1e-12)
    left = found.tau.sd**2 + found.tau.mean**2
    assert high.theta_new.sd**2 - high.mu.sd**2 == pytest.approx(left, rel=1e-8)


def test_contrasts_do_not_depend_on_the_reference_level():
    one = bcg("~ latitude + C(allocation)").regression
    other = bcg("~ latitude + C(allocation, contr.treatment('random'))").regression
    assert [(c.from_level, c.to_level) for c in one.contrasts] == [
        ("alternate", "random"), ("alternate", "systematic"), ("random", "systematic"),
    ]  # fmt: skip
    for mine, theirs in zip(one.contrasts, other.contrasts, strict=True):
        assert mine.difference.median == pytest.approx(theirs.difference.median, abs=1e-9)
    random = next(c for c in one.coefficients if c.name == "C(allocation)[T.random]")
    assert one.contrasts[0].difference.ci_low == pytest.approx(random.ci_low, abs=1e-10)


def test_default_points_are_combinations_of_what_was_observed():
    found = bcg("~ latitude + allocation").regression
    assert [tuple(p.values.values()) for p in found.predictions][:2] == [
        (13.0, "alternate"), (13.0, "random"),
    ]  # fmt: skip
    assert {p.values["latitude"] for p in found.predictions} == {13.0, 33.0, 55.0}
    with BCG.open() as file:
        rows = [(float(row["latitude"]), float(row["n_control"])) for row in csv.DictReader(file)]
    many = bcg("~ latitude + allocation + n_control + year", beta="normal(0, 1)").regression
    assert {(p.values["latitude"], p.values["n_control"]) for p in many.predictions} == set(rows)


def test_a_number_taken_as_a_factor_has_no_levels_between():
    found = bcg("~ C(year)", beta="normal(0, 1)").regression
    assert found.predict([{"year": 1948}])
    with pytest.raises(InputError, match="a level that no study has"):
        found.predict([{"year": 1948.5}])


def test_priors_by_name_beta_and_mu():
    found = bcg(
        "~ latitude + allocation",
        mu="normal(0, 2)",
        beta="normal(0, 1)",
        coefficients={"latitude": "normal(0, 0.1)"},
    ).regression
    assert [one.prior for one in found.coefficients] == [
        "normal(0, 2)", "normal(0, 0.1)", "normal(0, 1)", "normal(0, 1)",
    ]  # fmt: skip
    assert found.log_marginal_likelihood is not None


def test_weights_sum_to_one_and_favour_the_precise():
    found = bcg("~ latitude").regression
    assert found.weights.sum() == pytest.approx(1)
    assert np.argmax(found.weights) == np.argmin(found.pool.se)


def test_json():
    record = json.loads(json.dumps(bcg("~ latitude").to_dict(), allow_nan=False))["regression"]
    assert record["formula"] == "~ latitude"
    assert [one["name"] for one in record["coefficients"]] == ["Intercept", "latitude"]
    assert {"mean", "sd", "median", "ci_low", "ci_high"} < record["tau"].keys()
    assert record["predictions"][0]["values"] == {"latitude": 13}
    assert record["numerical_error"] < 1e-10
    assert bm.fit(BCG, measure="RR").to_dict()["regression"] is None


MISUSES = {
    "rank": ({"formula": "~ latitude + I(2 * latitude)"}, "rank 2"),
    "constant": ({"formula": "~ latitude + I(0 * latitude + 1)"}, "rank 2"),
    "prior on nothing": ({"coefficients": {"latitud": "flat"}}, "did you mean 'latitude'"),
    "no formula": ({"formula": None, "predict": [{"latitude": 3}]}, "give a formula too"),
    "no formula, prior": ({"formula": None, "coefficients": {"x": "flat"}}, "give a formula too"),
}


@pytest.mark.parametrize(("options", "said"), MISUSES.values(), ids=MISUSES)
def test_misuse_is_one_line(options, said):
    with pytest.raises(InputError) as error:
        bcg(**({"formula": "~ latitude"} | options))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_several_pools_are_refused():
    with pytest.raises(InputError, match="there are 4 pools: choose a time with --at"):
        bm.fit("sledai", formula="~ n_msc")


WITHIN = {
    "study": ["A", "A", "B", "B", "C"],
    "estimate": [0.2, 0.4, 0.9, 0.7, 0.1],
    "se": [0.1, 0.1, 0.2, 0.2, 0.1],
    "dose": [1, 2, 1, 3, 2],
}


def multilevel(table=WITHIN, **options):
    given = {"measure": "SMD", "model": "multilevel", "mu": "normal(0, 2)"} | options
    return bm.fit(table, **given)


def test_effects_within_studies_without_a_variance_of_their_own():
    # tau_within = 0: a study's estimates are of one effect, and pool to one by their precisions.
    found = multilevel(tau_within="fixed(0)").regression
    se = [0.1 / 2**0.5, 0.2 / 2**0.5, 0.1]
    pooled = {"study": list("ABC"), "estimate": [0.3, 0.8, 0.1], "se": se}
    known = bm.fit(pooled, measure="SMD", mu="normal(0, 2)").rows[0].exact
    assert found.coefficients[0].median == pytest.approx(known.mu.median, abs=1e-8)
    assert found.tau.median == pytest.approx(known.tau.median, abs=1e-8)


def test_effects_within_studies_without_a_variance_between_them():
    # tau_between = 0: every effect is on its own, as the pool beside takes it.
    fit = multilevel(tau="fixed(0)", tau_within="half-normal(0.5)")
    known = (
        bm.fit(WITHIN | {"study": list("ABCDE")}, measure="SMD", mu="normal(0, 2)").rows[0].exact
    )
    assert fit.regression.tau_within.median == pytest.approx(known.tau.median, abs=1e-8)
    assert fit.regression.coefficients[0].ci_high == pytest.approx(known.mu.ci_high, abs=1e-8)


def test_effects_within_studies_take_a_formula_and_correlated_errors():
    fit = multilevel(formula="~ dose", within_correlation=0.5, tau_within="half-normal(0.2)")
    record = fit.to_dict()["regression"]
    assert record["rho_within"] == 0.5
    assert record["tau_within"]["prior"] == "half-normal(0.2)"
    assert fit.rows[0].pool.studies == ("A (1)", "A (2)", "B (1)", "B (2)", "C")
    assert fit.rows[0].pool.groups == ("A", "A", "B", "B", "C")
    assert bcg("~ latitude").to_dict()["regression"]["tau_within"] is None


def test_levels_are_of_a_multilevel_model_and_of_a_table():
    with pytest.raises(InputError, match="add --model multilevel"):
        bm.fit(BCG, measure="RR", tau_within="half-normal(1)")
    with pytest.raises(InputError, match="a table of your own"):
        bm.fit("sledai", model="multilevel")
    with pytest.raises(InputError, match="one row a study and time is expected"):
        bm.fit(WITHIN, measure="SMD")
