"""A few priors of a grid by NUTS: how far they are from the exact engine, and power-scaling."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from bayesmeta.appraisal.conclusions import Pair
from bayesmeta.appraisal.power_scaling import power_scaling
from bayesmeta.errors import InputError
from bayesmeta.fit.result import Fit, fit_rows
from bayesmeta.fit.sampled import Comparison, Diagnostics, sample_row

if TYPE_CHECKING:
    from bayesmeta.appraisal.sensitivity import Sensitivity

MOST = 8


@dataclass(frozen=True, slots=True)
class SampledPrior:
    """A pool under one pair of priors, by NUTS.

    Attributes
    ----------
    pool : str
        Outcome and time.
    under : Pair
    diagnostics : Diagnostics
    comparisons : tuple of Comparison
        Of quantiles and moments with the exact engine, in Monte Carlo standard errors.
    power : dict
        `bayesmeta.appraisal.power_scaling` as a dict of its rows: mu, tau, theta_new.
    """

    pool: str
    under: Pair
    diagnostics: Diagnostics
    comparisons: tuple[Comparison, ...]
    power: dict[Any, dict[Any, Any]]

    @property
    def largest(self) -> Comparison:
        """Where the two engines are farthest apart."""
        return max(self.comparisons, key=lambda comparison: abs(comparison.difference))


def chosen(found: "Sensitivity", most: int = MOST) -> list[Pair]:
    """Return the reference priors, then those that make the most extremes, `most` in all."""
    extremes = Counter(
        pair
        for conclusion in found.main
        for moved in conclusion.moved.values()
        for pair in (moved.low_under, moved.high_under)
    )
    return list(dict.fromkeys([found.under, *(pair for pair, _ in extremes.most_common())]))[:most]


def sample_grid(
    found: "Sensitivity",
    pairs: list[Pair],
    *,
    draws: int,
    seed: int,
    done: Callable[[], None] | None = None,
) -> tuple[SampledPrior, ...]:
    """Sample every pool, as given and whole, under each of the pairs.

    Parameters
    ----------
    done : callable, optional
        Called as each is finished.
    """
    sampled = []
    for number, (pool, pair) in enumerate(product(found.pools, pairs)):
        mu = found.grid.mus.get(pair.mu, found.fit.ask.mu)
        tau = found.grid.taus.get(pair.tau, found.fit.ask.tau)
        ask = replace(found.fit.ask, mu=mu, tau=tau)
        with suppress(InputError):  # improper: said where the grid is swept
            (row,) = fit_rows((pool,), found.evidence, ask)
            row = sample_row(row, ask, draws, seed + 1000 * number, False)
            fit = replace(found.fit, ask=ask, rows=(row,), draws=draws, seed=seed)
            sampled.append(_sampled(fit, pair))
        if done:
            done()
    return tuple(sampled)


def _sampled(fit: Fit, pair: Pair) -> SampledPrior:
    (row,) = fit.rows
    assert row.sampled is not None
    return SampledPrior(
        row.pool.label,
        pair,
        row.sampled.diagnostics,
        row.sampled.comparisons,
        power_scaling(fit, row).to_dict("index"),
    )
