"""The result of a fit: values with labels, and what can be asked of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from bayesmeta.engines.exact import TOLERANCE, IntervalKind, Posterior
from bayesmeta.errors import InputError
from bayesmeta.evidence.study import Direction, Evidence, Pool
from bayesmeta.fit.events import Event
from bayesmeta.fit.hypotheses import Hypotheses, bayes_factors
from bayesmeta.fit.joint import Joint
from bayesmeta.fit.numbers import Ask, PosteriorNumbers, exact_numbers
from bayesmeta.fit.regression import Regression
from bayesmeta.frequentist import FrequentistPool, frequentist_pools

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayesmeta.fit.joint_sampled import JointSampled
    from bayesmeta.fit.robust import Robust
    from bayesmeta.fit.sampled import Sampled

type Engine = Literal["exact", "nuts", "both"]


@dataclass(frozen=True)
class Row:
    """One pool: the data, the frequentist pools, and the posterior by each engine asked for."""

    pool: Pool
    frequentist: tuple[FrequentistPool, ...]
    posterior: Posterior
    exact: PosteriorNumbers
    sampled: "Sampled | None" = None

    @property
    def key(self) -> tuple[str, float | None]:
        """Outcome and time."""
        return self.pool.key

    @cached_property
    def hypotheses(self) -> Hypotheses:
        """Bayes factors of mu = 0 and tau = 0, by the exact engine."""
        return bayes_factors(self.posterior.model)


@dataclass(frozen=True, slots=True)
class VariantRows:
    """The same analysis on other data."""

    name: str
    reason: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Fit:
    """The labelled result of an analysis, one row a pool.

    Attributes
    ----------
    evidence : Evidence
    ask : Ask
        Priors, level, kind of interval and direction that every pool was asked with.
    default_priors : frozenset of str
        Which of ``mu`` and ``tau`` nobody named.
    engine : {'exact', 'nuts', 'both'}
    seed : int
    draws : int
        Per chain, of four chains.
    rows : tuple of Row
    variants : tuple of VariantRows
        Other selections of rows, other assumptions: exact engine.
    joint : Joint or None
        One model of all times, where it was asked for.
    joint_nuts : JointSampled or None
        The same by NUTS.
    regression : Regression or None
        The pool regressed on moderators, where a formula was given.
    """

    evidence: Evidence
    ask: Ask
    default_priors: frozenset[str]
    engine: Engine
    seed: int
    draws: int
    rows: tuple[Row, ...]
    variants: tuple[VariantRows, ...]
    joint: Joint | None = None
    joint_nuts: "JointSampled | None" = None
    regression: Regression | None = None

    @property
    def name(self) -> str:
        """Name of the analysis."""
        return self.evidence.name

    @property
    def direction(self) -> Direction | None:
        """Whether lower or higher values are better."""
        return self.ask.direction

    @property
    def interval(self) -> IntervalKind:
        """Kind of the credible intervals."""
        return self.ask.interval

    @property
    def shown(self) -> list[PosteriorNumbers]:
        """The posterior of each row that the engine asked for gives."""
        return [
            row.sampled.numbers if self.engine == "nuts" and row.sampled else row.exact
            for row in self.rows
        ]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader must know before believing a number, most serious first."""
        failed = [
            f"{row.pool.label}: NUTS did not converge: {problem}"
            for row in self.rows
            if row.sampled
            for problem in row.sampled.diagnostics.problems
        ]
        if self.joint_nuts:
            problems = self.joint_nuts.diagnostics.problems
            failed += [f"all times: NUTS did not converge: {problem}" for problem in problems]
        imprecise = [
            f"{row.pool.label}: quadrature reached an error of "
            f"{row.exact.numerical_error:.1e}, above 1e-10, with the most nodes allowed"
            for row in self.rows
            if row.exact.numerical_error is not None and row.exact.numerical_error > TOLERANCE
        ]
        of_joint = self.joint.warnings if self.joint else ()
        return (*failed, *imprecise, *self.evidence.warnings, *of_joint)

    @property
    def converged(self) -> bool:
        """Whether every NUTS fit passed its diagnostics."""
        sampled = [*(row.sampled for row in self.rows), self.joint_nuts]
        return not any(one and one.diagnostics.problems for one in sampled)

    def with_nuts(
        self,
        engine: Engine = "both",
        *,
        progress: bool = False,
        done: Callable[[Row], None] | None = None,
    ) -> Self:
        """Return the same fit with every pool sampled by NUTS too.

        Parameters
        ----------
        engine : {'both', 'nuts'}
            Whose numbers the result shows.
        progress : bool
            Show nutpie's progress bar.
        done : callable, optional
            Called with each row as it is finished.
        """
        from bayesmeta.fit.sampled import sample_row

        rows = []
        for at, row in enumerate(self.rows):
            rows.append(sample_row(row, self.ask, self.draws, self.seed + 1000 * at, progress))
            if done:
                done(rows[-1])
        joint_nuts = None
        if self.joint is not None:
            from bayesmeta.fit.joint_sampled import sample

            joint_nuts = sample(
                self.joint, self.draws, self.seed + 1000 * len(rows), progress=progress
            )
        return replace(self, rows=tuple(rows), joint_nuts=joint_nuts, engine=engine)

    def robust(self, df: float = 4, *, progress: bool = False) -> "Robust":
        """Return the same fit with ``theta_i ~ Student-t(df, mu, tau)``, sampled by NUTS.

        A study apart from the others then pulls mu and widens tau less. Priors as they are, that
        on tau being the prior of the scale of the Student-t.

        Parameters
        ----------
        df : float
            Degrees of freedom, from 1 to 1e6, where effects are normal again.
        progress : bool
            Show nutpie's progress bar.

        References
        ----------
        Lee and Thompson (2008), Statistics in Medicine 27:418.
        """
        from bayesmeta.fit.robust import robust_fit

        return robust_fit(self, df, progress)

    def summary(self) -> "pd.DataFrame":
        """Return every posterior summary, one row a quantity.

        Returns
        -------
        DataFrame
            Columns ``outcome, time, quantity, study, mean, sd, median, mode, ci_low, ci_high``,
            on the analysis scale (log for ratio measures).

        Examples
        --------
        >>> import bayesmeta as bm
        >>> table = bm.fit("sledai", at=12).summary()
        >>> table.query("quantity == 'mu'")["median"].round(3).item()
        -0.774
        """
        import pandas as pd

        return pd.DataFrame(self.long(), columns=list(LONG_COLUMNS))

    def long(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of `summary`, in the order of `LONG_COLUMNS`."""
        for row, numbers in zip(self.rows, self.shown, strict=True):
            place = row.pool.outcome, row.pool.time
            for quantity in ("mu", "tau", "theta_new", "i2"):
                yield (*place, quantity, None, *_values(getattr(numbers, quantity)))
            for study in numbers.studies:
                yield (*place, "theta", study.study, *_values(study.shrunk))
        if self.joint is not None:
            for time, quantity, numbers in self.joint.numbers.long():
                summary = (getattr(numbers, name, None) for name in LONG_COLUMNS[4:])
                yield (self.rows[0].pool.outcome, time, f"joint {quantity}", None, *summary)

    def shrinkage(self) -> "pd.DataFrame":
        """Return each study as observed beside its effect given all, and its weight."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "outcome": row.pool.outcome,
                    "time": row.pool.time,
                    "study": study.study,
                    "status": study.status,
                    "estimate": study.estimate,
                    "se": study.se,
                    "shrunk": study.shrunk.median,
                    "ci_low": study.shrunk.ci_low,
                    "ci_high": study.shrunk.ci_high,
                    "weight": study.weight,
                }
                for row, numbers in zip(self.rows, self.shown, strict=True)
                for study in numbers.studies
            ]
        )

    def predict(self) -> "pd.DataFrame":
        """Return the prediction for the effect in a new study, one row a pool."""
        table = self.summary().query("quantity == 'theta_new'").drop(columns=["quantity", "study"])
        table["prob_benefit"] = [numbers.prob_benefit_new for numbers in self.shown]
        return table.reset_index(drop=True)

    def prob(self, event: str) -> "float | pd.Series[float]":
        """Return the posterior probability of an event such as ``"mu < 0"``.

        Parameters
        ----------
        event : str
            ``mu``, ``theta_new`` or ``tau`` beyond a number or between two, such as
            ``"-1 < mu < 1"``, on the analysis scale (log for ratio measures). Always by the exact
            engine.

        Returns
        -------
        float or Series
            A number where there is one pool, else a Series by outcome and time.

        Raises
        ------
        InputError
            When the event is not of that form.

        Examples
        --------
        >>> import bayesmeta as bm
        >>> round(bm.fit("sledai", at=12).prob("mu < 0"), 3)
        0.866
        """
        import pandas as pd

        found = Event.read(event)
        values = [found.probability(row.posterior) for row in self.rows]
        if len(self.rows) == 1:
            return values[0]
        index = pd.MultiIndex.from_tuples([row.key for row in self.rows], names=["outcome", "time"])
        return pd.Series(values, index=index, name=event)

    def bayes_factors(self) -> "pd.DataFrame":
        """Return Bayes factors BF01 of mu = 0 and of tau = 0, one row a pool.

        Below 1 the data are likelier under the alternative. Empty where a prior is improper; the
        minimum is the least that any prior on the parameter could make of the same data.

        Returns
        -------
        DataFrame
            Columns ``outcome, time, mu, tau, minimum_mu, minimum_tau``.

        Examples
        --------
        >>> import bayesmeta as bm
        >>> bm.fit("sledai", at=12, mu="normal(0, 4)").bayes_factors()["tau"].round(3).item()
        0.146
        """
        import pandas as pd

        names = ("mu", "tau", "minimum_mu", "minimum_tau")
        rows = []
        for row in self.rows:
            factors = (getattr(row.hypotheses, name) for name in names)
            rows.append((*row.key, *(factor and factor.value for factor in factors)))
        return pd.DataFrame(rows, columns=["outcome", "time", *names])

    def to_datatree(self, time: float | None = None) -> "xr.DataTree":
        """Return one pool as an ArviZ DataTree with prior, posterior and predictive draws.

        Parameters
        ----------
        time : float, optional
            Which pool; needed where there are several.

        Raises
        ------
        InputError
            When no pool, or more than one, is at that time.
        """
        from bayesmeta.fit.datatree import datatree

        rows = [row for row in self.rows if time is None or row.pool.time == time]
        if len(rows) != 1:
            known = [f"{row.pool.time:g}" for row in self.rows if row.pool.time is not None]
            asked = "no time was given" if time is None else f"time {time:g} was asked"
            raise InputError(f"{asked}, and {len(rows)} pools fit: choose of {', '.join(known)}")
        return datatree(self, rows[0])

    def to_dict(self) -> dict[str, Any]:
        """Return the object that ``--format json`` prints."""
        from bayesmeta.fit.record import record

        return record(self)

    def save(self, folder: "str | Path") -> list[Path]:
        """Write ``fit.json``, ``summary.csv`` and one netCDF a pool into a folder, atomically.

        Returns
        -------
        list of Path
            The files written.
        """
        from bayesmeta.fit.save import save

        return save(self, Path(folder))

    @cached_property
    def _html(self) -> str:
        from bayesmeta.fit.html import html

        return html(self)

    def _repr_html_(self) -> str:
        return self._html


LONG_COLUMNS = (
    "outcome",
    "time",
    "quantity",
    "study",
    "mean",
    "sd",
    "median",
    "mode",
    "ci_low",
    "ci_high",
)


def fit_rows(pools: tuple[Pool, ...], evidence: Evidence, ask: Ask) -> tuple[Row, ...]:
    """Fit every pool, frequentist and exact."""
    return tuple(
        Row(
            pool,
            frequentist_pools(pool, evidence.measure, evidence.convention, ask.level),
            *exact_numbers(pool, ask),
        )
        for pool in pools
    )


def _values(numbers: Any) -> tuple[float | None, ...]:
    return tuple(getattr(numbers, name) for name in LONG_COLUMNS[4:])
