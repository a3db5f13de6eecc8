"""Models: hyperparameters with priors, and what is Gaussian given them."""

from bayesmeta.models.between import LKJ
from bayesmeta.models.covariance import Correlation, correlation
from bayesmeta.models.curves import Plateau, RandomWalk
from bayesmeta.models.defaults import default_mu, default_tau
from bayesmeta.models.joint import JointModel
from bayesmeta.models.longitudinal import longitudinal_model, multilevel_model, regression_model
from bayesmeta.models.normal import LARGEST_LOG_TAU, Given, NormalNormal
from bayesmeta.models.propriety import model_for

__all__ = [
    "LARGEST_LOG_TAU",
    "LKJ",
    "Correlation",
    "Given",
    "JointModel",
    "NormalNormal",
    "Plateau",
    "RandomWalk",
    "correlation",
    "default_mu",
    "default_tau",
    "longitudinal_model",
    "model_for",
    "multilevel_model",
    "regression_model",
]
