"""Events whose posterior probability is asked for: ``mu < -4``, ``-1 < theta_new < 1``."""

import re
from dataclasses import dataclass
from math import inf
from typing import Literal, Self, cast

import numpy as np

from bayesmeta.engines.exact import Posterior
from bayesmeta.errors import InputError, did_you_mean

type Asked = Literal["mu", "theta_new", "tau"]

_FORM = re.compile(
    r"(?:(?P<low>[-+.\deE]+)(?P<from><=?))?(?P<quantity>[a-z_]+)"
    r"(?P<upto>[<>]=?)?(?P<high>(?<=[<>=])[-+.\deE]+)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Event:
    """A quantity between two bounds, on the analysis scale (log for ratio measures).

    Attributes
    ----------
    text : str
        The event as written.
    quantity : {'mu', 'theta_new', 'tau'}
    low, high : float
    low_counts, high_counts : bool
        Whether a bound belongs to the event, which matters where tau is fixed.
    """

    text: str
    quantity: Asked
    low: float
    high: float
    low_counts: bool
    high_counts: bool

    @classmethod
    def read(cls, text: str) -> Self:
        """Read an event.

        Raises
        ------
        InputError
            When it is not of the form ``mu < 0``, ``mu > 0`` or ``-1 < mu < 1``.

        Examples
        --------
        >>> event = Event.read("-0.1 < mu <= 0.1")
        >>> event.quantity, event.low, event.high, event.low_counts, event.high_counts
        ('mu', -0.1, 0.1, False, True)
        """
        found = _FORM.fullmatch("".join(text.split()))
        if (
            not found
            or not (found["low"] or found["high"])
            or bool(found["upto"]) != bool(found["high"])
        ):
            raise InputError(f"event is {text!r}: expected the like of 'mu < 0' or '-1 < mu < 1'")
        names = ("mu", "theta_new", "tau")
        if found["quantity"] not in names:
            known = did_you_mean(found["quantity"], names)
            raise InputError(f"unknown quantity {found['quantity']!r}: {known}")
        low, high = (_number(text, found[end]) for end in ("low", "high"))
        low_counts, high_counts = ("=" in (found[sign] or "") for sign in ("from", "upto"))
        if (found["upto"] or "").startswith(">"):
            if low is not None:
                raise InputError(f"event is {text!r}: write an interval as '-1 < mu < 1'")
            low, high, low_counts, high_counts = high, None, high_counts, False
        if low is not None and high is not None and not low < high:
            raise InputError(f"event is {text!r}: its lower bound must be the smaller")
        return cls(
            text.strip(),
            cast(Asked, found["quantity"]),
            -inf if low is None else low,
            inf if high is None else high,
            low_counts,
            high_counts,
        )

    def probability(self, posterior: Posterior) -> float:
        """Posterior probability of the event in one pool, by the exact engine."""
        upto_high = _below(posterior, self.quantity, self.high, counts=self.high_counts)
        return upto_high - _below(posterior, self.quantity, self.low, counts=not self.low_counts)


def _number(text: str, word: str | None) -> float | None:
    try:
        return None if word is None else float(word)
    except ValueError:
        raise InputError(f"event is {text!r}: {word!r} is not a number") from None


def _below(posterior: Posterior, quantity: Asked, value: float, *, counts: bool) -> float:
    """P(quantity < value), or P(quantity <= value) where the value counts."""
    if np.isinf(value):
        return float(value > 0)
    model = posterior.model
    at = (value - np.asarray(model.location)) / model.unit
    if quantity != "tau":
        return float(posterior.mixture(quantity).cdf(at)[0])
    low, high = model.tau.support
    tau = posterior.heterogeneity
    if tau is None:
        return float(low <= value if counts else low < value)
    if not low < value < high:
        return float(value >= high)
    return float(tau.cdf(tau.map.v(np.array([[value / model.unit]])))[0, 0])
