"""Gauss-Legendre rules, and polynomials through values at their nodes."""

from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre

from bayesmeta.arrays import Array


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
    nodes, weights = gauss_legendre(values.shape[-1])
    signs = np.where(np.arange(len(nodes)) % 2, -1.0, 1.0)
    gaps = t[..., None] - nodes
    at_node = gaps == 0
    parts = signs * np.sqrt((1 - nodes * nodes) * weights) / np.where(at_node, 1.0, gaps)
    parts = np.where(at_node.any(-1, keepdims=True), at_node, parts)
    found: Array = (parts @ values[..., None])[..., 0] / parts.sum(-1)
    return found


@lru_cache(maxsize=64)
def integration(count: int) -> Array:
    """Matrix from masses at the nodes to integrals from -1 to each node, shape (n, n).

    By the Legendre coefficients ``(2 l + 1) / 2 sum q_j P_l(t_j)`` and
    ``int P_l = (P_(l+1) - P_(l-1)) / (2 l + 1)``.
    """
    values = legendre.legvander(gauss_legendre(count)[0], count)
    integrals = (values[:, 2:] - values[:, :-2]) / 2
    return np.column_stack([(values[:, 1] + 1) / 2, integrals]) @ values[:, :-1].T
