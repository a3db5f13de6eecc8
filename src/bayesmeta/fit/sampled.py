"""A pool by NUTS: its numbers with their Monte Carlo errors, its diagnostics, and how far it is
from the exact engine.
"""

from dataclasses import dataclass, replace
from math import inf, isfinite, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from arviz_stats.base import array_stats

from bayesmeta.arrays import Array
from bayesmeta.engines import nuts
from bayesmeta.engines.exact import Posterior, Quantity
from bayesmeta.fit.numbers import (
    Ask,
    Numbers,
    PosteriorNumbers,
    StudyNumbers,
    benefit,
    model_of,
)
from bayesmeta.models import NormalNormal

if TYPE_CHECKING:
    from bayesmeta.fit.result import Row

CHAINS = 4
COMPARED = np.array([0.025, 0.25, 0.5, 0.75, 0.975])
_NO_MODE = "a mode is not estimated from draws: see the exact engine"


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Convergence of the chains, over all quantities.

    ``problems`` names the checks that failed; empty where all passed.
    """

    r_hat_max: float
    ess_bulk_min: float
    ess_tail_min: float
    divergences: int
    bfmi_min: float
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A summary by NUTS and by the exact engine, and their difference in MCSE."""

    quantity: str
    exact: float
    nuts: float
    mcse: float

    @property
    def difference(self) -> float:
        """Difference in units of the Monte Carlo standard error."""
        return (self.nuts - self.exact) / self.mcse


@dataclass(frozen=True, slots=True)
class Sampled:
    """One pool by NUTS."""

    draws: nuts.Draws
    theta_new: Array
    numbers: PosteriorNumbers
    mcse: PosteriorNumbers
    diagnostics: Diagnostics
    comparisons: tuple[Comparison, ...]

    @property
    def largest(self) -> Comparison:
        """The comparison in which the two engines are farthest apart."""
        return max(self.comparisons, key=lambda comparison: abs(comparison.difference))


def sample_row(row: "Row", ask: Ask, draws: int, seed: int, progress: bool) -> "Row":
    """Return the row with its pool sampled by NUTS."""
    batch = model_of(row.pool, ask.mu, ask.tau)
    model = replace(batch, y=row.pool.y, se=row.pool.se)
    found = nuts.sample(model, draws=draws, chains=CHAINS, seed=seed, progress=progress)
    rng = np.random.default_rng([seed, 1])
    theta_new = found.mu + found.tau * rng.standard_normal(found.mu.shape)
    chains: dict[str, Array] = {
        "mu": found.mu,
        "tau": found.tau,
        "theta_new": theta_new,
        "i2": found.tau**2 / (found.tau**2 + float(model.typical_variance())),
        **{f"theta[{study}]": found.theta[..., i] for i, study in enumerate(row.pool.studies)},
    }
    numbers, mcse = _numbers(row, ask, batch, chains)
    return replace(
        row,
        sampled=Sampled(
            found,
            theta_new,
            numbers,
            mcse,
            diagnose(chains, found.sample_stats),
            _compare(row.posterior, batch, chains, row.pool.studies),
        ),
    )


def diagnose(chains: dict[str, Array], sample_stats: dict[str, Any]) -> Diagnostics:
    """Check R-hat, ESS, divergences and BFMI by ArviZ.

    Limits of Vehtari et al. (2021), Bayesian Analysis 16:667: R-hat at most 1.01, bulk and tail
    ESS at least 100 a chain; BFMI at least 0.3 (Betancourt 2016, arXiv 1604.00695); no divergence.
    """
    moving = [chain for chain in chains.values() if np.ptp(chain) > 0]
    r_hat = max((float(array_stats.rhat(chain)) for chain in moving), default=1.0)
    bulk, tail = (
        min((float(array_stats.ess(chain, **ask)) for chain in moving), default=inf)
        for ask in ({"method": "bulk"}, {"method": "tail", "prob": (0.05, 0.95)})
    )
    divergences = int(np.sum(sample_stats["diverging"]))
    bfmi = float(np.min(array_stats.bfmi(sample_stats["energy"])))
    needed = 100 * len(sample_stats["energy"])
    problems = (
        (r_hat > 1.01, f"R-hat {r_hat:.3f} is above 1.01"),
        (bulk < needed, f"bulk ESS {bulk:.0f} is below {needed}"),
        (tail < needed, f"tail ESS {tail:.0f} is below {needed}"),
        (divergences > 0, f"{divergences} divergent transitions"),
        (bfmi < 0.3, f"BFMI {bfmi:.2f} is below 0.3"),
    )
    failed = tuple(text for wrong, text in problems if wrong)
    if failed:
        failed = (*failed[:-1], f"{failed[-1]}; try more draws (--draws) or a tighter prior on tau")
    return Diagnostics(r_hat, bulk, tail, divergences, bfmi, failed)


