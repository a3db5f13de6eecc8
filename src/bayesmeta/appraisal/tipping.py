"""The priors at which a conclusion turns: solved for, not read off a grid."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from math import exp, inf, log
from typing import Literal

import numpy as np
from scipy import special

from bayesmeta.arrays import Array
from bayesmeta.engines import exact
from bayesmeta.engines.exact import IntervalKind, Posterior, Summary
from bayesmeta.engines.sweep import sweep
from bayesmeta.errors import InputError
from bayesmeta.evidence.study import Direction
from bayesmeta.fit.events import Event
from bayesmeta.fit.words import percent, probability
from bayesmeta.models import NormalNormal, model_for
from bayesmeta.priors import Flat, Normal, scaled

type Conclusion = Literal["mu", "theta_new"]

_POINTS = 97
_CLOSER = 3
"""How often a scan looks closer at where a function comes near zero and turns back."""


@dataclass(frozen=True, slots=True)
class Tipping:
    """Factors c of tau, its prior that of ``c tau``, at which a conclusion turns.

    Attributes
    ----------
    quantity : {'mu', 'theta_new'}
    level : float
        Of P(benefit).
    benefit : tuple of float
        Every c where P(benefit) crosses its level.
    interval : tuple of float
        Every c where the credible interval touches no effect.
    benefit_words, interval_words : str
        What happens over the range, also where nothing does.
    """

    quantity: Conclusion
    level: float
    benefit: tuple[float, ...]
    interval: tuple[float, ...]
    benefit_words: str
    interval_words: str


@dataclass(frozen=True, slots=True)
class Sceptical:
    """The most sceptical prior on mu that still leaves a conclusion.

    Attributes
    ----------
    sd : float or None
        The smallest s for which normal(0, s) keeps P(benefit) at the level; 0 where any does,
        None where none does.
    crossings : tuple of float
        Every s where P(benefit) crosses the level; one where it only rises with s, as it nearly
        always does, though tau may see to it that it does not.
    flat : float or None
        P(benefit) under a flat prior on mu, None where the posterior is improper then.
    words : str
    """

    sd: float | None
    crossings: tuple[float, ...]
    flat: float | None
    words: str


def tipping_scales(
    model: NormalNormal,
    direction: Direction,
    quantity: Conclusion = "mu",
    *,
    level: float = 0.95,
    interval_level: float = 0.95,
    interval: IntervalKind = "central",
    low: float = 0.01,
    high: float = 100.0,
) -> Tipping:
    """Find every c at which the prior of c tau turns a conclusion.

    The prior on tau as a whole is mapped to that of c tau, density ``p(tau / c) / c``, so every
    family has such a scale. A sweep over 97 values of c, closer where a function comes near and
    turns back, finds the crossings; Brent's method on single fits solves for them, to 1e-10
    relative.

    Parameters
    ----------
    model : NormalNormal
        A batch of one, such as ``row.posterior.model``.
    direction : {'lower', 'higher'}
        Which is better.
    quantity : {'mu', 'theta_new'}
    level : float
        Of P(benefit).
    interval_level, interval
        Of the credible interval.
    low, high : float
        Range of c.

    References
    ----------
    Brent (1973), Algorithms for Minimization without Derivatives, chapter 4.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> y, se = np.array([[-0.6, -0.3, -0.9]]), np.array([[0.3, 0.3, 0.4]])
    >>> found = tipping_scales(NormalNormal(y, se, Flat(), HalfNormal(0.5)), "lower")
    >>> [round(c, 4) for c in found.benefit], [round(c, 4) for c in found.interval]
    ([2.2328], [1.0775])
    >>> print(found.benefit_words)
    P(benefit) of mu falls below 0.95 at 2.23 times the scale of half-normal(0.5)
    """
    _check(level, interval_level)
    if not 0 < low < high < inf:
        raise InputError(f"the range of scales is {low:g} to {high:g}: expected 0 < low < high")
    one = _bound(model)
    alone = replace(one, y=one.y[0], se=one.se[0])
    ask = interval_level, interval, (quantity,)

    def gaps(c: Array) -> Array:
        found = sweep(alone, [scaled(one.tau, float(factor)) for factor in c], *ask)
        return _gaps(found.of[quantity], direction, level)

    def gap(row: int, c: float) -> float:
        _, found = exact.fit(replace(one, tau=scaled(one.tau, c)), *ask)
        return float(_gaps(found.of[quantity], direction, level)[row, 0])

    (benefit, at_low, at_high), ends = _crossings(gaps, gap, low, high)
    touching = sorted([*at_low, *at_high])
    start = ends[:, 0]
    span = f"for every scale from {low:g} to {high:g} times that of {one.tau}"
    where = f"times the scale of {one.tau}"
    name = f"P(benefit) of {quantity}"
    words = _benefit_words(name, benefit, start[0] >= 0, level, where)
    if not benefit:
        side = "at or above" if start[0] >= 0 else "below"
        first, last = (probability(level + float(end)) for end in ends[0])
        words = f"{name} stays {side} {level:g} {span}: from {first} to {last}"
    apart = start[1] > 0 or start[2] < 0
    return Tipping(
        quantity,
        level,
        tuple(benefit),
        tuple(touching),
        words,
        _interval_words(quantity, touching, apart, interval_level, where, span),
    )


def most_sceptical(model: NormalNormal, direction: Direction, level: float = 0.95) -> Sceptical:
    """Find the smallest s for which the prior normal(0, s) on mu keeps P(benefit) at a level.

    Given tau, ``P(mu < 0) = Phi(-a / sqrt(W + 1/s^2))``, ``a = sum w_i y_i``, only moves away
    from 1/2 as s grows. But a narrow prior about 0 also makes a larger tau more likely, so the
    whole need not be monotone: it is scanned like `tipping_scales`. No s below
    ``z / sum(|y_i| / se_i^2)``, z the level's normal quantile, can do, whatever tau is: the scan
    begins there.

    Parameters
    ----------
    model : NormalNormal
        A batch of one, such as ``row.posterior.model``; its own prior on mu is not used.
    direction : {'lower', 'higher'}
        Which is better.
    level : float
        Of P(benefit).

    References
    ----------
    Spiegelhalter, Abrams and Myles (2004), Bayesian Approaches to Clinical Trials and Health-Care
    Evaluation, section 5.5, for sceptical priors; Matthews (2001), J Stat Plan Inference 94:43.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> y, se = np.array([[-0.6, -0.3, -0.9]]), np.array([[0.3, 0.3, 0.4]])
    >>> found = most_sceptical(NormalNormal(y, se, Flat(), HalfNormal(0.5)), "lower")
    >>> print(found.words)
    P(benefit) is 0.95 or more under normal(0, s) on mu from s = 0.38 on; flat gives 0.977
    """
    _check(level)
    one = _bound(model)

    def under(s: float) -> NormalNormal:
        return replace(one, mu=Normal(0.0, s))

    def gaps(s: Array) -> Array:  # on nodes that are enough to see signs by
        rules = (Posterior.on(under(float(each)).standardised()) for each in s)
        return np.array([[_benefit(rule, direction) - level for rule in rules]])

    def gap(_: int, s: float) -> float:
        return _benefit(exact.fit(under(s), quantities=("mu",))[0], direction) - level

    flat = _under_flat(one, direction)
    pull = float((np.abs(one.y) / one.se**2).sum())
    typical = float(np.abs(one.y).max() + one.se.max())
    z = max(float(special.ndtri(level)), 1e-3)
    low = 0.999 * z / pull if pull > 0 else 1e-3 * typical
    high = 1e3 * max(typical, low)
    while flat is not None and (gap(0, high) >= 0) != (flat >= level) and high < 1e12 * typical:
        high *= 100
    (crossings,), ends = _crossings(gaps, gap, low, high)
    sd = 0.0 if ends[0, 0] >= 0 else crossings[0] if crossings else None
    words = _sceptical_words(sd, crossings, flat, level + float(ends[0, 1]), level)
    return Sceptical(sd, tuple(crossings), flat, words)


def _bound(model: NormalNormal) -> NormalNormal:
    one = model.in_units_of_data()
    return replace(one, tau=one.tau.bound(one.se[0]))


def _check(*levels: float) -> None:
    for level in levels:
        if not 0 < level < 1:
            raise InputError(f"level is {level:g}: expected a number between 0 and 1, such as 0.95")


def _gaps(summary: Summary, direction: Direction, level: float) -> Array:
    """P(benefit) less its level, and both bounds of the interval: they turn at 0, shape (3, n)."""
    below = summary.below_zero
    benefit = below if direction == "lower" else 1 - below
    return np.stack([benefit - level, summary.low, summary.high])


def _benefit(posterior: Posterior, direction: Direction) -> float:
    below = Event.read("mu < 0").probability(posterior)
    return below if direction == "lower" else 1 - below


def _under_flat(one: NormalNormal, direction: Direction) -> float | None:
    try:
        model = model_for(one.y[0], one.se[0], Flat(), one.tau)
    except InputError:
        return None
    return _benefit(exact.fit(model, quantities=("mu",))[0], direction)


# crossings of functions of a scale


def _crossings(
    gaps: Callable[[Array], Array], gap: Callable[[int, float], float], low: float, high: float
) -> tuple[list[list[float]], Array]:
    """Return every root of each function in (low, high), and the values at both ends, (r, 2).

    ``gaps`` evaluates all functions at many scales to find the signs, ``gap`` one of them, by row,
    at one, to solve.
    """
    x = np.linspace(log(low), log(high), _POINTS)
    values = gaps(np.exp(x))
    for _ in range(_CLOSER):
        near = _near(values)
        if not near.size:
            break
        more = np.unique([np.linspace(x[i - 1], x[i + 1], 17) for i in near])
        more = np.setdiff1d(more, x)
        order = np.argsort(np.concatenate([x, more]))
        values = np.concatenate([values, gaps(np.exp(more))], axis=1)[:, order]
        x = np.concatenate([x, more])[order]
    roots = []
    for row, above in enumerate(values >= 0):
        turns = np.flatnonzero(above[1:] != above[:-1])
        roots.append([_root(partial(gap, row), x[i], x[i + 1]) for i in turns])
    return roots, values[:, [0, -1]]


def _near(values: Array) -> np.ndarray:
    """Points where a function comes towards zero and turns back before it."""
    size = np.abs(values)
    dips = (size[:, 1:-1] < size[:, :-2]) & (size[:, 1:-1] < size[:, 2:])
    above = values >= 0
    dips &= (above[:, 1:-1] == above[:, :-2]) & (above[:, 1:-1] == above[:, 2:])
    return np.flatnonzero(dips.any(0)) + 1


def _root(gap: Callable[[float], float], first: float, last: float) -> float:
    """Solve gap = 0 for the scale between two logs of it, to 1e-12."""
    from scipy.optimize import brentq

    at_first, at_last = gap(exp(first)), gap(exp(last))
    if (at_first >= 0) == (at_last >= 0):  # the root is an end, to the error of a single fit
        return exp(first if abs(at_first) < abs(at_last) else last)
    return exp(float(brentq(lambda x: gap(exp(x)), first, last, xtol=1e-12)))


# words


def _listed(items: list[str]) -> str:
    return ", ".join(items[:-1]) + (" and " if len(items) > 1 else "") + items[-1]


def _benefit_words(name: str, at: list[float], above: bool, level: float, where: str) -> str:
    turns = []
    for c in at:
        turns.append(f"{'falls below' if above else 'rises to'} {level:g} at {c:.3g}")
        above = not above
    return f"{name} {_listed(turns)} {where}" if turns else ""


def _interval_words(
    quantity: str, at: list[float], apart: bool, level: float, where: str, span: str
) -> str:
    name = f"the {percent(level)} interval of {quantity}"
    if not at:
        return f"{name} {'excludes' if apart else 'includes'} no effect {span}"
    return f"{name} touches no effect at {_listed([f'{c:.3g}' for c in at])} {where}"


def _sceptical_words(
    sd: float | None, crossings: list[float], flat: float | None, widest: float, level: float
) -> str:
    if sd is None:
        widest, prior = (widest, "the widest") if flat is None else (flat, "flat")
        missed = f"no normal(0, s) on mu leaves P(benefit) at {level:g} or more"
        return f"{missed}: even {prior} gives {probability(widest)}"
    shown = "" if flat is None else f"; flat gives {probability(flat)}"
    if sd == 0 and not crossings:
        return f"P(benefit) is {level:g} or more under normal(0, s) on mu for every s{shown}"
    edges = [0.0, *crossings] if sd == 0 else list(crossings)
    closed = [f"from s = {a:.3g} to {b:.3g}" for a, b in pairwise(edges)][::2]
    spans = closed + ([f"from s = {edges[-1]:.3g} on"] if len(edges) % 2 else [])
    return f"P(benefit) is {level:g} or more under normal(0, s) on mu {_listed(spans)}{shown}"
