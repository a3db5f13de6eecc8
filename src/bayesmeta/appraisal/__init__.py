"""What is asked of fits: hypotheses, predictions, the joint posterior, prior sensitivity."""

from bayesmeta.appraisal.conflict import Conflict, prior_data_conflict
from bayesmeta.appraisal.distance import Distances, hellinger
from bayesmeta.appraisal.historical import MapPrior, map_prior
from bayesmeta.appraisal.joint import Joint, Trace, joint_density, trace
from bayesmeta.appraisal.power_scaling import power_scaling
from bayesmeta.appraisal.predictive import (
    PredictiveP,
    estimate_of,
    posterior_predictive,
    predictive_p,
    prior_predictive,
    se_of_size,
)
from bayesmeta.appraisal.prior_size import PriorSize, effective_sample_size, prior_size
from bayesmeta.appraisal.tipping import Sceptical, Tipping, most_sceptical, tipping_scales
from bayesmeta.fit.hypotheses import BayesFactor, Hypotheses, bayes_factors

__all__ = [
    "BayesFactor",
    "Conflict",
    "Distances",
    "Hypotheses",
    "Joint",
    "MapPrior",
    "PredictiveP",
    "PriorSize",
    "Sceptical",
    "Tipping",
    "Trace",
    "bayes_factors",
    "effective_sample_size",
    "estimate_of",
    "hellinger",
    "joint_density",
    "map_prior",
    "most_sceptical",
    "posterior_predictive",
    "power_scaling",
    "predictive_p",
    "prior_data_conflict",
    "prior_predictive",
    "prior_size",
    "se_of_size",
    "tipping_scales",
    "trace",
]
