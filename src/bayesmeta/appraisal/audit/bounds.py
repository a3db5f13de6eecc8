"""Studies between bounds: the range of weighted means, of Q, and of each estimator of tau2."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bayesmeta.appraisal.audit.finding import Interval
from bayesmeta.arrays import Array
from bayesmeta.frequentist.homogeneity import spread
from bayesmeta.frequentist.names import Method

type Bounds = tuple[Array, Array]

_LEAST_SE = 1e-75  # its fourth power is above 0
_POINTS = 500
_ROUNDS = 2
_BISECTIONS = 60


@dataclass(frozen=True, slots=True)
class Box:
    """Estimates and standard errors of k studies, each between two bounds, shape (k,)."""

    y_low: Array
    y_high: Array
    se_low: Array
    se_high: Array

    def __getitem__(self, rows: list[int]) -> "Box":
        """Return the box of some of the studies."""
        return Box(self.y_low[rows], self.y_high[rows], self.se_low[rows], self.se_high[rows])

    @property
    def k(self) -> int:
        """Number of studies."""
        return len(self.y_low)

    def weights(self, tau2: Interval) -> Bounds:
        """Return the bounds of ``1 / (se^2 + tau2)``."""
        least = np.maximum(self.se_low, _LEAST_SE)
        return 1 / (self.se_high**2 + tau2.high), 1 / (least**2 + tau2.low)


def mean_range(box: Box, weights: Bounds) -> Interval:
    """Return the range of ``sum w y / sum w``.

    It rises with every y, and is monotone in every w: its largest value has each w at its upper
    bound where y is above the mean and at its lower one elsewhere, so the k + 1 cuts of the sorted
    y hold it.
    """
    return Interval(
        -float(_largest_mean(-box.y_low, *weights)), float(_largest_mean(box.y_high, *weights))
    )


def q_range(box: Box, weights: Bounds) -> Interval:
    """Return the range of ``sum w (y - mu)^2``, mu the mean weighted by w.

    It is the least of ``sum w (y - c)^2`` over c, so it rises with every w; and its root is a
    seminorm of y, so it moves by at most ``sqrt(sum w r^2)`` where each y moves by at most r.
    """
    y, r = (box.y_low + box.y_high) / 2, (box.y_high - box.y_low) / 2

    def root(w: Array) -> tuple[float, float]:
        centred = y - w @ y / w.sum()
        return float(np.sqrt(w @ centred**2)), float(np.sqrt(w @ r**2))

    (least, shift), (most, wider) = map(root, weights)
    return Interval(max(0.0, least - shift) ** 2, (most + wider) ** 2)


def spread_range(weights: Bounds) -> Interval:
    """Return the range of ``C = sum w - sum w^2 / sum w = sum_(i != j) w_i w_j / sum w``.

    It rises with every w: ``dC/dw_i = (1 - p_i)^2 + sum_(j != i) p_j^2`` with ``p = w / sum w``.
    """
    return Interval(*(float(_spread(w)) for w in weights))


def tau2_range(method: Method, box: Box) -> Interval:
    """Return bounds of an estimate of tau2, those of `bayesmeta.frequentist.tau2`; 0 at k = 1.

    Examples
    --------
    >>> y, se = np.array([0.0, 2.0]), np.array([1.0, 1.0])
    >>> found = tau2_range("HE", Box(y - 0.05, y + 0.05, se, se))
    >>> round(found.low, 9), round(found.high, 9)
    (0.805, 1.205)
    """
    if box.k == 1:
        return Interval(0.0, 0.0)
    found = _TAU2[method](box)
    return Interval(max(0.0, found.low), max(0.0, found.high))


_COMMON = Interval(0.0, 0.0)


def _dersimonian_laird(box: Box) -> Interval:
    """Bound ``(Q - df) / C``."""
    weights = box.weights(_COMMON)
    q, c = q_range(box, weights), spread_range(weights)
    return _over(Interval(q.low - box.k + 1, q.high - box.k + 1), c)


def _hedges(box: Box) -> Interval:
    """Bound the variance of y less the mean variance."""
    one = np.ones(box.k)
    squares = q_range(box, (one, one))
    return Interval(
        squares.low / (box.k - 1) - float((box.se_high**2).mean()),
        squares.high / (box.k - 1) - float((box.se_low**2).mean()),
    )


def _hunter_schmidt(box: Box) -> Interval:
    """Bound ``(Q - k) / sum w``."""
    weights = box.weights(_COMMON)
    q, total = q_range(box, weights), Interval(*(float(w.sum()) for w in weights))
    return _over(Interval(q.low - box.k, q.high - box.k), total)


def _sidik_jonkman(box: Box) -> Interval:
    """Bound ``sum (y - mu)^2 t / (v + t) / (k - 1)``, t the mean square, in which it rises."""
    one = np.ones(box.k)
    squares = q_range(box, (one, one))
    low, high = (
        1 / (1 + se**2 / max(square / box.k, _LEAST_SE))
        for se, square in ((box.se_high, squares.low), (box.se_low, squares.high))
    )
    q = q_range(box, (low, high))
    return Interval(q.low / (box.k - 1), q.high / (box.k - 1))


def _paule_mandel(box: Box) -> Interval:
    """Bound the tau2 at which the generalised Q is k - 1: it falls with tau2 in every table.

    Where the lower bound of Q is k - 1 or more, every table's tau2 is at least this; where the
    upper bound is k - 1 or less, at most.
    """
    df = box.k - 1

    def q(t: float) -> Interval:
        return q_range(box, box.weights(Interval(t, t)))

    most = q_range(box, (np.ones(box.k), np.ones(box.k))).high / df
    low = _last(lambda t: q(t).low >= df, most)
    return Interval(low[0], _last(lambda t: q(t).high > df, most)[1])


def _likelihood(box: Box, *, restricted: bool) -> Interval:
    """Bound where the derivative in tau2 can be 0: ``sum w^2 (y - mu)^2`` less C or ``sum w``.

    Below the first tau2 at which it can be, every table's likelihood rises; above the last it
    falls. It is looked at on a grid of tau2, so close that the derivative, smooth on the scale of
    log(v + tau2), cannot change its sign twice between two points; then again between those
    where it turns.
    """
    one = np.ones(box.k)
    least = max(float(box.se_low.min()), _LEAST_SE) ** 2
    most = 2 * q_range(box, (one, one)).high + least
    low = high = least * np.expm1(np.linspace(0, np.log1p(most / least), _POINTS))
    for _ in range(_ROUNDS):
        rises = _derivative(box, low, restricted)[0] > 0
        falls = _derivative(box, high, restricted)[1] < 0
        first = len(low) if rises.all() else int(np.argmin(rises))
        last = -1 if falls.all() else len(high) - 1 - int(np.argmin(falls[::-1]))
        low = _between(low, first - 1)
        high = _between(high, last)
    return Interval(float(low[0]), float(high[-1]))


def _derivative(box: Box, tau2: Array, restricted: bool) -> Bounds:
    """Bound the derivative of the likelihood at each tau2, shape (n,), by the mean value theorem.

    With e = y - mu, W = sum w, p = w / W and ``u = w e - sum w^2 e / W``, ``sum w^2 e^2`` changes
    by ``2 e u`` with w and by ``2 w u`` with y; C by ``(1 - p)^2 + sum_(j != i) p_j^2``, ``sum w``
    by 1.
    """
    t = tau2[:, None]
    w = 1 / (box.se_high**2 + t), 1 / (np.maximum(box.se_low, _LEAST_SE) ** 2 + t)
    mu_low, mu_high = -_largest_mean(-box.y_low, *w), _largest_mean(box.y_high, *w)
    e = box.y_low - mu_high[:, None], box.y_high - mu_low[:, None]
    least, most = _total(w[0]), _total(w[1])
    squares = _product((w[0] ** 2, w[1] ** 2), e)
    mean = _product((_total(squares[0]), _total(squares[1])), (1 / most, 1 / least))
    we = _product(w, e)
    u = we[0] - mean[1], we[1] - mean[0]
    of_w, of_y = _product(e, u), _product(w, u)
    less = np.ones_like(t), np.ones_like(t)
    if restricted:
        p = w[0] / most, np.minimum(w[1] / least, 1.0)
        others = [_total(x**2) - x**2 for x in p]
        less = (1 - p[1]) ** 2 + others[0], (1 - p[0]) ** 2 + others[1]
    slope = np.maximum(abs(2 * of_w[0] - less[1]), abs(2 * of_w[1] - less[0]))
    radius = (slope * (w[1] - w[0])).sum(axis=-1) / 2
    radius += (np.maximum(*map(abs, of_y)) * (box.y_high - box.y_low)).sum(axis=-1)
    middle, y = (w[0] + w[1]) / 2, (box.y_low + box.y_high) / 2
    residual = y - (middle @ y / middle.sum(axis=-1))[:, None]
    found = ((middle * residual) ** 2).sum(axis=-1)
    found -= _spread(middle) if restricted else middle.sum(axis=-1)
    return found - radius, found + radius


def _total(x: Array) -> Array:
    return np.asarray(x.sum(axis=-1, keepdims=True))


def _product(one: Bounds, other: Bounds) -> Bounds:
    """Return the bounds of a product."""
    corners = [x * y for x in one for y in other]
    return np.minimum.reduce(corners), np.maximum.reduce(corners)


def _between(points: Array, at: int) -> Array:
    """Return a finer grid from the point ``at`` to the next one."""
    at = min(max(at, 0), len(points) - 1)
    return np.linspace(points[at], points[min(at + 1, len(points) - 1)], 50)


def _last(holds: Callable[[float], bool], most: float) -> tuple[float, float]:
    """Return a point where it holds, or 0, and one close above where it does not."""
    if not holds(0.0):
        return 0.0, 0.0
    low, high = 0.0, max(most, _LEAST_SE)
    while holds(high):
        low, high = high, 2 * high
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low, high


_TAU2: Mapping[Method, Callable[[Box], Interval]] = {
    "DL": _dersimonian_laird,
    "PM": _paule_mandel,
    "EB": _paule_mandel,
    "REML": lambda box: _likelihood(box, restricted=True),
    "ML": lambda box: _likelihood(box, restricted=False),
    "SJ": _sidik_jonkman,
    "HE": _hedges,
    "HS": _hunter_schmidt,
}


def _over(x: Interval, positive: Interval) -> Interval:
    """Return the range of a quotient whose negative values are cut off at 0."""
    return Interval(max(0.0, x.low) / positive.high, max(0.0, x.high) / positive.low)


def _spread(w: Array) -> Array:
    return spread(-np.sort(-w, axis=-1))


def _largest_mean(y: Array, w_low: Array, w_high: Array) -> Array:
    """Return the largest weighted mean, y of shape (k,), weights (..., k)."""
    order = np.argsort(-y)
    y, low, high = y[order], w_low[..., order], w_high[..., order]
    zero = np.zeros((*low.shape[:-1], 1))

    def cut(values: Array) -> Array:
        """Sum the first j at their upper weight and the others at their lower, j = 0, ..., k."""
        upper = np.concatenate([zero, np.cumsum(values * high, axis=-1)], axis=-1)
        lower = np.concatenate([zero, np.cumsum(values * low, axis=-1)], axis=-1)
        return np.asarray(upper + lower[..., -1:] - lower)

    return np.asarray((cut(y) / cut(np.ones_like(y))).max(axis=-1))
