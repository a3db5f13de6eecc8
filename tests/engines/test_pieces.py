"""Pieces against closed forms: integrals between any two ends."""

import numpy as np
import pytest

from bayesmeta.engines.panels import DEGREE
from bayesmeta.engines.pieces import Pieces, partial


@pytest.mark.parametrize(
    ("f", "integral"),
    [(np.exp, np.exp), (lambda v: 1 / (1 + v * v), np.arctan), (np.cos, np.sin)],
)
def test_integrals_between_ends(f, integral):
    # 1 / (1 + v^2) has its poles 1 away: half widths of 0.2 leave 10^-19.
    pieces = Pieces(-4.0, 0.4, 20)
    low = np.array([-4.0, -3.99, -1.0, 0.3, 0.3, 2.0])
    high = np.array([4.0, -3.98, 0.7, 0.31, 0.300001, 2.0])
    found = pieces.between(low, high) @ f(pieces.v[0]) * pieces.width / 2
    scale = np.abs(f(pieces.v[0])).max()
    np.testing.assert_allclose(found, integral(high) - integral(low), rtol=0, atol=4e-15 * scale)


def test_whole_pieces_have_legendre_weights():
    weights = Pieces(0.0, 1.0, 3).between(np.array([0.0]), np.array([2.0])).reshape(3, DEGREE)
    assert np.all(weights[2] == 0)
    np.testing.assert_allclose(weights[:2], partial(np.ones(2)), rtol=1e-12)
    assert weights[:2].min() > 0


def test_where_a_value_lies():
    piece, x = Pieces(-1.0, 0.5, 4).place(np.array([-9.0, -1.0, -0.75, 0.0, 0.9, 1.0, 9.0]))
    assert piece.tolist() == [0, 0, 0, 2, 3, 3, 3]
    np.testing.assert_allclose(x, [-1, -1, 0, -1, 0.6, 1, 1], atol=1e-15)
