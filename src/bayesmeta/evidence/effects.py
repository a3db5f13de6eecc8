"""Effect sizes and their standard errors: arrays in, arrays out.

``convention`` is ``"metafor"`` (the defaults of ``escalc`` in Viechtbauer's R package metafor) or
``"revman5"`` (Deeks and Higgins 2010, Statistical algorithms in Review Manager 5, and stored
results of Cochrane reviews). Ratio measures are on the log scale. What cannot be estimated is NaN.
"""

import numpy as np
from scipy.special import gammaln, ndtri

from bayesmeta.arrays import Array, ArrayLike, Mask
from bayesmeta.evidence.study import Convention


def effect_of_counts(
    counts: ArrayLike, measure: str, convention: Convention = "metafor"
) -> tuple[Array, Array]:
    """Log odds ratio, log risk ratio or risk difference of 2x2 tables, with standard errors.

    With cells a, b (treatment: events, others), c, d (control), n1 = a + b and n2 = c + d::

        OR   log(ad / bc)              SE^2 = 1/a + 1/b + 1/c + 1/d
        RR   log(a n2 / (c n1))        SE^2 = 1/a - 1/n1 + 1/c - 1/n2
        RD   a/n1 - c/n2               SE^2 = ab / n1^3 + cd / n2^3

    A half is added to all four cells of a table with any zero. ``metafor`` keeps tables without
    events; in ``revman5`` they have no OR and no RR, tables in which everybody has one have no
    OR, and their RR is exactly 1.

    Parameters
    ----------
    counts : array_like, shape (..., 4)
        events_treatment, n_treatment, events_control, n_control.
    measure : {"OR", "RR", "RD"}
    convention : {"metafor", "revman5"}

    Returns
    -------
    y, se : ndarray, shape (...)

    References
    ----------
    Fleiss and Berlin (2009), Effect sizes for dichotomous data, in Cooper et al., The handbook
    of research synthesis and meta-analysis, 237.

    Examples
    --------
    >>> y, se = effect_of_counts([[4, 123, 11, 139]], "RR")
    >>> y.round(4), (se**2).round(4)
    (array([-0.8893]), array([0.3256]))
    """
    raw = cells_of_counts(counts)
    a, b, c, d = np.moveaxis(add_half_to_zeros(raw), -1, 0)
    n1, n2 = a + b, c + d
    if measure == "OR":
        y, v = np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d
    elif measure == "RR":
        y, v = np.log(a * n2 / (c * n1)), 1 / a - 1 / n1 + 1 / c - 1 / n2
    else:
        y, v = a / n1 - c / n2, a * b / n1**3 + c * d / n2**3
    if convention == "revman5":
        out = not_estimable(raw, measure)
        y, v = np.where(out, np.nan, y), np.where(out, np.nan, v)
        if measure == "RR":
            y = np.where(~raw[..., [1, 3]].any(axis=-1), 0.0, y)
    return y, np.sqrt(v)


def effect_of_arms(
    treatment: tuple[ArrayLike, ArrayLike, ArrayLike],
    control: tuple[ArrayLike, ArrayLike, ArrayLike],
    measure: str,
    convention: Convention = "metafor",
) -> tuple[Array, Array]:
    """Mean difference, standardised mean difference or log ratio of means, with standard errors.

    With N = n1 + n2, m = N - 2 and s the pooled within-arm SD::

        MD    m1 - m2              SE^2 = s1^2 / n1 + s2^2 / n2
        SMD   g = J (m1 - m2) / s  SE^2 = 1/n1 + 1/n2 + g^2 / (2 N)            (metafor)
                                   SE^2 = N / (n1 n2) + g^2 / (2 (N - 3.94))   (revman5)
        ROM   log(m1 / m2)         SE^2 = s1^2 / (n1 m1^2) + s2^2 / (n2 m2^2)

    J is ``Gamma(m/2) / (sqrt(m/2) Gamma((m-1)/2))`` in ``metafor`` (Hedges 1981, exact) and
    ``1 - 3 / (4 N - 9)`` in ``revman5``.

    Parameters
    ----------
    treatment, control : tuple of array_like
        Mean, standard deviation and number of patients of the arm.
    measure : {"MD", "SMD", "ROM"}
    convention : {"metafor", "revman5"}

    Returns
    -------
    y, se : ndarray

    References
    ----------
    Hedges (1981), Journal of Educational Statistics 6:107. Hedges and Olkin (1985), Statistical
    methods for meta-analysis. Hedges, Gurevitch and Curtis (1999), Ecology 80:1150 (ROM).

    Examples
    --------
    >>> y, se = effect_of_arms((55, 47, 155), (75, 64, 156), "SMD")
    >>> round(float(y), 4), round(float(se) ** 2, 4)
    (-0.3552, 0.0131)
    """
    m1, s1, n1 = (np.asarray(x, dtype=float) for x in treatment)
    m2, s2, n2 = (np.asarray(x, dtype=float) for x in control)
    if measure == "MD":
        y, v = m1 - m2, s1**2 / n1 + s2**2 / n2
    elif measure == "ROM":
        y, v = np.log(m1 / m2), s1**2 / (n1 * m1**2) + s2**2 / (n2 * m2**2)
    else:
        n = n1 + n2
        j = hedges_correction(n - 2) if convention == "metafor" else 1 - 3 / (4 * n - 9)
        y = j * (m1 - m2) / pooled_sd(s1, n1, s2, n2)
        v = n / (n1 * n2) + y**2 / (2 * (n if convention == "metafor" else n - 3.94))
    return y, np.sqrt(v)


