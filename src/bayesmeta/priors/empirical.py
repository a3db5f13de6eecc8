"""Priors on tau learnt from the Cochrane Database of Systematic Reviews, by kind of question.

The tables are those of the papers as transcribed in R's bayesmeta 3.4 (TurnerEtAlPrior and
RhodesEtAlPrior), compared with the transcription in R's rnmamod.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.priors.alias import Alias
from bayesmeta.priors.tau_heavy import LogNormal, LogStudentT

ANY = "any"
"""In place of an outcome and a comparison: the general setting of the paper."""

AREAS = ("other", "respiratory", "cancer")

_COMPARATORS = {
    "pharmacological": ("pharm",),
    "non-pharmacological": ("non-pharm", "nonpharm", "non pharm"),
    "placebo": ("placebo", "control"),
}


@dataclass(frozen=True)
class _Empirical(Alias):
    """A prior that is looked up and then is `plain`."""

    outcome: str = ANY
    comparison: str = ANY

    def __str__(self) -> str:
        words = [self.outcome, self.comparison, getattr(self, "area", AREAS[0])]
        kept = words[:2] if words[2] == AREAS[0] else words
        return self.name if words[0] == ANY else f"{self.name}({', '.join(kept)})"

    @classmethod
    def from_words(cls, words: list[str]) -> Self:
        """Read the arguments of the text form."""
        most = 3 if "area" in cls.__dataclass_fields__ else 2
        if len(words) > most or len(words) == 1:
            area = "[, area]" if most == 3 else ""
            raise InputError(
                f"{cls.name} takes an outcome and a comparison{area}, such as "
                f"{cls.name}(pain, pharmacological vs placebo), or nothing for the general "
                f"setting: {len(words)} given"
            )
        return cls(*words)

    def _settle(self, outcomes: dict[str, str], comparisons: tuple[str, ...]) -> None:
        """Replace the words given by the names in the tables."""
        if ANY in (self.outcome, self.comparison):
            if self.outcome != self.comparison:
                raise InputError(
                    f"{self.name}: give both an outcome and a comparison, or neither for the "
                    f"general setting; found outcome {self.outcome!r} and comparison "
                    f"{self.comparison!r}"
                )
            return
        object.__setattr__(self, "outcome", _outcome(self.name, self.outcome, outcomes))
        found = _comparison(self.name, self.comparison, comparisons)
        object.__setattr__(self, "comparison", found)


@dataclass(frozen=True)
class Turner(_Empirical):
    """Log-normal prior on tau2 for log odds ratios, by outcome and comparison.

    ``log tau2 ~ normal(m, s)`` with (m, s) of Table IV, so ``log-normal(m / 2, s / 2)`` on tau;
    without arguments the general setting, (-2.56, 1.74).

    Parameters
    ----------
    outcome : str
        One of `TURNER_OUTCOMES`, or the beginning of one of the paper's words for it, such as
        ``drop-outs``.
    comparison : str
        ``pharmacological vs placebo`` (or control), ``pharmacological vs pharmacological``,
        ``non-pharmacological vs placebo``, ``... vs pharmacological``,
        ``... vs non-pharmacological``, in either order.

    References
    ----------
    Turner et al. (2015), Statistics in Medicine 34:984, doi 10.1002/sim.6381, Table IV and p. 993.

    Examples
    --------
    >>> prior = Turner("subjective", "pharmacological vs placebo")
    >>> print(prior, "is", prior.plain)
    turner(subjective, pharmacological vs placebo) is log-normal(-1.35, 0.76)
    """

    name: ClassVar[str] = "turner"
    measures: ClassVar[tuple[str, ...]] = ("OR",)

    def __post_init__(self) -> None:
        self._settle(TURNER_OUTCOMES, TURNER_COMPARISONS)

    @property
    def plain(self) -> LogNormal:
        if self.outcome == ANY:
            return LogNormal(-2.56 / 2, 1.74 / 2)
        row = list(TURNER_OUTCOMES).index(self.outcome)
        m, s = (table[self.comparison][row] for table in (_TURNER_MEAN, _TURNER_SD))
        return LogNormal(m / 2, s / 2)


@dataclass(frozen=True)
class Rhodes(_Empirical):
    """Log-Student-t prior on tau2 for standardised mean differences, by outcome and comparison.

    ``(log tau2 - m) / s ~ t(5)`` with (m, s) of Table 3, or of A.3.1 and A.3.2 for respiratory
    disease and cancer, so ``log-student-t(5, m / 2, s / 2)`` on tau; without arguments the general
    setting, (-3.44, 2.59).

    The tables are additive up to rounding, and three cells break the pattern as if misprinted:
    location -3.85 (mental health, non-pharmacological, other areas; -2.85 would fit), scale 2.11
    (obstetric, non-pharmacological, other areas), and location -0.13 (structure, pharmacological
    vs placebo, cancer; +0.13 would fit). They are kept as transcribed.

    Parameters
    ----------
    outcome : str
        One of `RHODES_OUTCOMES`, or the beginning of one of the paper's words for it.
    comparison : str
        ``pharmacological vs placebo`` (or control), ``pharmacological vs pharmacological``, or
        ``non-pharmacological``, alone or against anything.
    area : {"other", "respiratory", "cancer"}

    References
    ----------
    Rhodes, Turner and Higgins (2015), Journal of Clinical Epidemiology 68:52,
    doi 10.1016/j.jclinepi.2014.08.012.

    Examples
    --------
    >>> prior = Rhodes("mental health", "pharmacological vs placebo")
    >>> print(prior, "is", prior.plain)
    rhodes(mental health, pharmacological vs placebo) is log-student-t(5, -1.495, 1.08)
    """

    area: str = AREAS[0]
    name: ClassVar[str] = "rhodes"
    measures: ClassVar[tuple[str, ...]] = ("SMD",)

    def __post_init__(self) -> None:
        self._settle(RHODES_OUTCOMES, RHODES_COMPARISONS)
        area = self.area.strip().lower()
        if area not in AREAS:
            raise InputError(f"rhodes: unknown area {self.area!r}: {did_you_mean(area, AREAS)}")
        if area != AREAS[0] and self.outcome == ANY:
            raise InputError(f"rhodes: the area {area} goes with an outcome and a comparison")
        object.__setattr__(self, "area", area)

    @property
    def plain(self) -> LogStudentT:
        if self.outcome == ANY:
            return LogStudentT(5.0, -3.44 / 2, 2.59 / 2)
        row = list(RHODES_OUTCOMES).index(self.outcome)
        column = RHODES_COMPARISONS.index(self.comparison)
        m, s = (table[self.area][column][row] for table in (_RHODES_LOCATION, _RHODES_SCALE))
        return LogStudentT(5.0, m / 2, s / 2)


def _outcome(family: str, text: str, outcomes: dict[str, str]) -> str:
    """Find an outcome by its name, or by the beginning of one of the paper's words for it."""
    word = " ".join(text.lower().replace("_", " ").split())
    if word in outcomes:
        return word
    found = [
        name
        for name, words in outcomes.items()
        if word.startswith(name)
        or any(part.startswith(word) for part in (name, *words.split(" / ")))
    ]
    if len(found) == 1 and word:
        return found[0]
    if len(found) > 1 and word:
        raise InputError(f"{family}: outcome {text!r} may be {' or '.join(found)}: say which")
    if "/" in word and (first := word.split("/")[0].strip()):
        return _outcome(family, first, outcomes)
    raise InputError(f"{family}: unknown outcome {text!r}: {did_you_mean(word, outcomes)}")


