"""Coverage of joint models, and of each time pooled alone: ``python benchmarks/coverage.py``.

Seven studies seen at some of three times. First with truths drawn from the priors, where 95 %
intervals cover 95 % whatever the model is, if its arithmetic is right; then at fixed truths, where
nothing promises it. The standard error of a coverage of 95 % is 0.5 % by 2,000 data sets.
"""

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from bayesmeta.engines.joint import fit_alone, fit_joint
from bayesmeta.engines.joint_summaries import Linear
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.joint import JointModel
from bayesmeta.models.longitudinal import longitudinal_model
from bayesmeta.priors import HalfNormal, Normal, RhoUniform

TIMES = np.array([3.0, 6.0, 12.0])
STUDIES = 7
TAU, MU = HalfNormal(0.5), Normal(0, 1)
RHO_BETWEEN, RHO_WITHIN = RhoUniform(0, 1), RhoUniform(0, 0.9)

ENOUGH = 1e-3
"""Tolerance of the fits: no interval changes sides by it."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What data are drawn from."""

    mu: np.ndarray
    tau: float
    rho_between: float
    rho_within: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of data sets whose intervals hold the truth, a column a time; and sizes of errors."""

    mu: np.ndarray
    theta_new: np.ndarray
    tau: float
    alone: np.ndarray
    width_ratio: float
    mse_ratio: float


def from_priors(rng: np.random.Generator) -> Truth:
    """Draw a truth from the priors."""
    tau, rho_between, rho_within = (
        float(prior.rvs(1, rng)[0]) for prior in (TAU, RHO_BETWEEN, RHO_WITHIN)
    )
    return Truth(MU.rvs(len(TIMES), rng), tau, rho_between, rho_within)


def simulated(truth: Callable[[np.random.Generator], Truth], count: int, seed: int) -> Coverage:
    """Return what intervals of 95 % cover in so many data sets."""
    rng = np.random.default_rng(seed)
    covered, sizes = zip(*(_one(truth(rng), rng) for _ in range(count)), strict=True)
    shares = np.mean(covered, 0)
    width, alone_width, error, alone_error = np.mean(sizes, 0)
    mu, new, alone, (tau,) = np.split(shares, [3, 6, 9])
    return Coverage(mu, new, tau, alone, width / alone_width, error / alone_error)


def _one(truth: Truth, rng: np.random.Generator) -> tuple[list[bool], list[float]]:
    model, new = _drawn(truth, rng)
    _, found = fit_joint(model, tolerance=ENOUGH)
    alone, tau = fit_alone(model), found.hyper("tau")
    covered = [*_holds(found.mu, truth.mu), *_holds(found.theta_new, new)]
    covered += [*_holds(alone, truth.mu), tau.low <= truth.tau <= tau.high]
    sizes = [np.mean(one.high - one.low) for one in (found.mu, alone)]
    sizes += [np.mean((one.mean - truth.mu) ** 2) for one in (found.mu, alone)]
    return covered, sizes


def _holds(found: Linear, truth: np.ndarray) -> Iterator[bool]:
    yield from ((found.low <= truth) & (truth <= found.high)).tolist()


def _drawn(truth: Truth, rng: np.random.Generator) -> tuple[JointModel, np.ndarray]:
    """Return the model of one data set, and the effects in a new study."""
    same = np.eye(len(TIMES))
    between, within = (same + (1 - same) * rho for rho in (truth.rho_between, truth.rho_within))
    seen = rng.random((STUDIES, len(TIMES))) < 0.6
    seen[np.arange(STUDIES), rng.integers(0, len(TIMES), STUDIES)] = True
    seen[rng.integers(0, STUDIES), ~seen.any(0)] = True
    se = rng.uniform(0.15, 0.6, seen.shape)
    theta = rng.multivariate_normal(truth.mu, truth.tau**2 * between, STUDIES + 1)
    y = theta[1:] + se * rng.multivariate_normal(0 * TIMES, within, STUDIES)
    study, slot = np.nonzero(seen)
    model = longitudinal_model(
        study.tolist(),
        TIMES[slot],
        y[seen],
        se[seen],
        tau=TAU,
        between=Correlation("cs", RHO_BETWEEN),
        within=Correlation("cs", RHO_WITHIN),
        coefficients=MU,
    )
    return model, theta[0]


def main(count: int) -> None:
    print(
        f"{'truth':34s} {'mu joint':>17s} {'mu alone':>17s} {'theta_new':>17s} {'tau':>5s} "
        f"{'width':>6s} {'MSE':>5s}"
    )
    line(f"drawn from the priors, {count}", simulated(from_priors, count, 2))
    for tau, between, within in product((0.1, 0.3, 0.8), (0.0, 0.9), (0.0, 0.8)):
        truth = Truth(np.array([-1.0, -0.5, 0.0]), tau, between, within)
        found = simulated(lambda _, fixed=truth: fixed, count // 4, 3)
        line(f"tau {tau:g}, rho_b {between:g}, rho_w {within:g}, {count // 4}", found)


def line(what: str, found: Coverage) -> None:
    """Print a row: per cent covered at each time, and ratios of joint to alone."""
    shown = [
        " ".join(f"{100 * share:5.1f}" for share in shares)
        for shares in (found.mu, found.alone, found.theta_new)
    ]
    print(
        f"{what:34s} {'  '.join(shown)} {100 * found.tau:5.1f} {found.width_ratio:6.3f} "
        f"{found.mse_ratio:5.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
