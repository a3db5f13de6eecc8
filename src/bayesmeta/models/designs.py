"""Uncontrolled series beside randomised contrasts: what sets them apart, as a design matrix."""

from dataclasses import replace

import numpy as np

from bayesmeta.arrays import Mask
from bayesmeta.models.covariance import Bias
from bayesmeta.models.joint import JointModel
from bayesmeta.priors import Normal, TauPrior

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


def biased(model: JointModel, series: Mask, mean: Normal, sd: TauPrior) -> JointModel:
    """Return the model in which a series j observes its effect plus a bias ``b + d_j``.

    ``b ~ N(mean)`` is shared, a column of the design; ``d_j ~ N(0, sd^2)`` is the series' own. Both
    are the same at all times. The mean at covariates of 0 stays that of the contrasts.

    References
    ----------
    Welton et al. (2009), Journal of the Royal Statistical Society A 172:119, for the bias model.
    """
    shared = series[model.study].astype(float)[:, None]
    return replace(
        model,
        x=np.concatenate([model.x, shared], 1),
        coefficients=(*model.coefficients, mean),
        names=(*model.names, BIAS),
        bias=Bias(sd.bound(model.se), series),
    )
