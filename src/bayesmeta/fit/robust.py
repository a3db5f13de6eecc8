"""A fit again with Student-t study effects, to see whether one study makes the answer."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.engines.nuts_robust import RobustDraws, sample_robust
from bayesmeta.errors import InputError
from bayesmeta.fit.numbers import Numbers, benefit, model_of
from bayesmeta.fit.sampled import CHAINS, Diagnostics, diagnose, summarised
from bayesmeta.models import NormalNormal

if TYPE_CHECKING:
    import pandas as pd

    from bayesmeta.fit.result import Fit, Row


@dataclass(frozen=True, slots=True)
class RobustRow:
    """One pool with Student-t study effects.

    Attributes
    ----------
    row : Row
        The same with normal ones.
    draws : RobustDraws
    chains : dict of ndarray, shape (chains, draws)
        Of ``mu, tau, theta_new`` and of each ``theta[study]``.
    diagnostics : Diagnostics
    """

    row: "Row"
    draws: RobustDraws
    chains: dict[str, Array]
    diagnostics: Diagnostics


@dataclass(frozen=True, slots=True)
class Robust:
    """A fit with ``theta_i ~ Student-t(df, mu, tau)`` in place of normal study effects, by NUTS.

    Attributes
    ----------
    fit : Fit
        The fit with normal study effects, whose priors and intervals these are too; that on tau
        is the prior of the scale of the Student-t.
    df : float
    rows : tuple of RobustRow
    """

    fit: "Fit"
    df: float
    rows: tuple[RobustRow, ...]

    @property
    def converged(self) -> bool:
        """Whether every pool passed its diagnostics."""
        return not any(row.diagnostics.problems for row in self.rows)

    def summary(self) -> "pd.DataFrame":
        """Return every posterior summary beside that of normal study effects.

        Returns
        -------
        DataFrame
            Columns ``outcome, time, quantity, study, mean, sd, median, ci_low, ci_high,
            prob_benefit``, ``mcse`` of the median, ``normal_median`` of the exact engine with
            normal study effects, and ``precision``, the mean of a study's local precision: far
            below 1 where it lies apart from the others. On the analysis scale (log for ratios).
        """
        import pandas as pd

        return pd.DataFrame([line for row in self.rows for line in self._lines(row)])

    def _lines(self, robust: RobustRow) -> list[dict[str, Any]]:
        row, draws = robust.row, robust.draws
        normal = {name: getattr(row.exact, name) for name in ("mu", "tau", "theta_new")}
        normal |= {f"theta[{study.study}]": study.shrunk for study in row.exact.studies}
        local = draws.precision.mean((0, 1))
        lines = []
        for at, (name, chain) in enumerate(robust.chains.items()):
            study = row.pool.studies[at - 3] if at >= 3 else None
            exists = _existing(normal[name], name, row, self.df)
            value, error = summarised(chain, self.fit.ask, exists)
            below = float((chain < 0).mean()) if name in ("mu", "theta_new") else None
            lines.append(
                {
                    "outcome": row.pool.outcome,
                    "time": row.pool.time,
                    "quantity": "theta" if study else name,
                    "study": study,
                    "mean": value.mean,
                    "sd": value.sd,
                    "median": value.median,
                    "ci_low": value.ci_low,
                    "ci_high": value.ci_high,
                    "prob_benefit": benefit(below, self.fit.ask.direction),
                    "mcse": error.median,
                    "normal_median": normal[name].median,
                    "precision": float(local[at - 3]) if study else None,
                }
            )
        return lines


def robust_fit(fit: "Fit", df: float, progress: bool) -> Robust:
    """Sample every pool of a fit with Student-t study effects."""
    if not 1 <= df <= 1e6:
        raise InputError(f"df is {df:g}: expected degrees of freedom from 1 to 1e6, such as 4")
    rows = tuple(
        _sampled(fit, row, df, fit.seed + 1000 * at, progress) for at, row in enumerate(fit.rows)
    )
    return Robust(fit, df, rows)


def _sampled(fit: "Fit", row: "Row", df: float, seed: int, progress: bool) -> RobustRow:
    batch = model_of(row.pool, fit.ask.mu, fit.ask.tau)
    model: NormalNormal = replace(batch, y=row.pool.y, se=row.pool.se)
    draws = sample_robust(model, df, draws=fit.draws, chains=CHAINS, seed=seed, progress=progress)
    rng = np.random.default_rng([seed, 4])
    theta_new = draws.mu + draws.tau * rng.standard_t(df, draws.mu.shape)
    chains = {
        "mu": draws.mu,
        "tau": draws.tau,
        "theta_new": theta_new,
        **{f"theta[{study}]": draws.theta[..., i] for i, study in enumerate(row.pool.studies)},
    }
    return RobustRow(row, draws, chains, diagnose(chains, draws.sample_stats))


def _existing(normal: Numbers, name: str, row: "Row", df: float) -> Numbers:
    """Return the numbers of the normal model without the moments that do not exist here.

    Its rules hold for the joint tail of mu and tau; beside it mu falls as ``|mu|^-k(df + 1)`` where
    its prior is flat, and theta_new as a Student-t.
    """
    orders = np.inf
    if name == "theta_new":
        orders = df
    if name in ("mu", "theta_new") and not row.posterior.model.mu.proper:
        orders = min(orders, row.pool.k * (df + 1) - 1)
    return replace(
        normal,
        mean=normal.mean if orders > 1 else None,
        sd=normal.sd if orders > 2 else None,
    )