def _numbers(
    row: "Row", ask: Ask, model: NormalNormal, chains: dict[str, Array]
) -> tuple[PosteriorNumbers, PosteriorNumbers]:
    """Summaries of the draws, and the Monte Carlo standard error of each."""
    exact = row.exact
    names = ("mu", "tau", "theta_new", "i2")
    pairs = {name: summarised(chains[name], ask, getattr(exact, name)) for name in names}
    shrunk = [
        summarised(chains[f"theta[{study.study}]"], ask, study.shrunk) for study in exact.studies
    ]
    below, below_new = chains["mu"] < 0, chains["theta_new"] < 0
    why = {"log_marginal_likelihood": "not estimated from draws", "numerical_error": "sampled"}
    why |= {f"{name}.mode": _NO_MODE for name in pairs}
    unsure = {
        f"{name}.mean": "the Monte Carlo error of a mean needs a finite variance"
        for name in names
        if f"{name}.sd" in exact.reasons and f"{name}.mean" not in exact.reasons
    }
    why |= {f"studies.{i}.shrunk.mode": _NO_MODE for i in range(len(shrunk))}
    weights = _mean_weights(model, chains["tau"])

    def gathered(which: int, below: float, below_new: float, **rest: Any) -> PosteriorNumbers:
        return PosteriorNumbers(
            mu=pairs["mu"][which],
            tau=pairs["tau"][which],
            theta_new=pairs["theta_new"][which],
            i2=pairs["i2"][which],
            studies=tuple(
                StudyNumbers(s.study, s.estimate, s.se, s.status, pair[which], weights[which][i])
                for i, (s, pair) in enumerate(zip(exact.studies, shrunk, strict=True))
            ),
            prior_weight=weights[which][-1],
            prob_below_zero=below,
            log_marginal_likelihood=None,
            numerical_error=None,
            reasons=exact.reasons | why | (unsure if which else {}),
            **rest,
        )

    p, p_new = float(below.mean()), float(below_new.mean())
    e, e_new = (_mean_mcse(x.astype(float)) for x in (below, below_new))
    known = ask.direction is not None
    return (
        gathered(
            0,
            p,
            p_new,
            prob_benefit=benefit(p, ask.direction),
            prob_benefit_new=benefit(p_new, ask.direction),
        ),
        gathered(
            1,
            e,
            e_new,
            prob_benefit=e if known else None,
            prob_benefit_new=e_new if known else None,
        ),
    )


def summarised(x: Array, ask: Ask, exists: Numbers) -> tuple[Numbers, Numbers]:
    """Summaries of one quantity, of those that exist, and their Monte Carlo standard errors."""
    if np.ptp(x) == 0:
        point = float(x.flat[0])
        same = Numbers(point, 0.0, point, None, point, point)
        return same, Numbers(0.0, 0.0, 0.0, None, 0.0, 0.0)
    tails = (1 - ask.level) / 2, (1 + ask.level) / 2
    if ask.interval == "central":
        low, high = np.quantile(x, tails)
    else:
        low, high = array_stats.hdi(x.ravel(), ask.level)
        tails = float(np.mean(x <= low)), float(np.mean(x <= high))
    finite_sd = exists.sd is not None
    value = Numbers(
        float(x.mean()) if exists.mean is not None else None,
        float(x.std(ddof=1)) if finite_sd else None,
        float(np.median(x)),
        None,
        float(low),
        float(high),
    )
    error = Numbers(
        _mean_mcse(x) if finite_sd else None,
        float(array_stats.mcse(x, method="sd")) if finite_sd else None,
        _quantile_mcse(x, 0.5),
        None,
        _quantile_mcse(x, tails[0]),
        _quantile_mcse(x, tails[1]),
    )
    return value, error


