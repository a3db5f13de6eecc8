"""Studies as blocks, and the one operation of linear algebra on them, for all nodes at once."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from bayesmeta.arrays import Array

type Index = np.ndarray[tuple[int, ...], np.dtype[np.intp]]


@dataclass(frozen=True, slots=True)
class Block:
    """Studies of one group that were seen at the same times.

    Attributes
    ----------
    group : int
    slots : ndarray of int, shape (d,)
        Which of the model's times those are.
    rows : ndarray of int, shape (d, m)
        The rows of the data of the m studies.
    studies : ndarray of int, shape (m,)
    """

    group: int
    slots: Index
    rows: Index
    studies: Index

    @property
    def grid(self) -> tuple[Index, Index]:
        """Index of the block's times in a matrix over all times."""
        return self.slots[:, None], self.slots[None, :]


def blocks_of(study: Index, slot: Index, group: Index) -> tuple[Block, ...]:
    """Put studies of one group that were seen at the same times together.

    Parameters
    ----------
    study, slot : ndarray of int, shape (n,)
        Of each row: the number of the study and that of the time.
    group : ndarray of int, shape (k,)
        Of each study.
    """
    alike: dict[tuple[int, tuple[int, ...]], list[tuple[int, Index]]] = defaultdict(list)
    for number, one in enumerate(group.tolist()):
        rows = np.flatnonzero(study == number)
        rows = rows[np.argsort(slot[rows])]
        alike[one, tuple(slot[rows].tolist())].append((number, rows))
    return tuple(
        Block(
            one,
            np.array(slots),
            np.stack([rows for _, rows in members], -1),
            np.array([number for number, _ in members]),
        )
        for (one, slots), members in sorted(alike.items())
    )


def sweep(a: Array, pivots: int) -> Array:
    """Sweep symmetric matrices on their first pivots, in place; return log of their product.

    With ``a = [[A, B], [B', C]]`` and A the part swept, the result is
    ``[[-A^-1, A^-1 B], [., C - B' A^-1 B]]`` and the product of the pivots is ``|A|``: inverse,
    solution, Schur complement and determinant in one pass, elementwise over the nodes. Only the
    upper triangle is read and written.

    Parameters
    ----------
    a : ndarray, shape (d, d, ...)
        Positive definite in the part swept.
    pivots : int

    References
    ----------
    Goodnight (1979), The American Statistician 33:149.

    Examples
    --------
    >>> a = np.array([[2.0, 1.0], [1.0, 3.0]])
    >>> sweep(a, 1), a
    (np.float64(0.6931471805599453), array([[-0.5,  0.5],
           [ 1. ,  2.5]]))
    """
    log_determinant = np.zeros(a.shape[2:])
    for k in range(pivots):
        pivot = a[k, k].copy()
        row = np.concatenate([a[:k, k], a[k, k:]])
        scaled = row / pivot
        for i in range(len(a)):
            a[i, i:] -= row[i] * scaled[i:]
        a[:k, k], a[k, k:], a[k, k] = scaled[:k], scaled[k:], -1 / pivot
        log_determinant += np.log(pivot)
    return log_determinant[()]


def mirrored(a: Array) -> Array:
    """Return symmetric matrices of shape (d, d, ...) from their upper triangles."""
    lower = np.tril_indices(len(a), -1)
    a[lower] = a[lower[::-1]]
    return a


def sum_over(a: Array, b: Array) -> Array:
    """Sum over the first axis of products, which broadcast against each other."""
    total: Array = a[0] * b[0]
    for one, other in zip(a[1:], b[1:], strict=True):
        total += one * other
    return total


def quadratic(v: Array, a: Array) -> Array:
    """Return ``v' a v`` over the first axes of v, (d, ...), and a symmetric a, (d, d, ...)."""
    total: Array = v[0] * v[0] * a[0, 0]
    for i in range(1, len(v)):
        total += v[i] * (v[i] * a[i, i] + 2 * sum_over(v[:i], a[i, :i]))
    return total
