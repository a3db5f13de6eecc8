"""The joint model by NUTS: its numbers, their Monte Carlo errors, and how far exact is from it."""

from dataclasses import dataclass, replace
from math import inf, isfinite, isnan

import numpy as np
from arviz_stats.base import array_stats

from bayesmeta.arrays import Array
from bayesmeta.engines.grid import Grid
from bayesmeta.engines.joint_summaries import JointSummaries, Linear, Movement
from bayesmeta.engines.mixture import Mixture
from bayesmeta.engines.nuts_joint import JointDraws, sample_joint
from bayesmeta.fit.joint import Joint
from bayesmeta.fit.joint_numbers import JointNumbers, joint_numbers
from bayesmeta.fit.sampled import CHAINS, COMPARED, Comparison, Diagnostics, diagnose
from bayesmeta.models.joint import JointModel


@dataclass(frozen=True, slots=True)
class JointSampled:
    """A joint model by NUTS."""

    draws: JointDraws
    numbers: JointNumbers
    mcse: JointNumbers
    diagnostics: Diagnostics
    comparisons: tuple[Comparison, ...]

    @property
    def largest(self) -> Comparison:
        """The comparison in which the two engines are farthest apart."""
        return max(self.comparisons, key=lambda comparison: abs(comparison.difference))


def sample(joint: Joint, draws: int, seed: int, *, progress: bool) -> JointSampled:
    """Sample a joint model."""
    model, level = joint.model, joint.ask.level
    found = sample_joint(model, draws=draws, chains=CHAINS, seed=seed, progress=progress)
    chains = _chains(model, found, np.random.default_rng([seed, 4]))
    shown = model.shown(np.moveaxis(found.phi, -1, 0).reshape(len(model.hypers), -1))
    hypers = {hyper.name: value.reshape(found.phi.shape[:2]) for hyper, value in shown}
    value, error = (
        _summaries(joint.main.summaries, chains, hypers, level, errors=errors)
        for errors in (False, True)
    )
    named = {f"{name}[{at}]": x for name, xs in chains.items() for at, x in enumerate(_each(xs))}
    return JointSampled(
        found,
        _sampled_numbers(joint_numbers(model, value, joint.ask.direction)),
        # An error of P(benefit) is that of P(below 0), whichever is better.
        _sampled_numbers(joint_numbers(model, error, joint.ask.direction and "lower")),
        diagnose(named | hypers, found.sample_stats),
        tuple(_compare(joint, chains, hypers)),
    )


def _chains(model: JointModel, found: JointDraws, rng: np.random.Generator) -> dict[str, Array]:
    """Return draws of what is linear in the coefficients, shape (chains, draws, quantities)."""
    own = model.points(model.times)
    mu = found.beta @ own.rows.T
    phi = np.moveaxis(found.phi, -1, 0).reshape(len(model.hypers), -1)
    spread = model.between.variance(phi[: model.split], model.times, own.times)
    new = mu + np.sqrt(spread.T.reshape(mu.shape)) * rng.standard_normal(mu.shape)
    left, right = np.triu_indices(len(model.times), 1)
    contrasts = mu[..., right] - mu[..., left]
    return {"mu": mu, "theta_new": new, "contrasts": contrasts, "coefficients": found.beta}


def _summaries(
    exact: JointSummaries,
    chains: dict[str, Array],
    hypers: dict[str, Array],
    level: float,
    *,
    errors: bool,
) -> JointSummaries:
    """Summarise draws as the exact engine does, or give the Monte Carlo errors of that."""
    of_one = _mcse if errors else _value
    linear = {
        name: Linear(*np.array([of_one(x, level) for x in _each(xs)]).reshape(-1, 6).T)
        for name, xs in chains.items()
    }
    movements = []
    for known in exact.hypers:
        mean, sd, median, low, high, _ = of_one(hypers[known.name], level)
        movements.append(
            Movement(known.name, mean, sd, median, low, high, known.prior, float("nan"))
        )
    absent = {name: _with_absent(linear[name], getattr(exact, name)) for name in linear}
    return JointSummaries(
        exact.points,
        absent["mu"],
        absent["theta_new"],
        exact.pairs,
        absent["contrasts"],
        absent["coefficients"],
        tuple(movements),
        float("nan"),
        float("nan"),
        0,
    )


