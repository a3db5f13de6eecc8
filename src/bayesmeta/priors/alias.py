"""Priors that are others under names of their own."""

from abc import abstractmethod

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.priors.base import TauPrior


class Alias(TauPrior):
    """A prior that answers as its `plain` does."""

    @property
    @abstractmethod
    def plain(self) -> TauPrior:
        """The other one."""

    @property
    def tail_power(self) -> float:
        return self.plain.tail_power

    @property
    def log_tails(self) -> bool:
        return self.plain.log_tails

    @property
    def boundary_moments(self) -> bool:
        return self.plain.boundary_moments

    @property
    def typical(self) -> float:
        return self.plain.typical

    @property
    def farthest(self) -> float:
        return self.plain.farthest

    def log_density(self, tau: Array, log_tau: Array) -> Array:
        return self.plain.log_density(tau, log_tau)

    def cdf(self, x: ArrayLike) -> Array:
        return self.plain.cdf(x)

    def ppf(self, p: ArrayLike) -> Array:
        return self.plain.ppf(p)
