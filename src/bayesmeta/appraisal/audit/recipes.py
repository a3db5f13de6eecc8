"""What a label says of how a row was pooled, and what it leaves open."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bayesmeta.frequentist.names import COMMON_EFFECT, INFERENCES, METHODS, Inference, Method

type Model = Literal["fixed", "random"]

LEVEL = 0.95
"""Of printed intervals, unless a label says another."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to pool: the method, and the inference of its interval."""

    method: Method
    ci: Inference = "wald"

    @property
    def words(self) -> str:
        """The names of both, of the inference where it is not Wald's."""
        return METHODS[self.method] + (f", {INFERENCES[self.ci]}" if self.ci != "wald" else "")

    @property
    def short(self) -> str:
        """The same in few letters."""
        long = self.method in ("REML", "ML")
        method = self.method if long else METHODS[self.method]
        return ", ".join(filter(None, (method, _SHORT[self.ci])))

    @property
    def code(self) -> str:
        """The same in the fewest letters."""
        return ", ".join(filter(None, (self.method, _SHORT[self.ci])))


@dataclass(frozen=True, slots=True)
class Label:
    """What a label names: the model, and the method, inference and level where it says them."""

    model: Model | None = None
    method: Method | None = None
    ci: Inference | None = None
    level: float = LEVEL

    @property
    def words(self) -> str:
        """The label again, in our names."""
        names = self.model, self.method and METHODS[self.method], self.ci and INFERENCES[self.ci]
        return ", ".join(name for name in names if name)

    @property
    def short(self) -> str:
        """The same in few letters."""
        ci = self.ci and _SHORT[self.ci]
        return ", ".join(name for name in (self.model, self.method, ci) if name)

    @property
    def named(self) -> bool:
        """Whether it says more than fixed or random."""
        return self.method is not None or self.ci is not None

    @property
    def revman5(self) -> bool:
        """Whether RevMan 5's methods other than Peto's are meant, as where it names none."""
        return self.method in (None, "IV", "MH", "DL") and self.ci in (None, "wald")

    def meant(self, k: int) -> list[Recipe]:
        """Return what it says, or else RevMan 5's; one study is the same whatever the model."""
        if self.named:
            return [one for one in _every(self.model) if self._allows(one)]
        return list(_USUAL[self.model if k > 1 else None])

    def open(self, k: int) -> list[Recipe]:
        """Return what else it can mean."""
        usual = self.meant(k)
        every = _every(self.model if k > 1 else None)
        return [one for one in every if one not in usual and self._allows(one)]

    def others(self, k: int) -> list[Recipe]:
        """Return what it cannot mean, and may have been: RevMan 5's, and those of its model."""
        mine = self.meant(k) + self.open(k)
        every = [*_USUAL[None], *(_every(self.model) if self.named else ())]
        return [one for one in dict.fromkeys(every) if one not in mine]

    def _allows(self, recipe: Recipe) -> bool:
        return self.method in (None, recipe.method) and (
            self.ci in (None, recipe.ci) or recipe.method in COMMON_EFFECT
        )


def label_of(text: str) -> Label:
    """Read the label of a row: a model, a method, an inference, as far as it names them.

    Under random effects, Mantel-Haenszel and inverse variance are words for DerSimonian and
    Laird's.

    Examples
    --------
    >>> label_of("random, REML with Hartung-Knapp-Sidik-Jonkman CI")
    Label(model='random', method='REML', ci='hksj', level=0.95)
    >>> label_of("Peto, 99 % CI"), label_of("random effects, IV").method
    (Label(model='fixed', method='Peto', ci=None, level=0.99), None)
    """
    words = text.casefold()
    model: Model | None = (
        "random" if "random" in words else "fixed" if re.search("fixed|common", words) else None
    )
    rest, adjusted = re.subn(_HARTUNG_KNAPP, " ", words)
    ci: Inference | None = "wald" if "wald" in words else None
    if adjusted:
        ci = "hksj-floor" if re.search(_FLOOR, words) else "hksj"
    method = next((name for name, found in _METHODS.items() if re.search(found, rest)), None)
    own: Model | None = (
        None if method in (None, "IV", "MH") else "fixed" if method == "Peto" else "random"
    )
    model = model or own or ("random" if adjusted else None)
    if own not in (None, model) or (model == "random" and own is None):
        method = None
    level = re.search(_LEVEL, words)
    return Label(model, method, ci, LEVEL if level is None else float(level[1]) / 100)


def _every(model: Model | None) -> Iterator[Recipe]:
    if model != "random":
        yield from map(Recipe, COMMON_EFFECT)
    if model != "fixed":
        random = (name for name in METHODS if name not in COMMON_EFFECT)
        yield from (Recipe(name, ci) for name in random for ci in INFERENCES)


_SHORT: dict[Inference, str] = {"wald": "", "hksj": "HKSJ", "hksj-floor": "HKSJ with floor"}
_USUAL: dict[Model | None, tuple[Recipe, ...]] = {
    "fixed": (Recipe("MH"), Recipe("IV")),
    "random": (Recipe("DL"),),
    None: (Recipe("MH"), Recipe("IV"), Recipe("DL")),
}
_HARTUNG_KNAPP = r"(hartung|knapp)(\W+|and\b|hartung|knapp|sidik|jonkman)*|\bhk(sj)?\b"
_LEVEL = r"(\d\d(?:\.\d+)?) ?% ?ci"
_FLOOR = "floor|ad[ -]?hoc|truncated|modified|at least"
_METHODS: dict[Method, str] = {
    "Peto": "peto",
    "MH": r"mantel|\bm-?h\b",
    "DL": r"dersimonian|\bd-?l\b",
    "PM": r"paule|\bpm\b",
    "REML": r"restricted|\breml\b",
    "ML": r"maximum likelihood|\bml\b",
    "EB": r"empirical[ -]bayes|\beb\b",
    "SJ": r"sidik|\bsj\b",
    "HE": r"hedges|\bhe\b",
    "HS": r"hunter|\bhs\b",
    "IV": r"inverse|\bi-?v\b",
}
