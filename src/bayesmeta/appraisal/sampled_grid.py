"""A few priors of a grid by NUTS: how far from the exact engine, and power-scaling sensitivity."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from arviz_stats import psense

from bayesmeta.appraisal.conclusions import SENSITIVE, Pair
from bayesmeta.errors import InputError
from bayesmeta.fit.result import Row, fit_rows
from bayesmeta.fit.sampled import Comparison, Diagnostics, sample_row

if TYPE_CHECKING:
    from bayesmeta.appraisal.sensitivity import Sensitivity

MOST = 8


@dataclass(frozen=True, slots=True)
class Power:
    """How fast the posterior of a quantity moves with the power of the prior, of the likelihood.

    References
    ----------
    Kallioinen et al. (2024), Statistics and Computing 34:57, doi 10.1007/s11222-023-10366-5.
    """

    prior: float
    likelihood: float

    @property
    def diagnosis(self) -> str:
        """What the pair means, by the limit of 0.05 of the paper."""
        if self.prior < SENSITIVE:
            return ""
        return "prior and data may disagree" if self.likelihood >= SENSITIVE else "strong prior"


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
    power : dict of Power
        By quantity: mu, tau, theta_new; empty where the prior does not move.
    """

    pool: str
    under: Pair
    diagnostics: Diagnostics
    comparisons: tuple[Comparison, ...]
    power: dict[str, Power]

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
            sampled.append(_sampled(row, pair))
        if done:
            done()
    return tuple(sampled)


def power_scaling(row: Row) -> dict[str, Power]:
    """Return the power-scaling sensitivity of mu, tau and theta_new of a sampled pool, by ArviZ.

    References
    ----------
    Kallioinen et al. (2024), Statistics and Computing 34:57.
    """
    assert row.sampled is not None
    draws, pool, model = row.sampled.draws, row.pool, row.posterior.model
    mu, tau = draws.mu, draws.tau
    variance = pool.se**2 + tau[..., None] ** 2
    dims = ("chain", "draw", "study")
    posterior = {"mu": mu, "tau": tau, "theta_new": row.sampled.theta_new}
    log_prior = {"mu": model.mu.logpdf(mu), "tau": model.tau.logpdf(tau)}
    moving = {name: density for name, density in log_prior.items() if np.ptp(density) > 0}
    if not moving:
        return {}
    log_likelihood = -(np.log(2 * np.pi * variance) + (pool.y - mu[..., None]) ** 2 / variance) / 2
    groups = {
        "posterior": {name: x for name, x in posterior.items() if np.ptp(x) > 0},
        "log_prior": moving,
        "log_likelihood": {"y": log_likelihood},
    }
    tree = xr.DataTree.from_dict(
        {
            group: xr.Dataset({name: (dims[: x.ndim], x) for name, x in arrays.items()})
            for group, arrays in groups.items()
        }
    )
    by_prior, by_likelihood = (psense(tree, group=group) for group in ("prior", "likelihood"))
    return {name: Power(float(by_prior[name]), float(by_likelihood[name])) for name in by_prior}


def _sampled(row: Row, pair: Pair) -> SampledPrior:
    assert row.sampled is not None
    found = row.sampled
    return SampledPrior(
        row.pool.label, pair, found.diagnostics, found.comparisons, power_scaling(row)
    )
