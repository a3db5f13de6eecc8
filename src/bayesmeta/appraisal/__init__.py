"""What is asked of fits: hypotheses, predictions, the joint posterior, prior sensitivity."""

from bayesmeta.appraisal.hypotheses import BayesFactor, Hypotheses, bayes_factors
from bayesmeta.appraisal.joint import Joint, Trace, joint_density, trace
from bayesmeta.appraisal.predictive import (
    PredictiveP,
    estimate_of,
    posterior_predictive,
    predictive_p,
    prior_predictive,
    se_of_size,
)

__all__ = [
    "BayesFactor",
    "Hypotheses",
    "Joint",
    "PredictiveP",
    "Trace",
    "bayes_factors",
    "estimate_of",
    "joint_density",
    "posterior_predictive",
    "predictive_p",
    "prior_predictive",
    "se_of_size",
    "trace",
]
