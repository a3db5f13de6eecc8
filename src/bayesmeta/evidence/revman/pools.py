"""From the rows of a RevMan outcome to a pool: effect sizes by RevMan's rules, arrays for all."""

from collections.abc import Sequence

import numpy as np

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.evidence.effects import cells_of_counts, effect_of_arms, effect_of_counts, pooled_sd
from bayesmeta.evidence.layouts import ARMS, COUNTS
from bayesmeta.evidence.revman.values import Outcome, StudyRow, Subgroup
from bayesmeta.evidence.study import LeftOut, Pool
from bayesmeta.evidence.table import LARGEST


def pool_of(
    outcome: Outcome, part: Subgroup | None = None
) -> tuple[Pool | None, tuple[LeftOut, ...]]:
    """Return the estimates of an outcome, or of one of its subgroups, and the rows without one.

    Parameters
    ----------
    outcome : Outcome
    part : Subgroup, optional
        One of its subgroups, in place of all that the total takes.

    Returns
    -------
    pool : Pool or None
        ``y, se`` on the analysis scale by RevMan's rules (Peto's where the method is), ``counts``
        of dichotomous outcomes with the events that RevMan analyses: those without the event where
        it swaps them. None where no study can be estimated.
    left_out : tuple of LeftOut

    Examples
    --------
    >>> from bayesmeta.evidence.measures import MEASURES
    >>> from bayesmeta.evidence.revman.values import Stored
    >>> trial = StudyRow(
    ...     study="Fox 1990", events_treatment=4, n_treatment=123, events_control=11,
    ...     n_control=139, stored=Stored(estimable=False),
    ... )
    >>> pool, _ = pool_of(Outcome(
    ...     id="CMP-001.01", name="Tuberculosis", comparison="BCG", type="dichotomous",
    ...     measure=MEASURES["RR"], measure_label="RR", rows=(trial,),
    ... ))
    >>> pool.y.round(4), pool.counts
    (array([-0.8893]), array([[  4., 123.,  11., 139.]]))
    """
    rows = (part or outcome).studies
    reasons = [unusable(outcome, row) for row in rows]
    usable = [row for row, reason in zip(rows, reasons, strict=True) if not reason]
    labels = unique_labels(rows)
    y, se, counts = effects_of(outcome, usable)
    fine = np.isfinite(y) & np.isfinite(se)
    estimated = iter(fine.tolist())
    keep = [not reason and next(estimated) for reason in reasons]
    left_out = tuple(
        LeftOut(label, None, describe(outcome, row), reason or "nobody, or everybody, had an event")
        for label, row, reason, kept in zip(labels, rows, reasons, keep, strict=True)
        if not kept
    )
    if not fine.any():
        return None, left_out
    kept_rows = [row for row, kept in zip(rows, keep, strict=True) if kept]
    pool = Pool(
        outcome=part.id if part else outcome.id,
        time=None,
        studies=tuple(label for label, kept in zip(labels, keep, strict=True) if kept),
        y=y[fine],
        se=se[fine],
        status=(None,) * len(kept_rows),
        notes=tuple(row.note for row in kept_rows),
        n=_sizes(kept_rows),
        within_sd=_spread(outcome, kept_rows),
        counts=None if counts is None else counts[fine],
    )
    return pool, left_out


def effects_of(outcome: Outcome, rows: Sequence[StudyRow]) -> tuple[Array, Array, Array | None]:
    """Return ``y, se`` of usable rows and their counts, shape (k, 4), if they are dichotomous."""
    if outcome.type == "dichotomous":
        counts = _columns(rows, "events_treatment", "n_treatment", "events_control", "n_control")
        if outcome.swap_events:
            counts[:, [0, 2]] = counts[:, [1, 3]] - counts[:, [0, 2]]
        if outcome.method == "Peto":
            return *peto_of_counts(counts), counts
        return *effect_of_counts(counts, outcome.measure.name, "revman5"), counts
    if outcome.type == "continuous":
        treatment, control = (
            tuple(_columns(rows, f"mean_{arm}", f"sd_{arm}", f"n_{arm}").T)
            for arm in ("treatment", "control")
        )
        return *effect_of_arms(treatment, control, outcome.measure.name, "revman5"), None
    if outcome.type == "oe":
        difference, variance = _columns(rows, "o_minus_e", "variance").T
        return difference / variance, variance**-0.5, None
    estimate, se = _columns(rows, "estimate", "se").T
    return estimate, se, None


