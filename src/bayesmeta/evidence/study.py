"""What was observed, ready to be pooled: the values that the rest of the package is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    cells : mapping of str to tuple of str, length k
        The columns of the table, as text: what a formula may name.
    groups : tuple of str, length k, or None
        The study of each effect, where studies have several.
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
    cells: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] | None = None

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
class JointSpec:
    """How the times of an outcome are to be joined in one model; priors as text.

    Attributes
    ----------
    mean : str
        The course: ``per-time``, ``linear``, ``log-linear``, ``spline``, or ``plateau`` and
        ``random-walk`` with a prior in brackets.
    between, within : str
        Correlation over time of the study effects, and of the errors of a study's estimates:
        ``cs`` or ``ar1``.
    rho, within_correlation : str
        Priors on the two, or numbers that fix them.
    beta : str
        Prior on the slope of a linear or log-linear course.
    rho_lag : float
        The gap of time to which an AR(1) correlation belongs.
    tau_per_time : bool
        Whether each time has a tau of its own.
    weights : mapping of str to float
        Of the sets of rows that are averaged, ``main`` the analysis's own; equal unless given.
    reason : str
        For the priors on the correlations.
    given : frozenset of str
        What somebody named; the rest are defaults.
    """

    mean: str = "per-time"
    between: str = "cs"
    within: str = "cs"
    rho: str = "uniform(0, 1)"
    within_correlation: str = "uniform(0, 0.95)"
    beta: str = "flat"
    rho_lag: float = 1.0
    tau_per_time: bool = False
    weights: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    given: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SeriesSpec:
    """Uncontrolled series beside randomised contrasts, and what sets them apart; priors as text.

    Attributes
    ----------
    analysis : str
        The analysis whose pools they are.
    pools : tuple of Pool
    design : str
        ``bias``, ``inflation`` or ``separate``.
    bias, bias_sd : str
        Priors on the mean, over series, of what a change before and after holds beyond the effect
        of treatment, and on its SD between series.
    inflation : float
        Factor of the variances of the series.
    reason : str
        For the priors.
    warnings : tuple of str
        On patients counted twice.
    """

    analysis: str
    pools: tuple[Pool, ...]
    design: str
    bias: str
    bias_sd: str
    inflation: float
    reason: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that one analysis knows before a model is chosen.

    ``convention`` names the rules of the effect sizes: ``metafor`` or ``revman5``.
    ``mu`` and ``tau`` are the text of the priors in the analysis file, None where it has none,
    and ``prior_reason`` the line that gives the reason for their scales.
    ``controlled`` is False for before-after changes in uncontrolled series.
    ``alternatives`` are the pools with other sets of rows in the place of some, by name.
    ``joint`` says how the times are joined, None where each stands alone; ``series`` which
    uncontrolled series stand beside them.
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
    joint: JointSpec | None = None
    series: SeriesSpec | None = None
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