def _mean_weights(model: NormalNormal, tau: Array) -> tuple[list[float], list[float]]:
    """Posterior means of the studies' shares and of the prior's, and their Monte Carlo errors."""
    given = model.given(tau.reshape(1, -1))
    variance = (given.share * given.variance).sum(-2, keepdims=True)
    prior = (given.share * given.prior_weight).sum(-2, keepdims=True)
    shares = np.concatenate([given.weights * variance, prior], -2).reshape(-1, *tau.shape)
    return [float(x.mean()) for x in shares], [_mean_mcse(x) for x in shares]


def _mean_mcse(x: Array) -> float:
    return float(array_stats.mcse(x)) if np.ptp(x) > 0 else 0.0


def _quantile_mcse(x: Array, p: float) -> float:
    return float(array_stats.mcse(x, method="quantile", prob=p))


def _compare(
    posterior: Posterior, model: NormalNormal, chains: dict[str, Array], studies: tuple[str, ...]
) -> tuple[Comparison, ...]:
    """Compare every quantity at five quantiles, and at the moments that MCSE can be had of.

    A mean only where the variance exists, an SD only where the fourth moment does.
    """
    found = []
    exact = _exact_quantiles(posterior, studies)
    for name, (quantiles, mean, sd) in exact.items():
        x = chains[name]
        if np.ptp(x) == 0:
            continue
        sampled = np.quantile(x, COMPARED)
        for p, truth, value in zip(COMPARED, quantiles, sampled, strict=True):
            label = f"{name} at {100 * p:g} %"
            found.append(Comparison(label, float(truth), float(value), _quantile_mcse(x, float(p))))
        study = name.startswith("theta[")
        second, fourth = (
            study or bool(model.moment_exists(order, of_mu=name == "mu")[0]) for order in (2, 4)
        )
        if second:
            found.append(Comparison(f"mean of {name}", mean, float(x.mean()), _mean_mcse(x)))
        if fourth:
            error = float(array_stats.mcse(x, method="sd"))
            found.append(Comparison(f"SD of {name}", sd, float(x.std(ddof=1)), error))
    return tuple(c for c in found if isfinite(c.mcse) and c.mcse > 0)


def _exact_quantiles(
    posterior: Posterior, studies: tuple[str, ...]
) -> dict[str, tuple[Array, float, float]]:
    model = posterior.model
    unit, zero = float(model.unit), float(np.asarray(model.location)[0])
    of: dict[str, tuple[Array, float, float]] = {}
    quantities: tuple[Quantity, ...] = ("mu", "theta_new")
    for name in quantities:
        mixture = posterior.mixture(name)
        moments = float(mixture.mean()[0]), float(mixture.sd()[0])
        of[name] = (
            zero + unit * mixture.quantile(COMPARED)[0],
            zero + unit * moments[0],
            unit * moments[1],
        )
    effects = posterior.mixture("theta")
    for i, study in enumerate(studies):
        mean, sd = float(effects.mean()[0, i]), float(effects.sd()[0, i])
        quantiles = effects.quantile(COMPARED)[0, i]
        of[f"theta[{study}]"] = zero + unit * quantiles, zero + unit * mean, unit * sd
    if (tau := posterior.heterogeneity) is not None:
        nodes = posterior.fine
        mean = float((nodes.weights * nodes.tau).sum())
        sd = sqrt(float((nodes.weights * (nodes.tau - mean) ** 2).sum()))
        of["tau"] = unit * tau.map.tau(tau.quantile(COMPARED))[0][0], unit * mean, unit * sd
    return of
