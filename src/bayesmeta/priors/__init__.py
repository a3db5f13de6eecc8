"""Priors: density, distribution, quantiles, draws and text form of each family."""

from bayesmeta.priors.base import Prior, TauPrior
from bayesmeta.priors.mu import Flat, MuPrior, Normal
from bayesmeta.priors.tau import (
    Exponential,
    Fixed,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    LogNormal,
    Uniform,
)
from bayesmeta.priors.text import mu_prior, tau_prior

__all__ = [
    "Exponential",
    "Fixed",
    "Flat",
    "HalfCauchy",
    "HalfNormal",
    "HalfStudentT",
    "LogNormal",
    "MuPrior",
    "Normal",
    "Prior",
    "TauPrior",
    "Uniform",
    "mu_prior",
    "tau_prior",
]
