"""The JSON of a fit: strict, with the fields that were promised, and a reason for every null."""

import csv
import json
import math
from pathlib import Path

import pytest

import bayesmeta as bm
from bayesmeta.evidence import bundled_project
from bayesmeta.fit.save import to_json

PROJECT = bundled_project()
ANALYSES = [analysis.name for analysis in PROJECT.analyses()]
REFERENCES = Path(__file__).parents[1] / "references"

# The issue that asked for `fit`, point 6.
TOP = "analysis measure direction engine scale level interval priors seed version warnings rows"
ROW = "outcome time k frequentist published posterior nuts"
FREQUENTIST = "method ci estimate ci_low ci_high p tau2 i2 q p_heterogeneity"
POOL = "se z df weights prediction reasons"
PUBLISHED = "estimate ci_low ci_high p p_heterogeneity k model source"
POSTERIOR = (
    "mu tau theta_new i2 studies prior_weight prob_benefit prob_benefit_new prob_below_zero "
    "log_marginal_likelihood numerical_error reasons"
)
STUDY = "study estimate se status shrunk weight"
SUMMARY = "mean sd median mode ci_low ci_high"
NUTS = "posterior mcse diagnostics comparisons max_difference_mcse max_difference_quantity"
DIAGNOSTICS = "r_hat_max ess_bulk_min ess_tail_min divergences bfmi_min"


