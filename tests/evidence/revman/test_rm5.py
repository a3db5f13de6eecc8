"""RevMan 5's XML: what RevMan writes is read as it stands, in its encoding."""

import numpy as np
import pytest

from bayesmeta.evidence import read_review
from bayesmeta.evidence.revman import pool_of
from tests.evidence.revman import make


@pytest.fixture
def full(tmp_path):
    path = tmp_path / "full.rm5"
    path.write_bytes(make.full().replace("\n", "\r\n").encode("latin-1"))
    review = read_review(path)
    return {outcome.id: outcome for outcome in review.outcomes}


def test_the_whole_review(full):
    assert {key: (o.type, o.measure.name, o.method, o.model) for key, o in full.items()} == {
        "CMP-001.01": ("dichotomous", "OR", "MH", "fixed"),
        "CMP-001.02": ("dichotomous", "OR", "MH", "fixed"),
        "CMP-001.03": ("dichotomous", "OR", "MH", "fixed"),
        "CMP-001.04": ("dichotomous", "OR", "MH", "fixed"),
        "CMP-001.05": ("dichotomous", "OR", "Peto", "fixed"),
        "CMP-001.06": ("other", "GEN", "IV", "fixed"),
        "CMP-002.01": ("continuous", "MD", "IV", "fixed"),
        "CMP-002.02": ("continuous", "SMD", "IV", "random"),
        "CMP-003.01": ("iv", "HR", "IV", "random"),
        "CMP-003.02": ("iv", "GEN", "IV", "random"),
        "CMP-004.01": ("oe", "OR", "Peto", "fixed"),
    }
    assert full["CMP-002.01"].comparison == "Mental health treatment versus control"


def test_counts_names_and_stored_numbers_of_the_aspirin_trials(full):
    death = full["CMP-001.01"]
    assert (death.name, death.direction, death.level) == ("Décès", "lower", 0.95)
    assert [(row.study, row.year) for row in death.studies] == [t[:2] for t in make.ASPIRIN]
    found = death.stored
    assert (found.estimate, found.ci_low, found.ci_high) == (0.8969, 0.8405, 0.9570)
    assert (found.q, found.df, found.i2, found.tau2, found.z) == (9.95, 6, 39.7, 0.0, 3.29)
    pool, left_out = pool_of(death)
    np.testing.assert_array_equal(pool.counts, [trial[2:] for trial in make.ASPIRIN])
    assert left_out == ()
    assert pool.studies[0] == "MRC-1 1974"


def test_subgroups_nested_and_empty(full):
    death = full["CMP-001.02"]
    early, late, unknown = death.subgroups
    assert [row.study for row in late.studies] == ["PARIS", "AMIS", "ISIS-2"]
    assert [row.study for row in late.subgroups[0].studies] == ["AMIS", "ISIS-2"]
    assert (late.subgroups[0].id, unknown.studies) == ("CMP-001.02.02.01", ())
    assert len(death.studies) == 7
    assert (death.totals, early.stored.estimable, early.stored.estimate) == ("SUB", False, None)
    assert pool_of(death, unknown) == (None, ())
    assert pool_of(death, late)[0].k == 3
    assert pool_of(death, late)[0].outcome == "CMP-001.02.02"


def test_swapped_events_are_read_as_entered_and_pooled_as_analysed(full):
    death, survival = full["CMP-001.01"], full["CMP-001.03"]
    assert survival.swap_events
    assert survival.studies[0].events_treatment == 49
    swapped, plain = pool_of(survival)[0], pool_of(death)[0]
    assert swapped.counts[0].tolist() == [615 - 49, 615, 624 - 67, 624]
    np.testing.assert_allclose(swapped.y, -plain.y, atol=1e-15)
    np.testing.assert_allclose(swapped.se, plain.se, rtol=1e-14)


def test_an_outcome_without_estimable_study_passes_through(full):
    bleeding = full["CMP-001.04"]
    assert bleeding.stored.estimate is bleeding.stored.tau2 is None
    pool, left_out = pool_of(bleeding)
    assert pool is None
    assert [row.reason for row in left_out] == [
        "nobody, or everybody, had an event",
        "the number of patients is 0",
    ]


def test_the_same_study_twice_with_a_footnote_that_was_html(full):
    first, second = full["CMP-001.05"].studies
    assert first.study == second.study == "Fox 1990"
    assert second.note == "Same trial, women – age < 70"
    assert pool_of(full["CMP-001.05"])[0].studies == ("Fox 1990", "Fox 1990 (2)")