def mean_change(
    baseline: tuple[ArrayLike, ArrayLike],
    follow_up: tuple[ArrayLike, ArrayLike],
    n: ArrayLike,
    correlation: float,
) -> tuple[Array, Array]:
    """Mean change from baseline in one arm, with its standard error.

    ``SE^2 = (sd0^2 + sd1^2 - 2 r sd0 sd1) / n``, n the number followed up (Cochrane Handbook
    6.5, section 6.5.2.8).

    Examples
    --------
    >>> y, se = mean_change((18.0, 4.0), (10.0, 4.0), 12, 0.5)
    >>> float(y), round(float(se), 4)
    (-8.0, 1.1547)
    """
    (m0, s0), (m1, s1) = (map(np.asarray, pair) for pair in (baseline, follow_up))
    v = (s0**2 + s1**2 - 2 * correlation * s0 * s1) / np.asarray(n, dtype=float)
    return np.asarray(m1 - m0, dtype=float), np.sqrt(v)


def se_of_interval(low: ArrayLike, high: ArrayLike, level: float = 0.95) -> Array:
    """Return the standard error of a Wald interval: width / (2 z).

    Examples
    --------
    >>> round(float(se_of_interval(-9.04, -3.46)), 3)
    1.423
    """
    width = np.asarray(high, dtype=float) - np.asarray(low, dtype=float)
    return np.asarray(width / (2 * ndtri((1 + level) / 2)))


def se_of_p(estimate: ArrayLike, p: ArrayLike) -> Array:
    """Return the standard error that a two-sided Wald P value implies: abs(estimate) / z.

    Examples
    --------
    >>> round(float(se_of_p(1.96, 0.05)), 3)
    1.0
    """
    return np.asarray(np.abs(estimate) / -ndtri(np.asarray(p, dtype=float) / 2))


def pooled_sd(sd1: ArrayLike, n1: ArrayLike, sd2: ArrayLike, n2: ArrayLike) -> Array:
    """Return the pooled within-arm SD, weighted by degrees of freedom.

    ``s^2 = ((n1 - 1) s1^2 + (n2 - 1) s2^2) / (n1 + n2 - 2)``

    Examples
    --------
    >>> float(pooled_sd(3.0, 10, 3.0, 20))
    3.0
    """
    s1, m1, s2, m2 = (np.asarray(x, dtype=float) for x in (sd1, n1, sd2, n2))
    return np.asarray(np.sqrt(((m1 - 1) * s1**2 + (m2 - 1) * s2**2) / (m1 + m2 - 2)))


def implied_sd(se: ArrayLike, n1: ArrayLike, n2: ArrayLike) -> Array:
    """Return the within-arm SD that the SE of a mean difference implies if it is common to both.

    ``s = SE / sqrt(1/n1 + 1/n2)``

    Examples
    --------
    >>> round(float(implied_sd(1.0, 2, 2)), 12)
    1.0
    """
    per_patient = 1 / np.asarray(n1, dtype=float) + 1 / np.asarray(n2, dtype=float)
    return np.asarray(np.asarray(se) / np.sqrt(per_patient))


def hedges_correction(m: ArrayLike) -> Array:
    """Return Hedges' exact J for m degrees of freedom.

    ``J(m) = Gamma(m/2) / (sqrt(m/2) Gamma((m-1)/2))``, Hedges (1981), equation 6e.

    Examples
    --------
    >>> round(float(hedges_correction(10)), 6)
    0.922746
    """
    half = np.asarray(m, dtype=float) / 2
    return np.asarray(np.exp(gammaln(half) - gammaln(half - 0.5)) / np.sqrt(half))


def cells_of_counts(counts: ArrayLike) -> Array:
    """Return the cells a, b, c, d of 2x2 tables given as events and patients, shape (..., 4)."""
    x1, n1, x2, n2 = np.moveaxis(np.asarray(counts, dtype=float), -1, 0)
    return np.stack([x1, n1 - x1, x2, n2 - x2], axis=-1)


def add_half_to_zeros(cells: Array) -> Array:
    """Add a half to all four cells of every table that has a zero."""
    return np.asarray(cells + 0.5 * (cells == 0).any(axis=-1, keepdims=True))


def not_estimable(cells: Array, measure: str) -> Mask:
    """Say which tables RevMan leaves out of a ratio measure.

    Those without events and, for odds ratios, those in which everybody has one.
    """
    nobody, everybody = ~cells[..., [0, 2]].any(axis=-1), ~cells[..., [1, 3]].any(axis=-1)
    if measure == "OR":
        return np.asarray(nobody | everybody)
    return np.asarray(nobody if measure == "RR" else np.zeros_like(nobody))
