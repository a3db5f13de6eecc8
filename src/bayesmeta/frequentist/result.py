"""The result of a pool, and of a batch of pools."""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from bayesmeta.arrays import Array
from bayesmeta.frequentist.names import Inference, Method
from bayesmeta.frequentist.prediction import PREDICTIONS, Ends, Prediction, why_no_prediction


@dataclass(frozen=True, slots=True)
class Limits:
    """The ends of an interval."""

    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class FrequentistPool:
    """A pooled estimate with its confidence interval, on the analysis scale.

    Parameters
    ----------
    method : str
        ``IV``, ``MH``, ``Peto`` with one common effect; else the estimator of tau2.
    ci : str
        ``wald``: estimate plus and minus z SE. ``hksj``: SE by Hartung, Knapp, Sidik and Jonkman,
        t with k - 1 degrees of freedom; ``hksj-floor``: their SE, at least Wald's. One study
        leaves no degrees of freedom: its interval is Wald's, and ``reasons`` says so.
    estimate, se, ci_low, ci_high, p : float
    z : float or None
        estimate / se: normal, or t under ``hksj``; None where se is 0. RevMan Web's z and P are
        Wald's under ``hksj`` too.
    tau2, tau2_ci_low, tau2_ci_high : float or None
        tau2 is None with a common effect; the interval, by Q-profile, is that of no method in
        particular.
    i2, i2_ci_low, i2_ci_high, h2 : float or None
        Fractions. I2 is (Q - df) / Q with a common effect and in RevMan 5, else
        tau2 / (tau2 + typical variance), which for DL is the same; its interval is that of tau2.
        H2 is Q / df, or 1 / (1 - I2).
    q, df, p_heterogeneity : float, int, float or None
        Cochran's Q around a common-effect estimate and its test, None with one study.
    weights : tuple of float
        Of each study, 0 where left out; they sum to 1.
    prediction : dict or None
        Limits for the effect in a new study by the name of the interval; None with a common
        effect.
    reasons : dict
        Why a number is None, by its path.
    """

    method: Method
    ci: Inference
    estimate: float
    se: float
    ci_low: float
    ci_high: float
    z: float | None
    p: float
    tau2: float | None
    tau2_ci_low: float | None
    tau2_ci_high: float | None
    i2: float | None
    i2_ci_low: float | None
    i2_ci_high: float | None
    h2: float | None
    q: float
    df: int
    p_heterogeneity: float | None
    weights: tuple[float, ...]
    prediction: dict[Prediction, Limits | None] | None
    reasons: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pools:
    """The numbers of a batch of pools, arrays of shape (...); NaN where there is none.

    As in `FrequentistPool`; ``weights`` has shape (..., k), ``prediction`` no names with a common
    effect.
    """

    method: Method
    ci: Inference
    estimate: Array
    se: Array
    ci_low: Array
    ci_high: Array
    z: Array
    p: Array
    tau2: Array
    tau2_ci_low: Array
    tau2_ci_high: Array
    i2: Array
    i2_ci_low: Array
    i2_ci_high: Array
    h2: Array
    q: Array
    df: Array
    p_heterogeneity: Array
    weights: Array
    prediction: dict[Prediction, Ends]

    def __getitem__(self, at: int | tuple[int, ...]) -> FrequentistPool | None:
        """Return one pool of the batch, None where it has no estimate."""
        if not np.isfinite(self.estimate[at]):
            return None
        df = int(self.df[at])
        numbers: dict[str, Any] = {
            one.name: _number(getattr(self, one.name)[at]) for one in fields(self)[2:-2]
        }
        prediction, reasons = _prediction(self.prediction, at, df + 1)
        reasons |= {
            name: "one study" if df == 0 and name != "tau2" else _ABSENT.get(name, _BEYOND)
            for name, number in numbers.items()
            if number is None
        }
        if self.ci != "wald" and df == 0:
            reasons["ci"] = _ONE_STUDY
        numbers |= {"df": df, "weights": tuple(map(float, self.weights[at]))}
        return FrequentistPool(
            method=self.method, ci=self.ci, prediction=prediction, reasons=reasons, **numbers
        )


_ABSENT = {"tau2": "a common effect has no heterogeneity", "z": "the standard error is 0"}
_BEYOND = "beyond double precision"
_ONE_STUDY = "one study leaves Hartung and Knapp no degrees of freedom: the interval is Wald's"


def _prediction(
    ends: dict[Prediction, Ends], at: int | tuple[int, ...], k: int
) -> tuple[dict[Prediction, Limits | None] | None, dict[str, str]]:
    if not ends:
        return None, {"prediction": "a common effect has nothing to predict beyond itself"}
    found: dict[Prediction, Limits | None] = dict.fromkeys(PREDICTIONS)
    for name, (low, high) in ends.items():
        if np.isfinite(low[at]):
            found[name] = Limits(float(low[at]), float(high[at]))
    reasons = {
        f"prediction.{name}": why_no_prediction(name, k)
        for name, limits in found.items()
        if limits is None
    }
    return found, reasons


def _number(x: Any) -> float | None:
    return float(x) if np.isfinite(x) else None
