"""What a new study will find, before and after the data, and whether the data fit the model."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import special

from bayesmeta.arrays import Array, ArrayLike
from bayesmeta.engines.exact import TOLERANCE, Posterior
from bayesmeta.engines.mixture import Mixture
from bayesmeta.engines.quadrature import MOST_NODES
from bayesmeta.errors import InputError
from bayesmeta.fit.hypotheses import MuKnown, Point, settled
from bayesmeta.models import Given, NormalNormal
from bayesmeta.priors import Fixed, MuPrior, TauPrior, unit_information_sd

type Null = Literal["mu", "tau"]
type Statistic = Literal["Q", "chi-squared"]


def prior_predictive(mu: MuPrior, tau: TauPrior) -> Mixture:
    """Return the effect in a new study under the priors alone, in the units of the data.

    ``theta_new ~ sum_c p_c int N(m_c, s_c^2 + tau^2) p(tau) dtau``, over the normals that the
    prior on mu is a mixture of.

    Raises
    ------
    InputError
        When a prior is improper.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd edition, section 1.3.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> round(float(prior_predictive(Normal(0, 1), HalfNormal(0.5)).sd()), 6) == round(1.25**0.5, 6)
    True
    """
    for name, prior in (("mu", mu), ("tau", tau)):
        if not prior.proper:
            raise InputError(
                f"the prior on {name} is improper ({prior}): it predicts nothing before the data"
            )
    weights, means, sds = mu.components()
    nodes, taus = prior_nodes(tau, sds)
    shape = len(weights), len(taus)
    mass = np.outer(weights, nodes)
    spread = np.hypot(sds[:, None], taus)
    return Mixture(mass.ravel(), np.broadcast_to(means[:, None], shape).ravel(), spread.ravel())


def posterior_predictive(posterior: Posterior) -> Mixture:
    """Return the effect in a new study given the data, in their units, shape ().

    ``theta_new ~ int N(E(mu | tau), Var(mu | tau) + tau^2) p(tau | y) dtau``.

    References
    ----------
    Higgins, Thompson and Spiegelhalter (2009), J R Stat Soc A 172:137.

    Examples
    --------
    >>> from bayesmeta.engines.exact import fit
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> y, se = np.array([[-0.6, -0.3, -0.9]]), np.array([[0.3, 0.3, 0.4]])
    >>> posterior, found = fit(NormalNormal(y, se, Normal(0, 1), HalfNormal(0.5)))
    >>> predicted = posterior_predictive(posterior)
    >>> bool(abs(predicted.mean() - found.of["theta_new"].mean[0]) < 1e-12)
    True
    """
    mixture, model = posterior.mixture("theta_new"), posterior.model
    zero = np.asarray(model.location).ravel()[0]
    return Mixture(
        mixture.weights[0], zero + model.unit * mixture.means[0], model.unit * mixture.sds[0]
    )


def estimate_of(effect: Mixture, se: ArrayLike) -> Mixture:
    """Return what a new study will estimate: its effect, and its sampling error on top.

    Parameters
    ----------
    effect : Mixture
        Of the effect in a new study, shape ().
    se : array_like
        Standard error of the new study, or several, which become the shape of the result.

    Examples
    --------
    >>> from bayesmeta.priors import Fixed, Normal
    >>> new = prior_predictive(Normal(0, 3), Fixed(0))
    >>> estimate_of(new, [4.0, 0.0]).sd()
    array([5., 3.])
    """
    se = np.asarray(se, dtype=float)
    if not np.all(np.isfinite(se) & (se >= 0)):
        raise InputError("the standard error of a new study must be finite and not negative")
    return replace(effect, sds=np.hypot(effect.sds, se[..., None]))


def se_of_size(patients: float, n: ArrayLike, se: ArrayLike) -> float:
    """Return the standard error to expect of a study of so many patients, both arms together.

    ``UISD / sqrt(patients)``, ``UISD = sqrt(sum n / sum se^-2)`` of the studies at hand.

    References
    ----------
    Roever et al. (2021), Research Synthesis Methods 12:448.

    Examples
    --------
    >>> se_of_size(400, n=[100, 400], se=[0.4, 0.2])
    0.2
    """
    if not 0 < patients < np.inf:
        raise InputError(f"a new study of {patients:g} patients: a positive number is expected")
    return float(unit_information_sd(n, se) / np.sqrt(patients))


@dataclass(frozen=True, slots=True)
class PredictiveP:
    """A predictive P value by Monte Carlo.

    Attributes
    ----------
    statistic : str
    observed : float
        The statistic in the data.
    p : float
        Share of replicated data whose statistic is at least as large.
    mcse : float
        Its Monte Carlo standard error, not 0 even where all replicates agree.
    draws, seed : int
    method : str
        What was replicated, in words.
    """

    statistic: Statistic
    observed: float
    p: float
    mcse: float
    draws: int
    seed: int
    method: str


def predictive_p(
    model: NormalNormal,
    statistic: Statistic = "Q",
    null: Null | None = None,
    value: float = 0.0,
    *,
    prior: bool = False,
    draws: int = 100_000,
    seed: int = 1,
) -> PredictiveP:
    """Compute the posterior or prior predictive P value of a statistic.

    Parameters tau and mu are drawn from p(tau, mu | y, null), or from p(tau, mu | null) by the
    priors; then ``y_i ~ N(mu, se_i^2 + tau^2)`` for every study; then the statistic. Draws of tau
    are of the nodes of its quadrature, each with its posterior probability: the P value is an
    integral over tau of a smooth function, so that leaves no error but the Monte Carlo one.

    Parameters
    ----------
    model : NormalNormal
        A batch of one, such as ``row.posterior.model``.
    statistic : {'Q', 'chi-squared'}
        With ``w_i = 1 / se_i^2`` and ``m = sum w_i y_i / sum w_i``: Cochran's
        ``Q = sum w_i (y_i - m)^2``, or ``(m - value)^2 sum w_i``, the square of the pooled
        estimate's distance from `value` in standard errors of the common-effect model (`value`
        is 0 where mu is not what is tested).
    null : {'mu', 'tau'} or None
        Which parameter is held at `value`; None replicates under the whole model.
    value : float
        On the analysis scale.
    prior : bool
        Draw by the priors, which must be proper, and not given the data.
    draws, seed : int

    References
    ----------
    Roever (2020), J Stat Softw 93(6), and `pppvalue` of the R package; Gelman, Meng
    and Stern (1996), Statistica Sinica 6:733; Box (1980), J R Stat Soc A 143:383, for the prior
    predictive one.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> y, se = np.array([[-0.6, -0.3, -0.9]]), np.array([[0.3, 0.3, 0.4]])
    >>> found = predictive_p(NormalNormal(y, se, Normal(0, 1), HalfNormal(0.5)), "Q", "tau")
    >>> abs(found.p - 0.472) < 4 * found.mcse  # Q is chi-squared with 2 degrees of freedom
    True
    """
    if null == "tau" and not value >= 0:
        raise InputError(f"tau = {value:g} is no hypothesis: a standard deviation is not negative")
    if draws < 1:
        raise InputError(f"draws is {draws}: one at least is needed")
    model = model.in_units_of_data()
    rng = np.random.default_rng(seed)
    mu, tau = (_from_priors if prior else _from_posterior)(model, null, value, draws, rng)
    y, se = model.y[0], model.se[0]
    about = value if null == "mu" else 0.0
    observed = float(_statistic(y[None], se, statistic, about)[0])
    exceeding = 0
    size = max(1, (1 << 20) // len(y))
    for start in range(0, draws, size):
        at = slice(start, start + size)
        sds = np.hypot(se, tau[at, None])
        replicates = mu[at, None] + sds * rng.standard_normal(sds.shape)
        values = _statistic(replicates, se, statistic, about)
        exceeding += int((values >= observed).sum())
    p, padded = exceeding / draws, (exceeding + 1) / (draws + 2)
    given = "under the priors" if prior else "given the data"
    held = f"{given} and {null} = {value:g}" if null else given
    return PredictiveP(
        statistic,
        observed,
        p,
        float(np.sqrt(padded * (1 - padded) / draws)),
        draws,
        seed,
        f"{'prior' if prior else 'posterior'} predictive: share of {draws} replicates of all "
        f"studies, parameters drawn {held}, with {statistic} at least as large as observed",
    )


def _statistic(y: Array, se: Array, statistic: Statistic, about: float) -> Array:
    """Return the statistic of replicates, y of shape (r, k)."""
    w = 1 / (se * se)
    pooled = y @ w / w.sum()
    if statistic == "Q":
        off = y - pooled[:, None]
        values: Array = (off * off) @ w
        return values
    if statistic == "chi-squared":
        distance: Array = (pooled - about) ** 2 * w.sum()
        return distance
    raise InputError(f"unknown statistic {statistic!r}: expected 'Q' or 'chi-squared'")


def _from_posterior(
    model: NormalNormal, null: Null | None, value: float, draws: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draw mu and tau, shape (draws,) each, in the units of the data."""
    if null == "mu":
        known = MuKnown.of(model, value)
        nodes = settled(known)
        tau = known.standardised().unit * _of_nodes(nodes.weights[0], nodes.tau[0], draws, rng)
        return np.full(draws, value), tau
    held = model if null is None else replace(model, tau=Fixed(value))
    nodes, standard = settled(held), held.standardised()
    given, joint = nodes.given, nodes.joint[0]
    at = rng.choice(len(joint), size=draws, p=joint)
    mu = given.mean.ravel()[at] + np.sqrt(given.variance.ravel()[at]) * rng.standard_normal(draws)
    tau = nodes.tau[0, at % nodes.tau.shape[-1]]
    zero = float(np.asarray(standard.location)[0])
    return zero + standard.unit * mu, standard.unit * tau


