"""Priors: density, distribution, quantiles, draws and text form of each family."""

from bayesmeta.priors.base import Prior, TauPrior, check_measure
from bayesmeta.priors.empirical import (
    RHODES_COMPARISONS,
    RHODES_OUTCOMES,
    TURNER_COMPARISONS,
    TURNER_OUTCOMES,
    Rhodes,
    Turner,
)
from bayesmeta.priors.mu import Flat, MuPrior, Normal, NormalMixture, StudentT
from bayesmeta.priors.scaled import Scaled, scaled
from bayesmeta.priors.tau_data import (
    BergerDeely,
    Conventional,
    DataDependent,
    DuMouchel,
    Jeffreys,
    OverallJeffreys,
    UniformI2,
    UniformShrinkage,
)
from bayesmeta.priors.tau_heavy import (
    HalfCauchy,
    HalfStudentT,
    InverseGamma,
    LogNormal,
    LogStudentT,
    Lomax,
)
from bayesmeta.priors.tau_light import (
    Exponential,
    Gamma,
    HalfLogistic,
    HalfNormal,
    PenalisedComplexity,
    Weibull,
)
from bayesmeta.priors.tau_other import Fixed, FlatTau, SqrtTau, Uniform
from bayesmeta.priors.text import mu_prior, tau_prior
from bayesmeta.priors.unit_information import known_unit_information_sd, unit_information_sd

__all__ = [
    "RHODES_COMPARISONS",
    "RHODES_OUTCOMES",
    "TURNER_COMPARISONS",
    "TURNER_OUTCOMES",
    "BergerDeely",
    "Conventional",
    "DataDependent",
    "DuMouchel",
    "Exponential",
    "Fixed",
    "Flat",
    "FlatTau",
    "Gamma",
    "HalfCauchy",
    "HalfLogistic",
    "HalfNormal",
    "HalfStudentT",
    "InverseGamma",
    "Jeffreys",
    "LogNormal",
    "LogStudentT",
    "Lomax",
    "MuPrior",
    "Normal",
    "NormalMixture",
    "OverallJeffreys",
    "PenalisedComplexity",
    "Prior",
    "Rhodes",
    "Scaled",
    "SqrtTau",
    "StudentT",
    "TauPrior",
    "Turner",
    "Uniform",
    "UniformI2",
    "UniformShrinkage",
    "Weibull",
    "check_measure",
    "known_unit_information_sd",
    "mu_prior",
    "scaled",
    "tau_prior",
    "unit_information_sd",
]
