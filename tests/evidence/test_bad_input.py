"""Each mistake in a table is one line: file, row, column, what was found, what is expected."""

import pytest

from bayesmeta.errors import InputError
from bayesmeta.evidence import evidence_from_table

COUNTS = "study,year,events_treatment,n_treatment,events_control,n_control\n"
ARMS = "study,mean_treatment,sd_treatment,n_treatment,mean_control,sd_control,n_control\n"
GIVEN = "study,estimate,se\n"
INTERVAL = "study,estimate,ci_low,ci_high\n"

CELLS = {
    "events above n": (
        COUNTS + "A,2001,1,9,1,9\nGanschow,2005,14,12,1,9\n",
        "OR",
        "events_treatment is 14 but n_treatment is 12 in row 2 (Ganschow 2005) of t.csv: "
        "an arm cannot have more events than patients",
    ),
    "text": (GIVEN + "A,one,2\n", None, "estimate is 'one' in row 1 (A) of t.csv: a number is"),
    "nan": (GIVEN + "A,nan,2\n", None, "estimate is 'nan' in row 1 (A) of t.csv: a finite number"),
    "inf": (GIVEN + "A,1,inf\n", None, "se is 'inf' in row 1 (A) of t.csv: a finite number is"),
    "overflow": (
        GIVEN + "A,1e400,2\n",
        None,
        "estimate is '1e400' in row 1 (A) of t.csv: a finite",
    ),
    "underscore": (GIVEN + "A,1_0,2\n", None, "estimate is '1_0' in row 1 (A) of t.csv: a number"),
    "negative se": (
        GIVEN + "A,1,-2\n",
        None,
        "se is -2 in row 1 (A) of t.csv: a standard error must",
    ),
    "zero se": (GIVEN + "A,1,0\n", None, "se is 0 in row 1 (A) of t.csv: a standard error must be"),
    "zero variance": (
        "study,estimate,variance\nA,1,0\n",
        None,
        "variance is 0 in row 1 (A) of t.csv: a variance must be above 0",
    ),
    "comma": (
        GIVEN + 'A,"1,5",2\n',
        None,
        "estimate is '1,5' in row 1 (A) of t.csv: a number with a",
    ),
    "missing": (
        GIVEN + "A,1,2\nB,,2\n",
        None,
        "estimate is missing in row 2 (B) of t.csv: a number",
    ),
    "NA": (GIVEN + "A,1,NA\n", None, "se is missing in row 1 (A) of t.csv"),
    "fraction": (
        COUNTS + "A,2001,1.5,9,1,9\n",
        "OR",
        "events_treatment is 1.5 in row 1 (A 2001) of t.csv: a whole number of patients, 0 or more",
    ),
    "negative count": (
        COUNTS + "A,2001,1,9,-1,9\n",
        "OR",
        "events_control is -1 in row 1 (A 2001) of t.csv: a whole number of patients, 0 or more",
    ),
    "no patients": (
        COUNTS + "A,2001,0,0,1,9\n",
        "OR",
        "n_treatment is 0 in row 1 (A 2001) of t.csv: a whole number of patients, 1 or more",
    ),
    "one arm only": (
        COUNTS + "A,2001,1,9,,\n",
        "OR",
        "events_control is missing in row 1 (A 2001)",
    ),
    "zero sd": (ARMS + "A,1,0,9,1,1,9\n", "MD", "sd_treatment is 0 in row 1 (A) of t.csv: it must"),
    "negative mean": (
        ARMS + "A,-1,1,9,1,1,9\n",
        "ROM",
        "mean_treatment is -1 in row 1 (A) of t.csv",
    ),
    "too few": (
        ARMS + "A,1,1,1,1,1,2\n",
        "SMD",
        "n_treatment and n_control are 1 and 2 in row 1 (A)",
    ),
    "outside": (
        INTERVAL + "A,5,1,2\n",
        "OR",
        "estimate is 5 and its interval 1 to 2 in row 1 (A) of t.csv: an estimate within",
    ),
    "log scale": (
        INTERVAL + "A,1,-1,2\n",
        "OR",
        "ci_low is -1 in row 1 (A) of t.csv: it must be above",
    ),
    "bound": (
        "study,estimate,p\nA,1,<0.001\n",
        None,
        "p is '<0.001' in row 1 (A) of t.csv: the number",
    ),
    "p of 0": (
        "study,estimate,p\nA,1,0\n",
        None,
        "p is 0 in row 1 (A) of t.csv: a P value above 0",
    ),
    "p of null": (
        "study,estimate,p\nA,0,0.5\n",
        None,
        "estimate is 0 in row 1 (A) of t.csv, no effect",
    ),
    "underflow": (
        INTERVAL + "A,1e-90,0.9e-90,1.1e-90\n",
        None,
        "the standard error in row 1 (A) of t.csv comes to 5.10213e-92: it must be above 0",
    ),
    "no study": (GIVEN + ",1,1\n", None, "study is missing in row 1 of t.csv: a name is expected"),
    "status": (
        "study,estimate,se,status\nA,1,1,dervied\n",
        None,
        "status is 'dervied' in row 1 (A) of t.csv: did you mean 'derived'?",
    ),
    "some times": (
        "study,time,estimate,se\nA,6,1,1\nB,,2,1\n",
        None,
        "time is missing in row 2 (B) of t.csv: a number is expected, as in other rows",
    ),
    "twice": (
        GIVEN + "A,1,1\nB,1,1\nA,2,1\n",
        None,
        "study 'A' is in rows 1 and 3 of t.csv: one row a study and time is expected",
    ),
    "twice at a time": (
        "study,time,estimate,se\nA,3,1,1\nA,6,1,1\nA,6,2,1\n",
        None,
        "study 'A' at time 6 is in rows 2 and 3 of t.csv",
    ),
    "never estimable": (
        COUNTS + "A,2001,0,5,0,5\n",
        "OR",
        "no row of t.csv can be pooled: nobody had an event, so there is no odds ratio",
    ),
}

