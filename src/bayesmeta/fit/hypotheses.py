"""Bayes factors for mu = 0 and tau = 0."""

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, ClassVar

import numpy as np

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.engines.exact import TOLERANCE, Posterior
from bayesmeta.engines.quadrature import FEWEST_NODES, MOST_NODES, Nodes
from bayesmeta.models import Given, NormalNormal
from bayesmeta.priors import Fixed, Flat, MuPrior
from bayesmeta.priors.mu import Components


@dataclass(frozen=True, slots=True)
class BayesFactor:
    """How many times as likely the data are under the null as under the alternative.

    Attributes
    ----------
    log : float
        Natural log of BF01, which neither under- nor overflows.
    at : float or None
        Of a minimum Bayes factor: the value of the parameter that the data make most of.
    """

    log: float
    at: float | None = None

    @property
    def value(self) -> float:
        """BF01: below 1 against the null, 0 or ``inf`` beyond the range of a float."""
        with np.errstate(over="ignore", under="ignore"):
            return float(np.exp(self.log))

    def words(self, null: str = "mu = 0") -> str:
        """Say what the number means, and no more.

        Examples
        --------
        >>> BayesFactor(-1.0).words()
        'the data are 2.7 times as likely under the prior of mu as under mu = 0'
        """
        with np.errstate(over="ignore"):
            times = float(np.exp(abs(self.log)))
        shown = f"{times:.3g}" if times >= 10 else f"{times:.1f}"
        prior = f"the prior of {null.split()[0]}"
        first, second = (prior, null) if self.log < 0 else (null, prior)
        return f"the data are {shown} times as likely under {first} as under {second}"


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """Bayes factors of one pool; None where one is not defined, and ``reasons`` says why.

    Attributes
    ----------
    mu, tau : BayesFactor or None
        Of mu = 0 and of tau = 0, against the model with its priors.
    minimum_mu, minimum_tau : BayesFactor or None
        The least that any prior on the tested parameter could make of the same data.
    reasons : dict
        By the name of the attribute.
    """

    mu: BayesFactor | None
    tau: BayesFactor | None
    minimum_mu: BayesFactor | None
    minimum_tau: BayesFactor | None
    reasons: dict[str, str]

    def lines(self, k: int) -> list[tuple[str, float, str]]:
        """Label, BF01 and its words, of what is defined and, for tau, has studies to speak of."""
        found = [("mu = 0", self.mu), ("tau = 0", self.tau if k > 1 else None)]
        return [
            (f"Bayes factor BF01 of {null}", factor.value, factor.words(null))
            for null, factor in found
            if factor
        ]

    def record(self) -> dict[str, Any]:
        """Return what the JSON of a fit says; a value beyond the range of a float is null."""
        found: dict[str, Any] = {"reasons": self.reasons}
        for name in ("mu", "tau", "minimum_mu", "minimum_tau"):
            factor: BayesFactor | None = getattr(self, name)
            found[name] = factor and {
                "value": factor.value if isfinite(factor.value) else None,
                "log": factor.log,
                "at": factor.at,
            }
        return found