def _with_absent(found: Linear, exact: Linear) -> Linear:
    """Leave out the moments that do not exist."""
    mean = np.where(np.isnan(exact.mean), np.nan, found.mean)
    sd = np.where(np.isnan(exact.sd), np.nan, found.sd)
    return Linear(mean, sd, found.median, found.low, found.high, found.below_zero)


def _value(x: Array, level: float) -> tuple[float, ...]:
    low, median, high = np.quantile(x, [(1 - level) / 2, 0.5, (1 + level) / 2]).tolist()
    return float(x.mean()), float(x.std(ddof=1)), median, low, high, float((x < 0).mean())


def _mcse(x: Array, level: float) -> tuple[float, ...]:
    if np.ptp(x) == 0:
        return (0.0,) * 6
    below = (x < 0).astype(float)
    return (
        float(array_stats.mcse(x)),
        float(array_stats.mcse(x, method="sd")),
        *(_quantile_mcse(x, p) for p in (0.5, (1 - level) / 2, (1 + level) / 2)),
        float(array_stats.mcse(below)) if np.ptp(below) > 0 else 0.0,
    )


def _sampled_numbers(found: JointNumbers) -> JointNumbers:
    why = {"log_marginal_likelihood": "not estimated from draws", "numerical_error": "sampled"}
    return replace(
        found,
        log_marginal_likelihood=None,
        numerical_error=None,
        method="NUTS",
        reasons=found.reasons | why,
    )


def _compare(joint: Joint, chains: dict[str, Array], hypers: dict[str, Array]) -> list[Comparison]:
    """Compare quantiles, means and SDs with those of the exact engine."""
    posterior, model, exact = joint.main.posterior, joint.model, joint.main.summaries
    own = model.points(model.times).rows
    rows = own[exact.pairs[:, 1]] - own[exact.pairs[:, 0]]
    light = all(prior.tail_power == inf for prior in model.between.tau)
    mixtures: dict[str, Mixture] = {
        "mu": posterior.mu(model.times),
        "theta_new": posterior.theta_new(model.times),
        "contrasts": posterior.linear(rows),
    }
    found = []
    for name, mixture in mixtures.items():
        quantiles, known = mixture.quantile(COMPARED), getattr(exact, name)
        for at, x in enumerate(_each(chains[name])):
            moments = (known.mean[at], known.sd[at] if light else np.nan)
            found += _compared(_label(model, name, at), x, quantiles[at], moments)
    if isinstance(posterior.best, Grid):
        for side in posterior.best.sides:
            name = side.coordinate.hyper.name
            known = exact.hyper(name)
            quantiles = posterior.marginal(name).ppf(COMPARED)
            moments = (known.mean, known.sd if light else np.nan)
            found += _compared(name, hypers[name], quantiles, moments)
    return [one for one in found if isfinite(one.mcse) and one.mcse > 0]


def _compared(
    name: str, x: Array, quantiles: Array, moments: tuple[float, float]
) -> list[Comparison]:
    found = [
        Comparison(f"{name} at {100 * p:g} %", exact, value, _quantile_mcse(x, p))
        for p, exact, value in zip(
            COMPARED.tolist(), quantiles.tolist(), np.quantile(x, COMPARED).tolist(), strict=True
        )
    ]
    mean, sd = moments
    if not isnan(sd):
        found.append(
            Comparison(f"mean of {name}", mean, float(x.mean()), float(array_stats.mcse(x)))
        )
        error = float(array_stats.mcse(x, method="sd"))
        found.append(Comparison(f"SD of {name}", sd, float(x.std(ddof=1)), error))
    return found


def _label(model: JointModel, name: str, at: int) -> str:
    if name != "contrasts":
        return f"{name} at time {model.times[at]:g}"
    left, right = np.triu_indices(len(model.times), 1)
    return f"mu at time {model.times[right[at]]:g} minus {model.times[left[at]]:g}"


def _each(values: Array) -> list[Array]:
    return list(np.moveaxis(values, -1, 0))


def _quantile_mcse(x: Array, p: float) -> float:
    return float(array_stats.mcse(x, method="quantile", prob=p))
