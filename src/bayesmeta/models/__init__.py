"""Models: hyperparameters with priors, and what is Gaussian given them."""

from bayesmeta.models.defaults import default_mu, default_tau
from bayesmeta.models.normal import LARGEST_LOG_TAU, Given, NormalNormal
from bayesmeta.models.propriety import model_for

__all__ = ["LARGEST_LOG_TAU", "Given", "NormalNormal", "default_mu", "default_tau", "model_for"]
