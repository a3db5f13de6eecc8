"""How far conclusions move over a grid of priors, and which prior moves them most."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bayesmeta.arrays import Array, Mask
from bayesmeta.engines.exact import Quantity

if TYPE_CHECKING:
    import xarray as xr

type Claim = Literal["interval", "benefit"]

BENEFIT = 0.95
"""The P(benefit) from which on a treatment is said to do good."""

MOVED: dict[str, tuple[Quantity, str]] = {
    "estimate": ("mu", "median"),
    "ci_low": ("mu", "ci_low"),
    "ci_high": ("mu", "ci_high"),
    "prob_benefit": ("mu", "prob_benefit"),
    "prob_below_zero": ("mu", "prob_below_zero"),
    "prediction_low": ("theta_new", "ci_low"),
    "prediction_high": ("theta_new", "ci_high"),
    "prob_benefit_new": ("theta_new", "prob_benefit"),
    "tau": ("tau", "median"),
}
"""What is followed over the grid: a quantity and one of its summaries."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A prior on mu and one on tau, in the words of the grid."""

    mu: str
    tau: str


@dataclass(frozen=True, slots=True)
class Moved[Under]:
    """The least and the greatest value over the grid, and the priors that give them."""

    reference: float | None
    low: float
    low_under: Under
    high: float
    high_under: Under


@dataclass(frozen=True, slots=True)
class Verdict:
    """Under how many priors a claim is as the analysis has it.

    Attributes
    ----------
    claim : {'interval', 'benefit'}
        The interval of the pooled effect excludes no effect; P(benefit) is `BENEFIT` or more.
    stands : bool
        Whether the analysis makes the claim: the data as given, the reference priors.
    same, of : int
        Priors of the grid that agree, and all that have a posterior.
    first : Pair or None
        The first of the grid that does not.
    """

    claim: Claim
    stands: bool
    same: int
    of: int
    first: Pair | None


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What one set of data says of a pool, over the grid.

    Attributes
    ----------
    pool : str
        Outcome and time.
    data, left_out : str
        ``as given`` or an alternative; the study left out, or nobody.
    moved : dict of Moved
        By the names of `MOVED`; of those that have a value.
    verdicts : tuple of Verdict
        Against the analysis's own conclusion; none where that has no posterior.
    """

    pool: str
    data: str
    left_out: str
    moved: dict[str, Moved[Pair]]
    verdicts: tuple[Verdict, ...]


def conclusions(dataset: "xr.Dataset", reference: "xr.Dataset") -> Iterator[Conclusion]:
    """Yield the conclusion of each pool as given and whole, then those of its other data.

    Parameters
    ----------
    dataset, reference : Dataset
        Over the grid, and under the reference priors.
    """
    words = [
        Pair(str(mu), str(tau))
        for mu in dataset["prior_mu"].values
        for tau in dataset["prior_tau"].values
    ]
    there = np.isfinite(dataset["numerical_error"].to_numpy())
    known = np.isfinite(reference["numerical_error"].to_numpy())[..., 0, 0]
    follow = {
        name: tuple(of[variable].sel(quantity=quantity).to_numpy() for of in (dataset, reference))
        for name, (quantity, variable) in MOVED.items()
    }
    claims = {claim: (made(dataset), made(reference)[..., 0, 0]) for claim, made in _CLAIMS.items()}
    if not np.isfinite(follow["prob_benefit"][0]).any():
        del claims["benefit"]
    for case in map(tuple, np.argwhere(there.any((-2, -1)))):
        pool, data, left_out = case
        yield Conclusion(
            pool=str(dataset["pool"].values[pool]),
            data=str(dataset["data"].values[data]),
            left_out=str(dataset["left_out"].values[left_out]),
            moved={
                name: moved(over[case].ravel(), float(own[case][0, 0]), words)
                for name, (over, own) in follow.items()
                if np.isfinite(over[case]).any()
            },
            verdicts=tuple(
                _verdict(
                    claim, bool(own[pool, 0, 0]), over[case].ravel(), there[case].ravel(), words
                )
                for claim, (over, own) in claims.items()
                if known[pool, 0, 0]
            ),
        )


def _interval_apart(dataset: "xr.Dataset") -> Mask:
    of_mu = dataset.sel(quantity="mu")
    apart: Mask = ((of_mu["ci_low"] > 0) | (of_mu["ci_high"] < 0)).to_numpy()
    return apart


def _benefit(dataset: "xr.Dataset") -> Mask:
    enough: Mask = (dataset["prob_benefit"].sel(quantity="mu") >= BENEFIT).to_numpy()
    return enough


_CLAIMS: dict[Claim, Callable[["xr.Dataset"], Mask]] = {
    "interval": _interval_apart,
    "benefit": _benefit,
}


def moved[Under](
    over: Array, own: float, words: list[Under], rounding: float = 1e-9
) -> Moved[Under]:
    """Return the least and the greatest of the values under these priors.

    Of values that differ by ``rounding``, relative, or less the first is named.
    """
    low, high = _first(over, rounding), _first(-over, rounding)
    return Moved(
        own if np.isfinite(own) else None,
        float(over[low]),
        words[low],
        float(over[high]),
        words[high],
    )


def _first(over: Array, rounding: float) -> int:
    """Where the least value is; of several that differ by rounding the first."""
    return int(np.argmax(over <= np.nanmin(over) + rounding * np.nanmax(np.abs(over))))


def _verdict(claim: Claim, stands: bool, over: Mask, there: Mask, words: list[Pair]) -> Verdict:
    other = np.flatnonzero(there & (over != stands))
    of = int(there.sum())
    first = words[other[0]] if len(other) else None
    return Verdict(claim, stands, of - len(other), of, first)
