"""Every review that cannot be used is one line that says why; damage raises nothing else."""

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.errors import InputError
from bayesmeta.evidence import import_review, read_review
from tests.evidence.revman import make

ASPIRIN = make.review(make.comparison(make.dich(make.aspirin())))
LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))


def swap(old, new):
    assert old in ASPIRIN
    return ASPIRIN.replace(old, new, 1)


def zipped():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("review.rm5", ASPIRIN)
    return archive.getvalue()


BAD = {
    "empty": ("", "is empty"),
    "white": ("\r\n \n", "is empty"),
    "cut": (ASPIRIN[: len(ASPIRIN) // 2], r"is damaged XML, line \d+, column \d+: "),
    "mismatched": (swap("</DICH_OUTCOME>", "</CONT_OUTCOME>"), "damaged XML, line .*mismatched"),
    "undefined entity": (swap("Death", "Death&nbsp;"), "damaged XML, line .*undefined entity"),
    "Latin-1 as UTF-8": (
        swap("ISO-8859-1", "UTF-8").replace("Death", "Décès").encode("latin-1"),
        r"is not in the encoding it declares, UTF-8: byte 0xe9 in line \d+$",
    ),
    "unknown encoding": (swap("ISO-8859-1", "klingon"), "declares the encoding 'klingon'"),
    "laughs": (
        ASPIRIN.replace(
            "<COCHRANE_REVIEW", f'<!DOCTYPE x [<!ENTITY l0 "lol">{LAUGHS}]><COCHRANE_REVIEW', 1
        ).replace("Death", "&l9;"),
        "declares a document type, entities or other files",
    ),
    "external entity": (
        ASPIRIN.replace(
            "<COCHRANE_REVIEW",
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><COCHRANE_REVIEW',
            1,
        ).replace("Death", "&e;"),
        "declares a document type, entities or other files",
    ),
    "external document type": (
        ASPIRIN.replace("<COCHRANE_REVIEW", '<!DOCTYPE x SYSTEM "revman.dtd"><COCHRANE_REVIEW', 1),
        "declares a document type",
    ),
    "other XML": ("<svg><g/></svg>", "is XML of another kind, 'svg'"),
    "web page": ("<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
    "zip": (zipped(), "is a zip archive: unpack it"),
    "gzip": (b"\x1f\x8b\x08\x00" + b"x" * 99, "is a gzip archive"),
    "binary": (bytes(range(1, 256)), "is no review of RevMan"),
    "words": ("Aspirin prevents deaths.", "is no review of RevMan"),
    "no outcomes": (make.review(make.comparison()), "has no outcomes"),
    "no comparisons": (make.review(), "has no outcomes"),
    "missing total": (
        swap('TOTAL_1="615" ', ""),
        r"TOTAL_1 is missing in MRC-1 in CMP-001.01 of .*review.rm5: a whole number of patients",
    ),
    "empty total": (swap('TOTAL_2="624"', 'TOTAL_2=""'), "TOTAL_2 is missing in MRC-1 in CMP"),
    "missing events": (swap('EVENTS_1="49" ', ""), "EVENTS_1 is missing in MRC-1"),
    "text for a number": (
        swap('EVENTS_1="49"', 'EVENTS_1="many"'),
        "EVENTS_1 is 'many' in MRC-1 in CMP-001.01 of .*: a number is expected",
    ),
    "fraction": (swap('EVENTS_1="49"', 'EVENTS_1="4.5"'), "EVENTS_1 is '4.5'.*a whole number"),
    "negative": (swap('TOTAL_1="615"', 'TOTAL_1="-615"'), "TOTAL_1 is '-615'.*0 or more"),
    "infinite": (swap('TOTAL_1="615"', 'TOTAL_1="Infinity"'), "TOTAL_1 is 'Infinity'.*a number"),
    "too many events": (
        swap('EVENTS_1="49"', 'EVENTS_1="649"'),
        "EVENTS_1 is '649' in MRC-1.*: an arm cannot have more events than patients, 615",
    ),
    "stored text": (swap('EFFECT_SIZE="0.8969"', 'EFFECT_SIZE="x"'), "EFFECT_SIZE is 'x' in CMP-"),
    "measure": (swap('EFFECT_MEASURE="OR"', 'EFFECT_MEASURE="ORR"'), "is 'ORR'.* did you mean"),
    "method": (
        swap('METHOD="MH"', 'METHOD="HM"'),
        "METHOD is 'HM' in CMP-001.01.*: expected one of: MH",
    ),
    "level": (swap('CI_TOTAL="95"', 'CI_TOTAL="950"'), "CI_TOTAL is '950'.*a level in per cent"),
    "yes or no": (
        swap('SWAP_EVENTS="NO"', 'SWAP_EVENTS="perhaps"'),
        "SWAP_EVENTS is 'perhaps'.*YES or NO",
    ),
    "one id twice": (
        make.review(make.comparison(make.dich([]), make.dich([]))),
        "has two outcomes or subgroups CMP-001.01",
    ),
    "missing SD": (
        make.review(make.comparison(make.cont([make.means("A", 1, "", 9, 2, 1, 9)]))),
        "SD_1 is missing in A in CMP-002.01",
    ),
    "negative SD": (
        make.review(make.comparison(make.cont([make.means("A", 1, -1, 9, 2, 1, 9)]))),
        "SD_1 is '-1' in A.*0 or more is expected",
    ),
    "missing estimate": (
        make.review(make.comparison(make.generic([make.given("A", "", 1)]))),
        "ESTIMATE is missing in A in CMP-003.01",
    ),
    "missing V": (
        make.review(make.comparison(make.observed([make.o_minus_e("A", 1, "")]))),
        "VAR is missing in A in CMP-004.01",
    ),
    "subgroups without end": (
        make.review(
            make.comparison(
                make.dich(['<DICH_SUBGROUP ID="%d">' % i for i in range(2000)])  # noqa: UP031
            ).replace("\n</DICH_OUTCOME>", "</DICH_SUBGROUP>" * 2000 + "</DICH_OUTCOME>")
        ),
        "subgroups within subgroups without end",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_one_line(tmp_path, case):
    content, expected = BAD[case]
    path = tmp_path / "review.rm5"
    path.write_bytes(content.encode("latin-1") if isinstance(content, str) else content)
    with pytest.raises(InputError, match=expected) as error:
        import_review(path, tmp_path / "project")
    assert "\n" not in str(error.value)
    assert "review.rm5" in str(error.value)
    assert not (tmp_path / "project").exists()


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*none\.rm5: no such file"):
        read_review(tmp_path / "none.rm5")
    with pytest.raises(InputError, match=r"cannot read .*: is a directory"):
        read_review(tmp_path)


def test_a_row_that_is_not_estimable_may_lack_its_numbers(tmp_path):
    rows = [make.counts("A", "", "", "", "", estimable="NO"), *make.aspirin()]
    (outcome,) = read_review(make.write(tmp_path, make.dich(rows))).outcomes
    assert outcome.studies[0].n_treatment is None


def survives(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(content)
    try:
        found = import_review(path, path.parent / "project")
    except InputError as error:
        lines = str(error).splitlines()
    else:
        lines = [found.review.source]
    assert len(lines) == 1


@given(st.data())
def test_damaged_reviews_raise_input_errors_alone(tmp_path_factory, data):
    raw = bytearray(make.full().encode("latin-1"))
    kind = data.draw(st.sampled_from(["cut", "flip", "splice"]))
    at = data.draw(st.integers(0, len(raw) - 1))
    if kind == "cut":
        del raw[at:]
    elif kind == "flip":
        raw[at] ^= data.draw(st.integers(1, 255))
    else:
        start = data.draw(st.integers(0, len(raw) - 1))
        raw[at:at] = raw[start : start + data.draw(st.integers(1, 200))]
    survives(tmp_path_factory, bytes(raw), "review.rm5")


NUMBERS = st.one_of(
    st.floats(allow_nan=True).map(repr), st.text("0123456789.,eE+-_ NaInfity", max_size=8)
)


@given(st.sampled_from(["615", "49", "4.7", "0.5706", "-8.5707", "26.3", "0.8969"]), NUMBERS)
def test_any_text_in_a_number_is_read_or_refused(tmp_path_factory, number, text):
    survives(
        tmp_path_factory,
        make.full().replace(f'="{number}"', f'="{text}"').encode("latin-1"),
        "review.rm5",
    )


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device here")
def test_a_device_is_not_read_without_end():
    with pytest.raises(InputError, match="/dev/zero is a device"):
        read_review("/dev/zero")