def test_peto_effects_are_o_minus_e_over_v(full):
    pool, _ = pool_of(full["CMP-001.05"])
    n, m = 22, 4
    v = 10 * 12 * m * (n - m) / (n**2 * (n - 1))
    assert pool.y[0] == pytest.approx((1 - 10 * m / n) / v, rel=1e-15)
    assert pool.se[0] == pytest.approx(v**-0.5, rel=1e-15)
    given, _ = pool_of(full["CMP-004.01"])
    assert given.y[0] == pytest.approx(-8.5707 / 26.3, rel=1e-15)
    assert given.se[1] == pytest.approx(25.1**-0.5, rel=1e-15)


def test_results_that_revman_has_not_computed_are_none(full):
    stored = full["CMP-002.02"].stored
    assert stored.estimable
    assert stored.estimate is stored.ci_low is stored.q is None
    assert pool_of(full["CMP-002.02"])[0].k == 5


def test_estimates_stay_on_the_scale_of_entry(full):
    assert pool_of(full["CMP-003.01"])[0].y.tolist() == [-0.8893, -1.5854]
    schools, _ = pool_of(full["CMP-003.02"])
    assert schools.se.tolist() == [14.9, 10.2, 16.3]
    assert schools.n is None
    assert full["CMP-003.02"].measure_label == "points"


def test_mean_difference_of_fleiss(full):
    """Inverse variance by hand: -0.7094, as the R package meta documents it."""
    pool, _ = pool_of(full["CMP-002.01"])
    w = pool.se**-2
    assert w @ pool.y / w.sum() == pytest.approx(-0.7094, abs=5e-5)
    assert pool.n.tolist() == [26, 80, 70, 40, 16]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_encodings_as_declared(tmp_path, mark, line):
    for encoding in ("UTF-8", "ISO-8859-1", "UTF-16"):
        if mark and encoding != "UTF-8":
            continue
        text = make.review(make.comparison(make.dich(make.aspirin(), name="Décès")))
        text = text.replace("ISO-8859-1", encoding).replace("\n", line)
        path = tmp_path / "review.rm5"
        path.write_bytes(mark + text.encode(encoding))
        assert read_review(path).outcomes[0].name == "Décès"


def test_a_byte_order_mark_outweighs_a_declaration(tmp_path):
    text = make.review(make.comparison(make.dich(make.aspirin(), name="Décès")))
    (tmp_path / "review.rm5").write_bytes(text.encode("utf-8-sig"))
    assert read_review(tmp_path / "review.rm5").outcomes[0].name == "Décès"


def test_windows_dashes_in_a_latin_1_file(tmp_path):
    path = make.write(tmp_path, make.dich(make.aspirin(), name="5 \x96 12 years"))
    assert read_review(path).outcomes[0].name == "5 – 12 years"


@pytest.mark.parametrize(
    ("label", "log", "name", "ratio"),
    [
        ("Hazard Ratio", "YES", "HR", True),
        ("Odds Ratio", "YES", "OR", True),
        ("Rate Ratio", "YES", "RATIO", True),
        ("Std. Mean Difference", "NO", "SMD", False),
        ("Mean Difference", "NO", "MD", False),
        ("log hazard ratio", "NO", "GEN", False),
        ("Hazard Ratio", "NO", "GEN", False),
    ],
)
def test_measures_of_free_text(tmp_path, label, log, name, ratio):
    path = make.write(tmp_path, make.generic([make.given("A", 0.5, 0.2)], label=label, log=log))
    (outcome,) = read_review(path).outcomes
    assert (outcome.measure.name, outcome.measure.ratio) == (name, ratio)
    assert outcome.studies[0].estimate == 0.5


def test_levels_other_than_95(tmp_path):
    path = make.write(tmp_path, make.dich(make.aspirin(), CI_TOTAL="99", CI_STUDY="90"))
    (outcome,) = read_review(path).outcomes
    assert (outcome.level, outcome.study_level) == (0.99, 0.9)


@pytest.mark.parametrize(
    ("left", "right", "direction"),
    [
        ("Favours control", "Favours aspirin", "higher"),
        ("Favours [experimental]", "Favours [control]", "lower"),
        ("Favors treatment", "Favors control", "lower"),
        ("Fewer deaths", "More deaths", None),
        ("", "", None),
    ],
)
def test_the_direction_is_the_graph_s_or_none(tmp_path, left, right, direction):
    text = make.dich(make.aspirin())
    text = text.replace("Favours aspirin", left).replace(
        "<GRAPH_LABEL_2>Favours control", f"<GRAPH_LABEL_2>{right}"
    )
    assert read_review(make.write(tmp_path, text)).outcomes[0].direction == direction
