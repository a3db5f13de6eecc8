"""The bundled review: the audit finds by itself what its README lists as disagreeing.

Items of ``data/sle_msc/README.md`` that no table holds, so that no audit of tables can find them:
1 (the text counts ten studies), 6 (a trial stopped for futility), 10 (the text's totals of 47 and
37 patients; with these as columns n_msc and n_control the check of patients finds it), and of 12
which series the paper pooled and which share means. Of 11 the table holds what it supports.
"""

import pytest

import bayesmeta as bm


@pytest.fixture(scope="module")
def found():
    return bm.audit()


@pytest.fixture
def of(found):
    """Return the findings of a check, by outcome and time."""

    def select(check, outcome="", time=None):
        return [
            finding
            for finding in found.findings
            if (finding.check, finding.outcome, finding.time) == (check, outcome, time)
        ]

    return select


def test_the_whole_table_is_audited_and_nothing_is_called_an_error(found):
    """Every row was reproduced within rounding when the review was put together."""
    assert found.rows == 18
    assert len(found.analyses) == 14
    assert found.count("error") == 0


def test_item_2_adverse_events_cannot_come_from_the_counts_printed(of):
    (rows,) = of("reported rows", "adverse_events")
    assert "Deng 2017 and Tang 2016, give OR 0.586 (0.104 to 3.317)" in rows.message
    (tables,) = of("2x2 tables", "adverse_events")
    assert tables.message.startswith("2 of 105615 combinations of whole patients over 6 sets of 2")
    assert "Deng 2017 2/12 v 2/6, Yang 2014 3/20 v 9/20" in tables.message
    assert "Deng 2017 2/12 v 2/6, Yang 2014 11/20 v 17/20" in tables.message
    (left_out,) = of("left out", "adverse_events")
    assert left_out.message.startswith("Tang 2016")


def test_item_3_ten_of_eighteen_rows_are_one_study(of):
    (model,) = of("model")
    assert model.message.startswith("labelled fixed, yet resting on one study: 10 of 18 rows (")


@pytest.mark.parametrize(
    ("outcome", "scale"),
    [("sledai", "change"), ("c3", "change"), ("c4", "change"), ("albumin", "change and level")],
)
def test_item_4_outcomes_of_deng_that_were_not_pooled(of, outcome, scale):
    (finding,) = of("left out", outcome, 6)
    assert finding.message == f"Deng 2017 has the outcome (as {scale}) and was not pooled"


def test_item_5_arms_that_differed_at_baseline(of):
    (finding,) = of("baseline", "proteinuria", 6)
    assert finding.severity == "warning"
    for words in ("= -1.4 (", "msc 3.1, control 4.5", "67 %", "the changes differ by -0.7"):
        assert words in finding.message


@pytest.mark.parametrize(
    ("outcome", "at"), [("proteinuria", "Yang 2014 at 3 and Zeng 2016 at 12"), ("c3", "Yang 2014")]
)
def test_item_7_a_later_pool_needs_the_3_months_row_and_the_large_effect_apart(of, outcome, at):
    (finding,) = of("later pool", outcome)
    as_they_are, swapped, *_ = finding.message.split("; with ")
    assert at in as_they_are
    assert "none" not in as_they_are
    assert swapped.startswith("12-months-equal-variances-swapped none of")


def test_item_7_sledai_is_nearly_met(of):
    (finding,) = of("later pool", "sledai")
    as_they_are, swapped = finding.message.split("; with ")
    assert float(as_they_are.split("off by ")[1].split()[0]) < 0.04
    assert float(swapped.split("off by ")[1].split()[0]) > 0.4


def test_item_7_the_printed_row_does_not_say_which_study_is_which(of):
    for outcome in ("proteinuria", "scr", "albumin", "c3", "c4", "sledai"):
        (finding,) = of("two-study split", outcome, 12)
        assert finding.message.endswith("which is Yang 2014 and which Zeng 2016 is not printed")


def test_item_8_splits_that_the_numbers_do_not_determine(of):
    """Components of albumin over 1.3 to 4.2 and -2.3 to 0.6 g/L; SEs of C4 by 17 % and more."""
    (albumin,) = of("two-study split", "albumin", 12)
    assert "1.29 to 4.21 and -2.34 to 0.586" in albumin.message
    for time, share in ((3, "17 %"), (12, "25 %")):
        (c4,) = of("SE from CI", "c4", time)
        assert f"{share} to either side" in c4.message


@pytest.mark.parametrize(("outcome", "time"), [("proteinuria", 12), ("c4", 3), ("c4", 12)])
def test_item_9_p_values_that_look_off_and_are_within_rounding(of, outcome, time):
    (finding,) = of("P from CI", outcome, time)
    assert finding.severity == "note"
    assert finding.message.endswith("looks off, and is within rounding")


def test_item_9_heterogeneity_p_that_is_not(of):
    (finding,) = of("two-study split", "proteinuria", 6)
    assert finding.severity == "warning"
    assert "heterogeneity P 0.874 to 0.887; printed 0.84" in finding.message


def test_item_9_creatinine_that_is_not_as_deng_printed_it(of):
    (finding,) = of("arms", "scr", 6)
    assert finding.severity == "warning"
    assert (
        "63 (18), n 12 v 59 (9), n 6: difference 4 (SE 6.364); its row has 3.92" in finding.message
    )


def test_item_11_sledai_is_lower_at_2_and_6_months(of):
    (finding,) = of("times", "sledai")
    assert "excludes 0 at 2 and 6, includes 0 at 3 and 12" in finding.message


def test_item_12_one_centre_twice(found):
    overlap = [finding.message for finding in found.findings if finding.check == "overlap"]
    assert any("all of Nanjing Drum Tower: patients may be counted twice" in x for x in overlap)


def test_agreement_of_rows_made_from_the_pool_is_called_what_it_is(of):
    (finding,) = of("agreement")
    assert finding.message.startswith("of 18 rows with study rows 16 agree")
    assert "arithmetic and not evidence" in finding.message


def test_one_analysis_has_its_own_rows_and_the_arm_sizes_of_all(found):
    one = bm.audit("adverse_events")
    assert one.rows == 1
    here = [f for f in found.findings if f.outcome == "adverse_events"]
    assert [f for f in one.findings if f.outcome] == here


def test_table_has_a_row_for_each_finding(found):
    table = found.table()
    assert len(table) == len(found.findings)
    assert list(table["severity"].unique()) == ["warning", "note"]
