"""Families of priors on the pooled effect mu."""

import re
from abc import abstractmethod
from dataclasses import astuple, dataclass
from functools import lru_cache
from math import inf, isfinite
from typing import ClassVar, Self

import numpy as np
from scipy import special

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.priors.base import Prior, log_t_constant, number, require_positive, t_quantile

type Components = tuple[Array, Array, Array]
"""Weights that sum to 1 (or their logs), means and SDs of normals, shape (m,) each."""


class MuPrior(Prior):
    """A prior on the pooled effect: a mixture of normals, or flat."""

    __slots__ = ()

    @property
    def tail_power(self) -> float:
        """The ``a`` of a density that falls as ``|mu|^-a``; ``inf`` where faster."""
        return inf

    @abstractmethod
    def log_components(self, data: ArrayLike = ()) -> Components:
        """Return the log weights, means and SDs of the normals that the density is a mixture of.

        Enough of them to be right at the data too, however far in a tail those lie.
        """

    def components(self) -> Components:
        """Return the weights, means and SDs of the normals that the density is a mixture of."""
        log_weights, means, sds = self.log_components()
        return np.exp(log_weights), means, sds

    def logpdf(self, x: ArrayLike) -> Array:
        """Log density."""
        log_weights, means, sds = self.log_components(x)
        z = (np.asarray(x, dtype=float)[..., None] - means) / sds
        log_terms = log_weights - np.log(sds) - np.log(2 * np.pi) / 2 - z * z / 2
        return special.logsumexp(log_terms, axis=-1)

    def pdf(self, x: ArrayLike) -> Array:
        """Density."""
        return np.exp(self.logpdf(x))

    def cdf(self, x: ArrayLike) -> Array:
        """P(mu <= x)."""
        weights, means, sds = self.components()
        return special.ndtr((np.asarray(x, dtype=float)[..., None] - means) / sds) @ weights

    def ppf(self, p: ArrayLike) -> Array:
        """Quantile function, by bisection between the quantiles of the components."""
        p = np.asarray(p, dtype=float)
        _, means, sds = self.components()
        ends = means + sds * special.ndtri(p)[..., None]
        low, high = ends.min(-1), ends.max(-1)
        for _ in range(100):
            middle = (low + high) / 2
            above = self.cdf(middle) > p
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.where(np.isfinite(low + high), (low + high) / 2, low)

    def rvs(self, size: int | tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw independent values: a component, then its normal."""
        weights, means, sds = self.components()
        at = rng.choice(len(weights), size=size, p=weights)
        return means[at] + sds[at] * rng.standard_normal(size)


_SMALLEST_SD = 1e-100
"""Of a normal prior: its precision, and the products of that, are finite."""


@dataclass(frozen=True)
class Normal(MuPrior):
    """Normal prior on the pooled effect, on the analysis scale (log for OR, RR, ROM).

    Parameters
    ----------
    mean, sd : float
        In the units of the effect size.

    Examples
    --------
    >>> print(Normal(0, 2.5), Normal(0, 2.5).ppf(0.975).round(2))
    normal(0, 2.5) 4.9
    """

    mean: float
    sd: float
    name: ClassVar[str] = "normal"

    def __post_init__(self) -> None:
        require_positive(self, sd=self.sd)
        if not isfinite(self.mean):
            raise InputError(f"mean of {self} must be finite")
        if self.sd < _SMALLEST_SD:
            raise InputError(f"sd of {self} is below {_SMALLEST_SD:g}: a larger one is expected")

    def log_components(self, data: ArrayLike = ()) -> Components:
        return np.zeros(1), np.array([float(self.mean)]), np.array([float(self.sd)])

    def ppf(self, p: ArrayLike) -> Array:
        return self.mean + self.sd * special.ndtri(np.asarray(p, dtype=float))

    def rvs(self, size: int | tuple[int, ...], rng: np.random.Generator) -> Array:
        return self.mean + self.sd * rng.standard_normal(size)


@dataclass(frozen=True)
class StudentT(MuPrior):
    """Student-t prior on the pooled effect, which gives way to data that contradict it.

    Density ``t_df((x - mean) / scale) / scale``. As a mixture of normals: ``x | p ~ normal(mean,
    scale^2 / p)``, ``p ~ gamma(df / 2, rate df / 2)``, by the trapezoidal rule in log p.

    Parameters
    ----------
    df : float
        Degrees of freedom, from 0.5 to 1e6; moments of order df and above do not exist.
    mean, scale : float
        In the units of the effect size.

    References
    ----------
    West (1987), Biometrika 74:646, for the mixture.

    Examples
    --------
    >>> prior = StudentT(4, 0, 2.5)
    >>> print(prior, prior.ppf(0.975).round(3), len(prior.components()[0]) < 150)
    student-t(4, 0, 2.5) 6.941 True
    """

    df: float
    mean: float
    scale: float
    name: ClassVar[str] = "student-t"

    def __post_init__(self) -> None:
        require_positive(self, df=self.df, scale=self.scale)
        if not isfinite(self.mean):
            raise InputError(f"mean of {self} must be finite")
        if not 0.5 <= self.df <= 1e6:
            raise InputError(
                f"df of {self} is {self.df:g}: it must lie between 0.5 and 1e6; above that it is "
                f"normal({number(self.mean)}, {number(self.scale)})"
            )

    @property
    def tail_power(self) -> float:
        return self.df + 1

    def log_components(self, data: ArrayLike = ()) -> Components:
        distance = np.abs(np.asarray(data, dtype=float) - self.mean).max(initial=0) / self.scale
        octave = float(np.ceil(np.log2(distance))) if 1 < distance < inf else 0.0
        log_weights, sds = _standard_t(float(self.df), octave)
        return log_weights, np.full_like(sds, self.mean), self.scale * sds

    def logpdf(self, x: ArrayLike) -> Array:
        nu, z = self.df, (np.asarray(x, dtype=float) - self.mean) / self.scale
        constant = log_t_constant(nu) - np.log(self.scale)
        log_density: Array = constant - (nu + 1) / 2 * np.log1p(z * z / nu)
        return log_density

    def cdf(self, x: ArrayLike) -> Array:
        return special.stdtr(self.df, (np.asarray(x, dtype=float) - self.mean) / self.scale)

    def ppf(self, p: ArrayLike) -> Array:
        return self.mean + self.scale * t_quantile(self.df, p)


@dataclass(frozen=True)
class NormalMixture(MuPrior):
    """Mixture of normals on the pooled effect, such as a robust informative prior.

    Parameters
    ----------
    weights, means, sds : tuple of float
        One for each component; the weights are positive and sum to 1.

    References
    ----------
    Schmidli et al. (2014), Biometrics 70:1023, for robust meta-analytic-predictive priors.

    Examples
    --------
    >>> prior = NormalMixture((0.8, 0.2), (0, 0), (0.5, 10))
    >>> print(prior, prior.cdf(1.0).round(4))
    mixture(0.8 normal(0, 0.5), 0.2 normal(0, 10)) 0.8898
    """

    weights: tuple[float, ...]
    means: tuple[float, ...]
    sds: tuple[float, ...]
    name: ClassVar[str] = "mixture"

    def __post_init__(self) -> None:
        for name in ("weights", "means", "sds"):
            values = tuple(np.asarray(getattr(self, name), dtype=float).ravel().tolist())
            object.__setattr__(self, name, values)
        if not len(self.weights) == len(self.means) == len(self.sds) > 0:
            raise InputError("a mixture takes as many weights as means and as SDs, one at least")
        for weight, mean, sd in zip(self.weights, self.means, self.sds, strict=True):
            Normal(mean, sd)
            if not 0 < weight < inf:
                raise InputError(f"a weight of {self} is {weight:g}: it must be positive")
        if abs(sum(self.weights) - 1) > 1e-6:
            raise InputError(
                f"the weights of {self} sum to {sum(self.weights):.6g}: they must sum to 1"
            )

    def __str__(self) -> str:
        parts = zip(self.weights, self.means, self.sds, strict=True)
        shown = (f"{number(w)} normal({number(m)}, {number(s)})" for w, m, s in parts)
        return f"{self.name}({', '.join(shown)})"

    @classmethod
    def from_words(cls, words: list[str]) -> Self:
        """Read the arguments of the text form."""
        parts = []
        for word in words:
            found = _PART.fullmatch(word)
            if found and found[2].lower() != "normal":
                raise InputError(
                    f"unknown component {found[2]!r} of a mixture: "
                    f"{did_you_mean(found[2], ['normal'])}"
                )
            try:
                weight, mean, sd = (float(found[i]) for i in (1, 3, 4))  # type: ignore[index]
            except (TypeError, ValueError):
                raise InputError(
                    f"a component of a mixture is {word!r}: expected a weight and a normal, as in "
                    f"mixture(0.8 normal(0, 0.5), 0.2 normal(0, 10))"
                ) from None
            parts.append((weight, mean, sd))
        weights, means, sds = zip(*parts, strict=True) if parts else ((), (), ())
        return cls(weights, means, sds)

    def log_components(self, data: ArrayLike = ()) -> Components:
        weights, means, sds = (np.array(values) for values in astuple(self))
        return np.log(weights / weights.sum()), means, sds


@dataclass(frozen=True)
class Flat(MuPrior):
    """The improper uniform prior on the pooled effect.

    Examples
    --------
    >>> print(Flat())
    flat
    """

    name: ClassVar[str] = "flat"
    proper: ClassVar[bool] = False

    @property
    def tail_power(self) -> float:
        return 0.0

    def log_components(self, data: ArrayLike = ()) -> Components:
        raise InputError("flat on mu is improper: it is no mixture of normals")

    def logpdf(self, x: ArrayLike) -> Array:
        return np.zeros_like(np.asarray(x, dtype=float))


_PART = re.compile(r"\s*(\S+)\s+([A-Za-z][\w-]*)\s*\(\s*([^(),]*),\s*([^(),]*)\)\s*")


@lru_cache(maxsize=256)
def _standard_t(df: float, octave: float) -> tuple[Array, Array]:
    """Log weights and SDs of the normals that make up a standard t, with a step that is right.

    The density is right to 1e-13 of itself from the centre out to where a tail holds 1e-8, or to
    ``z = 2^octave`` if that is farther: at z the integrand in ``x = log p`` is that at 0, moved to
    ``log((df + 1) / (df + z^2))``.
    """
    half = df / 2
    z = np.concatenate([[0.0, 1.0], -special.stdtrit(df, 10.0 ** -np.arange(1, 9))])
    drop = _NATS / half
    low, high = _left_of_peak(half), np.log1p(drop + 2 * np.sqrt(drop))
    step, right = (high - low) / 16, False
    if octave:
        peak = np.log(df + 1) - np.logaddexp(np.log(df), 2 * octave * np.log(2))
        low = min(low, peak + _left_of_peak(half + 0.5))
    nodes, before = (z, z), np.zeros_like(z)
    while not right:
        x = high - step * np.arange(np.ceil((high - low) / step) + 1)
        log_weights = half * (x - np.expm1(x))
        log_weights -= np.log(np.exp(log_weights).sum())
        terms = np.exp(log_weights + x / 2 - np.exp(x) * z[:, None] ** 2 / 2)
        density = terms.sum(-1)
        right = bool(np.all(np.abs(density - before) < 1e-13 * density))
        coarse, nodes = nodes, (log_weights, np.exp(-x / 2))
        before, step = density, step * 0.8
    return coarse


_NATS = 46.0


def _left_of_peak(c: float) -> float:
    """Where, or beyond where, ``exp(c (x - exp(x)))`` is `_NATS` below its peak at 0."""
    drop = _NATS / c
    return -(drop + 1) if drop > 1 else -2 * float(np.sqrt(drop))
