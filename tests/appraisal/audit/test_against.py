"""Errors put by hand between a printed row and its study rows, each found."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.errors import InputError
from bayesmeta.frequentist import INFERENCES, METHODS, Studies, pool
from tests.appraisal.audit.true_tables import pooled, table

STUDIES = """study,estimate,se,n_treatment,n_control
A,0.40,0.20,50,48
B,0.90,0.25,30,31
C,0.10,0.30,20,22
"""
COUNTS = "study,events_treatment,n_treatment,events_control,n_control\nA,5,20,9,20\nB,2,12,4,11\n"
PUBLISHED = {
    "outcome": "pain",
    "measure": "MD",
    "model": "random",
    "k": "3",
    "estimate": "0.48",
    "ci_low": "0.06",
    "ci_high": "0.91",
    "p": "0.03",
    "q": "4.58",
    "i2": "56",
    "p_heterogeneity": "0.10",
}


@pytest.fixture
def checks(tmp_path, monkeypatch):
    """Return severities and checks of a printed row with some cells changed."""
    monkeypatch.chdir(tmp_path)

    def run(studies=STUDIES, **cells):
        row = {**PUBLISHED, **cells}
        (tmp_path / "trials.csv").write_text(studies)
        (tmp_path / "printed.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
        found = bm.audit("trials.csv", "printed.csv").findings
        return [(f.severity, f.check) for f in found if f.check != "agreement"], found

    return run


def test_the_true_row_agrees(checks):
    """DerSimonian and Laird's pool of the three, printed by functions that share nothing here."""
    y, se = np.array([0.4, 0.9, 0.1]), np.array([0.2, 0.25, 0.3])
    row = table(pooled(y, se, "random"), "MD", "random", 3, 2, 2)
    assert {name: cell for name, (cell,) in row.items() if name in PUBLISHED} == PUBLISHED
    assert checks()[0] == []


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"k": "4"}, ("error", "k")),
        ({"n_treatment": "100", "n_control": "110"}, ("error", "n")),
        ({"n": "210"}, ("error", "n")),
        ({"model": "fixed"}, ("error", "model")),
        (
            {"estimate": "0.58", "ci_low": "0.16", "ci_high": "1.01", "p": "0.008"},
            ("error", "pool"),
        ),
        ({"ci_low": "0.26", "ci_high": "0.71", "p": "<0.0001"}, ("error", "pool")),
        ({"q": "3.58", "i2": "", "p_heterogeneity": ""}, ("error", "pool")),
        ({"p_heterogeneity": "0.20", "q": "", "i2": ""}, ("error", "pool")),
        ({"time": "6"}, ("warning", "k")),
    ],
)
def test_an_error_is_found_by_its_check(checks, cells, found):
    assert found in checks(**cells)[0]


def test_the_right_numbers_of_patients_are_no_error(checks):
    assert checks(n_treatment="100", n_control="101", n="201")[0] == []


def test_patients_are_added_up_in_the_message(checks):
    _, found = checks(n_control="110")
    (finding,) = [f for f in found if f.check == "n"]
    assert finding.message == (
        "printed n_control is 110; the rows of A, B and C have 48 + 31 + 22 = 101"
    )


def test_a_mislabelled_model_is_named(checks):
    _, found = checks(model="fixed")
    (finding,) = [f for f in found if f.check == "model"]
    assert "labelled fixed" in finding.message
    assert "by DerSimonian-Laird" in finding.message


