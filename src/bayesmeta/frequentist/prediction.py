"""Prediction intervals for the effect in a new study, each by its name."""

from typing import Literal

import numpy as np
from scipy.special import ndtri, stdtrit

from bayesmeta.arrays import Array

type Ends = tuple[Array, Array]
type Prediction = Literal["hts", "t", "hksj-hts", "hksj-t", "normal", "bootstrap"]

PREDICTIONS: dict[Prediction, str] = {
    "hts": "t with k - 2 degrees of freedom (Higgins, Thompson and Spiegelhalter 2009)",
    "t": "t with k - 1 degrees of freedom (Veroniki et al. 2019)",
    "hksj-hts": "t with k - 2, Hartung-Knapp SE (Partlett and Riley 2017)",
    "hksj-t": "t with k - 1, Hartung-Knapp SE (metafor)",
    "normal": "normal quantile (Skipka 2006)",
    "bootstrap": "parametric bootstrap (Nagashima, Noma and Furukawa 2019)",
}


def prediction_intervals(
    estimate: Array, se: Array, se_hksj: Array, tau2: Array, k: Array, level: float
) -> dict[Prediction, Ends]:
    """Return ``mu -+ q sqrt(tau2 + SE^2)`` with each quantile q and SE; NaN where q has no meaning.

    ``se`` is the Wald SE ``(sum w)^-1/2``, ``se_hksj`` that of Hartung and Knapp.

    References
    ----------
    Higgins, Thompson and Spiegelhalter (2009), JRSS A 172:137. Partlett and Riley (2017),
    Statistics in Medicine 36:301. Veroniki et al. (2019), Research Synthesis Methods 10:23.
    """
    tail = (1 + level) / 2
    with_k2 = stdtrit(np.where(k > 2, k - 2, np.nan), tail)
    with_k1 = stdtrit(np.where(k > 1, k - 1, np.nan), tail)
    forms: dict[Prediction, Ends] = {
        "hts": (with_k2, se),
        "t": (with_k1, se),
        "hksj-hts": (with_k2, se_hksj),
        "hksj-t": (with_k1, se_hksj),
        "normal": (np.where(k > 1, ndtri(tail), np.nan), se),
    }
    return {
        name: (estimate - half, estimate + half)
        for name, (quantile, error) in forms.items()
        for half in (quantile * np.sqrt(tau2 + error**2),)
    }


def why_no_prediction(name: Prediction, k: int) -> str:
    """Say why there is no interval of that name with k studies."""
    studies = "one study" if k == 1 else f"{k} studies"
    if k == 1:
        return f"{studies}: tau2 cannot be estimated"
    if name == "bootstrap":
        return "not asked for: bayesmeta pool computes it"
    return f"{studies} leave no degrees of freedom to t with k - 2"
