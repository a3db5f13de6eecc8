"""RevMan 5's XML, through a parser that expands no entities and reads no other file."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bayesmeta.errors import InputError
from bayesmeta.evidence.revman.build import check_ids, outcome_of, row_of, stored_of, with_rows
from bayesmeta.evidence.revman.cells import Cells, plain
from bayesmeta.evidence.revman.values import Outcome, Review, StudyRow, Subgroup

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element, ParseError

_OUTCOME = re.compile("(DICH|CONT|IV|IPD|OTHER)_OUTCOME")
_NAMES = ("NAME", "GROUP_LABEL_1", "GROUP_LABEL_2", "GRAPH_LABEL_1", "GRAPH_LABEL_2")
_UTF8_MARK = b"\xef\xbb\xbf"

type Studies = Mapping[str, tuple[str, int | None]]


def read_rm5(raw: bytes, source: str) -> Review:
    """Read a review as RevMan 5 writes it, ``COCHRANE_REVIEW`` in XML.

    Raises
    ------
    InputError
        If it is damaged, not in the encoding it declares, has a document type (entities, other
        files), is no review, or a number is missing or impossible; one line.
    """
    root = _root(raw, source)
    if root.tag != "COCHRANE_REVIEW":
        raise InputError(
            f"{source} is XML of another kind, {root.tag[:60]!r}: a review of RevMan 5, "
            "'COCHRANE_REVIEW', is expected"
        )
    try:
        return _review(root, source)
    except RecursionError:
        raise InputError(f"{source} has {_ENDLESS}") from None


def _review(root: "Element", source: str) -> Review:
    studies: dict[str, tuple[str, int | None]] = {}
    for study in root.iter("STUDY"):
        cells = Cells(dict(study.items()), source)
        studies[study.get("ID", "")] = cells.text("NAME"), cells.whole("YEAR")
    outcomes = [
        _outcome(element, comparison, (j, k), studies, source)
        for j, comparison in enumerate(root.iter("COMPARISON"), 1)
        for k, element in enumerate((e for e in comparison if _OUTCOME.fullmatch(e.tag)), 1)
    ]
    check_ids(outcomes, source)
    title = _text(root.find("COVER_SHEET/TITLE"))
    return Review(title=title, source=source, outcomes=tuple(outcomes))


def _outcome(
    element: "Element",
    comparison: "Element",
    place: tuple[int, int],
    studies: Studies,
    source: str,
) -> Outcome:
    comparison_id = plain(comparison.get("ID", "")) or f"CMP-{place[0]:03d}"
    outcome_id = plain(element.get("ID", "")) or f"{comparison_id}.{place[1]:02d}"
    kind = element.tag.removesuffix("_OUTCOME")
    cells = _cells(element, f"{outcome_id} of {source}", TYPE=kind)
    outcome = outcome_of(cells, outcome_id, _text(comparison.find("NAME")))
    if outcome.type == "other":
        return outcome
    rows, subgroups = _parts(element, kind, outcome, outcome_id, studies, source)
    return with_rows(outcome, rows, subgroups)


_DEEPEST = 20
"""Subgroups within subgroups: RevMan itself writes one level."""

_ENDLESS = "subgroups within subgroups without end"


def _parts(
    element: "Element",
    kind: str,
    outcome: Outcome,
    part_id: str,
    studies: Studies,
    source: str,
    depth: int = 0,
) -> tuple[list[StudyRow], list[Subgroup]]:
    """Return the rows and subgroups right under an outcome or subgroup."""
    if depth > _DEEPEST:
        raise InputError(f"{source} has {_ENDLESS}")
    rows = [
        _row(data, outcome, part_id, studies, source) for data in element.iterfind(f"{kind}_DATA")
    ]
    subgroups = []
    for k, below in enumerate(element.iterfind(f"{kind}_SUBGROUP"), 1):
        below_id = plain(below.get("ID", "")) or f"{part_id}.{k:02d}"
        own, nested = _parts(below, kind, outcome, below_id, studies, source, depth + 1)
        subgroups.append(
            Subgroup(
                id=below_id,
                name=_text(below.find("NAME")),
                rows=tuple(own),
                subgroups=tuple(nested),
                stored=stored_of(_cells(below, f"{below_id} of {source}")),
            )
        )
    return rows, subgroups


def _row(
    data: "Element", outcome: Outcome, part_id: str, studies: Studies, source: str
) -> StudyRow:
    study_id = data.get("STUDY_ID", "")
    name, year = studies.get(study_id) or ("", None)
    name = name or _name_in(study_id) or "(unnamed study)"
    note = "; ".join(filter(None, map(_text, data.iter("FOOTNOTE"))))
    cells = Cells(dict(data.items()), f"{name} in {part_id} of {source}")
    return row_of(cells, outcome, name, year, note)


def _cells(element: "Element", place: str, **more: str) -> Cells:
    """Return the attributes, and the children that hold names; the measure may be either."""
    children = {name: _text(element.find(name)) for name in _NAMES}
    measure = element.get("EFFECT_MEASURE") or _text(element.find("EFFECT_MEASURE"))
    return Cells({**element.attrib, **children, "EFFECT_MEASURE": measure, **more}, place)


def _text(element: "Element | None") -> str:
    return "" if element is None else plain("".join(element.itertext()))


def _name_in(study_id: str) -> str:
    """Return the name in RevMan's id of a study.

    Examples
    --------
    >>> _name_in("STD-El_x002d_Daher-1991")
    'El-Daher 1991'
    """
    spaced = study_id.removeprefix("STD-").replace("-", " ")
    return plain(re.sub("_x([0-9a-fA-F]{4})_", lambda code: chr(int(code[1], 16)), spaced))


def _root(raw: bytes, source: str) -> "Element":
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    encoding = "utf-8" if raw.startswith(_UTF8_MARK) else None
    try:
        parser = DefusedXMLParser(encoding=encoding, forbid_dtd=True)
        parser.feed(raw)
        root: Element = parser.close()
        return root
    except DefusedXmlException:
        raise InputError(
            f"{source} declares a document type, entities or other files, which RevMan does not "
            "write: they are not read; plain XML is expected"
        ) from None
    except ParseError as error:
        raise InputError(_damaged(raw, source, error, encoding)) from None
    except (ValueError, LookupError):
        raise InputError(
            f"{source} declares the encoding {_declared(raw)!r}, which is not known: "
            "ISO-8859-1 or UTF-8 is expected"
        ) from None


def _damaged(raw: bytes, source: str, error: "ParseError", encoding: str | None) -> str:
    from xml.parsers.expat import ErrorString

    line, column = error.position
    declared = encoding or _declared(raw) or "utf-8"
    try:
        raw.decode(declared)
    except UnicodeDecodeError as wrong:
        at = raw.count(b"\n", 0, wrong.start) + 1
        return (
            f"{source} is not in the encoding it declares, {declared}: byte "
            f"0x{raw[wrong.start]:02x} in line {at}"
        )
    except LookupError:
        pass
    reason = ErrorString(error.code) or "not well-formed"
    return f"{source} is damaged XML, line {line}, column {column + 1}: {reason}"


def _declared(raw: bytes) -> str:
    found = re.match(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)""", raw[:200])
    return found[1].decode("ascii") if found else ""
