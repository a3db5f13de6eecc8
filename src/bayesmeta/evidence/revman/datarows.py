"""RevMan 5's export of data and analyses: one CSV file of comparisons, outcomes and study rows."""

from bayesmeta.errors import InputError
from bayesmeta.evidence.revman.build import check_ids, outcome_of, row_of, stored_of, with_rows
from bayesmeta.evidence.revman.cells import Cells
from bayesmeta.evidence.revman.sheet import Sheet, sheet_of
from bayesmeta.evidence.revman.values import Outcome, Review, StudyRow, Subgroup
from bayesmeta.evidence.table import Table

# Q is heterogeneity here, and the test for subgroups in the XML, where CHI2 is heterogeneity.
HEADERS = {
    "comparisonnumber": "COMPARISON",
    "outcomenumber": "OUTCOME",
    "subgroupnumber": "SUBGROUP",
    "name": "NAME",
    "datatype": "TYPE",
    "statisticalmethod": "METHOD",
    "effectmeasure": "EFFECT_MEASURE",
    "analysismodel": "RANDOM",
    "totals": "TOTALS",
    "studyconfidenceinterval": "CI_STUDY",
    "totalconfidenceinterval": "CI_TOTAL",
    "swapeventandnonevent": "SWAP_EVENTS",
    "entereddataareonlogscalegenericinversevarianceonly": "LOG_DATA",
    "entereddataareonlogscale": "LOG_DATA",
    "events1": "EVENTS_1",
    "mean1": "MEAN_1",
    "sd1": "SD_1",
    "total1": "TOTAL_1",
    "events2": "EVENTS_2",
    "mean2": "MEAN_2",
    "sd2": "SD_2",
    "total2": "TOTAL_2",
    "oe": "O_E",
    "var": "VAR",
    "variance": "VAR",
    "effectestimate": "EFFECT_SIZE",
    "se": "SE",
    "cistart": "CI_START",
    "ciend": "CI_END",
    "weight": "WEIGHT",
    "q": "CHI2",
    "pq": "P_CHI2",
    "i2q": "I2",
    "tau2": "TAU2",
    "z": "Z",
    "pz": "P_Z",
    "qint": "Q",
    "pqint": "P_Q",
    "df": "DF",
    "grouplabel1": "GROUP_LABEL_1",
    "grouplabel2": "GROUP_LABEL_2",
    "leftgraphlabel": "GRAPH_LABEL_1",
    "rightgraphlabel": "GRAPH_LABEL_2",
    "yearofstudy": "YEAR",
    "userdefinedorder": "ORDER",
    "footnotes": "FOOTNOTE",
    "footnote": "FOOTNOTE",
}
_NEEDED = ("Comparison Number", "Outcome Number", "Subgroup Number", "Name", "Data Type")


def read_data_rows(table: Table, title: str) -> Review:
    """Read RevMan 5's CSV export.

    A row with outcome 0 is a comparison; one with a data type is an outcome, or a subgroup where
    its subgroup number is not 0; the others are studies of the outcome or subgroup of their
    numbers. The export has no ``ESTIMABLE``: a result of nothing but zeros is none.

    Raises
    ------
    InputError
        One line that names the row and the column.
    """
    sheet = sheet_of(table, HEADERS, _NEEDED)
    numbers = [
        tuple(_number(sheet, i, name) for name in ("COMPARISON", "OUTCOME", "SUBGROUP"))
        for i in range(len(sheet))
    ]
    comparisons: dict[int, str] = {}
    outcomes: dict[str, list[int]] = {}
    for i, (comparison, outcome, _) in enumerate(numbers):
        if outcome == 0:
            comparisons[comparison] = sheet.cells(i).text("NAME")
        else:
            outcomes.setdefault(f"CMP-{comparison:03d}.{outcome:02d}", []).append(i)
    found = [
        _outcome(sheet, key, rows, comparisons.get(numbers[rows[0]][0], ""), numbers)
        for key, rows in outcomes.items()
    ]
    check_ids(found, sheet.source)
    return Review(title=title, source=sheet.source, outcomes=tuple(found))


def _outcome(
    sheet: Sheet,
    outcome_id: str,
    rows: list[int],
    comparison: str,
    numbers: list[tuple[int, ...]],
) -> Outcome:
    first, *rest = rows
    cells = sheet.cells(first, f"{sheet.where(first)} ({outcome_id})")
    outcome = outcome_of(cells, outcome_id, comparison)
    if outcome.type == "other":
        return outcome
    heads: dict[int, Cells] = {}
    studies: dict[int, list[StudyRow]] = {}
    for i in rest:
        subgroup = numbers[i][2]
        if sheet.columns["TYPE"][i]:
            if subgroup == 0 or subgroup in heads:
                raise InputError(
                    f"{outcome_id} is in {sheet.where(i)} for a second time, with another data "
                    "type: one row of it is expected"
                )
            heads[subgroup] = sheet.cells(i)
        else:
            studies.setdefault(subgroup, []).append(_study(sheet, i, outcome))
    subgroups = []
    for subgroup in sorted({*heads, *studies} - {0}):
        head = heads.get(subgroup)
        subgroups.append(
            Subgroup(
                id=f"{outcome_id}.{subgroup:02d}",
                name=head.text("NAME") if head else "",
                rows=tuple(studies.get(subgroup, ())),
                stored=stored_of(head or Cells({}, sheet.source)),
            )
        )
    return with_rows(outcome, studies.get(0, ()), subgroups)


def _study(sheet: Sheet, i: int, outcome: Outcome) -> StudyRow:
    name = sheet.cells(i).text("NAME") or "(unnamed study)"
    cells = sheet.cells(i, f"{sheet.where(i)} ({name} in {outcome.id})")
    return row_of(cells, outcome, name, cells.whole("YEAR"), cells.text("FOOTNOTE"))


def _number(sheet: Sheet, i: int, name: str) -> int:
    cells = sheet.cells(i)
    number = cells.whole(name)
    if number is None:
        raise cells.wrong(name, "a whole number, 0 or more, is expected")
    return number