def bayes_factors(model: NormalNormal, null: float = 0.0) -> Hypotheses:
    """Compute the Bayes factors of mu = null and tau = 0.

    With ``p(y | mu, tau) = prod N(y_i; mu, se_i^2 + tau^2)``::

        BF01(mu)  = int p(y | null, tau) p(tau) dtau / p(y)
        BF01(tau) = int p(y | mu, 0) p(mu) dmu / p(y)
        minimum of mu:  p(y | null) / max_mu p(y | mu),  p(y | mu) = int p(y | mu, tau) p(tau) dtau
        minimum of tau: p(y | 0) / max_tau p(y | tau),   p(y | tau) = int p(y | mu, tau) p(mu) dmu

    The parameter not tested keeps its prior under both hypotheses; where that prior is improper
    its constant is common to both and cancels. Both evidences are integrated, each on nodes of
    its own, and compared as logs: a ratio of posterior to prior density at the null (Savage and
    Dickey) is the same number, but is lost where the data are far from the null.

    Parameters
    ----------
    model : NormalNormal
        A batch of one, standardised or not, such as ``row.posterior.model``.
    null : float
        The value of mu tested, on the analysis scale.

    References
    ----------
    Roever (2020), J Stat Softw 93(6), whose R package gives the minimum of tau under
    a proper prior on mu, and the rest under proper priors on both, only; Kass and Raftery (1995),
    J Am Stat Assoc 90:773.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> y, se = np.array([[-0.6, -0.3, -0.9]]), np.array([[0.3, 0.3, 0.4]])
    >>> found = bayes_factors(NormalNormal(y, se, Normal(0, 1), HalfNormal(0.5)))
    >>> round(found.mu.value, 3), round(found.minimum_mu.value, 3), round(found.tau.value, 3)
    (0.409, 0.082, 1.539)
    """
    model = model.in_units_of_data()
    if len(model.y) != 1:
        raise ValueError("hypotheses are tested one pool at a time")
    reasons: dict[str, str] = {}
    evidence = float(log_evidence(model)[0])

    at_null = float(log_evidence(MuKnown.of(model, null))[0])
    mu = None
    if model.mu.proper:
        mu = BayesFactor(at_null - evidence)
    else:
        reasons["mu"] = (
            f"the prior on mu is improper ({model.mu}): a point cannot be weighed against it; "
            f"give a proper one, such as normal(0, 2)"
        )
    best_mu, highest = _maximum_over_mu(model)
    minimum_mu = BayesFactor(min(at_null - highest, 0.0), best_mu)

    low, high = model.tau.support
    if low == high:
        for name in ("tau", "minimum_tau"):
            reasons[name] = f"the prior on tau is a point ({model.tau}): there is nothing to test"
        return Hypotheses(mu, None, minimum_mu, None, reasons)
    homogeneous = float(log_evidence(replace(model, tau=Fixed(0.0)))[0])
    tau = None
    if model.tau.proper:
        tau = BayesFactor(homogeneous - evidence)
    else:
        reasons["tau"] = (
            f"the prior on tau is improper ({model.tau}): a point cannot be weighed against it; "
            f"give a proper one, such as half-normal(0.5)"
        )
    minimum_tau = _minimum_over_tau(model)
    return Hypotheses(mu, tau, minimum_mu, minimum_tau, reasons)


# the model where mu is known


@dataclass(frozen=True)
class Point(MuPrior):
    """All mass on one value of mu: the null hypothesis, not a prior that anybody can ask for."""

    value: float
    name: ClassVar[str] = "point"

    def log_components(self, data: ArrayLike = ()) -> Components:
        """Return the value as a normal of no width."""
        return np.zeros(1), np.array([self.value]), np.zeros(1)


@dataclass(frozen=True)
class MuKnown(NormalNormal):
    """The model where mu is known: ``y_i ~ N(mu, se_i^2 + tau^2)``."""

    mu: Point

    @classmethod
    def of(cls, model: NormalNormal, value: float) -> "MuKnown":
        """Return a model in the units of the data with its mu known."""
        return cls(model.y, model.se, Point(value), model.tau, model.present)

    def given(self, tau: Array) -> Given:
        """``-2 log p(y | mu, tau) = sum log(2 pi / w_i) + sum w_i (y_i - mu)^2``."""
        variances = (self.se * self.se)[..., :, None] + (tau * tau)[..., None, :]
        present = np.True_ if self.present is None else self.present[..., None]
        variances = np.where(present, variances, 1.0)
        weights = np.where(present, 1 / variances, 0.0)
        value = np.asarray((self.mu.value - self.location) / self.unit)[..., None, None]
        off = self.y[..., :, None] - value
        weighted = weights * off
        constant = self.k * np.log(2 * np.pi * self.unit**2)
        squares = np.log(variances).sum(-2) + (weighted * off).sum(-2)
        log_likelihood = -(constant[..., None] + squares) / 2
        slope = tau * ((weighted * weighted).sum(-2) - weights.sum(-2))
        one = np.ones_like(tau)[..., None, :]
        return Given(log_likelihood, slope, weights, one, value * one, 0 * one, one)

    def standardised(self) -> "MuKnown":
        """Centre y at mu, so that the range of tau is sought as far as the data lie from it."""
        unit = float(2.0 ** np.round(np.log2(np.median(self.se))))
        return replace(
            self,
            y=(self.y - self.mu.value) / unit,
            se=self.se / unit,
            location=self.mu.value,
            unit=unit,
        )


def log_evidence(model: NormalNormal) -> Array:
    """Natural log of p(y) of a model in the units of the data, shape (b,)."""
    return settled(model).log_evidence


