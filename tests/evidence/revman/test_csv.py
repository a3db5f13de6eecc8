"""RevMan's CSV exports, whose headers differ by version, hold what the XML holds."""

import pytest

from bayesmeta.errors import InputError
from bayesmeta.evidence import read_review
from bayesmeta.evidence.revman import pool_of
from tests.evidence.revman import make

HEADER = (
    "Comparison Number,Outcome Number,Subgroup Number,Name,Data Type,Statistical Method,"
    "Effect Measure,Analysis Model,Events 1,Mean 1,SD 1,Total 1,Events 2,Mean 2,SD 2,Total 2,"
    "O-E,Var,Effect Estimate,SE,CI Start,CI End,Weight,Q,P(Q),I²(Q),Tau²,Z,P(Z),Qint,P(Qint),"
    "I²(Qint),df,Group Label 1,Group Label 2,Left Graph Label,Right Graph Label,Year of study,"
    "User defined order"
)
NAMES = HEADER.split(",")


def line(**cells):
    known = {name.replace(" ", "_").replace("-", "_"): name for name in NAMES}
    values = {known.get(key, key): str(value) for key, value in cells.items()}
    assert set(values) <= set(NAMES)
    return ",".join(values.get(name, "") for name in NAMES)


def place(comparison, outcome=0, subgroup=0, **cells):
    numbers = {"Comparison_Number": comparison, "Outcome_Number": outcome}
    return line(**numbers, Subgroup_Number=subgroup, **cells)


def trials(chosen, outcome=1, subgroup=0):
    return [
        place(1, outcome, subgroup, Name=name, Events_1=a, Mean_1=0, SD_1=0, Total_1=n1,
              Events_2=c, Mean_2=0, SD_2=0, Total_2=n2, Effect_Estimate=1, CI_Start=0.5, CI_End=2,
              SE=0.2, Year_of_study=year, User_defined_order=order)
        for order, (name, year, a, n1, c, n2) in enumerate(chosen, 1)
    ]  # fmt: skip


DEATH = {"Data_Type": "DIC", "Statistical_Method": "MH", "Effect_Measure": "OR"} | {
    "Analysis_Model": "Fixed", "Group_Label_1": "Aspirin", "Group_Label_2": "Control",
    "Left_Graph_Label": "Favours aspirin", "Right_Graph_Label": "Favours control",
}  # fmt: skip
STORED = {"Effect_Estimate": 0.8969, "CI_Start": 0.8405, "CI_End": 0.9570, "Q": 9.95} | {
    "I²(Q)": 39.7, "Tau²": 0, "Qint": 0.5, "df": 6, "Z": 3.29,
}  # fmt: skip
ROWS = [
    place(1, Name="Aspirin versus control"),
    place(1, 1, Name="Death", **DEATH, **STORED),
    *trials(make.ASPIRIN),
    place(1, 2, Name="Death by year", **DEATH, **STORED),
    place(1, 2, 1, Name="Early", Data_Type="DIC", Effect_Estimate=0.75, CI_Start=0.6, CI_End=0.9),
    *trials(make.ASPIRIN[:3], 2, 1),
    place(1, 2, 2, Name="Unknown", Data_Type="DIC", Effect_Estimate=0, CI_Start=0, CI_End=0),
    place(2, Name="Other kinds"),
    place(2, 1, Name="Stay", Data_Type="CON", Effect_Measure="SMD", Analysis_Model="Random"),
    place(2, 1, Name="Davis", Mean_1=5, SD_1=4.7, Total_1=13, Mean_2=6.5, SD_2=3.8, Total_2=13),
    place(2, 2, Name="Time to death", Data_Type="IV", Effect_Measure="Hazard Ratio"),
    place(2, 2, Name="Fox 1990", Effect_Estimate=0.5, SE=0.2, CI_Start=0.3, CI_End=0.8),
    place(2, 2, Name="Hare 1991", Effect_Estimate=0, SE=0, CI_Start=0, CI_End=0),
    place(2, 3, Name="Death in IPD", Data_Type="IPD", Statistical_Method="EXP_O_E_VAR"),
    place(2, 3, Name="Fox 1990", O_E=-8.57, Var=26.3),
    place(2, 4, Name="In words", Data_Type="OTH"),
]


def read(folder, rows=ROWS, header=HEADER, encoding="utf-8", name="review.csv"):
    path = folder / name
    path.write_bytes("\r\n".join([header, *rows, ""]).encode(encoding))
    return read_review(path)


