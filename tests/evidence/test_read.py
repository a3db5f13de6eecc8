"""What a good table becomes."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from bayesmeta.errors import InputError
from bayesmeta.evidence import evidence_from_table
from bayesmeta.evidence.effects import effect_of_counts

COUNTS = {
    "study": ["A", "B", "C"],
    "year": [2001, 2002, 2003],
    "events_treatment": [1, 0, 4],
    "n_treatment": [10, 12, 20],
    "events_control": [3, 0, 9],
    "n_control": [11, 12, 20],
}


def one_pool(data, **options):
    evidence = evidence_from_table(data, **options)
    assert len(evidence.pools) == 1
    return evidence.pools[0]


def test_counts_carry_labels_sizes_and_what_was_done_to_them():
    pool = one_pool(COUNTS, measure="or", name="rejection")
    y, se = effect_of_counts(pool.counts, "OR")
    assert pool.outcome == "rejection"
    assert pool.studies == ("A 2001", "B 2002", "C 2003")
    np.testing.assert_array_equal([pool.y, pool.se], [y, se])
    np.testing.assert_array_equal(pool.n, [21, 24, 40])
    assert pool.notes == ("", "0.5 added to every cell (a zero in the table)", "")


def test_what_cannot_be_estimated_is_left_out_with_its_reason():
    evidence = evidence_from_table(COUNTS, measure="OR", convention="revman5")
    assert evidence.pools[0].studies == ("A 2001", "C 2003")
    assert [(row.study, row.reason) for row in evidence.left_out] == [
        ("B 2002", "nobody had an event, so there is no odds ratio")
    ]


def test_ratio_estimates_are_log_with_se_and_as_printed_with_an_interval_or_p():
    z = 1.959963984540054
    logs = one_pool({"study": ["A"], "estimate": [np.log(2)], "se": [0.5]}, measure="HR")
    limits = [[2 * np.exp(sign * z * 0.5)] for sign in (-1, 1)]
    printed = {"study": ["A"], "estimate": [2], "ci_low": limits[0], "ci_high": limits[1]}
    assert one_pool(printed, measure="HR").y == pytest.approx(logs.y, rel=1e-14)
    assert one_pool(printed, measure="HR").se == pytest.approx(logs.se, rel=1e-12)
    by_p = {"study": ["A"], "estimate": [2], "p": [2 * norm.sf(np.log(2) / 0.5)]}
    assert one_pool(by_p, measure="HR").se == pytest.approx(logs.se, rel=1e-12)


def test_estimates_without_a_measure_are_taken_as_given():
    evidence = evidence_from_table({"study": ["A"], "estimate": [1.0], "variance": [0.25]})
    assert (evidence.measure.name, evidence.direction) == ("GEN", None)
    assert evidence.pools[0].se == 0.5
    assert evidence.pools[0].status == (None,)


def test_a_measure_column_says_what_estimates_are():
    data = {"study": ["A"], "estimate": [1.0], "se": [0.25], "measure": ["MD"]}
    assert evidence_from_table(data).measure.name == "MD"


def test_sizes_of_arms_give_the_implied_sd_of_a_mean_difference():
    data = {"study": ["A"], "estimate": [1], "se": [1.5], "n_treatment": [8], "n_control": [4]}
    pool = one_pool(data, measure="MD")
    assert pool.within_sd == pytest.approx(1.5 / np.sqrt(1 / 8 + 1 / 4), rel=1e-14)
    assert one_pool(data).within_sd is None
    assert one_pool(data).n == 12


def test_pools_are_by_outcome_in_order_and_by_time_sorted():
    data = {
        "study": ["A", "A", "B", "A"],
        "outcome": ["pain", "pain", "pain", "death"],
        "time": [12, 3, 3, None],
        "estimate": [1, 2, 3, 4],
        "se": [1, 1, 1, 1],
    }
    pools = evidence_from_table(data).pools
    assert [(p.outcome, p.time, p.studies) for p in pools] == [
        ("pain", 3.0, ("A", "B")),
        ("pain", 12.0, ("A",)),
        ("death", None, ("A",)),
    ]


def test_a_data_frame_with_missing_cells_is_the_table_it_prints():
    frame = pd.DataFrame({**COUNTS, "year": [2001, None, 2003], "status": ["derived", pd.NA, None]})
    pool = one_pool({name: list(frame[name]) for name in frame}, measure="RD")
    assert pool.studies == ("A 2001", "B", "C 2003")
    assert pool.status == ("derived", None, None)


@pytest.mark.parametrize("mark", ["", "\N{ZERO WIDTH NO-BREAK SPACE}"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_marks_line_ends_blank_lines_and_typographic_minus_are_read(tmp_path, mark, newline):
    lines = ["study,estimate,se,", "Müller, \N{MINUS SIGN}1.5 ,1,", ",,,", '"B, C",2,1,']
    path = tmp_path / "trials.csv"
    path.write_bytes((mark + newline.join(lines)).encode())
    pool = one_pool(path)
    assert (pool.outcome, pool.studies) == ("trials", ("Müller", "B, C"))
    np.testing.assert_array_equal(pool.y, [-1.5, 2.0])


def test_row_numbers_count_blank_rows(tmp_path):
    (tmp_path / "t.csv").write_text("study,estimate,se\nA,1,1\n\nB,x,1\n")
    with pytest.raises(InputError, match=r"in row 3 \(B\)"):
        evidence_from_table(tmp_path / "t.csv")


def test_a_lopsided_interval_is_noted():
    data = {"study": ["A"], "estimate": [2.0], "ci_low": [1.0], "ci_high": [4.0]}
    assert "lopsided" in one_pool(data).notes[0]
    assert one_pool(data, measure="OR").notes == ("",)