COLUMNS = {
    "one arm only": (
        "study,events_treatment,n_treatment\nA,1,2\n",
        "OR",
        "t.csv has no column events_control, n_control, and one arm alone gives no comparison",
    ),
    "near miss": ("study,estimate,sse\nA,1,2\n", None, "t.csv has no column se, an effect size is"),
    "case": ("Study,estimate,se\nA,1,2\n", None, "t.csv has no column study: is it 'Study'?"),
    "nothing": ("study,x\nA,1\n", None, "t.csv has study, x: estimate with se, variance, ci_low"),
    "no measure": (
        COUNTS + "A,2001,1,9,1,9\n",
        None,
        "the measure is missing and t.csv gives events",
    ),
    "unknown measure": (
        COUNTS + "A,2001,1,9,1,9\n",
        "ORR",
        "unknown measure 'ORR': did you mean 'RR'?",
    ),
    "other measure": (
        COUNTS + "A,2001,1,9,1,9\n",
        "SMD",
        "t.csv gives events_treatment, n_treatment",
    ),
    "two scales": (
        "study,estimate,se,ci_low,ci_high\nA,0,1,1,2\n",
        "OR",
        "t.csv has se (log scale) and ci_low (ratio scale) for an OR",
    ),
}

FILES = {
    "empty": (b"", "t.csv is empty: a header and a row for each study are expected"),
    "only a mark": (b"\xef\xbb\xbf", "t.csv is empty"),
    "header only": (GIVEN.encode(), "t.csv has a header but no rows: a row for each study is"),
    "ragged": (
        b"study,estimate,se\nA,1,1\nB,1\n",
        "row 2 of t.csv has 2 cells but the header has 3",
    ),
    "two of a name": (
        b"study,se,se\nA,1,1\n",
        "t.csv has two columns named 'se': names must differ",
    ),
    "no name": (b"study,estimate,se,\nA,1,1,x\n", "column 4 of t.csv has no name: a header is"),
    "semicolons": (b"study;estimate;se\nA;1;1\n", "t.csv has one column, 'study;estimate;se'"),
    "open quote": (b'study,estimate,se\n"A,1,1\n', "t.csv is not a CSV file, near line 2"),
    "NUL": (b"study,estimate,se\nA\0,1,1\n", "t.csv has a NUL byte in line 2"),
    "Latin-1": (
        b"study,estimate,se\nM\xfcller,1,1\n",
        "t.csv is not UTF-8 text: byte 0xfc in line 2",
    ),
    "UTF-16": ("study\n".encode("utf-16"), "t.csv is not UTF-8 text: byte 0xff in line 1"),
    "huge field": (
        GIVEN.encode() + b"A" * 200_000 + b",1,1\n",
        "t.csv is not a CSV file, near line 2",
    ),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def message(data, **options):
    with pytest.raises(InputError) as caught:
        evidence_from_table(data, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 400
    return sentence


@pytest.mark.parametrize("case", CELLS)
def test_a_bad_cell_is_named_by_row_and_column(folder, case):
    text, measure, expected = CELLS[case]
    (folder / "t.csv").write_text(text)
    assert message("t.csv", measure=measure, convention="revman5").startswith(expected)


@pytest.mark.parametrize("case", COLUMNS)
def test_columns_that_give_no_effect_size_are_named(folder, case):
    text, measure, expected = COLUMNS[case]
    (folder / "t.csv").write_text(text)
    assert message("t.csv", measure=measure).startswith(expected)


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_is_named(folder, case):
    raw, expected = FILES[case]
    (folder / "t.csv").write_bytes(raw)
    assert message("t.csv").startswith(expected)


def test_a_file_that_cannot_be_read(folder):
    (folder / "dir.csv").mkdir()
    assert message("dir.csv") == "cannot read dir.csv: is a directory"
    assert message("nope.csv") == "cannot read nope.csv: no such file or directory"


def test_unknown_words_of_the_caller():
    data = {"study": ["A"], "estimate": [1], "se": [1]}
    assert message(data, direction="lowr") == "unknown direction 'lowr': did you mean 'lower'?"
    assert message(data, convention="revman").startswith(
        "unknown convention 'revman': did you mean"
    )


def test_columns_in_memory_are_checked_alike():
    data = {"study": ["A", "B"], "estimate": [1, 2], "se": [1, float("nan")]}
    assert message(data).startswith("se is missing in row 2 (B) of the data")
    assert message({**data, "se": [1]}).startswith("the columns of the data differ in length")
    assert message({}).startswith("the data has a header but no rows")


def test_a_long_cell_or_a_line_break_in_a_name_keeps_the_message_one_line(folder):
    (folder / "t.csv").write_text(GIVEN + f'"A\nB",{"x" * 5000},1\n')
    assert "row 1 (A B) of t.csv" in message("t.csv")
