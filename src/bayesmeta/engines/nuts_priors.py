"""The PyMC form of every family of priors.

A form on tau is a function of a unit, the typical standard error, and of the parameters; it makes
a variable named ``tau`` in the PyMC model of the context. One on mu returns the log density.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pymc as pm
from pytensor import tensor as pt

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
    MuPrior,
    Normal,
    NormalMixture,
    OverallJeffreys,
    SqrtTau,
    StudentT,
    TauPrior,
    Uniform,
    UniformI2,
    UniformShrinkage,
    Weibull,
)

type Form = Callable[..., Any]

_LIGHT_TAIL = pm.distributions.transforms.log_exp_m1
"""Logarithmic near zero and linear above. On the log scale a normal tail falls like
exp(-exp(2x)), off which a long step diverges."""


def _scaled(standard: Callable[..., Any], scale: Any) -> Any:
    """Make tau ``scale`` times a variable in standard units with a light tail."""
    return pm.Deterministic("tau", scale * standard("tau_standard", default_transform=_LIGHT_TAIL))


def _half_logistic(unit: Any, scale: Any) -> Any:
    """PyMC has none: its log density in standard units."""
    tau = _scaled(pm.HalfFlat, scale)
    z = tau / scale
    pm.Potential("tau_prior", -z - 2 * pt.log1p(pt.exp(-z)))
    return tau


def _by_density(log_density: Callable[..., Any]) -> Form:
    """Return the form of a density up to a constant, sampled in units of the standard errors."""

    def form(unit: Any, *parameters: Any) -> Any:
        tau = pm.Deterministic("tau", unit * pm.HalfFlat("tau_standard"))
        pm.Potential("tau_prior", log_density(tau, *parameters))
        return tau

    return form


def _total(tau: Any, se: Any) -> Any:
    return se**2 + tau**2


def _harmonic(se: Any) -> Any:
    return 1 / pt.mean(se**-2.0)


def _typical(se: Any) -> Any:
    """Higgins and Thompson's typical variance; written so that it holds for one study too."""
    w = se**-2.0
    k, first, second = w.shape[0], pt.sum(w), pt.sum(w * w)
    spread = pt.switch(pt.eq(k, 1), 1.0, first * first - second)
    return pt.switch(pt.eq(k, 1), 1 / first, (k - 1) * first / spread)


def _shrinkage(square: Callable[..., Any]) -> Form:
    return _by_density(lambda tau, se: pt.log(tau) - 2 * pt.log(square(se) + tau**2))


TAU_FORMS: dict[type[TauPrior], Form] = {
    HalfNormal: lambda unit, scale: _scaled(partial(pm.HalfNormal, sigma=1), scale),
    HalfCauchy: lambda unit, scale: pm.HalfCauchy("tau", beta=scale),
    HalfStudentT: lambda unit, df, scale: pm.HalfStudentT("tau", nu=df, sigma=scale),
    HalfLogistic: _half_logistic,
    Exponential: lambda unit, rate: _scaled(partial(pm.Exponential, lam=1), 1 / rate),
    Lomax: _by_density(lambda tau, shape, scale: -(shape + 1) * pt.log1p(tau / scale)),
    LogNormal: lambda unit, mean, sd: pm.LogNormal("tau", mu=mean, sigma=sd),
    LogStudentT: lambda unit, df, mean, scale: pm.Deterministic(
        "tau", pt.exp(pm.StudentT("log_tau", nu=df, mu=mean, sigma=scale))
    ),
    InverseGamma: lambda unit, shape, scale: pm.Deterministic(
        "tau", pt.sqrt(scale * pm.InverseGamma("tau2_standard", alpha=shape, beta=1))
    ),
    Gamma: lambda unit, shape, rate: _scaled(partial(pm.Gamma, alpha=shape, beta=1), 1 / rate),
    Weibull: lambda unit, shape, scale: _scaled(partial(pm.Weibull, alpha=shape, beta=1), scale),
    Uniform: lambda unit, low, high: pm.Uniform("tau", lower=low, upper=high),
    Fixed: lambda unit, value: pm.Deterministic("tau", value),
    FlatTau: _by_density(lambda tau: 0.0 * tau),
    SqrtTau: _by_density(lambda tau: -pt.log(tau) / 2),
    Jeffreys: _by_density(
        lambda tau, se: pt.log(tau) + pt.log(pt.sum(_total(tau, se) ** -2.0)) / 2
    ),
    OverallJeffreys: _by_density(
        lambda tau, se: (
            pt.log(tau)
            + pt.log(pt.sum(_total(tau, se) ** -2.0) * pt.sum(_total(tau, se) ** -1.0)) / 2
        )
    ),
    BergerDeely: _by_density(lambda tau, se: pt.log(tau) - pt.mean(pt.log(_total(tau, se)))),
    Conventional: _by_density(lambda tau, se: pt.log(tau) - 1.5 * pt.mean(pt.log(_total(tau, se)))),
    DuMouchel: _by_density(lambda tau, se: -2 * pt.log(pt.sqrt(_harmonic(se)) + tau)),
    UniformShrinkage: _shrinkage(_harmonic),
    UniformI2: _shrinkage(_typical),
}
"""By family; a prior whose family is not here has one that is as its `TauPrior.plain`."""


def _mixture(mu: Any, weights: Any, means: Any, sds: Any) -> Any:
    z = (mu - means) / sds
    return pt.logsumexp(pt.log(weights) - pt.log(sds) - np.log(2 * np.pi) / 2 - z**2 / 2)


MU_FORMS: dict[type[MuPrior], Form] = {
    Normal: lambda mu, mean, sd: pm.logp(pm.Normal.dist(mean, sd), mu),
    StudentT: lambda mu, df, mean, scale: pm.logp(
        pm.StudentT.dist(nu=df, mu=mean, sigma=scale), mu
    ),
    NormalMixture: _mixture,
    Flat: lambda mu: 0.0,
}

MU_PULL: dict[type[MuPrior], Form] = {
    Normal: lambda mean, sd: (mean, sd**-2.0),
    StudentT: lambda df, mean, scale: (mean, scale**-2.0),
    NormalMixture: lambda weights, means, sds: (0.0, 0.0),
    Flat: lambda: (0.0, 0.0),
}
"""Where each prior draws mu, and with what precision, to sample it in units of its posterior."""