def _comparison(family: str, text: str, comparisons: tuple[str, ...]) -> str:
    """Find a comparison from its two sides, in either order."""
    sides = [
        next((name for name, starts in _COMPARATORS.items() if side.startswith(starts)), None)
        for side in re.split(r"\s+(?:vs?\.?|versus)\s+", text.strip().lower().replace("_", " "))
    ]
    for first, second in ((sides[0], sides[-1]), (sides[-1], sides[0])):
        if len(sides) == 2 and f"{first} vs {second}" in comparisons:
            return f"{first} vs {second}"
    only = "non-pharmacological"
    if only in comparisons and only in sides and len(sides) <= 2 and None not in sides:
        return only
    raise InputError(
        f"{family}: unknown comparison {text!r}: {did_you_mean(text.strip(), comparisons)}"
    )


TURNER_OUTCOMES = {
    "all-cause mortality": "all-cause mortality",
    "obstetric": "obstetric outcomes",
    "cause-specific mortality": "cause-specific mortality / major morbidity event / composite",
    "resource use": "resource use / hospital stay / process",
    "surgical": "surgical / device related success or failure",
    "withdrawals": "withdrawals / drop-outs / dropouts",
    "structure": "internal / structure-related outcomes / external",
    "general physical health": "general physical health indicators",
    "adverse events": "adverse events",
    "infection": "infection / onset of new disease",
    "signs and symptoms": "signs / symptoms reflecting continuation or end of condition",
    "pain": "pain",
    "quality of life": "quality of life / functioning (dichotomised)",
    "mental health": "mental health indicators",
    "biological markers": "biological markers (dichotomised)",
    "subjective": "subjective outcomes (various) / various",
}
"""Our names of the 16 outcomes of Table IV, with the paper's words for each."""

TURNER_COMPARISONS = (
    "pharmacological vs placebo",
    "pharmacological vs pharmacological",
    "non-pharmacological vs placebo",
    "non-pharmacological vs pharmacological",
    "non-pharmacological vs non-pharmacological",
)

