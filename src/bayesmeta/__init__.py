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
    from bayesmeta.errors import InputError
    from bayesmeta.fit import Fit, fit
    from bayesmeta.priors import (
        Exponential,
        Fixed,
        Flat,
        HalfCauchy,
        HalfNormal,
        HalfStudentT,
        LogNormal,
        Normal,
        Uniform,
    )

__version__ = "0.1.0"

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "errors": ["InputError"],
        "fit": ["Fit", "fit"],
        "priors": [
            "Exponential",
            "Fixed",
            "Flat",
            "HalfCauchy",
            "HalfNormal",
            "HalfStudentT",
            "LogNormal",
            "Normal",
            "Uniform",
        ],
    },
)

__all__ = [
    "Exponential",
    "Fit",
    "Fixed",
    "Flat",
    "HalfCauchy",
    "HalfNormal",
    "HalfStudentT",
    "InputError",
    "LogNormal",
    "Normal",
    "Uniform",
    "fit",
]
