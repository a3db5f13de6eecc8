"""Meta-regression of one pool: coefficients, contrasts of levels, predictions, labelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from statistics import median_low

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.engines.joint import JointPosterior, fit_joint
from bayesmeta.engines.joint_summaries import JointSummaries, Linear
from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.evidence.moderators import INTERCEPT, Moderators, Value, moderators
from bayesmeta.evidence.study import Direction, Pool
from bayesmeta.fit.joint_numbers import (
    CoefficientNumbers,
    HyperNumbers,
    coefficient_numbers,
    hyper_numbers,
    improper_priors,
    missing_reasons,
    number,
    rho_numbers,
    tau_numbers,
)
from bayesmeta.fit.numbers import Ask, benefit
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.given import Points
from bayesmeta.models.joint import JointModel
from bayesmeta.models.longitudinal import multilevel_model, regression_model
from bayesmeta.priors import (
    MuPrior,
    RhoFixed,
    RhoPrior,
    TauPrior,
    mu_prior,
    rho_prior,
    tau_prior,
)

MOST_POINTS = 27
"""Combinations of values of moderators at which predictions are made unasked."""

type Point = Mapping[str, Value]
type PriorOn = Mapping[str, MuPrior | str]


@dataclass(frozen=True, slots=True)
class EffectNumbers:
    """The mean effect, or the effect in a new study, or a difference of two means."""

    mean: float | None
    sd: float | None
    median: float
    ci_low: float
    ci_high: float
    prob_benefit: float | None
    prob_below_zero: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is expected where the moderators have these values."""

    values: dict[str, Value]
    mu: EffectNumbers
    theta_new: EffectNumbers


@dataclass(frozen=True, slots=True)
class LevelContrast:
    """The mean effect at one level of a factor minus that at another, all else alike."""

    factor: str
    from_level: str
    to_level: str
    at: dict[str, Value]
    difference: EffectNumbers


@dataclass(frozen=True, slots=True)
class Levels:
    """Effects within studies: the SD of the effects of a study, and how its errors correlate."""

    tau_within: TauPrior
    rho_within: RhoPrior


def levels_of(
    tau: TauPrior, tau_within: TauPrior | str | None, within_correlation: float | str | None
) -> Levels:
    """Read what a multilevel model has beyond a meta-regression.

    The prior on tau serves for both SDs by default, and errors are independent.
    """
    within = tau_prior(tau_within) if isinstance(tau_within, str) else tau_within or tau
    rho = RhoFixed(0.0) if within_correlation is None else rho_prior(str(within_correlation))
    return Levels(within, rho)


@dataclass(frozen=True)
class Regression:
    """The meta-regression of a pool.

    Attributes
    ----------
    pool : Pool
    moderators : Moderators
    posterior : JointPosterior
    coefficients : tuple of CoefficientNumbers
    tau : HyperNumbers
        Heterogeneity that the moderators leave, between studies.
    tau_within : HyperNumbers or None
        That between the effects of a study, where studies have several.
    rho_within : HyperNumbers, float or None
        The correlation of the errors of a study's estimates.
    contrasts : tuple of LevelContrast
    predictions : tuple of Prediction
    log_marginal_likelihood : float or None
    numerical_error : float
    reasons : dict
    """

    pool: Pool
    moderators: Moderators
    posterior: JointPosterior
    coefficients: tuple[CoefficientNumbers, ...]
    tau: HyperNumbers
    tau_within: HyperNumbers | None
    rho_within: HyperNumbers | float | None
    contrasts: tuple[LevelContrast, ...]
    predictions: tuple[Prediction, ...]
    log_marginal_likelihood: float | None
    numerical_error: float
    reasons: dict[str, str]
    level: float
    direction: Direction | None

    @property
    def formula(self) -> str:
        """The formula."""
        return self.moderators.formula

    @property
    def weights(self) -> Array:
        """Posterior mean of each study's share of the precision ``1 / (se^2 + tau^2)``."""
        nodes = self.posterior.best
        sds = nodes.phi[: len(nodes.model.between.tau)]
        precision = 1 / (self.pool.se[:, None] ** 2 + (sds**2).sum(0))
        shares: Array = (precision / precision.sum(0)) @ nodes.weights
        return shares

    def predict(self, points: Sequence[Point]) -> tuple[Prediction, ...]:
        """Return the mean effect and the effect in a new study at values of the moderators.

        Parameters
        ----------
        points : sequence of mapping
            A value of every moderator, such as ``[{"latitude": 13}, {"latitude": 52}]``.

        Examples
        --------
        >>> import bayesmeta as bm
        >>> trials = {"study": ["A", "B", "C"], "estimate": [-1.4, -0.2, -0.5],
        ...           "se": [0.3, 0.1, 0.1], "latitude": [44, 13, 19]}
        >>> found = bm.fit(trials, measure="RR", formula="~ latitude").regression
        >>> round(found.predict([{"latitude": 33}])[0].mu.median, 2)
        -1.01
        """
        rows = self.moderators.rows(points)
        _, found = fit_joint(self.posterior.model, self.level, Points(rows, np.zeros(len(rows))))
        return _predictions(points, found, self.direction)


