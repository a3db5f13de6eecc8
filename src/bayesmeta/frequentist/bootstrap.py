"""The parametric bootstrap prediction interval of Nagashima, Noma and Furukawa."""

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.frequentist.homogeneity import cochran_q, generalised_q, weighted_mean

DRAWS = 25_000
"""As many as pimeta, the authors' R package, draws."""

_NEGLIGIBLE = 1e-8
_WIDEST = 200.0
_HALVINGS = 30
_NODES = 257
_FAR, _POINTS = 12, 48


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
    least = v.min()
    if not q > 0 or probability_below(q, v, np.zeros(1))[0] < 2 * _NEGLIGIBLE:
        return np.zeros(u.shape)
    low, high = np.zeros(2), np.full(2, _WIDEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = probability_below(q, v, least * np.expm1(middle)) > [1 - _NEGLIGIBLE, _NEGLIGIBLE]
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    x = np.linspace(low[0], low[1], _NODES)
    logit = -_logit(np.minimum(probability_below(q, v, least * np.expm1(x)), 1 - _NEGLIGIBLE))
    at = PchipInterpolator(logit, x)(np.clip(_logit(u), logit[0], logit[-1]))
    return np.where(_logit(u) > logit[0], least * np.expm1(at), 0.0)


def probability_below(q: float, v: Array, tau2: Array) -> Array:
    """Return ``P(Q < q)`` of Cochran's Q under each of several tau2.

    Q is a quadratic form in normals of variances ``v + tau2``. With ``w = 1 / v`` and
    ``a = (v + tau2) w`` its Laplace transform is, by the matrix determinant lemma,
    ``T(s) = (prod (1 + 2 a s) * sum (w / sum w) / (1 + 2 a s))^-1/2``, with singularities on s < 0.
    The trapezoidal rule inverts ``T(s) / s`` on a parabola through the saddle point of
    ``q s + log T(s) - log |s|`` that bends as the path of steepest descent of T does, on that side
    of the pole at 0 where T alone would have it.

    Parameters
    ----------
    q : float
    v, tau2 : ndarray, shape (k,) and (n,)

    References
    ----------
    Biggerstaff and Jackson (2008), Statistics in Medicine 27:6093, for the distribution. Rice
    (1980), SIAM Journal on Scientific and Statistical Computing 1:438, for the path.

    Examples
    --------
    >>> round(float(probability_below(3.84146, np.array([1.0, 4.0]), np.zeros(1))[0]), 6)
    0.95
    """
    a = (1 + tau2[:, None] / v) / q
    share = 1 / v / (1 / v).sum()
    upper, saddle = _saddle(a)
    r = a / (1 + 2 * a * saddle[:, None])
    bend = (2 / 3 * (r**3).sum(axis=-1) / (r**2).sum(axis=-1))[:, None]
    step = (_FAR / _POINTS * (2 * (r**2).sum(axis=-1)) ** -0.5)[:, None]
    u = step * (np.arange(_POINTS) + 0.5)
    z = saddle[:, None] + 1j * u - bend * u**2
    factors = 1 + 2 * a[:, None, :] * z[..., None]
    log_t = -0.5 * (np.log(factors).sum(axis=-1) + np.log((share / factors).sum(axis=-1)))
    terms = (np.exp(z + log_t) / z * (1j - 2 * bend * u)).imag
    return np.asarray(upper + (step * terms).sum(axis=-1) / np.pi)


def _saddle(a: Array) -> tuple[Array, Array]:
    """Return 1 where the path goes left of the pole at 0, else 0, and where it crosses the axis.

    By bisection: ``1 - sum r - 1 / z``, ``r = a / (1 + 2 a z)``, grows on either side of 0.
    """
    upper = a.sum(axis=-1) < 1
    low = np.where(upper, -0.5 / a.max(axis=-1), 0.0)
    high = np.where(upper, 0.0, 1 + a.shape[-1])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        slope = 1 - (a / (1 + 2 * a * middle[:, None])).sum(axis=-1) - 1 / middle
        low, high = np.where(slope < 0, middle, low), np.where(slope < 0, high, middle)
    return upper.astype(float), (low + high) / 2


def _logit(p: Array) -> Array:
    return np.log(p) - np.log1p(-p)