def settled(model: NormalNormal) -> Nodes:
    """Integrate a model in the units of the data on as many nodes as its evidence needs."""
    posterior = Posterior.on(model.standardised())
    while posterior.fine.map is not None and posterior.fine.v.shape[-1] < MOST_NODES:
        error = np.abs(posterior.fine.log_evidence - posterior.coarse.log_evidence).max()
        if error <= TOLERANCE:
            break
        posterior = posterior.refined()
    return posterior.fine


# the largest evidence that a value of the tested parameter can have


def _maximum_over_mu(model: NormalNormal) -> tuple[float, float]:
    """Return the mu of largest p(y | mu), tau averaged over its prior, and log p(y | mu) there.

    Given tau, p(y | mu) is a normal curve in mu about the weighted mean of y, so every maximum
    lies between such means: the best of 129 of them, then Newton's method.
    """
    tau = _taus(model, 128)
    flat = NormalNormal(model.y, model.se, Flat(), model.tau, model.present)
    means = np.unique(flat.given(tau[None]).mean[0])
    height = _of_mu(model, means)[0]
    best = int(height.argmax())
    x, low, high = means[best], means[max(best - 1, 0)], means[min(best + 1, len(means) - 1)]
    highest = height[best]
    for _ in range(60):
        value, slope, bend = (float(found[0]) for found in _of_mu(model, np.array([x])))
        highest = max(highest, value)
        low, high = (x, high) if slope > 0 else (low, x)
        newton = x - slope / bend if bend < 0 else high
        step = (newton if low < newton < high else (low + high) / 2) - x
        if abs(step) * np.sqrt(abs(bend)) < 1e-8 or x + step == x:
            break
        x = x + step
    return float(x), float(highest)


def _of_mu(model: NormalNormal, mu: Array) -> tuple[Array, Array, Array]:
    """Return log p(y | mu) and its first two derivatives by mu, shape (b,) each.

    By ``d/dmu log p(y | mu, tau) = sum w_i (y_i - mu)`` averaged over p(tau | y, mu).
    """
    found = []
    size = max(1, (1 << 18) // (FEWEST_NODES * model.y.shape[-1]))
    for start in range(0, len(mu), size):
        y = model.y - mu[start : start + size, None]
        se = np.broadcast_to(model.se, y.shape)
        nodes = settled(MuKnown(y, se, Point(0.0), model.tau))
        unit = float(2.0 ** np.round(np.log2(np.median(se))))
        pull = np.einsum("bkn,bk->bn", nodes.given.weights, y) / unit**2
        slope = (nodes.weights * pull).sum(-1)
        bend = (nodes.weights * (pull * pull - nodes.given.weights.sum(-2) / unit**2)).sum(-1)
        found.append((nodes.log_evidence, slope, bend - slope * slope))
    value, slope, bend = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return value, slope, bend


def _minimum_over_tau(model: NormalNormal) -> BayesFactor:
    """Return the factor of tau = 0 against the tau of largest p(y | tau), mu averaged over.

    The best of 513 values, then ever closer about it; 0 where that is no worse than rounding.
    """
    tau = _taus(model, 512)
    at_zero = float(model.given(np.zeros((1, 1))).log_likelihood[0, 0])
    for _ in range(12):
        height = model.given(tau[None]).log_likelihood[0]
        best = int(height.argmax())
        low, high = tau[max(best - 1, 0)], tau[min(best + 1, len(tau) - 1)]
        if high - low <= 1e-8 * high:
            break
        tau = np.union1d(tau[best], np.linspace(low, high, 33))
    gain = float(height[best]) - at_zero
    if gain <= 1e-13 * (1 + abs(at_zero)):
        return BayesFactor(0.0, 0.0)
    return BayesFactor(-gain, float(tau[best]))


def _taus(model: NormalNormal, count: int) -> Array:
    """Return 0 and values of tau from far below the SEs to beyond the spread of the data."""
    means = model.mu.components()[1] if model.mu.proper else np.empty(0)
    spread = max(float(np.ptp(model.y)), *(np.abs(model.y[0] - m).max() for m in means), 0.0)
    largest = 4 * max(spread, float(model.se.max()))
    return np.concatenate([[0.0], np.geomspace(1e-3 * float(model.se.min()), largest, count)])