def _from_priors(
    model: NormalNormal, null: Null | None, value: float, draws: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    priors: tuple[tuple[Null, MuPrior | TauPrior], ...] = (("mu", model.mu), ("tau", model.tau))
    for name, prior in priors:
        if name != null and not prior.proper:
            raise InputError(
                f"the prior on {name} is improper ({prior}): there is no prior predictive P value"
            )
    mu, tau = (
        np.full(draws, value) if name == null else prior.rvs(draws, rng) for name, prior in priors
    )
    return mu, tau


def _of_nodes(weights: Array, values: Array, draws: int, rng: np.random.Generator) -> Array:
    drawn: Array = values[rng.choice(len(weights), size=draws, p=weights)]
    return drawn


# quadrature over the prior on tau


@dataclass(frozen=True)
class _NoData(NormalNormal):
    """The model before any study: the posterior of tau is its prior."""

    @property
    def k(self) -> Array:
        """No study."""
        return np.zeros(self.y.shape[:-1])

    def given(self, tau: Array) -> Given:
        """A likelihood of 1."""
        one = np.ones_like(tau)
        of_mu = one[..., None, :]
        return Given(0 * one, 0 * one, of_mu, of_mu, 0 * of_mu, of_mu, of_mu)

    def standardised(self) -> "_NoData":
        """In the unit of the prior, so that its quadrature does not depend on it."""
        unit = float(2.0 ** np.round(np.log2(self.tau.typical)))
        return replace(self, unit=unit)


def prior_nodes(tau: TauPrior, sds: Array) -> tuple[Array, Array]:
    """Return weights that sum to 1 and values of tau that integrate over its prior.

    Enough of them for the CDF of ``N(0, s^2 + tau^2)`` from near 0 to far out, for the smallest
    and the largest s: it is singular at ``tau^2 = -s^2``, wherever that is on the prior's scale.
    """
    low, high = tau.support
    if low == high:
        return np.ones(1), np.array([low])
    zero = np.zeros((1, 1))
    model = _NoData(zero, zero + 1, Point(0.0), tau).standardised()
    extremes = np.array([sds.min(), sds.max()])
    x = np.geomspace(0.1 * extremes[0], 10 * max(extremes[1], tau.typical), 24)[:, None, None]
    posterior = Posterior.on(model)
    while True:
        fine, coarse = (
            special.ndtr(x / np.hypot(extremes[:, None], model.unit * nodes.tau)) @ nodes.weights[0]
            for nodes in (posterior.fine, posterior.coarse)
        )
        enough = np.abs(fine - coarse).max() <= TOLERANCE
        if enough or posterior.fine.v.shape[-1] >= MOST_NODES:
            return posterior.fine.weights[0], model.unit * posterior.fine.tau[0]
        posterior = posterior.refined()
