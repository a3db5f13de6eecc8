"""The Gaussian core: effects in blocks of studies, a design matrix, a few hyperparameters.

``y_i ~ N(theta_i, S_i)``, ``theta_i ~ N(X_i beta, T)``, beta flat or normal. Given the
hyperparameters, those of T and of the correlation of the errors in S, all else is normal.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import log, pi
from typing import Self

import numpy as np

from bayesmeta.arrays import Array, ArrayLike, Mask
from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.models.between import Between
from bayesmeta.models.blocks import Block, Index, blocks_of, mirrored, quadratic, sum_over, sweep
from bayesmeta.models.covariance import Bias, Correlation, Hyper
from bayesmeta.models.curves import Curve
from bayesmeta.models.design import CoefficientPrior, Course, mean_and_sd
from bayesmeta.models.given import JointGiven, Points
from bayesmeta.priors import Normal, RhoPrior, TauPrior

_ELEMENTS = 1 << 18
"""Elements of a block's covariance worked on at once, so that memory stays bounded."""


@dataclass(frozen=True)
class JointModel:
    """Data and priors of a joint model; made by `longitudinal_model` and `regression_model`.

    Parameters
    ----------
    y, se : ndarray, shape (n,)
        One row an observed effect.
    study, slot : ndarray of int, shape (n,)
        The number of its study, and of its time among `times`.
    times : ndarray, shape (t,)
        Increasing.
    x : ndarray, shape (n, p)
    coefficients : tuple of Flat or Normal, length p
    between : Between
    within : Correlation
    course : Course or None
        What the first columns of `x` are made by; None where it is given as it is.
    names : tuple of str
        Of the coefficients.
    baseline : ndarray, shape (n,), or None
        SE of the study's value at time 0, where y are changes from it and se those of the values.
    bias : Bias or None
        What some studies observe beside their effect.
    """

    y: Array
    se: Array
    study: Index
    slot: Index
    times: Array
    x: Array
    coefficients: tuple[CoefficientPrior, ...]
    between: Between
    within: Correlation
    course: Course | None
    names: tuple[str, ...]
    baseline: Array | None = None
    bias: Bias | None = None

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The studies, grouped by the times at which they were seen, and by having a bias."""
        group = np.zeros(self.studies) if self.bias is None else self.bias.studies
        return blocks_of(self.study, self.slot, group.astype(int))

    @cached_property
    def hypers(self) -> tuple[Hyper, ...]:
        """All hyperparameters, those of the between-study covariance first."""
        hypers = self.between.hypers(self.times, self._typical)
        if self.curve is not None:
            hypers += (self.curve.hyper(self.times, self._typical),)
        if self.bias is not None:
            hypers += (self.bias.hyper(self._typical),)
        if len(self.error_times) > 1:
            hypers += (self.within.hyper("rho_within", self.error_times),)
        return hypers

    @property
    def error_times(self) -> Array:
        """The times between which errors are correlated; the baseline at 0 is the first of them."""
        return self.times if self.baseline is None else np.concatenate([[0.0], self.times])

    @property
    def _typical(self) -> float:
        """The middle one of the standard errors."""
        return float(np.sort(self.se)[len(self.se) // 2])

    def shown(self, phi: Array) -> list[tuple[Hyper, Array]]:
        """Return what a reader is shown of the hyperparameters phi, shape (h, n)."""
        shown = self.between.shown(phi[: self.split], self.times, self._typical)
        return shown + list(zip(self.hypers[self.split :], phi[self.split :], strict=True))

    @property
    def split(self) -> int:
        """Number of hyperparameters of the between-study covariance."""
        after = (len(self.error_times) > 1, self.curve is not None, self.bias is not None)
        return len(self.hypers) - sum(after)

    @property
    def curve(self) -> Curve | None:
        """The mean over time where it has a hyperparameter."""
        return self.course if isinstance(self.course, Curve) else None

    def settled(self, value: float) -> tuple[Array, "JointModel"]:
        """Return R and the model of b, ``beta = R b``, at a value of the curve's hyperparameter."""
        assert self.curve is not None
        rest = self.coefficients[len(self.curve.knots) :]
        basis = self.curve.basis(value, self.times)
        r = np.zeros((self.x.shape[1], basis.shape[1] + len(rest)))
        r[: len(basis), : basis.shape[1]] = basis
        r[len(basis) :, basis.shape[1] :] = np.eye(len(rest))
        priors = (*self.curve.priors(value, self.coefficients[0]), *rest)
        return r, replace(self, x=self.x @ r, coefficients=priors, course=None)

    @cached_property
    def linear(self) -> "JointModel":
        """The model itself, or with its curve at a typical value of the hyperparameter."""
        return self if self.curve is None else self.settled(self.hypers[self.split].typical)[1]

    @property
    def studies(self) -> int:
        """Number of studies."""
        return int(self.study.max()) + 1

    @cached_property
    def flat(self) -> Mask:
        """Which coefficients have a flat prior, shape (p,)."""
        return np.array([not prior.proper for prior in self.coefficients])

    @cached_property
    def unit(self) -> float:
        """A power of two near the standard errors: the unit that nodes are worked out in."""
        return float(2.0 ** np.round(np.log2(np.median(self.se))))

    @cached_property
    def origin(self) -> Array:
        """Coefficients near the data, shape (p,), from which they are counted.

        Least squares at independent errors, which leaves residuals too small to cancel digits.
        """
        weighted = self.x / self.se[:, None]
        found: Array = np.linalg.lstsq(weighted, self.y / self.se)[0]
        return found

    def under(self, priors: Mapping[str, TauPrior | RhoPrior]) -> Self:
        """Return the same model under other priors on some hyperparameters, by their names.

        Raises
        ------
        InputError
            For a name that the model does not have, or a prior of the wrong kind.
        """
        given = {hyper.name: hyper.prior for hyper in self.hypers}
        for name, prior in priors.items():
            if name not in given:
                raise InputError(f"no hyperparameter {name!r}: {did_you_mean(name, given)}")
            if isinstance(prior, RhoPrior) != isinstance(given[name], RhoPrior):
                raise InputError(f"{prior} is not a prior for {name}")
        chosen = given | {
            name: prior if isinstance(prior, RhoPrior) else prior.bound(self.se)
            for name, prior in priors.items()
        }
        between, within = list(chosen.values())[: self.split], chosen.get("rho_within")
        course, bias = self.course, self.bias
        if self.curve is not None:
            course = self.curve.under(chosen[self.curve.parameter])
        if bias is not None:
            bias = bias.under(chosen[bias.name])
        return replace(
            self,
            between=self.between.under(between),
            within=self.within.under(within),
            course=course,
            bias=bias,
        )

    @property
    def own_points(self) -> Points:
        """Its times; nowhere where it has no course."""
        return self.points(self.times if self.course is not None else [])

    def points(self, times: ArrayLike, covariates: ArrayLike = 0.0) -> Points:
        """Return the course at any times, at a value of each covariate.

        A model without a course, a meta-regression, takes a row of covariates for each point.
        """
        at = np.atleast_1d(np.asarray(times, dtype=float))
        course = np.empty((len(at), 0)) if self.course is None else self.course.design(at)
        wanted = (len(at), self.x.shape[1] - course.shape[1])
        return Points(np.column_stack([course, np.broadcast_to(covariates, wanted)]), at)

    def log_prior(self, phi: Array) -> Array:
        """Log prior density of the hyperparameters that are not fixed, shape (n,)."""
        total = np.zeros(phi.shape[1])
        for hyper, value in zip(self.hypers, phi, strict=True):
            if not hyper.fixed:
                total += hyper.log_density(value)
        return total

    def given(self, phi: Array) -> JointGiven:
        """Integrate coefficients and study effects out at each node, phi of shape (h, n).

        With ``P_i = (S_i + Z_i T Z_i')^-1``, a normal(m, B) prior on beta where it is proper and
        the moment matrix ``M = sum [X_i y_i]' P_i [X_i y_i]`` plus the prior's, swept on its
        first p pivots: the covariance ``A^-1``, the mean ``A^-1 b`` and the residual ``Q``::

            -2 log p(y | phi) = n log 2 pi - sum log |P_i| + log |A| + log |B| + Q

        A coefficient with a flat prior is integrated against density 1: it takes one
        ``log 2 pi`` away and has no part in B.
        """
        if self.curve is not None:
            return self._given_curve(phi)
        return JointGiven.joined([self._given(phi[:, at]) for at in self._chunks(phi)])

    def _given_curve(self, phi: Array) -> JointGiven:
        """Do so for each value of the curve's hyperparameter in turn."""
        p, n = self.x.shape[1], phi.shape[1]
        found = JointGiven(np.empty(n), np.empty((p, n)), np.empty((p, p, n)))
        values, which = np.unique(phi[self.split], return_inverse=True)
        for number, value in enumerate(values.tolist()):
            at = which == number
            r, model = self.settled(value)
            part = model.given(np.delete(phi[:, at], self.split, 0))
            found.log_likelihood[at] = part.log_likelihood
            found.mean[:, at] = r @ part.mean
            found.covariance[:, :, at] = np.einsum("ka,abn,lb->kln", r, part.covariance, r)
        return found

    def study_effects(self, phi: Array, given: JointGiven) -> Iterator[tuple[Index, Array, Array]]:
        """Numbers of studies, and mean and variance of their effects at all times, (t, m, n).

        Block by block, since there may be many. With ``C = T_all,obs P_i`` and
        ``G = X_all - C X_i``: mean ``X_all b + C (y_i - X_i b)`` and variance
        ``T - C T_obs,all + G A^-1 G'``. Those of studies with a bias hold it.
        """
        for block in self.blocks:
            shape = (len(self.times), len(block.studies), phi.shape[1])
            mean, variance = np.empty(shape), np.empty(shape)
            x, x_all = self._by_study(block), self._at_all_times(block)
            for at in self._chunks(phi):
                beta, covariance = given.mean[:, at], given.covariance[:, :, at]
                between = self._between(phi[:, at])[block.group]
                precision = self._precision(block, between, self._within(phi[:, at]))
                to_all = between[block.slots][:, :, None]
                kept = sum_over(precision[:, :, None], to_all[:, None])
                residual = self.y[block.rows][..., None] - sum_over(x, beta)
                mean[..., at] = sum_over(x_all, beta) + sum_over(kept, residual)
                off = np.stack(
                    [all_ - sum_over(kept, one) for all_, one in zip(x_all, x, strict=True)]
                )
                left = np.diagonal(between).T[:, None] - sum_over(kept, to_all)
                variance[..., at] = self.unit**2 * left + quadratic(off, covariance)
            yield block.studies, mean, variance

    def shares(self, phi: Array, given: JointGiven, rows: Array) -> Array:
        """Each study's share of what is known of ``rows @ beta``, shape (q, k, n).

        ``c' A^-1 X_i' P_i X_i A^-1 c / (c' A^-1 c)``; a normal prior has the rest. In a
        univariate model that is ``w_i / W``.

        References
        ----------
        Jackson et al. (2017), Statistical Methods in Medical Research 26:2853.
        """
        found = np.empty((len(rows), self.studies, phi.shape[1]))
        for at in self._chunks(phi):
            directions = np.tensordot(rows, given.covariance[:, :, at], 1) / self.unit
            wholes = given.linear(rows)[1][:, at]
            between, within = self._between(phi[:, at]), self._within(phi[:, at])
            for block in self.blocks:
                x = self._by_study(block)
                precision = self._precision(block, between[block.group], within)
                for q, (direction, whole) in enumerate(zip(directions, wholes, strict=True)):
                    reach = sum_over(x, direction)
                    found[q, block.studies, at] = quadratic(reach, precision) / whole
        return found

    def _given(self, phi: Array) -> JointGiven:
        p, n = self.x.shape[1], phi.shape[1]
        moments = np.repeat(self._prior_moments[:, :, None], n, -1)
        log_likelihood = np.full(n, self._constant)
        between, within = self._between(phi), self._within(phi)
        for block, (products, *at) in zip(self.blocks, self._products, strict=True):
            covariance = self._covariance(block, between[block.group], within)
            log_likelihood -= sweep(covariance, len(covariance)).sum(0) / 2
            upper = covariance[np.triu_indices(len(covariance))]
            moments[*at] -= products @ upper.reshape(-1, n)
        log_likelihood -= (sweep(moments, p) + moments[p, p]) / 2
        mean = self.origin[:, None] + self.unit * moments[:p, p]
        return JointGiven(log_likelihood, mean, mirrored(-(self.unit**2) * moments[:p, :p]))

    @cached_property
    def _products(self) -> tuple[tuple[Array, Index, Index], ...]:
        """For each block the products of columns of [X y] that meet P_i, and whose they are.

        The first has a row for each pair of columns without a zero product, and a column for
        each entry of the upper triangle of P_i and each study.
        """
        y = (self.y - self.x @ self.origin) / self.unit
        z = np.column_stack([self.x, y])
        left, right = np.triu_indices(z.shape[1])
        found = []
        for block in self.blocks:
            columns = z[block.rows].transpose(2, 0, 1)
            j, k = np.triu_indices(len(block.slots))
            both = columns[left][:, j] * columns[right][:, k]
            both += np.where(j == k, 0.0, 1.0)[:, None] * columns[left][:, k] * columns[right][:, j]
            used = both.any((1, 2))
            found.append((both[used].reshape(used.sum(), -1), left[used], right[used]))
        return tuple(found)

    @cached_property
    def _prior_moments(self) -> Array:
        """The prior's part of M, shape (p + 1, p + 1)."""
        mean, sd = np.array([mean_and_sd(prior) for prior in self.coefficients]).T
        precision = (self.unit / sd) ** 2
        off = np.where(self.flat, 0.0, (mean - self.origin) / self.unit)
        rows = np.column_stack([np.eye(len(off)), off])
        moments: Array = rows.T @ (precision[:, None] * rows)
        return moments

    @cached_property
    def _constant(self) -> float:
        """The part of the log likelihood that no hyperparameter changes."""
        count = len(self.y) - int(self.flat.sum())
        sds = np.array([prior.sd for prior in self.coefficients if isinstance(prior, Normal)])
        return -float(np.log(sds / self.unit).sum()) - count * log(2 * pi * self.unit**2) / 2

    def _by_study(self, block: Block) -> Array:
        """Design of a block's studies, shape (p, d, m, 1)."""
        return self.x[block.rows].transpose(2, 0, 1)[..., None]

    def _at_all_times(self, block: Block) -> Array:
        """Design of a block's studies at all times, shape (p, t, m, 1)."""
        x = np.repeat(self._by_study(block)[:, :1], len(self.times), 1)
        if self.course is not None:
            rows = self.course.design(self.times)
            x[: rows.shape[1]] = rows.T[..., None, None]
        return x

    def _between(self, phi: Array) -> tuple[Array, ...]:
        """T in units of the model, shape (t, t, n), of studies without and with a bias."""
        between = self.between.matrix(phi[: self.split], self.times) / self.unit**2
        if self.bias is None:
            return (between,)
        return between, between + (phi[self.split + (self.curve is not None)] / self.unit) ** 2

    def _within(self, phi: Array) -> Array:
        """Correlations of the errors, shape (t, t, n), or (t, t, 1) where they are fixed."""
        if len(self.error_times) == 1:
            return np.ones((1, 1, 1))
        rho = phi[-1, :1] if self.hypers[-1].fixed else phi[-1]
        return self.within.matrix(rho, self.error_times)

    def _covariance(self, block: Block, between: Array, within: Array) -> Array:
        """Return ``S_i + Z_i T Z_i'``, shape (d, d, m, n), in units of the model.

        Errors e_t of a change from baseline are those of the later value less that at baseline:
        ``cov(e_s - e_0, e_t - e_0) = cov(e_s, e_t) - cov(e_s, e_0) - cov(e_t, e_0) + var(e_0)``.
        """
        se = self.se[block.rows] / self.unit
        scale = (se[:, None] * se)[..., None]
        if self.baseline is None:
            errors = scale * within[block.grid][:, :, None]
        else:
            start = self.baseline[block.rows[0]] / self.unit
            first, later = within[0, 1:][block.slots], within[1:, 1:][block.grid]
            shared = (se * start)[..., None] * first[:, None]
            errors = scale * later[:, :, None] + (start * start)[:, None]
            errors = errors - shared[:, None] - shared
        covariance: Array = errors + between[block.grid][:, :, None]
        return covariance

    def _precision(self, block: Block, between: Array, within: Array) -> Array:
        """Return ``P_i``, shape (d, d, m, n), in units of the model."""
        covariance = self._covariance(block, between, within)
        sweep(covariance, len(covariance))
        return mirrored(np.negative(covariance, out=covariance))

    def _chunks(self, phi: Array) -> Iterator[slice]:
        largest = max(block.rows.size * len(block.slots) for block in self.blocks)
        size = max(16, _ELEMENTS // largest)
        for start in range(0, phi.shape[1], size):
            yield slice(start, min(start + size, phi.shape[1]))