# fmt: off
_TURNER_MEAN = dict(zip(TURNER_COMPARISONS, (
    (-3.95, -3.52, -3.71, -2.34, -2.14, -2.99, -2.71, -2.29,
     -1.87, -2.49, -2.06, -1.83, -2.54, -2.12, -1.77, -2.70),
    (-4.18, -3.75, -3.95, -2.58, -2.37, -3.23, -2.94, -2.53,
     -2.10, -2.73, -2.29, -2.06, -2.78, -2.35, -2.00, -2.93),
    (-4.17, -3.74, -3.93, -2.56, -2.36, -3.21, -2.93, -2.51,
     -2.10, -2.71, -2.28, -2.05, -2.77, -2.34, -1.99, -2.92),
    (-2.92, -2.49, -2.68, -1.31, -1.11, -1.96, -1.67, -1.26,
     -0.84, -1.46, -1.03, -0.80, -1.51, -1.09, -0.74, -1.67),
    (-3.50, -3.08, -3.27, -1.90, -1.69, -2.55, -2.26, -1.85,
     -1.43, -2.05, -1.61, -1.38, -2.10, -1.67, -1.33, -2.26),
), strict=True))
_TURNER_SD = dict(zip(TURNER_COMPARISONS, (
    (1.34, 1.74, 1.74, 1.74, 1.74, 1.74, 1.74, 1.53,
     1.52, 1.52, 1.51, 1.52, 1.54, 1.53, 1.52, 1.52),
    (1.41, 1.79, 1.79, 1.79, 1.79, 1.79, 1.79, 1.58,
     1.58, 1.58, 1.58, 1.58, 1.60, 1.60, 1.58, 1.58),
    (1.55, 1.91, 1.91, 1.91, 1.91, 1.91, 1.92, 1.72,
     1.71, 1.71, 1.71, 1.71, 1.73, 1.72, 1.71, 1.71),
    (1.02, 1.50, 1.51, 1.50, 1.50, 1.51, 1.51, 1.25,
     1.24, 1.24, 1.24, 1.25, 1.27, 1.27, 1.24, 1.25),
    (1.26, 1.68, 1.68, 1.68, 1.68, 1.68, 1.68, 1.46,
     1.45, 1.45, 1.45, 1.45, 1.47, 1.47, 1.45, 1.45),
), strict=True))
# fmt: on

RHODES_OUTCOMES = {
    "obstetric": "obstetric outcome",
    "resource use": "resource use and hospital stay / hospital stay / process",
    "structure": "internal and external structure-related outcome / external",
    "general physical health": "general physical health / adverse event / pain / quality of life"
    " / functioning",
    "signs and symptoms": "signs / symptoms reflecting continuation or end of condition"
    " / infection / onset of new acute or chronic disease",
    "mental health": "mental health outcome",
    "biological markers": "biological marker",
    "subjective": "subjectively measured outcomes / various subjectively measured outcomes",
}
"""Our names of the 8 outcomes of Table 3, with the paper's words for each."""

RHODES_COMPARISONS = (
    "pharmacological vs placebo",
    "pharmacological vs pharmacological",
    "non-pharmacological",
)

_RHODES_LOCATION = {
    "other": (
        (-4.13, -2.55, -2.43, -3.16, -3.00, -2.99, -3.41, -2.76),
        (-4.40, -2.83, -2.70, -3.44, -3.27, -3.27, -3.68, -3.03),
        (-3.99, -2.41, -2.29, -3.02, -2.86, -3.85, -3.27, -2.62),
    ),
    "respiratory": (
        (-6.03, -4.46, -4.33, -5.07, -4.90, -4.90, -5.31, -4.66),
        (-6.31, -4.73, -4.61, -5.34, -5.18, -5.17, -5.59, -4.94),
        (-5.89, -4.32, -4.19, -4.93, -4.76, -4.76, -5.17, -4.52),
    ),
    "cancer": (
        (-1.57, 0.01, -0.13, -0.60, -0.44, -0.43, -0.85, -0.20),
        (-1.85, -0.27, -0.14, -0.88, -0.71, -0.71, -1.13, -0.48),
        (-1.43, 0.15, 0.27, -0.46, -0.30, -0.29, -0.71, -0.06),
    ),
}
_RHODES_SCALE = {
    "other": (
        (2.34, 2.73, 2.50, 2.50, 2.50, 2.16, 2.83, 2.58),
        (2.31, 2.70, 2.46, 2.44, 2.47, 2.14, 2.78, 2.59),
        (2.11, 2.57, 2.32, 2.27, 2.33, 1.93, 2.66, 2.41),
    ),
    "respiratory": (
        (2.36, 2.74, 2.51, 2.51, 2.50, 2.17, 2.83, 2.59),
        (2.31, 2.70, 2.46, 2.45, 2.47, 2.14, 2.78, 2.59),
        (2.21, 2.57, 2.33, 2.28, 2.33, 1.94, 2.66, 2.41),
    ),
    "cancer": (
        (2.45, 2.83, 2.61, 2.61, 2.60, 2.28, 2.93, 2.68),
        (2.41, 2.79, 2.56, 2.55, 2.57, 2.25, 2.87, 2.68),
        (2.24, 2.68, 2.45, 2.40, 2.46, 2.08, 2.78, 2.53),
    ),
}
