"""What was observed, ready to be pooled: the values that the rest of the package is given."""

from dataclasses import dataclass
from typing import Literal

from bayesmeta.arrays import Array
from bayesmeta.evidence.measures import Measure

type Direction = Literal["lower", "higher"]
type Convention = Literal["metafor", "revman5"]


@dataclass(frozen=True, slots=True)
class Published:
    """A pooled row as a paper printed it, on the analysis scale (log for ratio measures).

    ``p`` and ``p_heterogeneity`` are kept as text too where they were printed with ``<``.
    """

    estimate: float
    ci_low: float
    ci_high: float
    p: float | None
    p_text: str
    p_heterogeneity: float | None
    p_heterogeneity_text: str
    k: int
    model: str
    source: str


@dataclass(frozen=True, slots=True)
class Pool:
    """The estimates of one outcome at one time.

    Parameters
    ----------
    outcome : str
    time : float or None
    studies : tuple of str, length k
        Labels, unique.
    y, se : ndarray, shape (k,)
        Effect sizes on the analysis scale (log for ratio measures) and their standard errors.
    status : tuple of str or None, length k
        ``reported``, ``secondary``, ``derived``, ``reconstructed``, ``unverified``; None where
        the table does not say.
    notes : tuple of str, length k
        What the table, or the arithmetic that led to the effect size, has to say of a row.
    n : ndarray, shape (k,), or None
        Patients per study, both arms together.
    within_sd : ndarray, shape (k,), or None
        Within-arm standard deviation of each study, in the units of the outcome.
    counts : ndarray, shape (k, 4), or None
        events_treatment, n_treatment, events_control, n_control.
    published : Published or None
    """

    outcome: str
    time: float | None
    studies: tuple[str, ...]
    y: Array
    se: Array
    status: tuple[str | None, ...]
    notes: tuple[str, ...]
    n: Array | None = None
    within_sd: Array | None = None
    counts: Array | None = None
    published: Published | None = None

    @property
    def k(self) -> int:
        """Number of studies."""
        return len(self.studies)

    @property
    def key(self) -> tuple[str, float | None]:
        """Outcome and time."""
        return self.outcome, self.time

    @property
    def label(self) -> str:
        """Outcome and time in words, different for different pools."""
        if self.time is None:
            return self.outcome
        return f"{self.outcome} at {repr(self.time).removesuffix('.0')}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row of the outcome that no pool of the main selection holds, and why."""

    study: str
    time: float | None
    description: str
    reason: str


@dataclass(frozen=True, slots=True)
class Variant:
    """The same analysis on other data: another selection of rows, another assumption."""

    name: str
    reason: str
    pools: tuple[Pool, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that one analysis knows before a model is chosen.

    ``convention`` names the rules of the effect sizes: ``metafor`` or ``revman5``.
    ``mu`` and ``tau`` are the text of the priors in the analysis file, None where it has none,
    and ``prior_reason`` the line that gives the reason for their scales.
    ``controlled`` is False for before-after changes in uncontrolled series.
    ``alternatives`` are the pools with other sets of rows in the place of some, by name.
    """

    name: str
    title: str
    measure: Measure
    direction: Direction | None
    unit: str
    time_unit: str
    convention: Convention
    controlled: bool
    mu: str | None
    tau: str | None
    prior_reason: str
    source: str
    pools: tuple[Pool, ...]
    left_out: tuple[LeftOut, ...] = ()
    variants: tuple[Variant, ...] = ()
    alternatives: tuple[Variant, ...] = ()
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
