"""RevMan's words for types, measures, methods and models, and ours."""

import re

from bayesmeta.errors import did_you_mean
from bayesmeta.evidence.measures import MEASURES, Measure
from bayesmeta.evidence.revman.cells import Cells
from bayesmeta.evidence.revman.values import DataType, Method, Model, Totals

# The first letters that tell the types of RevMan 5's XML, its CSV and RevMan Web apart.
_TYPES: tuple[tuple[str, DataType], ...] = (
    ("d", "dichotomous"),
    ("contrast", "iv"),
    ("c", "continuous"),
    ("ip", "oe"),
    ("o-e", "oe"),
    ("o_e", "oe"),
    ("p", "oe"),
    ("i", "iv"),
    ("g", "iv"),
    ("o", "other"),
)
_MEASURES: dict[DataType, dict[str, str]] = {
    "dichotomous": {
        "or": "OR",
        "odds ratio": "OR",
        "peto_or": "OR",
        "peto odds ratio": "OR",
        "rr": "RR",
        "risk ratio": "RR",
        "relative risk": "RR",
        "rd": "RD",
        "risk difference": "RD",
    },
    "continuous": {
        "md": "MD",
        "wmd": "MD",
        "mean difference": "MD",
        "smd": "SMD",
        "standardized mean difference": "SMD",
        "standardised mean difference": "SMD",
        "std. mean difference": "SMD",
    },
}
_CODES: dict[DataType, tuple[str, ...]] = {
    "dichotomous": ("OR", "PETO_OR", "RR", "RD"),
    "continuous": ("MD", "SMD"),
}
_RATIOS = (
    ("hazard", "HR"),
    ("odds", "OR"),
    ("risk ratio", "RR"),
    ("relative risk", "RR"),
    ("ratio of means", "ROM"),
    ("mean ratio", "ROM"),
)
_DIFFERENCES = (
    ("std", "SMD"),
    ("standard", "SMD"),
    ("smd", "SMD"),
    ("hedges", "SMD"),
    ("risk difference", "RD"),
    ("mean difference", "MD"),
    ("md", "MD"),
)
_METHODS: dict[str, Method] = {
    "mh": "MH",
    "mantel-haenszel": "MH",
    "iv": "IV",
    "inverse variance": "IV",
    "peto": "Peto",
    "exp_o_e_var": "Peto",
    "exp[(o-e) / var]": "Peto",
}
_NON_EVENT = re.compile(r"[\s_]*\(?non[-_ ]?events?\)?$")


def type_of(cells: Cells) -> DataType:
    """Return the type of an outcome from the cell ``TYPE``."""
    word = cells.text("TYPE").casefold()
    for start, kind in _TYPES:
        if word.startswith(start):
            return kind
    raise cells.wrong(
        "TYPE", "dichotomous, continuous, inverse variance, O-E and variance, or other is expected"
    )


def measure_of(cells: Cells, kind: DataType) -> Measure:
    """Return the measure from the cells ``EFFECT_MEASURE`` and ``LOG_DATA``.

    For estimates and O - E the text is free: RATIO (log scale) or GEN where it names none.
    """
    word = _NON_EVENT.sub("", cells.text("EFFECT_MEASURE").casefold())
    if known := _MEASURES.get(kind):
        if word not in known:
            raise cells.wrong("EFFECT_MEASURE", did_you_mean(word, _CODES[kind]))
        return MEASURES[known[word]]
    on_log = kind == "oe" or cells.yes("LOG_DATA")
    if on_log is None:
        on_log = "ratio" in word and not word.startswith(("log", "ln"))
    words, otherwise = (_RATIOS, "RATIO") if on_log else (_DIFFERENCES, "GEN")
    return MEASURES[next((name for part, name in words if part in word), otherwise)]


def swapped(cells: Cells) -> bool:
    """Say whether non-events are analysed, by the cells ``SWAP_EVENTS`` or ``EFFECT_MEASURE``."""
    told = cells.yes("SWAP_EVENTS")
    if told is not None:
        return told
    return bool(_NON_EVENT.search(cells.text("EFFECT_MEASURE").casefold()))


def method_of(cells: Cells, kind: DataType) -> Method:
    """Return the method from the cell ``METHOD``; Peto's for O - E, IV where there is none."""
    word = cells.text("METHOD").casefold()
    if not word:
        peto = kind == "oe" or cells.text("EFFECT_MEASURE").casefold().startswith("peto")
        return "Peto" if peto else "IV"
    if word not in _METHODS:
        raise cells.wrong("METHOD", did_you_mean(word, ("MH", "IV", "PETO", "EXP_O_E_VAR")))
    return _METHODS[word]


def model_of(cells: Cells) -> Model:
    """Return the model from the cell ``RANDOM``: ``YES``, or the name of the model."""
    word = cells.text("RANDOM").casefold()
    if word.startswith(("yes", "random")):
        return "random"
    if word.startswith(("no", "fixed", "common")) or not word:
        return "fixed"
    raise cells.wrong("RANDOM", "fixed or random is expected")


def totals_of(cells: Cells) -> Totals:
    """Return the cell ``TOTALS``: whether the review shows a total, subtotals alone or none."""
    word = cells.text("TOTALS").casefold()
    if word.startswith("sub"):
        return "SUB"
    return "NO" if word.startswith(("no", "false")) else "YES"
