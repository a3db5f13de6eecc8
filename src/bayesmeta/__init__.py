"""Bayesian random-effects meta-analysis: exact where that is possible, NUTS where it is not.

Examples
--------
>>> import bayesmeta as bm
>>> fit = bm.fit("sledai", at=12)
>>> fit.predict()[["ci_low", "ci_high"]].round(2).values.tolist()
[[-3.89, 1.94]]
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from bayesmeta.appraisal.audit import Audit, audit
    from bayesmeta.appraisal.grid import Grid
    from bayesmeta.appraisal.historical import MapPrior, map_prior
    from bayesmeta.appraisal.reanalysis import Reanalysis, reanalyse, reanalyse_folder
    from bayesmeta.appraisal.sensitivity import Sensitivity, sensitivity
    from bayesmeta.errors import InputError
    from bayesmeta.fit import Fit, Pooled, fit, pool
    from bayesmeta.priors import (
        BergerDeely,
        Conventional,
        DuMouchel,
        Exponential,
        Fixed,
        Flat,
        FlatTau,
        Gamma,
        HalfCauchy,
        HalfLogistic,
        HalfNormal,
        HalfStudentT,
        InverseGamma,
        Jeffreys,
        LogNormal,
        LogStudentT,
        Lomax,
        Normal,
        NormalMixture,
        OverallJeffreys,
        PenalisedComplexity,
        Rhodes,
        SqrtTau,
        StudentT,
        Turner,
        Uniform,
        UniformI2,
        UniformShrinkage,
        Weibull,
        known_unit_information_sd,
        unit_information_sd,
    )

__version__ = "0.1.0"

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "appraisal.grid": ["Grid"],
        "appraisal.historical": ["MapPrior", "map_prior"],
        "appraisal.reanalysis": ["Reanalysis", "reanalyse", "reanalyse_folder"],
        "appraisal.sensitivity": ["Sensitivity", "sensitivity"],
        "appraisal.audit": ["Audit", "audit"],
        "errors": ["InputError"],
        "fit": ["Fit", "Pooled", "fit", "pool"],
        "priors": [
            "BergerDeely",
            "Conventional",
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
            "Normal",
            "NormalMixture",
            "OverallJeffreys",
            "PenalisedComplexity",
            "Rhodes",
            "SqrtTau",
            "StudentT",
            "Turner",
            "Uniform",
            "UniformI2",
            "UniformShrinkage",
            "Weibull",
            "known_unit_information_sd",
            "unit_information_sd",
        ],
    },
)

__all__ = [
    "Audit",
    "BergerDeely",
    "Conventional",
    "DuMouchel",
    "Exponential",
    "Fit",
    "Fixed",
    "Flat",
    "FlatTau",
    "Gamma",
    "Grid",
    "HalfCauchy",
    "HalfLogistic",
    "HalfNormal",
    "HalfStudentT",
    "InputError",
    "InverseGamma",
    "Jeffreys",
    "LogNormal",
    "LogStudentT",
    "Lomax",
    "MapPrior",
    "Normal",
    "NormalMixture",
    "OverallJeffreys",
    "PenalisedComplexity",
    "Pooled",
    "Reanalysis",
    "Rhodes",
    "Sensitivity",
    "SqrtTau",
    "StudentT",
    "Turner",
    "Uniform",
    "UniformI2",
    "UniformShrinkage",
    "Weibull",
    "audit",
    "fit",
    "known_unit_information_sd",
    "map_prior",
    "pool",
    "reanalyse",
    "reanalyse_folder",
    "sensitivity",
    "unit_information_sd",
]
