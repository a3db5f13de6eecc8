"""Gauss-Legendre rules, and polynomials through values at their nodes."""

from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre

from bayesmeta.arrays import Array

_AT_NODE = 1e-200
"""A distance from a node that leaves its value alone."""


@lru_cache(maxsize=64)
def gauss_legendre(count: int) -> tuple[Array, Array]:
    """Nodes and weights of the rule on [-1, 1]."""
    return legendre.leggauss(count)


def interpolated(values: Array, t: Array) -> Array:
    """Evaluate at t, shape (..., p), polynomials through values at Gauss-Legendre nodes, (..., n).

    The barycentric formula with weights ``(-1)^j sqrt((1 - t_j^2) w_j)``.

    References
    ----------
    Wang and Xiang (2012), Mathematics of Computation 81:861, theorem 3.1.

    Examples
    --------
    >>> nodes, _ = gauss_legendre(4)
    >>> interpolated(nodes**3, np.array([-1.0, 0.5])).round(12)
    array([-1.   ,  0.125])
    """
    gaps = t[..., None] - gauss_legendre(values.shape[-1])[0]
    gaps[gaps == 0] = _AT_NODE
    parts = _barycentric_weights(values.shape[-1]) / gaps
    if t.ndim == 1:
        shared: Array = values @ parts.T / parts.sum(-1)
        return shared
    found: Array = np.einsum("...pn,...n->...p", parts, values) / parts.sum(-1)
    return found


@lru_cache(maxsize=64)
def _barycentric_weights(count: int) -> Array:
    nodes, weights = gauss_legendre(count)
    signs = np.where(np.arange(count) % 2, -1.0, 1.0)
    return signs * np.sqrt((1 - nodes * nodes) * weights)


def inverted(cumulated: Array, density: Array, p: Array) -> Array:
    """Return t, shape (..., len(p)), where increasing polynomials reach p.

    By Newton's method between the nodes next to it; the end of [-1, 1] where they do not.

    Parameters
    ----------
    cumulated, density : ndarray, shape (..., n)
        At the nodes: the polynomials and their derivatives.
    """
    both = np.stack([cumulated, density])
    t = np.concatenate([[-1.0], gauss_legendre(both.shape[-1])[0], [1.0]])
    ends = interpolated(cumulated, t[[0, -1]])
    table = np.concatenate([ends[..., :1], cumulated, ends[..., 1:]], -1)
    table = np.maximum.accumulate(table, -1)
    after = np.clip((table[..., None, :] < p[:, None]).sum(-1), 1, len(t) - 1)
    low, high = t[after - 1], t[after]
    below, above = (np.take_along_axis(table, at, -1) for at in (after - 1, after))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(np.nan_to_num((p - below) / (above - below)), 0.0, 1.0)
    at = low + share * (high - low)
    reached = (p > table[..., :1]) & (p < table[..., -1:])
    for _ in range(60):
        reach, slope = interpolated(both, at)
        gap = reach - p
        low, high = np.where(gap < 0, at, low), np.where(gap < 0, high, at)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = -gap / slope
        # What is left after a step of Newton's is of the order of its square.
        small = np.abs(newton) < 1e-6
        inside = (at + newton > low) & (at + newton < high)
        step = np.where(small | inside, newton, (low + high) / 2 - at)
        at = np.where(reached, at + step, at)
        if np.all(small | ~reached):
            break
    found: Array = at
    return found


@lru_cache(maxsize=64)
def differentiation(count: int) -> Array:
    """Matrix from values at the nodes to derivatives there, shape (n, n).

    References
    ----------
    Berrut and Trefethen (2004), SIAM Review 46:501, section 9.3.
    """
    nodes, _ = gauss_legendre(count)
    weights = _barycentric_weights(count)
    gaps = nodes[:, None] - nodes + np.eye(count)
    matrix: Array = weights / weights[:, None] / gaps
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(1))
    return matrix


@lru_cache(maxsize=64)
def highest_coefficients(count: int) -> Array:
    """Matrix from values at the nodes to the two highest Legendre coefficients, shape (2, n)."""
    nodes, weights = gauss_legendre(count)
    orders = np.arange(count - 2, count)
    values = legendre.legvander(nodes, count - 1)[:, -2:]
    matrix: Array = (orders[:, None] + 0.5) * values.T * weights
    return matrix


@lru_cache(maxsize=64)
def integration(count: int) -> Array:
    """Matrix from masses at the nodes to integrals from -1 to each node, shape (n, n).

    By the Legendre coefficients ``(2 l + 1) / 2 sum q_j P_l(t_j)`` and
    ``int P_l = (P_(l+1) - P_(l-1)) / (2 l + 1)``.
    """
    values = legendre.legvander(gauss_legendre(count)[0], count)
    integrals = (values[:, 2:] - values[:, :-2]) / 2
    return np.column_stack([(values[:, 1] + 1) / 2, integrals]) @ values[:, :-1].T