@pytest.mark.parametrize(
    ("method", "ci"), [("REML", "wald"), ("PM", "hksj"), ("SJ", "wald"), ("ML", "hksj")]
)
def test_another_method_is_recognised_by_its_name_and_by_its_numbers(checks, method, ci):
    y, se = np.array([0.4, 0.9, 0.1]), np.array([0.2, 0.25, 0.3])
    studies = STUDIES.replace("0.40,0.20", "0.40000,0.20000").replace(
        "0.90,0.25", "0.90000,0.25000"
    )
    studies = studies.replace("0.10,0.30", "0.10000,0.30000")
    row = table(pool(Studies.of_effects(y, se), method, ci=ci), "MD", "random", 3, 4, 2)
    names = ("estimate", "ci_low", "ci_high", "p", "q")
    cells = {name: row[name][0] for name in names} | {"i2": ""}
    named = f"random; {METHODS[method]}; {INFERENCES[ci].replace(',', ' with')}"
    assert checks(studies, **cells, model=named)[0] == []
    severities, findings = checks(studies, **cells)
    assert all(severity == "note" for severity, _ in severities)
    (finding,) = [f for f in findings if f.check == "method"]
    words = METHODS[method] + (f", {INFERENCES[ci]}" if ci != "wald" else "")
    usual = f"{pooled(y, se, 'random').estimate:.5f}"
    assert f"by {words}, which the label does not say, and not MD {usual}" in finding.message
    # Named for another: an error, which says what it is.
    findings = checks(studies, **cells, model="random; Hunter-Schmidt; Wald")[1]
    (finding,) = [f for f in findings if f.check == "model"]
    assert finding.message.startswith("labelled random, Hunter-Schmidt, Wald, but the rows of")
    assert f"by {words} and not" in finding.message


def test_an_interval_of_another_level_is_not_checked(checks):
    found, _ = checks(model="random; 90 % CI", ci_low="0.13", ci_high="0.84", p="0.5")
    assert found == [("note", "level")]


def test_rows_that_were_made_from_the_pool_cannot_make_an_error(checks):
    rows = STUDIES.replace("n_control\n", "n_control,status\n")
    for status, severity in (("reported", "error"), ("derived", "warning"), ("unverified", "note")):
        studies = rows.replace("48\n", f"48,{status}\n")
        studies = studies.replace("31\n", "31,reported\n").replace("22\n", "22,reported\n")
        assert (severity, "pool") in checks(studies, q="3.58", i2="", p_heterogeneity="")[0]


def test_counts_are_pooled_by_mantel_and_haenszel(checks):
    """5/20 v 9/20 and 2/12 v 4/11, by Robins, Breslow and Greenland's formula written out."""
    a, b, c, d = np.array([[5, 15, 9, 11], [2, 10, 4, 7]]).T
    n = a + b + c + d
    p, q, r, s = (a + d) / n, (b + c) / n, a * d / n, b * c / n
    v = p @ r / r.sum() ** 2 + (p @ s + q @ r) / (r.sum() * s.sum()) + q @ s / s.sum() ** 2
    mu, se = np.log(r.sum() / s.sum()), np.sqrt(v / 2)
    limits = np.exp([mu, mu - 1.959964 * se, mu + 1.959964 * se])
    names = ("estimate", "ci_low", "ci_high")
    cells = {"measure": "OR", "model": "fixed", "k": "2", "q": "", "i2": "", "p": ""}
    cells |= {"p_heterogeneity": "", **{x: f"{y:.2f}" for x, y in zip(names, limits, strict=True)}}
    assert checks(COUNTS, **cells)[0] == []
    wider = {"ci_low": f"{limits[1] * 0.9:.2f}", "ci_high": f"{limits[2] / 0.9:.2f}"}
    assert ("error", "pool") in checks(COUNTS, **{**cells, **wider})[0]


def test_two_measures_need_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trials.csv").write_text(STUDIES)
    head = "outcome,measure,estimate,ci_low,ci_high\n"
    (tmp_path / "printed.csv").write_text(f"{head}a,MD,1.0,0.5,1.5\nb,OR,1.0,0.5,2.0\n")
    with pytest.raises(InputError, match=r"has the measures MD, OR: one is expected"):
        bm.audit("trials.csv", "printed.csv")
    with pytest.raises(InputError, match=r"--published FILE is expected with it"):
        bm.audit("trials.csv")
