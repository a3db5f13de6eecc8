"""The parametric bootstrap prediction interval of Nagashima, Noma and Furukawa."""

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.frequentist.homogeneity import cochran_q, generalised_q, weighted_mean

DRAWS = 25_000
"""As many as pimeta, the authors' R package, draws."""

_GRID = 257
_NEGLIGIBLE = 1e-9
_CONTOUR = 16


def bootstrap_interval(y: Array, v: Array, level: float, seed: int) -> tuple[float, float]:
    """Return quantiles of draws of the effect in a new study, for one pool of k > 1 studies.

    tau2 is drawn from its confidence distribution ``H(tau2) = P(Q > q; tau2)``, q the observed
    Cochran's Q; then ``theta_new = mu(tau2) + z tau - t SE(tau2)``, mu the mean with weights
    ``1 / (v + tau2)``, SE that of Hartung and Knapp, z normal, t with k - 1 degrees of freedom.

    Parameters
    ----------
    y, v : ndarray, shape (k,)
    level : float
    seed : int

    References
    ----------
    Nagashima, Noma and Furukawa (2019), Statistical Methods in Medical Research 28:1689.

    Examples
    --------
    >>> y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    >>> se = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    >>> low, high = bootstrap_interval(y, se**2, 0.95, seed=1)
    >>> round(low), round(high)
    (-6, 21)
    """
    kept = np.isfinite(v)
    y, v = y[kept], v[kept]
    random = np.random.default_rng(seed)
    tau2 = confidence_quantile(y, v, random.random(DRAWS))
    mean, total = weighted_mean(y, 1 / (v + tau2[:, None]))
    df = len(y) - 1
    se = np.sqrt(generalised_q(y, v, tau2)[0] / df / total)
    z, t = random.standard_normal(DRAWS), random.standard_t(df, DRAWS)
    low, high = np.quantile(mean + z * np.sqrt(tau2) - t * se, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def confidence_quantile(y: Array, v: Array, u: Array) -> Array:
    """Return the tau2 at which ``H(tau2) = P(Q > q; tau2)`` is u, 0 where H(0) is above u.

    H is interpolated between nodes at equal steps of ``log(v + tau2)``, monotone and cubic in
    ``log(H / (1 - H))``.
    """
    from scipy.interpolate import PchipInterpolator

    q = float(cochran_q(y, v, weighted_mean(y, 1 / v)[0]))
    span, below = 4.0, np.ones(1)
    while below[-1] > _NEGLIGIBLE and span < 700:
        span *= 2
        x = np.linspace(0, span, _GRID)
        below = probability_below(q, v, v.min() * np.expm1(x))
    rising = np.flatnonzero((below > _NEGLIGIBLE) & (below < 1 - _NEGLIGIBLE))
    at = PchipInterpolator(-_logit(below[rising]), x[rising])
    return np.where(u > 1 - below[0], v.min() * np.expm1(at(_logit(u))), 0.0)


def probability_below(q: float, v: Array, tau2: Array) -> Array:
    """Return the P(Q < q) of Cochran's Q under each of several tau2.

    Q is a sum of chi2(1) variables with weights l, the eigenvalues other than 0 of
    ``D (W - W 1 1' W / sum w) D``, ``W = diag(1 / v)``, ``D^2 = diag(v + tau2)``. So its CDF is
    the inverse Laplace transform of ``prod (1 + 2 l s)^-1/2 / s``, singular only on s <= 0: the
    trapezoidal rule on a parabola around it converges as 2.85^-n.

    References
    ----------
    Biggerstaff and Jackson (2008), Statistics in Medicine 27:6093, for the distribution.
    Weideman and Trefethen (2007), Mathematics of Computation 76:1341, for the parabola.
    """
    w = 1 / v
    scale = np.sqrt(v + tau2[:, None])
    form = np.diag(w) - np.outer(w, w) / w.sum()
    eigenvalues = np.linalg.eigvalsh(scale[:, :, None] * form * scale[:, None, :])[:, 1:]
    theta = np.pi * (np.arange(_CONTOUR) + 0.5) / _CONTOUR
    n = 2 * _CONTOUR
    z = n * (0.1309 - 0.1194 * theta**2 + 0.25j * theta)
    slope = n * (-0.2388 * theta + 0.25j)
    log_transform = -0.5 * np.log1p(2 * eigenvalues[:, None, :] * z[:, None] / q).sum(axis=-1)
    return np.asarray((np.exp(z + log_transform) / z * slope).imag.sum(axis=-1) / _CONTOUR)


def _logit(p: Array) -> Array:
    return np.log(p) - np.log1p(-p)
