"""A historical meta-analysis as the prior of the next one."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from bayesmeta.appraisal.predictive import posterior_predictive
from bayesmeta.arrays import Array
from bayesmeta.engines.mixture import Mixture
from bayesmeta.errors import InputError
from bayesmeta.fit import Fit, Row
from bayesmeta.priors import NormalMixture, unit_information_sd

_MOST_COMPONENTS = 4
_CLOSE = 1e-3
_POINTS = 1000


@dataclass(frozen=True, slots=True)
class MapPrior:
    """A meta-analytic-predictive prior on the effect of the next study, or on its pooled effect.

    Attributes
    ----------
    prior : NormalMixture
        What `bayesmeta.fit` takes as `mu`; its text form is what ``--prior mu=`` takes.
    error : float
        Largest difference of a probability between the predictive distribution and the normals in
        its place, the vague one left out.
    """

    prior: NormalMixture
    error: float


def map_prior(source: Fit | Row, *, robust: float = 0.1, unit_sd: float | None = None) -> MapPrior:
    """Turn the prediction of a fitted pool for a new study into a prior, made robust.

    The predictive distribution of theta_new becomes a mixture of as few normals, four at most, as
    keep its probabilities to 0.001 (of four the error may be larger: see the result), with numbers
    of four digits. A vague normal that holds as much information as one patient is mixed in, so
    that data that contradict the history prevail over it.

    Parameters
    ----------
    source : Fit or Row
        A fit of one pool, or one row of a fit; its exact posterior.
    robust : float
        Weight of the vague component, from 0 to below 1: how much you doubt that the history is
        like what comes.
    unit_sd : float, optional
        SD of the vague component, which lies about the mean of the others. By default the unit
        information SD of the pool, ``sqrt(sum n / sum se^-2)``.

    Raises
    ------
    InputError
        When there are several pools, or the pool does not say how many patients there were and
        `unit_sd` is not given, or the weight is out of range.

    References
    ----------
    Schmidli et al. (2014), Biometrics 70:1023, sections 2.3 and 3.1; Kass and Wasserman (1995),
    J Am Stat Assoc 90:928, for unit information.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> old = {"study": ["A", "B", "C"], "estimate": [-0.6, -0.3, -0.9], "se": [0.3, 0.3, 0.4]}
    >>> found = bm.map_prior(bm.fit(old, tau=bm.HalfNormal(0.5)), robust=0.2, unit_sd=4)
    >>> [round(weight, 2) for weight in found.prior.weights], found.error < 0.001
    ([0.32, 0.34, 0.14, 0.2], True)
    """
    row = _one_pool(source)
    if not 0 <= robust < 1:
        raise InputError(f"robust is {robust:g}: expected a weight from 0 to below 1, such as 0.1")
    predicted = posterior_predictive(row.posterior)
    weights, means, sds, error = _few_normals(predicted)
    if robust > 0:
        centre = float(_rounded(weights @ means, float(weights @ sds)))
        weights = np.append(np.round(weights * (1 - robust), 12), robust)
        means, sds = np.append(means, centre), np.append(sds, _unit_sd(row, unit_sd))
    return MapPrior(NormalMixture(tuple(weights), tuple(means), tuple(sds)), error)


def _one_pool(source: Fit | Row) -> Row:
    if isinstance(source, Row):
        return source
    if len(source.rows) != 1:
        raise InputError(
            f"the fit has {len(source.rows)} pools: give the one that the prior is made of, such "
            f"as fit.rows[0], or fit it alone by `at`"
        )
    return source.rows[0]


def _unit_sd(row: Row, unit_sd: float | None) -> float:
    if unit_sd is not None:
        return unit_sd
    if row.pool.n is None:
        raise InputError(
            f"{row.pool.outcome} does not say how many patients there were, so the unit "
            f"information SD is not known: give unit_sd, such as known_unit_information_sd('OR')"
        )
    return float(f"{unit_information_sd(row.pool.n, row.pool.se):.4g}")


def _few_normals(predicted: Mixture) -> tuple[Array, Array, Array, float]:
    """Weights, means and SDs of the fewest normals that are close enough, and their error."""
    levels = (np.arange(_POINTS) + 0.5) / _POINTS
    points = predicted.quantile(levels)
    for count in range(1, _MOST_COMPONENTS + 1):
        weights, means, sds = _in_four_digits(*_closest(points, levels, count))
        off = special.ndtr((points[:, None] - means) / sds) @ weights - levels
        error = float(np.abs(off).max())
        if error <= _CLOSE:
            break
    return weights, means, sds, error


def _closest(points: Array, levels: Array, count: int) -> tuple[Array, Array, Array]:
    """Weights, means and SDs of normals by least squares on the distribution function."""
    from scipy import optimize

    def normals(x: Array) -> tuple[Array, Array, Array]:
        logits, means, log_sds = x.reshape(3, count)
        return special.softmax(logits), centre + unit * means, unit * np.exp(log_sds)

    def off(x: Array) -> Array:
        weights, means, sds = normals(x)
        below: Array = special.ndtr((points[:, None] - means) / sds) @ weights
        return below - levels

    centre, unit = np.median(points), np.subtract(*np.quantile(points, [0.84, 0.16])) / 2
    widening = np.linspace(-0.2, 1.5, count) if count > 1 else np.zeros(1)
    start = np.concatenate([np.zeros(2 * count), widening])
    return normals(optimize.least_squares(off, start, xtol=1e-6, ftol=1e-6, gtol=1e-10).x)


def _in_four_digits(weights: Array, means: Array, sds: Array) -> tuple[Array, Array, Array]:
    """Round, and let the largest weight make up for what is missing to 1."""
    weights = np.round(weights, 4)
    kept = weights > 0
    weights, means, sds = weights[kept], means[kept], sds[kept]
    weights[weights.argmax()] += 1 - weights.sum()
    sds = np.array([float(f"{sd:.4g}") for sd in sds])
    return np.round(weights, 12), _rounded(means, float(sds.min())), sds


def _rounded(values: Array | float, unit: float) -> Array:
    """Round to a thousandth of the power of ten at or below a unit."""
    return np.asarray(np.round(values, 3 - int(np.floor(np.log10(unit)))))