def test_the_whole_export(tmp_path):
    review = read(tmp_path)
    death, by_year, stay, time, ipd, words = review.outcomes
    assert (death.id, death.name, death.comparison) == (
        "CMP-001.01",
        "Death",
        "Aspirin versus control",
    )
    assert (death.method, death.model, death.direction) == ("MH", "fixed", "lower")
    assert (death.stored.estimate, death.stored.q, death.stored.i2) == (0.8969, 9.95, 39.7)
    assert (death.stored.df, death.stored.q_subgroups, death.stored.tau2) == (6, 0.5, 0)
    pool, _ = pool_of(death)
    assert pool.counts.tolist() == [list(trial[2:]) for trial in make.ASPIRIN]
    early, unknown = by_year.subgroups
    assert (early.id, early.name, len(early.studies)) == ("CMP-001.02.01", "Early", 3)
    assert early.stored.estimate == 0.75
    assert (unknown.stored.estimable, unknown.studies) == (False, ())
    assert (stay.type, stay.measure.name, stay.model) == ("continuous", "SMD", "random")
    assert pool_of(time)[0].y[0] == pytest.approx(-0.6931471805599453, rel=1e-15)
    assert pool_of(time)[1][0].reason == "numbers are missing"
    assert (ipd.type, ipd.method, ipd.studies[0].variance) == ("oe", "Peto", 26.3)
    assert words.type == "other"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I²(Q),Tau²", "I2(Q),Tau2"),
        ("Comparison Number,Outcome Number", "COMPARISON NUMBER , outcome  number"),
        (",Events 1,Mean 1,SD 1,Total 1,", ",Events.1,Mean.1,SD.1,Total.1,"),
        ("O-E,Var,", "O-E,Variance,"),
        ("I²(Q),Tau²", "IÂ²(Q),TauÂ²"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_headers_of_other_versions(tmp_path, old, new, encoding):
    assert old in HEADER
    whole = read(tmp_path)
    assert read(tmp_path, header=HEADER.replace(old, new), encoding=encoding) == whole


def test_settings_that_some_versions_export(tmp_path):
    more = ["Totals", "Study Confidence Interval", "Total Confidence Interval"]
    more += ["Swap event and non-event"]
    header = f"{HEADER},{','.join(more)},Footnotes"
    rows = [f"{row},,,,," for row in ROWS[:2]]
    rows[1] = f"{ROWS[1]},SUB,90,99%,YES,"
    rows += [f'{row},,,,,"first\nsecond"' for row in trials(make.ASPIRIN)]
    (death,) = read(tmp_path, rows, header).outcomes
    assert (death.totals, death.level, death.study_level) == ("SUB", 0.99, 0.9)
    assert death.swap_events
    assert death.studies[0].note == "first second"
    assert pool_of(death)[0].counts[0, 0] == 615 - 49


def test_thousands_and_a_measure_of_non_events(tmp_path):
    rows = [
        place(1, 1, Name="Survival", **DEATH | {"Effect_Measure": "Odds Ratio (Non-event)"}),
        place(1, 1, Name="ISIS-2", Events_1='"1,570"', Total_1='"8,587"', Events_2=1720,
              Total_2=8600),
    ]  # fmt: skip
    (survival,) = read(tmp_path, rows).outcomes
    assert (survival.swap_events, survival.measure.name) == (True, "OR")
    assert survival.studies[0].events_treatment == 1570


BAD = {
    "no type column": (
        (HEADER.replace("Data Type", "Kind"), ROWS),
        "has no column 'Data Type' of a RevMan export: expected one of: Kind",
    ),
    "missing total": (
        (HEADER, [ROWS[1], place(1, 1, Name="Fox", Events_1=1, Events_2=2, Total_2=9)]),
        r"Total 1 is missing in row 2 of .*review\.csv \(Fox in CMP-001\.01\): a whole number",
    ),
    "text": (
        (HEADER, [ROWS[1], place(1, 1, Name="Fox", Events_1="x", Total_1=9)]),
        r"Events 1 is 'x' in row 2 of .*review\.csv \(Fox in CMP-001\.01\): a number is expected",
    ),
    "text for an outcome": (
        (HEADER, [place(1, "one", Name="Death", **DEATH)]),
        "Outcome Number is 'one' in row 1 of .*a whole number",
    ),
    "no type": (
        (HEADER, [place(1, 1, Name="Death")]),
        r"Data Type is missing in row 1 of .*\(CMP-001.01\): dichotomous, continuous",
    ),
    "an outcome twice": (
        (HEADER, [ROWS[1], ROWS[1]]),
        r"CMP-001.01 is in row 2 of .* for a second time",
    ),
    "no outcomes": ((HEADER, ROWS[:1]), "has no outcomes"),
    "no rows": ((HEADER, []), "has a header but no rows"),
    "short row": ((HEADER, ["1,0,0"]), "row 1 of .* has 3 cells but the header has 39"),
}


@pytest.mark.parametrize("case", BAD)
def test_one_line(tmp_path, case):
    (header, rows), expected = BAD[case]
    with pytest.raises(InputError, match=expected) as error:
        read(tmp_path, rows, header)
    assert "\n" not in str(error.value)


def test_a_table_in_another_encoding_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not UTF-8 text: byte 0xb2 in line 1"):
        read(tmp_path, encoding="cp1252")


WEB_ROWS = """\
Analysis group,Analysis number,Analysis name,Subgroup,Applicability,Study,Study year,GIV Mean,\
GIV SE,Experimental mean,Experimental SD,Experimental cases,Experimental N,Control mean,\
Control SD,Control cases,Control N,O-E,Variance,Weight,Mean,CI start,CI end,Footnotes
1,1,Death,Early,SUBGROUP_AND_OVERALL,MRC-1,1974,,,,,49,615,,,67,624,,,3,0.72,0.49,1.06,
1,1,Death,Early,SUBGROUP_ONLY,CDP,1976,,,,,44,758,,,64,771,,,3,0.68,0.46,1.01,A note
1,1,Death,,OVERALL_ONLY,CDP,1976,,,,,22,379,,,64,771,,,3,0.68,0.46,1.01,
1,2,Time,,SUBGROUP_AND_OVERALL,Fox 1990,,-0.7,0.2,,,,,,,,,,,100,0.5,0.34,0.73,
"""
WEB_SETTINGS = """\
Analysis group,Analysis number,Analysis name,Analysis group name,Data type,Log-scale data,\
Experimental group label,Control group label,Statistical method,Effect measure,Analysis model,\
Heterogeneity estimator,Subgroup estimates,Overall estimates,Swap event and non-event,CI method,\
CI/PI level,Graph label (left),Graph label (right),Mean,CI start,CI end,PI start,PI end,\
Heterogeneity Tau²,Heterogeneity Chi²,Heterogeneity df,Heterogeneity I²,Effect Z,ID
1,1,Death,Aspirin,Dichotomous,,Aspirin,Control,MH,Odds Ratio,Random effect,REML,true,true,false,\
HKSJ,95%,Favours aspirin,Favours control,0.7,0.5,0.9,0.4,1.1,0.01,1.2,1,12.5,2.5,analysis:1
1,2,Time,Aspirin,Contrast level,true,,,IV,Hazard Ratio,Fixed effect,,false,false,false,Wald,90%,\
,,0.5,0.34,0.73,,,,,0,,,analysis:2
"""
WEB_SUBGROUPS = """\
Analysis group,Analysis number,Subgroup,Subgroup number,Mean,CI start,CI end,Heterogeneity Tau²
1,1,Early,3,0.69,0.5,0.95,0.02
"""


def web(folder, rows=WEB_ROWS, settings=WEB_SETTINGS, subgroups=WEB_SUBGROUPS):
    files = {"data-rows": rows, "overall-estimates-and-settings": settings}
    files["subgroup-estimates"] = subgroups
    for name, text in files.items():
        if text is not None:
            (folder / f"CD000001-{name}.csv").write_text(text, encoding="utf-8-sig")
    return read_review(folder / "CD000001-data-rows.csv")


def test_revman_web(tmp_path):
    death, time = web(tmp_path).outcomes
    assert (death.tau2_method, death.ci_method, death.model) == ("REML", "hksj", "random")
    assert (death.level, death.totals, death.direction) == (0.95, "YES", "lower")
    assert (death.stored.pi_low, death.stored.tau2, death.stored.i2) == (0.4, 0.01, 12.5)
    (early,) = death.subgroups
    assert (early.id, early.stored.estimate, early.stored.tau2) == ("CMP-001.01.03", 0.69, 0.02)
    assert pool_of(death, early)[0].counts[:, 0].tolist() == [49, 44]
    assert pool_of(death)[0].counts[:, 0].tolist() == [22, 49]
    assert (time.measure.name, time.totals, time.level) == ("HR", "NO", 0.9)
    assert pool_of(time)[0].y.tolist() == [-0.7]
    assert (death.studies, early.studies[1].note) == (
        (death.rows[0], early.rows[0]),
        "A note",
    )


def test_revman_web_without_subgroups(tmp_path):
    rows = "\n".join(line for line in WEB_ROWS.splitlines() if "Early" not in line)
    header = WEB_SUBGROUPS.splitlines()[0]
    for subgroups in (header, None):
        (tmp_path / str(subgroups is None)).mkdir()
        death, _ = web(tmp_path / str(subgroups is None), rows, subgroups=subgroups).outcomes
        assert death.subgroups == ()


def test_revman_web_needs_its_settings(tmp_path):
    with pytest.raises(InputError, match=r"CD000001-overall-estimates-and-settings\.csv beside"):
        web(tmp_path, settings=None)
    settings = "\n".join(WEB_SETTINGS.splitlines()[:2])
    with pytest.raises(InputError, match=r"row 4 of .* is of CMP-001\.02, which .* does not have"):
        web(tmp_path, settings=settings)
