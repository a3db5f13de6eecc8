"""Whether the data are such as the priors predict: Box's prior predictive P values, exactly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bayesmeta.appraisal.predictive import prior_nodes
from bayesmeta.arrays import Array
from bayesmeta.models import NormalNormal

type Complex = NDArray[np.complexfloating[Any, Any]]

_BATCH = 1 << 20
"""Points of contours times studies worked on at once."""

_PATH, _WIDTH = np.arange(0.04, 10, 0.08)[:, None], 0.08
"""Points on half a contour in units of the width of the saddle: the integrand ends below 1e-15."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Prior predictive P values; None where a prior predicts nothing, and ``reasons`` says why.

    Attributes
    ----------
    q, estimate : float or None
        P values: small where the priors did not expect such data.
    observed_q, observed_estimate : float
        Cochran's Q and the inverse-variance (common-effect) estimate.
    reasons : dict
        By the name of the attribute.
    """

    q: float | None
    estimate: float | None
    observed_q: float
    observed_estimate: float
    reasons: dict[str, str]


def prior_data_conflict(model: NormalNormal) -> Conflict:
    """Compute how far out the data lie in the predictions of the priors.

    With ``w_i = 1 / se_i^2``, ``m = sum w_i y_i / w_+`` and ``Q = sum w_i (y_i - m)^2``:

    - of Q, ``P(Q* >= Q)``, averaged over the prior on tau: a prior that expects much less
      heterogeneity than there is gives a P near 0, one that expects much more a P near 1. Q does
      not depend on mu.
    - of m, ``2 min(P(m* <= m), P(m* >= m))``, averaged over both priors:
      ``m* | tau ~ sum_c p_c N(m_c, s_c^2 + 1 / w_+ + tau^2 sum w_i^2 / w_+^2)``, over the normals
      that the prior on mu is a mixture of.

    Both by quadrature, no simulation.

    Parameters
    ----------
    model : NormalNormal
        A batch of one, such as ``row.posterior.model``.

    References
    ----------
    Box (1980), J R Stat Soc A 143:383; Evans and Moshonov (2006), Bayesian Analysis 1:893.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> y, se = np.array([[-0.6, -0.3, -0.9]]), np.array([[0.3, 0.3, 0.4]])
    >>> found = prior_data_conflict(NormalNormal(y, se, Normal(0, 1), HalfNormal(0.5)))
    >>> round(found.q, 4), round(found.estimate, 4)
    (0.6937, 0.6033)
    """
    model = model.in_units_of_data()
    y, se = model.y[0], model.se[0]
    w = 1 / (se * se)
    m = float(w @ y / w.sum())
    observed = float(w @ (y - m) ** 2)
    reasons: dict[str, str] = {}
    improper = f"the prior on tau is improper ({model.tau}): it predicts nothing before the data"
    q = estimate = None
    if not model.tau.proper:
        reasons = dict.fromkeys(("q", "estimate"), improper)
    if not model.mu.proper:
        reasons["estimate"] = (
            f"the prior on mu is improper ({model.mu}): it predicts nothing before the data"
        )
    if len(y) == 1:
        reasons["q"] = "there is one study: nothing can be heterogeneous"
    if "q" not in reasons:
        weights, tau = prior_nodes(model.tau, se)
        q = float(np.clip(weights @ q_exceeds(observed, se, tau), 0, 1))
    if "estimate" not in reasons:
        estimate = _of_estimate(model, m)
    return Conflict(q, estimate, observed, m, reasons)


def _of_estimate(model: NormalNormal, m: float) -> float:
    w = 1 / model.se[0] ** 2
    spread = float((w * w).sum() / w.sum() ** 2)
    shares, means, sds = model.mu.components()
    variances = sds * sds + 1 / w.sum()
    weights, tau = prior_nodes(model.tau, np.sqrt(variances / spread))
    z = (m - means[:, None]) / np.sqrt(variances[:, None] + spread * tau**2)
    below, above = (float(shares @ special.ndtr(side) @ weights) for side in (z, -z))
    return min(2 * min(below, above), 1.0)


def q_exceeds(q: float, se: Array, tau: Array) -> Array:
    """Return ``P(Q >= q)`` of Cochran's Q given tau, shape (n,).

    Q is a quadratic form in normals. With ``r_i = 1 + tau^2 w_i`` and ``p_i = w_i / w_+`` its
    cumulant generating function is, by the determinant lemma,
    ``K(s) = -[sum log(1 - 2 s r_i) + log sum p_i / (1 - 2 s r_i)] / 2``, analytic but for a cut
    of the real line far to the right. ``P(Q >= q) = int exp(K(s) - s q) / s ds / (2 pi i)`` is
    summed by the trapezoidal rule along a parabola that follows the path of steepest descent,
    ``s = s_0 + d (i t + K'''(s_0) d^3 t^2 / 6)``, ``d = K''(s_0)^(-1/2)``, from the saddle
    ``K'(s_0) = q``, or from -d where the saddle is within d of the pole at 0; to the left of the
    pole the integral is ``-P(Q < q)``. Errors are below 1e-12.

    Parameters
    ----------
    q : float
    se : ndarray, shape (k,)
    tau : ndarray, shape (n,)

    References
    ----------
    Rice (1980), SIAM J Sci Stat Comput 1:438; Imhof (1961), Biometrika 48:419, for the problem.

    Examples
    --------
    >>> from scipy import stats
    >>> found = q_exceeds(5.0, np.array([0.3, 0.5, 0.2]), np.array([0.0, 0.4]))
    >>> found.round(6), stats.chi2.sf(5, 2).round(6)
    (array([0.082085, 0.384382]), np.float64(0.082085))
    """
    if q <= 0:
        return np.ones_like(tau)
    tau = np.minimum(tau, 1e16 * q**0.5 * se.min())  # from there on it is 1 to the last digit
    size = max(1, _BATCH // (len(se) * len(_PATH)))
    parts = [_q_exceeds(q, se, tau[at : at + size]) for at in range(0, len(tau), size)]
    return np.concatenate(parts)


def _q_exceeds(q: float, se: Array, tau: Array) -> Array:
    order = np.argsort(se)
    w = se[order] ** -2.0
    r = 1 + tau[:, None] ** 2 * w
    scaled = q / r[:, 0]  # in units of the largest r, and x = 2 s
    form = _Form(w / w.sum(), r / r[:, :1])
    x, d = form.saddle(scaled)
    right = x > d
    x = np.where(right, x, np.minimum(x, -d))
    _, second, third = form.cumulants(x)
    d = second**-0.5
    bend = third * d**3 / 6
    path: Complex = np.asarray(x + d * (1j * _PATH + bend * _PATH**2), dtype=complex)
    along = d * (1j + 2 * bend * _PATH)
    values = np.exp(form.log_moment(path) - scaled * path / 2) * along / path
    integral = values.imag.sum(0) * _WIDTH / np.pi
    found: Array = np.where(right, integral, 1 + integral)
    return found


@dataclass(frozen=True, slots=True)
class _Form:
    """Cochran's Q for n values of tau, in units in which the largest ``r_i``, the first, is 1.

    The first factor of the product is multiplied into the sum, for its pole is none of K:
    ``-2 K = sum_(i>1) log(1 - x rho_i) + log B``, ``B = p_1 + (1 - x) S``,
    ``S = sum_(i>1) p_i / (1 - x rho_i)``, ``x = 2 s``.
    """

    p: Array
    rho: Array

    def log_moment(self, x: Complex) -> Complex:
        """K at complex x, shape (m, n); in real numbers, whose logs are many times faster."""
        real = 1 - x.real[..., None] * self.rho[:, 1:]
        imaginary = -x.imag[..., None] * self.rho[:, 1:]
        squares = real * real + imaginary * imaginary
        shares = self.p[1:] / squares
        total = (shares * real).sum(-1) - 1j * (shares * imaginary).sum(-1)
        angles = np.arctan2(imaginary, real).sum(-1)
        logs = np.log(squares).sum(-1) / 2 + 1j * angles + np.log(self.p[0] + (1 - x) * total)
        found: Complex = -logs / 2
        return found

    def cumulants(self, x: Array) -> tuple[Array, Array, Array]:
        """First three derivatives of K by x, shape (n,) each."""
        g = 1 / (1 - x[:, None] * self.rho[:, 1:])
        a = self.rho[:, 1:] * g
        s = [n * (self.p[1:] * g * a**k).sum(-1) for k, n in enumerate((1, 1, 2, 6))]
        b = self.p[0] + (1 - x) * s[0]
        one, two, three = (((1 - x) * s[k] - k * s[k - 1]) / b for k in (1, 2, 3))
        return (
            (a.sum(-1) - one) / 2,
            ((a**2).sum(-1) - two + one**2) / 2,
            (2 * (a**3).sum(-1) - three + 3 * two * one - 2 * one**3) / 2,
        )

    def saddle(self, scaled: Array) -> tuple[Array, Array]:
        """Return the x where ``dK/dx = scaled / 2``, and the width of the saddle there."""
        first, last = np.ones(len(scaled)), 1 / self.rho[:, 1]
        for _ in range(60):  # the end of the cut: B = 0
            middle = (first + last) / 2
            with np.errstate(divide="ignore", invalid="ignore"):
                g = self.p[1:] / (1 - middle[:, None] * self.rho[:, 1:])
                positive = self.p[0] + (1 - middle) * g.sum(-1) > 0
            first, last = np.where(positive, middle, first), np.where(positive, last, middle)
        low, high = np.log(1e-15 * first), np.log(first + self.rho.shape[1] / scaled)
        for _ in range(60):
            middle = (low + high) / 2
            beyond = self.cumulants(first - np.exp(middle))[0] > scaled / 2
            low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
        x = first - np.exp((low + high) / 2)
        return x, self.cumulants(x)[1] ** -0.5
