"""What a reanalysis finds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bayesmeta.evidence.revman import Outcome, Review, Subgroup
from bayesmeta.evidence.study import Evidence
from bayesmeta.fit.numbers import Ask, PosteriorNumbers

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class RevManResult:
    """A pooled result as RevMan writes it.

    Parameters
    ----------
    scale : {"ratio", "natural"}
        Of the estimate and its interval; tau2 of ratios is on the log scale.
    estimate, ci_low, ci_high : float
    tau2, q, i2, z : float or None
        tau2 is 0 under RevMan 5's fixed effect, i2 in per cent, z without its sign.
    """

    scale: Literal["ratio", "natural"]
    estimate: float
    ci_low: float | None
    ci_high: float | None
    tau2: float | None
    q: float | None
    i2: float | None
    z: float | None

    @property
    def no_effect(self) -> float:
        """The value that means no effect."""
        return 1.0 if self.scale == "ratio" else 0.0


@dataclass(frozen=True, slots=True)
class Reanalysed:
    """An outcome of a review, or one of its subgroups.

    Attributes
    ----------
    outcome : Outcome
        Its settings in RevMan.
    part : Subgroup or None
        The subgroup; None for the outcome itself.
    k : int
        Studies that can be estimated.
    stored, recomputed : RevManResult or None
        What RevMan stored, and the same by RevMan's arithmetic from the studies.
    evidence : Evidence
        What `bayesmeta.fit` would be given; its pools are those that the default priors are from.
    ask : Ask or None
        Priors, level and direction of the posterior; None where there are no priors.
    default_priors : frozenset of str
    posterior : PosteriorNumbers or None
        Of the random-effects model, whatever RevMan's model is.
    changed : tuple of str
        What a reader would conclude otherwise, a sentence each.
    reasons : dict
        Why ``stored``, ``recomputed`` or ``posterior`` is None.
    subgroups : tuple of Reanalysed
    """

    outcome: Outcome
    part: Subgroup | None
    k: int
    stored: RevManResult | None
    recomputed: RevManResult | None
    evidence: Evidence
    ask: Ask | None
    default_priors: frozenset[str]
    posterior: PosteriorNumbers | None
    changed: tuple[str, ...]
    reasons: dict[str, str]
    subgroups: "tuple[Reanalysed, ...]" = ()

    @property
    def id(self) -> str:
        """RevMan's id, such as ``CMP-001.01`` or ``CMP-001.01.02``."""
        return (self.part or self.outcome).id

    @property
    def name(self) -> str:
        """Name of the outcome or subgroup."""
        return (self.part or self.outcome).name

    @property
    def every(self) -> "Iterator[Reanalysed]":
        """Itself and its subgroups, those in subgroups too."""
        yield self
        for part in self.subgroups:
            yield from part.every

    @property
    def difference(self) -> float | None:
        """Largest difference of the stored and the recomputed numbers, relative above 1."""
        if self.stored is None or self.recomputed is None:
            return None
        names = ("estimate", "ci_low", "ci_high", "tau2", "q", "i2", "z")
        pairs = ((getattr(self.stored, name), getattr(self.recomputed, name)) for name in names)
        differences: list[float] = [
            abs(a - b) / max(1.0, abs(a)) for a, b in pairs if a is not None and b is not None
        ]
        return max(differences)


@dataclass(frozen=True, slots=True)
class Reanalysis:
    """Every outcome of a review.

    Attributes
    ----------
    review : Review
    outcomes : tuple of Reanalysed
    """

    review: Review
    outcomes: tuple[Reanalysed, ...]

    @property
    def every(self) -> Iterator[Reanalysed]:
        """Outcomes and subgroups, in the order of the review."""
        for outcome in self.outcomes:
            yield from outcome.every

    def to_dict(self) -> dict[str, Any]:
        """Return the object that ``--format json`` prints."""
        from bayesmeta.appraisal.reanalysis.record import record

        return record(self)

    def table(self) -> "pd.DataFrame":
        """Return one row for each outcome and subgroup, the columns of ``--format csv``."""
        import pandas as pd

        from bayesmeta.appraisal.reanalysis.record import COLUMNS, flat

        return pd.DataFrame([flat(one) for one in self.every], columns=list(COLUMNS))
