"""Uncontrolled series beside randomised contrasts: what sets them apart, as a design matrix."""

from dataclasses import replace

import numpy as np

from bayesmeta.arrays import Mask
from bayesmeta.models.joint import JointModel
from bayesmeta.priors import Normal

BIAS = "bias of series"


def inflated(model: JointModel, series: Mask, factor: float) -> JointModel:
    """Return the model with the variances of the series multiplied by a factor.

    Parameters
    ----------
    model : JointModel
    series : ndarray of bool, shape (k,)
        Which studies are series.
    factor : float
    """
    scale = np.where(series[model.study], np.sqrt(factor), 1.0)
    baseline = None if model.baseline is None else scale * model.baseline
    return replace(model, se=scale * model.se, baseline=baseline)


def biased(model: JointModel, series: Mask, mean: Normal, sd: float) -> JointModel:
    """Return the model in which a series j observes its effect plus a bias ``b + d_j``.

    ``b ~ N(mean)`` is shared, ``d_j ~ N(0, sd^2)`` is the series' own, both the same at all times:
    a column of the design each. The mean at covariates of 0 stays that of the contrasts.

    References
    ----------
    Welton et al. (2009), Journal of the Royal Statistical Society A 172:119, for the bias model.
    """
    shared = series[model.study].astype(float)[:, None]
    own = (model.study[:, None] == np.flatnonzero(series)).astype(float)
    own = own if sd > 0 else own[:, :0]
    count = own.shape[1]
    return replace(
        model,
        x=np.concatenate([model.x, shared, own], 1),
        coefficients=(*model.coefficients, mean, *(Normal(0.0, sd) for _ in range(count))),
        names=(*model.names, BIAS, *(f"{BIAS} {j + 1}" for j in range(count))),
    )
