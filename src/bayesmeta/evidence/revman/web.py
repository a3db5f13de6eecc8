"""RevMan Web's data package: data rows, overall estimates with settings, subgroup estimates."""

from bayesmeta.errors import InputError
from bayesmeta.evidence.revman.build import check_ids, outcome_of, row_of, stored_of, with_rows
from bayesmeta.evidence.revman.cells import Cells
from bayesmeta.evidence.revman.sheet import Sheet, sheet_of
from bayesmeta.evidence.revman.values import Outcome, Review, StudyRow, Subgroup
from bayesmeta.evidence.table import Table

_KEY = {"analysisgroup": "COMPARISON", "analysisnumber": "OUTCOME"}
_RESULTS = {
    "experimentalcases": "EVENTS_1",
    "experimentaln": "TOTAL_1",
    "controlcases": "EVENTS_2",
    "controln": "TOTAL_2",
    "mean": "EFFECT_SIZE",
    "cistart": "CI_START",
    "ciend": "CI_END",
    "pistart": "PI_START",
    "piend": "PI_END",
    "weight": "WEIGHT",
    "heterogeneitytau2": "TAU2",
    "heterogeneitychi2": "CHI2",
    "heterogeneitydf": "DF",
    "heterogeneityp": "P_CHI2",
    "heterogeneityi2": "I2",
    "effectz": "Z",
    "effectp": "P_Z",
}
ROWS = _KEY | {
    "subgroup": "SUBGROUP",
    "applicability": "APPLICABILITY",
    "study": "NAME",
    "studyyear": "YEAR",
    "givmean": "ESTIMATE",
    "givse": "SE",
    "experimentalmean": "MEAN_1",
    "experimentalsd": "SD_1",
    "experimentalcases": "EVENTS_1",
    "experimentaln": "TOTAL_1",
    "controlmean": "MEAN_2",
    "controlsd": "SD_2",
    "controlcases": "EVENTS_2",
    "controln": "TOTAL_2",
    "oe": "O_E",
    "variance": "VAR",
    "weight": "WEIGHT",
    "mean": "EFFECT_SIZE",
    "cistart": "CI_START",
    "ciend": "CI_END",
    "footnotes": "FOOTNOTE",
}
_SETTINGS = (
    _KEY
    | _RESULTS
    | {
        "analysisname": "NAME",
        "analysisgroupname": "GROUP",
        "datatype": "TYPE",
        "logscaledata": "LOG_DATA",
        "experimentalgrouplabel": "GROUP_LABEL_1",
        "controlgrouplabel": "GROUP_LABEL_2",
        "graphlabelleft": "GRAPH_LABEL_1",
        "graphlabelright": "GRAPH_LABEL_2",
        "statisticalmethod": "METHOD",
        "effectmeasure": "EFFECT_MEASURE",
        "analysismodel": "RANDOM",
        "heterogeneityestimator": "TAU2_METHOD",
        "cimethod": "CI_METHOD",
        "studyci": "CI_STUDY",
        "estimateci": "CI_TOTAL",
        "cipilevel": "CI_TOTAL",
        "subgroupestimates": "SUBTOTALS",
        "overallestimates": "TOTALS",
        "swapeventandnonevent": "SWAP_EVENTS",
        "subgroupchi2": "Q",
        "subgroupp": "P_Q",
    }
)
_SUBGROUPS = _KEY | _RESULTS | {"subgroup": "NAME", "subgroupnumber": "SUBGROUP"}


def read_web(rows: Table, settings: Table, subgroups: Table | None, title: str) -> Review:
    """Read the CSV files of RevMan Web's data package.

    Parameters
    ----------
    rows, settings : Table
        ``...-data-rows.csv`` and ``...-overall-estimates-and-settings.csv``.
    subgroups : Table or None
        ``...-subgroup-estimates.csv``, None where the review has none.
    title : str

    Raises
    ------
    InputError
        One line that names the file, the row and the column.
    """
    key = ("Analysis group", "Analysis number")
    studies = sheet_of(rows, ROWS, (*key, "Study"))
    overall = sheet_of(settings, _SETTINGS, (*key, "Analysis name", "Data type", "Effect measure"))
    parts = sheet_of(subgroups, _SUBGROUPS, (*key, "Subgroup")) if subgroups else None
    study_rows = studies.groups(lambda i: _id(studies, i))
    subtotals: dict[str, dict[str, Cells]] = {}
    if parts:
        for i in range(len(parts)):
            cells = parts.cells(i)
            subtotals.setdefault(_id(parts, i), {})[cells.text("NAME")] = cells
    outcomes = []
    for i in range(len(overall)):
        outcome_id = _id(overall, i)
        outcome = _settings(overall, i, outcome_id)
        found = [_study(studies, j, outcome) for j in study_rows.pop(outcome_id, [])]
        outcomes.append(_filled(outcome, found, subtotals.get(outcome_id, {})))
    for outcome_id, positions in study_rows.items():
        raise InputError(
            f"{studies.where(positions[0])} is of {outcome_id}, which {overall.source} does not "
            "have: files of one data package are expected"
        )
    check_ids(outcomes, overall.source)
    return Review(
        title=title, source=studies.source, outcomes=tuple(outcomes), profile="revman-web"
    )


def _settings(overall: Sheet, i: int, outcome_id: str) -> Outcome:
    cells = overall.cells(i, f"{overall.where(i)} ({outcome_id})")
    totals = cells.yes("TOTALS")
    shown = "YES" if totals in (True, None) else "SUB" if cells.yes("SUBTOTALS") else "NO"
    values = {**cells.values, "TOTALS": shown}
    values.setdefault("CI_STUDY", values.get("CI_TOTAL", ""))
    return outcome_of(Cells(values, cells.place, cells.printed), outcome_id, cells.text("GROUP"))


def _study(studies: Sheet, i: int, outcome: Outcome) -> tuple[str, StudyRow]:
    """Return a row and the name of its subgroup, ``""`` where it counts in the total alone."""
    name = studies.cells(i).text("NAME") or "(unnamed study)"
    cells = studies.cells(i, f"{studies.where(i)} ({name} in {outcome.id})")
    counts = cells.text("APPLICABILITY").casefold() or "subgroup and overall"
    row = row_of(
        cells,
        outcome,
        name,
        cells.whole("YEAR"),
        cells.text("FOOTNOTE"),
        in_total="overall" in counts,
    )
    return cells.text("SUBGROUP") if "subgroup" in counts else "", row


def _filled(
    outcome: Outcome, found: list[tuple[str, StudyRow]], subtotals: dict[str, Cells]
) -> Outcome:
    by_name: dict[str, list[StudyRow]] = {name: [] for name in subtotals}
    for subgroup, row in found:
        by_name.setdefault(subgroup, []).append(row)
    own = by_name.pop("", [])
    subgroups = []
    for k, (name, rows) in enumerate(by_name.items(), 1):
        cells = subtotals.get(name, Cells({}, outcome.id))
        subgroups.append(
            Subgroup(
                id=f"{outcome.id}.{cells.whole('SUBGROUP') or k:02d}",
                name=name,
                rows=tuple(rows),
                stored=stored_of(cells),
            )
        )
    return with_rows(outcome, own, subgroups)


def _id(sheet: Sheet, i: int) -> str:
    cells = sheet.cells(i)
    numbers = [cells.whole(name) for name in ("COMPARISON", "OUTCOME")]
    for name, number in zip(("COMPARISON", "OUTCOME"), numbers, strict=True):
        if number is None:
            raise cells.wrong(name, "a whole number is expected")
    return f"CMP-{numbers[0]:03d}.{numbers[1]:02d}"
