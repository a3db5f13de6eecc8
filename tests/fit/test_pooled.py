"""Frequentist pools alone: which methods suit the data, the object of `fit`, and refusals."""

import json
import math
from pathlib import Path

import pytest

import bayesmeta as bm
from bayesmeta.evidence import bundled_project
from bayesmeta.frequentist import METHODS

REFERENCES = Path(__file__).parents[1] / "references"
ANALYSES = [analysis.name for analysis in bundled_project().analyses()]
RANDOM = ["DL", "PM", "REML", "ML", "EB", "SJ", "HE", "HS"]
EVENTS = {
    "study": ["A", "B", "C"],
    "events_treatment": [4, 0, 10],
    "n_treatment": [60, 40, 90],
    "events_control": [8, 3, 12],
    "n_control": [60, 40, 80],
}


def methods(found):
    return [(pool.method, pool.ci) for pool in found.rows[0].frequentist]


def test_all_is_every_method_with_every_inference():
    expected = [("IV", "wald"), ("MH", "wald"), ("Peto", "wald")]
    expected += [(method, ci) for method in RANDOM for ci in ("wald", "hksj", "hksj-floor")]
    assert methods(bm.pool(EVENTS, measure="OR", method="all")) == expected
    assert {method for method, _ in expected} == set(METHODS)


@pytest.mark.parametrize(
    ("measure", "common"),
    [("OR", ["IV", "MH", "Peto"]), ("RR", ["IV", "MH"]), ("RD", ["IV", "MH"])],
)
def test_all_is_what_suits_the_data(measure, common):
    found = methods(bm.pool(EVENTS, measure=measure, method="all", ci="hksj"))
    assert found == [(m, "wald") for m in common] + [(m, "hksj") for m in RANDOM]


def test_effects_without_tables_have_no_mantel_haenszel():
    schools = {"study": ["A", "B"], "estimate": [28, 8], "se": [15, 10]}
    assert [m for m, _ in methods(bm.pool(schools, method="all", ci="wald"))] == ["IV", *RANDOM]


@pytest.mark.parametrize("analysis", ANALYSES)
def test_the_object_is_that_of_fit_without_what_is_bayesian(analysis):
    ours, theirs = bm.pool(analysis, method="all").to_dict(), bm.fit(analysis).to_dict()
    json.dumps(ours, allow_nan=False)
    assert set(ours) == set(theirs) | {"profile"}
    assert ours["engine"] is ours["priors"] is ours["interval"] is None
    for same in ("analysis", "measure", "scale", "convention", "assumptions", "left_out", "level"):
        assert ours[same] == theirs[same]
    rows = zip(ours["rows"], theirs["rows"], strict=True)
    variants = zip(ours["variants"], theirs["variants"], strict=True)
    both = [*rows, *(pair for a, b in variants for pair in zip(a["rows"], b["rows"], strict=True))]
    for mine, row in both:
        assert set(mine) == set(row)
        assert mine["posterior"] is mine["nuts"] is None
        assert mine["probabilities"] is mine["bayes_factors"] is None
        assert mine["published"] == row["published"]
        for pool in row["frequentist"]:
            (again,) = (
                one
                for one in mine["frequentist"]
                if (one["method"], one["ci"]) == (pool["method"], pool["ci"])
            )
            for name in ("estimate", "ci_low", "ci_high", "p", "tau2", "i2", "q", "weights"):
                assert again[name] == pool[name]


def test_prediction_intervals_without_degrees_of_freedom_are_null_with_the_reason():
    row = bm.pool("sledai", method="REML", ci="hksj", at=12).to_dict()["rows"][0]
    (pool,) = row["frequentist"]
    assert row["k"] == 2
    assert pool["prediction"]["hts"] is None
    assert "degrees of freedom" in pool["reasons"]["prediction.hts"]
    assert set(pool["prediction"]["t"]) == {"ci_low", "ci_high"}
    assert "prediction.bootstrap" not in pool["reasons"]


def test_the_profile_of_a_table_says_how_effects_are_computed():
    metafor = bm.pool(EVENTS, measure="RR", method="MH").rows[0].frequentist[0]
    revman = bm.pool(EVENTS, measure="RR", method="MH", profile="revman5").rows[0].frequentist[0]
    assert metafor.estimate == pytest.approx(
        math.log((4 * 60 / 120 + 10 * 80 / 170) / (8 * 60 / 120 + 3 * 40 / 80 + 12 * 90 / 170))
    )
    half = 0.5 * 41 / 82, 3.5 * 41 / 82
    assert revman.estimate == pytest.approx(
        math.log(
            (4 * 60 / 120 + half[0] + 10 * 80 / 170) / (8 * 60 / 120 + half[1] + 12 * 90 / 170)
        )
    )


def test_what_cannot_be_estimated_is_said():
    nobody = EVENTS | {"events_treatment": [0, 0, 0]}
    found = bm.pool(nobody, measure="OR", method="MH")
    assert found.rows[0].frequentist == ()
    assert "not estimable" in found.warnings[0]
    assert len(bm.pool(nobody, measure="OR", method="all", ci="wald").rows[0].frequentist) == 10


def test_names_in_any_case_and_near_misses():
    assert methods(bm.pool(EVENTS, measure="OR", method="peto")) == [("Peto", "wald")]
    for how, words in (
        ({"method": "REM"}, ["'REM'", "'REML'"]),
        ({"method": "al"}, ["'all'"]),
        ({"ci": "hks"}, ["'hksj'"]),
        ({"profile": "revman6"}, ["'revman5'"]),
        ({"method": "MH", "ci": "hksj"}, ["MH", "REML"]),
        ({"level": 95}, ["0.95"]),
        ({"seed": -1}, ["-1"]),
    ):
        with pytest.raises(bm.InputError) as error:
            bm.pool(EVENTS, measure="OR", **how)
        for word in words:
            assert word in str(error.value)


def test_a_profile_with_other_effects_than_the_analysis_is_refused():
    assert bm.pool("adverse_events", profile="revman-web").profile == "revman-web"
    with pytest.raises(bm.InputError, match="revman5"):
        bm.pool("adverse_events", profile="metafor")


def test_summary_has_a_row_a_pool():
    table = bm.pool("sledai", method="all").summary()
    assert len(table) == 4 * 25
    assert {"method", "ci", "estimate", "hts_low", "bootstrap_high"} <= set(table.columns)