def strict(text):
    """Parse JSON that has no NaN and no Infinity."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def has(found, names):
    missing = set(names.split()) - set(found)
    assert not missing, missing


def nulls(found, path=""):
    """Paths of what is None, as reasons name them."""
    if found is None:
        yield path.removeprefix(".")
    pairs = found.items() if isinstance(found, dict) else ()
    pairs = enumerate(found) if isinstance(found, list) else pairs
    for key, value in pairs:
        yield from nulls(value, f"{path}.{key}")


def check_posterior(found):
    has(found, POSTERIOR)
    for quantity in ("mu", "tau", "theta_new", "i2"):
        assert set(found[quantity]) == set(SUMMARY.split())
    for study in found["studies"]:
        assert set(study) == set(STUDY.split())
        assert set(study["shrunk"]) == set(SUMMARY.split())
    unexplained = set(nulls(found)) - set(found["reasons"])
    # A status is null where the table does not say: a fact of the data, not a missing number.
    assert not {path for path in unexplained if not path.endswith(".status")}


@pytest.mark.parametrize("name", ANALYSES)
def test_fields_of_every_analysis(name):
    # Isolates the shape: strict JSON with every promised field, over the bundled review.
    fit = bm.fit(name)
    found = strict(to_json(fit))
    has(found, TOP)
    assert found["scale"] in ("log", "natural")
    assert set(found["priors"]) == {"mu", "tau"}
    assert all(type(prior["default"]) is bool for prior in found["priors"].values())
    assert found["rows"]
    for row in found["rows"]:
        has(row, ROW)
        for pool in row["frequentist"]:
            has(pool, f"{FREQUENTIST} {POOL}")
            assert (pool["i2"] is None) == (row["k"] == 1)
            assert (pool["tau2"] is None) == (pool["method"] in ("IV", "MH"))
        if row["published"] is not None:
            has(row["published"], PUBLISHED)
        assert len(row["posterior"]["studies"]) == row["k"]
        check_posterior(row["posterior"])
        # And nothing is explained that is there.
        assert set(row["posterior"]["reasons"]) <= set(nulls(row["posterior"]))
        assert row["nuts"] is None


@pytest.mark.parametrize("name", ANALYSES)
def test_published_rows_are_on_the_analysis_scale(name):
    # Isolates the scale: the shipped table's own numbers, logged for ratio measures.
    path = Path(PROJECT.root) / "data" / "sle_msc" / "published.csv"
    with path.open(newline="") as file:
        published = list(csv.DictReader(file))
    found = bm.fit(name).to_dict()
    scale = math.log if found["scale"] == "log" else float
    for row in found["rows"]:
        if row["published"] is None:
            continue
        (printed,) = (
            {key: float(line[key]) for key in ("estimate", "ci_low", "ci_high")}
            for line in published
            if line["outcome"] == row["outcome"]
            and line["measure"] == found["measure"]
            and (row["time"] is None or float(line["time_months"] or "nan") == row["time"])
            and line["model"] == row["published"]["model"]
            and line["source"] == row["published"]["source"]
        )
        for key, value in printed.items():
            assert row["published"][key] == scale(value)


def test_nuts_fields():
    # Isolates the shape with NUTS, where a posterior has no SD and no direction is given.
    table = {"study": ["A", "B"], "estimate": [1.0, 3.0], "se": [0.5, 0.7]}
    fit = bm.fit(table, tau="half-cauchy(1)", engine="both", draws=200, seed=3)
    (row,) = strict(to_json(fit))["rows"]
    nuts = row["nuts"]
    has(nuts, NUTS)
    has(nuts["diagnostics"], DIAGNOSTICS)
    for numbers in (row["posterior"], nuts["posterior"], nuts["mcse"]):
        check_posterior(numbers)
    for numbers in (nuts["posterior"], nuts["mcse"]):
        assert numbers["mu"]["sd"] is None
        assert numbers["mu"]["mode"] is None
    # Quantiles of mu, tau, theta_new and two study effects; means only where the variance exists
    # (the study effects), SDs where the fourth moment does (again).
    assert nuts["comparisons"] == 5 * 5 + 2 + 2
    assert nuts["max_difference_mcse"] < 5


def test_nuts_alone_has_no_exact_posterior():
    table = {"study": ["A", "B"], "estimate": [1.0, 3.0], "se": [0.5, 0.7]}
    options = {"tau": "half-cauchy(1)", "engine": "nuts", "draws": 200}
    fit = bm.fit(table, **options, seed=3)
    # The same seed, the same draws, to the last digit of every number.
    assert to_json(fit) == to_json(bm.fit(table, **options, seed=3))
    assert to_json(fit) != to_json(bm.fit(table, **options, seed=4))
    (row,) = fit.to_dict()["rows"]
    assert row["posterior"] is None
    assert row["nuts"] is not None
    shown = fit.summary().set_index(["quantity", "study"])
    assert shown.loc[("mu", None), "median"].item() == row["nuts"]["posterior"]["mu"]["median"]


@pytest.mark.parametrize(
    ("options", "null", "words"),
    [
        ({"tau": "half-cauchy(1)"}, "theta_new.sd", "does not exist: 2 studies"),
        ({"tau": "half-normal(1)"}, "log_marginal_likelihood", "the prior on mu is improper"),
        ({"tau": "half-normal(1)"}, "prob_benefit", "--direction lower|higher"),
        ({"tau": "half-normal(1)"}, "prob_benefit_new", "--direction lower|higher"),
    ],
)
def test_reasons(options, null, words):
    table = {"study": ["A", "B"], "estimate": [1.0, 3.0], "se": [0.5, 0.7]}
    posterior = bm.fit(table, **options).to_dict()["rows"][0]["posterior"]
    assert words in posterior["reasons"][null]


def test_nothing_is_null_where_all_is_known():
    table = {"study": ["A", "B"], "estimate": [1.0, 3.0], "se": [0.5, 0.7]}
    fit = bm.fit(table, tau="half-normal(1)", mu="normal(0, 5)", direction="lower")
    assert fit.to_dict()["rows"][0]["posterior"]["reasons"] == {}


def test_defaults_are_told_from_choices():
    table = {
        "study": ["A", "B"],
        "events_treatment": [3, 5],
        "n_treatment": [20, 30],
        "events_control": [6, 4],
        "n_control": [22, 28],
    }
    priors = bm.fit(table, measure="OR").to_dict()["priors"]
    assert priors["tau"]["text"] == "half-normal(0.5)"
    assert priors["mu"]["text"] == "flat"
    assert priors["tau"]["default"] is priors["mu"]["default"] is True
    chosen = bm.fit(table, measure="OR", tau=bm.HalfNormal(0.5), mu="flat").to_dict()["priors"]
    assert chosen["tau"]["default"] is chosen["mu"]["default"] is False


def test_full_double_precision():
    # Isolates the digits: what is read back is the double that was computed.
    fit = bm.fit(REFERENCES / "eight_schools.csv", tau="half-normal(10)", mu="normal(0, 50)")
    back = strict(to_json(fit))["rows"][0]["posterior"]
    assert back["mu"]["mean"] == fit.rows[0].exact.mu.mean
    assert back["tau"]["ci_low"] == fit.rows[0].exact.tau.ci_low
