"""The names of methods, of inferences and of profiles, and what they stand for."""

from collections.abc import Iterable, Mapping
from typing import Literal

from bayesmeta.errors import InputError, did_you_mean

type Method = Literal["IV", "MH", "Peto", "DL", "PM", "REML", "ML", "EB", "SJ", "HE", "HS"]
type Inference = Literal["wald", "hksj", "hksj-floor"]
type Centre = Literal["IV", "MH"]
type Profile = Literal["metafor", "revman5", "revman-web"]

METHODS: Mapping[Method, str] = {
    "IV": "inverse variance",
    "MH": "Mantel-Haenszel",
    "Peto": "Peto",
    "DL": "DerSimonian-Laird",
    "PM": "Paule-Mandel",
    "REML": "restricted maximum likelihood",
    "ML": "maximum likelihood",
    "EB": "empirical Bayes",
    "SJ": "Sidik-Jonkman",
    "HE": "Hedges",
    "HS": "Hunter-Schmidt",
}
"""The first three assume one common effect, the rest estimate tau2."""

COMMON_EFFECT: tuple[Method, ...] = ("IV", "MH", "Peto")

INFERENCES: Mapping[Inference, str] = {
    "wald": "Wald",
    "hksj": "Hartung-Knapp-Sidik-Jonkman",
    "hksj-floor": "Hartung-Knapp-Sidik-Jonkman, factor at least 1",
}

PROFILES: Mapping[Profile, str] = {
    "metafor": "metafor",
    "revman5": "RevMan 5",
    "revman-web": "RevMan Web",
}


def known[Name: str](found: str, choices: Iterable[Name], what: str) -> Name:
    """Return the name as it is spelt here, whatever its case.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one.

    Examples
    --------
    >>> known("reml", METHODS, "method")
    'REML'
    """
    names = {choice.casefold(): choice for choice in choices}
    try:
        return names[found.casefold()]
    except KeyError:
        raise InputError(
            f"unknown {what} {found!r}: {did_you_mean(found, names.values())}"
        ) from None