def peto_of_counts(counts: ArrayLike) -> tuple[Array, Array]:
    """Return Peto's log odds ratios of 2x2 tables, and their standard errors.

    With m events among N patients, n1 and n2 of them in the arms::

        E = n1 m / N   V = n1 n2 m (N - m) / (N^2 (N - 1))   y = (O - E) / V   SE^2 = 1 / V

    NaN where nobody, or everybody, had the event.

    References
    ----------
    Yusuf et al. (1985), Progress in Cardiovascular Diseases 27:335.

    Examples
    --------
    >>> y, se = peto_of_counts([[1, 10, 3, 10]])
    >>> y.round(4), se.round(4)
    (array([-1.1875]), array([1.0897]))
    """
    a, b, c, d = np.moveaxis(cells_of_counts(counts), -1, 0)
    n1, n2, m = a + b, c + d, a + c
    n = n1 + n2
    v = n1 * n2 * m * (n - m) / (n**2 * np.maximum(n - 1, 1))
    v = np.where(v > 0, v, np.nan)
    return (a - n1 * m / n) / v, v**-0.5


def unusable(outcome: Outcome, row: StudyRow) -> str:
    """Say why a row gives no effect size whatever the method, ``""`` if it does not."""
    needed: tuple[float | None, ...]
    positive: dict[str, float | None]
    if outcome.type == "iv":
        needed = (row.estimate, row.se)
        positive = {"the standard error": row.se}
    elif outcome.type == "oe":
        needed = (row.o_minus_e, row.variance)
        positive = {"the variance of O - E": row.variance}
    elif outcome.type == "continuous":
        needed = (row.mean_treatment, row.sd_treatment, row.mean_control, row.sd_control)
        positive = {
            "the number of patients": _least(row.n_treatment, row.n_control),
            "the standard deviation": _least(row.sd_treatment, row.sd_control),
        }
    else:
        needed = (row.events_treatment, row.events_control)
        positive = {"the number of patients": _least(row.n_treatment, row.n_control)}
    if None in needed or None in positive.values():
        return "numbers are missing"
    for name, value in positive.items():
        if value is not None and value <= 1 / LARGEST:
            return f"{name} is 0"
    patients = (row.n_treatment or 0) + (row.n_control or 0)
    least = 4 if outcome.measure.name == "SMD" else 3
    if outcome.type == "continuous" and patients < least:
        return f"{patients:g} patients are too few for a standard deviation"
    return ""


def unique_labels(rows: Sequence[StudyRow]) -> tuple[str, ...]:
    """Return study and year of each row; a study's second row of the pool ends in ``(2)``."""
    used: set[str] = set()
    labels = []
    for row in rows:
        label, number = row.label, 1
        while label in used:
            number += 1
            label = f"{row.label} ({number})"
        used.add(label)
        labels.append(label)
    return tuple(labels)


def describe(outcome: Outcome, row: StudyRow) -> str:
    """Return what was entered, as text."""
    names = {
        "dichotomous": COUNTS,
        "continuous": ARMS,
        "iv": ("estimate", "se"),
        "oe": ("o_minus_e", "variance"),
        "other": (),
    }[outcome.type]
    values = ((name, getattr(row, name)) for name in names)
    return ", ".join(f"{name} {value:g}" for name, value in values if value is not None)


def _least(*values: float | None) -> float | None:
    given = [value for value in values if value is not None]
    return min(given) if len(given) == len(values) else None


def _columns(rows: Sequence[StudyRow], *names: str) -> Array:
    """Return the numbers of the rows, one row a study, one column a name."""
    cells = [[getattr(row, name) for name in names] for row in rows]
    return np.array(cells, dtype=float).reshape(len(rows), len(names))


def _sizes(rows: Sequence[StudyRow]) -> Array | None:
    """Return patients per study, None where one does not say."""
    sizes = [(row.n_treatment or 0) + (row.n_control or 0) for row in rows]
    return np.array(sizes, dtype=float) if all(sizes) else None


def _spread(outcome: Outcome, rows: Sequence[StudyRow]) -> Array | None:
    if outcome.type != "continuous":
        return None
    return pooled_sd(*_columns(rows, "sd_treatment", "n_treatment", "sd_control", "n_control").T)
