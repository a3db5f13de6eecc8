"""The normal-normal random-effects model: one hyperparameter, the rest Gaussian given it.

``y_i ~ N(theta_i, se_i^2)``, ``theta_i ~ N(mu, tau^2)``, a prior on tau, and mu flat, normal or a
mixture of normals.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import exp, pi
from typing import Any, Self

import numpy as np

from bayesmeta.arrays import Array, Mask
from bayesmeta.priors import MuPrior, TauPrior

LARGEST_LOG_TAU = 340.0
"""exp(340): the largest tau whose square, times what it meets, is a double."""

_MARGIN = 1 / 16
"""What is left of tau^-margin at exp(340): 6e-10."""

_FARTHEST = 300.0
"""exp(300): the farthest mu from which the normals that a heavy tail is made of, some of them
wider still, have precisions that are doubles."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is known for each value of tau; the last axis runs over those values.

    mu given tau and y is a mixture of m normals, as many as its prior: one where that is normal
    or flat.

    Attributes
    ----------
    log_likelihood, slope : ndarray, shape (..., n)
        ``log p(y | tau)`` with mu integrated out, and its derivative by tau.
    weights : ndarray, shape (..., k, n)
        ``w_i = 1 / (se_i^2 + tau^2)``, 0 for a masked study.
    share, mean, variance : ndarray, shape (..., m, n)
        Of each component of mu given tau and y: its probability and its two moments.
    prior_weight : ndarray, shape (..., m, n)
        What the component's prior has in its mean: the studies have ``w_i`` times its variance.
    """

    log_likelihood: Array
    slope: Array
    weights: Array
    share: Array
    mean: Array
    variance: Array
    prior_weight: Array

    def at(self, index: Any) -> Self:
        """Return the same of some models, or at some values of tau."""
        return type(self)(*(getattr(self, name)[index] for name in self.__slots__))

    def of(self, components: Mask) -> Self:
        """Return the same with only some of the components of mu."""
        names = ("share", "mean", "variance", "prior_weight")
        return replace(self, **{name: getattr(self, name)[..., components, :] for name in names})


@dataclass(frozen=True)
class NormalNormal:
    """Data and priors of one model, or of a batch of models over leading dimensions.

    Parameters
    ----------
    y, se : ndarray, shape (..., k)
        Effect sizes on the analysis scale and their standard errors.
    mu : MuPrior
    tau : TauPrior
    present : ndarray of bool, shape (..., k), or None
        False where a replicate has no such study; None where all have all. Every replicate
        needs one study at least.
    location, unit : float or ndarray, shape (...)
        Where `y` and `se` have been standardised: the zero and the unit that they are given in.
        The priors stay in the units of the data.

    Examples
    --------
    >>> from bayesmeta.priors import Flat, HalfNormal
    >>> model = NormalNormal(np.array([0.0, 2.0]), np.array([1.0, 1.0]), Flat(), HalfNormal(1.0))
    >>> model.given(np.array([0.0])).mean  # of one component, at one tau
    array([[1.]])
    """

    y: Array
    se: Array
    mu: MuPrior
    tau: TauPrior
    present: Mask | None = None
    location: Array | float = 0.0
    unit: Array | float = 1.0

    def __getitem__(self, rows: Mask | slice) -> Self:
        """Return some of a batch of models, by their first dimension."""
        present = None if self.present is None else self.present[rows]
        location, unit = (
            value[rows] if isinstance(value, np.ndarray) else value
            for value in (self.location, self.unit)
        )
        return replace(
            self,
            y=self.y[rows],
            se=self.se[rows],
            tau=self.tau[rows],
            present=present,
            location=location,
            unit=unit,
        )

    def reshaped(self, shape: tuple[int, ...]) -> Self:
        """Return the same models in a batch of another shape."""
        present = None if self.present is None else self.present.reshape(shape)
        return replace(self, y=self.y.reshape(shape), se=self.se.reshape(shape), present=present)

    @property
    def k(self) -> Array:
        """Number of studies, shape (...)."""
        if self.present is None:
            return np.full(self.y.shape[:-1], float(self.y.shape[-1]))
        return self.present.sum(-1).astype(float)

    @property
    def normals(self) -> int:
        """Of how many normals mu given tau is a mixture."""
        return self._components[1].shape[-2] if self.mu.proper else 1

    def given(self, tau: Array) -> Given:
        """Integrate mu and the study effects out at each tau, shape (..., n).

        With ``w_i = (se_i^2 + tau^2)^-1``, ``S = sum w_i`` and ``ybar = sum w_i y_i / S``, under a
        flat prior on mu, integrated against density 1::

            mu | tau, y ~ N(ybar, 1 / S)
            -2 log p(y | tau) = sum log(2 pi / w_i) + log(S / 2 pi) + sum w_i (y_i - ybar)^2

        The component ``normal(m, s)`` of probability p of any other prior, ``W = S + 1/s^2``, adds
        ``log p N(ybar; m, s^2 + 1/S)`` to the log likelihood, and given tau and y it is
        ``N((S ybar + m / s^2) / W, 1 / W)``, with a share in the mixture that is its likelihood's.
        For each component, and for their mixture by the shares::

            d/dtau log p(y | tau) = tau (sum w_i^2 (y_i - E mu)^2 - S + sum w_i^2 / W)

        References
        ----------
        Roever (2020), J Stat Softw 93(6), section 2.
        """
        variances = (self.se * self.se)[..., :, None] + (tau * tau)[..., None, :]
        if self.present is not None:
            variances = np.where(self.present[..., None], variances, 1.0)
        weights = 1 / variances
        if self.present is not None:
            weights *= self.present[..., None]
        ones = np.ones((1, self.y.shape[-1]))
        precision, log_variances = ones @ weights, ones @ np.log(variances)
        average = self.y[..., None, :] @ weights / precision
        residuals = self.y[..., :, None] - average
        weighted = weights * residuals
        log_shares, mean, variance, prior_weight = self._mu_given(precision, average)
        constant = ((self.k - 1) * np.log(2 * pi * self.unit**2))[..., None, None]
        log_flat = constant + log_variances + np.log(precision) + _sum(weighted, residuals)
        log_likelihood, share = _mixed(log_shares - log_flat / 2)
        off = mean - average
        bends = (off * off + variance) * _sum(weights, weights) - 2 * off * _sum(weights, weighted)
        bend = bends if share.shape[-2] == 1 else _sum(share, bends)
        slope = tau * (bend + _sum(weighted, weighted) - precision)[..., 0, :]
        return Given(log_likelihood, slope, weights, share, mean, variance, prior_weight)

    def _mu_given(self, precision: Array, average: Array) -> tuple[Array, Array, Array, Array]:
        """Log likelihood beside the flat one, mean, variance and prior weight of each component.

        From S and ybar, shape (..., 1, n); shape (..., m, n).
        """
        if not self.mu.proper:
            nothing = np.zeros_like(average)
            return nothing, average, 1 / precision, nothing
        log_constants, m, of_prior = self._components
        total = precision + of_prior
        prior_weight = of_prior / total
        rate = prior_weight * precision  # 1 / (s^2 + 1/S)
        log_shares = log_constants + (np.log(rate) - rate * (average - m) ** 2) / 2
        mean = (precision * average + of_prior * m) / total
        return log_shares, mean, 1 / total, prior_weight

    @cached_property
    def _components(self) -> tuple[Array, Array, Array]:
        """Log weights over ``sqrt(2 pi)``, means and precisions of the normals of the prior on mu.

        In the standardised units, shape (..., m, 1).
        """
        zero, unit = (np.asarray(value)[..., None] for value in (self.location, self.unit))
        # A moment of mu that tau has not: from values of mu as far away as tau can be.
        followed = self.growth(2) > 0 and np.any(self.tau.tail_power + self.k < 3)
        reach = unit * exp(_FARTHEST) if followed else 0.0
        log_weights, means, sds = self.mu.log_components(zero + unit * self.y + reach)
        constants = log_weights - np.log(2 * pi * unit**2) / 2
        m, precisions = (means - zero) / unit, (unit / sds) ** 2
        return constants[..., None], m[..., None], precisions[..., None]

    def study_effects(self, tau: Array, given: Given) -> tuple[Array, Array]:
        """Mean and variance of each theta_i given tau and y, shape (..., k, m, n).

        For each component of mu, with ``b_i = tau^2 w_i``: mean ``b_i y_i + (1 - b_i) E mu`` and
        variance ``b_i se_i^2 + (1 - b_i)^2 Var mu``; without a meaning for a masked study.
        """
        se2 = (self.se * self.se)[..., :, None]
        kept = (tau * tau)[..., None, :] * given.weights
        shrunk = se2 * given.weights
        mean = (kept * self.y[..., :, None])[..., None, :] + shrunk[..., None, :] * given.mean[
            ..., None, :, :
        ]
        variance: Array = (kept * se2)[..., None, :] + (shrunk * shrunk)[
            ..., None, :
        ] * given.variance[..., None, :, :]
        if self.present is not None:
            variance = np.where(self.present[..., None, None], variance, 1.0)
        return mean, variance

    def typical_variance(self) -> Array:
        """Higgins and Thompson's typical within-study variance, shape (...).

        ``s^2 = (k - 1) sum w / ((sum w)^2 - sum w^2)``, w = 1 / se^2; ``se^2`` where k = 1.

        References
        ----------
        Higgins and Thompson (2002), Statistics in Medicine 21:1539, equation 9.
        """
        w = 1 / (self.se * self.se)
        if self.present is not None:
            w = np.where(self.present, w, 0.0)
        alone = self.k <= 1
        # (sum w)^2 - sum w^2 with the largest w apart, which would cancel where it dominates.
        largest = w.max(-1)
        others = np.where(np.arange(w.shape[-1]) == w.argmax(-1)[..., None], 0.0, w)
        rest = others.sum(-1)
        products = 2 * largest * rest + rest * rest - (others * others).sum(-1)
        products = np.where(alone, 1.0, products)
        total = largest + rest
        typical: Array = np.where(alone, 1 / total, (self.k - 1) * total / products)
        return typical

    def moment_exists(self, order: int, *, of_mu: bool = False) -> Mask:
        """Whether a posterior moment of tau and theta_new, or of mu, is finite, shape (...).

        With a prior density of tau that falls as ``tau^-a``: ``a + k - order > 1`` under a proper
        prior on mu, ``a + k - 1 - order > 1`` under a flat one; of mu the same with `growth` in
        place of the order. Where a log factor of the tail decides, ``>=``
        (`TauPrior.boundary_moments`). A moment that exists by less than `_MARGIN` counts as none:
        more than 1e-9 of it lies beyond the largest floating point number. Order 0 is whether the
        posterior is proper.
        """
        constraints = self.k if self.mu.proper else self.k - 1
        power = self.tau.tail_power + constraints - (self.growth(order) if of_mu else order)
        exists: Mask = (power > 1 + _MARGIN) | ((power == 1) & self.tau.boundary_moments)
        return exists

    def growth(self, order: Array | float) -> Array:
        """Return the power of tau that ``E(|mu|^order | tau, y)`` grows as.

        However large tau, mu stays within a prior that falls as ``|mu|^-(nu + 1)`` but for a
        probability of ``tau^-nu``, with which it goes as far as tau lets it: ``order - nu`` where
        that is positive. nu is infinite where the prior is normal, and 0 here where it is flat.
        """
        power: Array = np.maximum(0.0, order - max(self.mu.tail_power - 1, 0.0))
        return power

    def standardised(self) -> Self:
        """Centre y at its inverse-variance mean, and scale by a power of two near the SEs.

        Quadrature then neither cancels digits nor overflows, whatever the units of the data.
        """
        y, se = self.y, self.se
        if self.present is not None:
            y, se = np.where(self.present, y, 0.0), np.where(self.present, se, 1.0)
        w = 1 / (se / se.max()) ** 2
        if self.present is not None:
            w = np.where(self.present, w, 0.0)
        location = (w * y).sum(-1) / w.sum(-1)
        unit = 2.0 ** np.round(np.log2(np.median(se)))
        centred = (y - location[..., None]) / unit
        return replace(self, y=centred, se=se / unit, location=location, unit=float(unit))

    def in_units_of_data(self) -> Self:
        """Undo `standardised`."""
        zero, unit = (np.asarray(value)[..., None] for value in (self.location, self.unit))
        return replace(self, y=zero + unit * self.y, se=unit * self.se, location=0.0, unit=1.0)

    def log_prior(self, tau: Array, log_tau: Array) -> Array:
        """Log prior density of tau, in the standardised units."""
        unit = self.unit_column
        log_unit = np.log(unit)
        return self.tau.log_density(tau * unit, log_tau + log_unit) + log_unit

    @property
    def unit_column(self) -> Array | float:
        """The unit, a column where each model has its own."""
        return self.unit[..., None] if isinstance(self.unit, np.ndarray) else self.unit


def _sum(a: Array, b: Array) -> Array:
    """Sum products over studies, or components: shape (..., 1, n)."""
    total: Array = np.einsum("...kn,...kn->...n", a, b)
    return total[..., None, :]


def _mixed(log_terms: Array) -> tuple[Array, Array]:
    """Log of the sum over components, shape (..., n), and each one's share of it."""
    if log_terms.shape[-2] == 1:
        return log_terms[..., 0, :], np.ones_like(log_terms)
    peak = log_terms.max(-2, keepdims=True)
    share = np.exp(log_terms - peak)
    mass = share.sum(-2, keepdims=True)
    return (peak + np.log(mass))[..., 0, :], share / mass
