"""From a name, a file or a table to frequentist pools alone."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bayesmeta.errors import InputError
from bayesmeta.evidence.study import Convention, Evidence, Pool
from bayesmeta.fit.run import SEED, at_time, check_level, check_seed, gather
from bayesmeta.frequentist import (
    COMMON_EFFECT,
    INFERENCES,
    METHODS,
    PREDICTIONS,
    PROFILES,
    FrequentistPool,
    Method,
    Profile,
    known,
    pools_by,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class PooledRow:
    """One outcome at one time: the data and its frequentist pools."""

    pool: Pool
    frequentist: tuple[FrequentistPool, ...]


@dataclass(frozen=True, slots=True)
class PooledVariant:
    """The same analysis on other data."""

    name: str
    reason: str
    rows: tuple[PooledRow, ...]


@dataclass(frozen=True, slots=True)
class Pooled:
    """Frequentist pools of an analysis, one row an outcome and time.

    Attributes
    ----------
    evidence : Evidence
    profile : {'metafor', 'revman5', 'revman-web'}
    level : float
    seed : int
        Of the bootstrap prediction intervals.
    warnings : tuple of str
    rows : tuple of PooledRow
    variants : tuple of PooledVariant
        Other selections of rows, other assumptions.
    """

    evidence: Evidence
    profile: Profile
    level: float
    seed: int
    warnings: tuple[str, ...]
    rows: tuple[PooledRow, ...]
    variants: tuple[PooledVariant, ...]

    def summary(self) -> "pd.DataFrame":
        """Return every number, one row a pool, on the analysis scale (log for ratio measures)."""
        import pandas as pd

        return pd.DataFrame(self.long())

    def long(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of `summary`."""
        for row in self.rows:
            for found in row.frequentist:
                yield {
                    "outcome": row.pool.outcome,
                    "time": row.pool.time,
                    "k": row.pool.k,
                    **{name: getattr(found, name) for name in _NUMBERS},
                    **_prediction(found),
                }

    def to_dict(self) -> dict[str, Any]:
        """Return the object that ``--format json`` prints."""
        from bayesmeta.fit.record import record_pooled

        return record_pooled(self)


def pool(
    source: "str | Path | pd.DataFrame | Mapping[str, Iterable[Any]]",
    *,
    measure: str | None = None,
    method: str = "REML",
    ci: str | None = None,
    profile: str | None = None,
    at: float | None = None,
    level: float = 0.95,
    seed: int = SEED,
    project: str | Path | None = None,
) -> Pooled:
    """Pool every outcome of an analysis or of a table by frequentist methods alone.

    Parameters
    ----------
    source, measure, at, level, project
        As in `bayesmeta.fit`.
    method : str
        ``IV``, ``MH``, ``Peto``, ``DL``, ``PM``, ``REML``, ``ML``, ``EB``, ``SJ``, ``HE``, ``HS``,
        or ``all`` for those that suit the data.
    ci : {"wald", "hksj", "hksj-floor"}, optional
        Of random effects: ``wald`` by default, each of them with ``all``.
    profile : {"metafor", "revman5", "revman-web"}, optional
        Whose arithmetic: that of the analysis file, ``metafor`` for a table.
    seed : int
        Of the bootstrap prediction interval.

    Returns
    -------
    Pooled

    Raises
    ------
    InputError
        One line that says what in the input cannot be used, and what is expected.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> schools = {"study": ["A", "B", "C"], "estimate": [28, 8, -3], "se": [15, 10, 16]}
    >>> found = bm.pool(schools, method="DL", ci="hksj").rows[0].frequentist[0]
    >>> round(found.estimate, 3), round(found.ci_low, 3)
    (10.569, -22.792)
    """
    check_level(level)
    check_seed(seed)
    methods: tuple[Method | Literal["all"], ...] = (*METHODS, "all")
    name = known(method, methods, "method")
    one = None if name == "all" else name
    inference = None if ci is None else known(ci, INFERENCES, "ci")
    if one in COMMON_EFFECT and inference not in (None, "wald"):
        raise InputError(
            f"ci is {inference!r} but {one} assumes one common effect: a method that estimates "
            "tau2, such as REML, is expected"
        )
    rules = None if profile is None else known(profile, PROFILES, "profile")
    convention: Convention = "metafor" if rules in (None, "metafor") else "revman5"
    evidence = gather(
        source, measure=measure, direction=None, project=project, convention=convention
    )
    if rules and convention != evidence.convention:
        raise InputError(
            f"profile is {rules!r} but {evidence.name!r} computes its effects by the rules of "
            f"{evidence.convention}: a profile with these is expected"
        )
    rules = rules or evidence.convention

    def rows_of(pools: tuple[Pool, ...]) -> tuple[PooledRow, ...]:
        how: Any = {"level": level, "profile": rules, "seed": seed}
        return tuple(
            PooledRow(row, pools_by(row, evidence.measure, one, inference, **how)) for row in pools
        )

    rows = rows_of(at_time(evidence.pools, at))
    variants = tuple(
        PooledVariant(variant.name, variant.reason, rows_of(kept))
        for variant in evidence.variants
        if (kept := tuple(pool for pool in variant.pools if at is None or pool.time == at))
    )
    warnings = (*_not_estimable(rows), *evidence.warnings)
    return Pooled(evidence, rules, level, seed, warnings, rows, variants)


_NUMBERS = tuple(
    one.name
    for one in fields(FrequentistPool)
    if one.name not in ("weights", "prediction", "reasons")
)


def _prediction(pool: FrequentistPool) -> dict[str, float | None]:
    found = pool.prediction or dict.fromkeys(PREDICTIONS)
    return {
        f"{name}_{end}": None if limits is None else getattr(limits, f"ci_{end}")
        for name, limits in found.items()
        for end in ("low", "high")
    }


def _not_estimable(rows: tuple[PooledRow, ...]) -> Iterator[str]:
    for row in rows:
        if not row.frequentist:
            yield (
                f"{row.pool.outcome}: not estimable by this method, as without events in one of "
                "the arms of all tables"
            )