def fit_regression(
    pool: Pool,
    formula: str,
    ask: Ask,
    source: str,
    *,
    beta: MuPrior | str = "flat",
    coefficients: PriorOn | None = None,
    points: Sequence[Point] = (),
    levels: Levels | None = None,
) -> Regression:
    """Regress the effects of a pool on moderators.

    Parameters
    ----------
    pool : Pool
    formula : str
    ask : Ask
        Its prior on mu is that of the intercept.
    source : str
        The table, for messages.
    beta : MuPrior or str
        On every other coefficient.
    coefficients : mapping of str to MuPrior or str, optional
        On coefficients by name, in place of these.
    points : sequence of mapping
        Where predictions are wanted; combinations of observed values by default.
    levels : Levels, optional
        Where studies have several effects.
    """
    found = moderators(pool, formula, source)
    priors = _priors(found.names, ask.mu, beta, coefficients or {})
    model = _model(pool, found, ask, priors, levels)
    wanted = list(points) or default_points(found)
    contrasts = _level_pairs(found)
    rows = [found.rows(wanted)]
    if contrasts:
        start = found.rows([pair[0] for pair in contrasts])
        rows.append(found.rows([pair[1] for pair in contrasts]) - start)
    stacked = np.concatenate(rows)
    posterior, summaries = fit_joint(model, ask.level, Points(stacked, np.zeros(len(stacked))))
    differences = _effects(summaries.mu, ask.direction)[len(wanted) :]
    return Regression(
        pool,
        found,
        posterior,
        coefficient_numbers(model, summaries),
        *_heterogeneity(model, summaries, levels),
        tuple(
            _contrast(*pair, difference)
            for pair, difference in zip(contrasts, differences, strict=True)
        ),
        _predictions(wanted, summaries, ask.direction),
        None if improper_priors(model) else summaries.log_evidence,
        summaries.numerical_error,
        missing_reasons(model, summaries),
        ask.level,
        ask.direction,
    )


def _model(
    pool: Pool,
    found: Moderators,
    ask: Ask,
    priors: tuple[MuPrior, ...],
    levels: Levels | None,
) -> JointModel:
    if levels is None:
        return regression_model(
            pool.y, pool.se, found.design, names=found.names, tau=ask.tau, coefficients=priors
        )
    return multilevel_model(
        pool.groups or pool.studies,
        pool.y,
        pool.se,
        found.design,
        names=found.names,
        tau_between=ask.tau,
        tau_within=levels.tau_within,
        within=Correlation("cs", levels.rho_within),
        coefficients=priors,
    )


def _heterogeneity(
    model: JointModel, found: JointSummaries, levels: Levels | None
) -> tuple[HyperNumbers, HyperNumbers | None, HyperNumbers | float | None]:
    if levels is None:
        return tau_numbers(model, found)[0], None, None
    between, within = (
        hyper_numbers(found.hyper(name), str(prior))
        for name, prior in zip(("tau_between", "tau_within"), model.between.tau, strict=True)
    )
    return between, within, rho_numbers(model, found, "rho_within")


def default_points(found: Moderators) -> list[dict[str, Value]]:
    """Return the combinations of the levels of factors and the range of numbers.

    Lowest, median and highest; the values of the studies where there are too many.
    """
    choices: list[list[Value]] = []
    for name, values in found.values.items():
        numbers = sorted(value for value in values if not isinstance(value, str))
        ends = [numbers[0], median_low(numbers), numbers[-1]] if numbers else []
        choices.append(list(dict.fromkeys(ends)) if ends else list(found.levels(name)))
    points = list(product(*choices))
    if len(points) > MOST_POINTS:
        points = list(dict.fromkeys(zip(*found.values.values(), strict=True)))
    return [dict(zip(found.values, point, strict=True)) for point in points]


def _level_pairs(found: Moderators) -> list[tuple[dict[str, Value], dict[str, Value], str]]:
    """Return pairs of points that differ in one factor, all else at its middle."""
    middle: dict[str, Value] = {}
    for name, values in found.values.items():
        numbers = [value for value in values if not isinstance(value, str)]
        middle[name] = median_low(numbers) if numbers else found.levels(name)[0]
    return [
        (middle | {name: start}, middle | {name: end}, name)
        for name in found.values
        for start, end in combinations(found.levels(name), 2)
    ]


def _contrast(
    start: dict[str, Value], end: dict[str, Value], factor: str, difference: EffectNumbers
) -> LevelContrast:
    rest = {name: value for name, value in start.items() if name != factor}
    return LevelContrast(factor, str(start[factor]), str(end[factor]), rest, difference)


def _priors(
    names: tuple[str, ...], mu: MuPrior, beta: MuPrior | str, named: PriorOn
) -> tuple[MuPrior, ...]:
    for name in named:
        if name not in names:
            raise InputError(
                f"no coefficient {name!r} to put a prior on: {did_you_mean(name, names)}"
            )
    chosen = (named.get(name, mu if name == INTERCEPT else beta) for name in names)
    return tuple(mu_prior(prior) if isinstance(prior, str) else prior for prior in chosen)


def _predictions(
    points: Sequence[Point], found: JointSummaries, direction: Direction | None
) -> tuple[Prediction, ...]:
    both = (_effects(part, direction) for part in (found.mu, found.theta_new))
    return tuple(
        Prediction(dict(point), mu, new) for point, mu, new in zip(points, *both, strict=False)
    )


def _effects(found: Linear, direction: Direction | None) -> list[EffectNumbers]:
    return [
        EffectNumbers(
            number(found.mean[at]),
            number(found.sd[at]),
            float(found.median[at]),
            float(found.low[at]),
            float(found.high[at]),
            benefit(float(below), direction),
            float(below),
        )
        for at, below in enumerate(found.below_zero)
    ]
