"""The exact engine against 20-digit answers by another rule in mpmath (references/exact.json).

The bound is the promise of DESIGN.md, 1e-8 in its units: locations in posterior SDs (central
interval widths / 3.92 where no SD exists), positive scales relative, the rest absolute.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from bayesmeta.engines import exact
from bayesmeta.models import NormalNormal
from bayesmeta.priors import LogNormal, mu_prior, tau_prior

CASES = json.loads((Path(__file__).parents[1] / "references" / "exact.json").read_text())["cases"]
BOUND = 1e-8
IDS = [f"{case['name']}-{case['tau_prior']}-{case['mu_prior']}" for case in CASES]


@cache
def fitted(at: int, interval: str = "central"):
    case = CASES[at]
    model = NormalNormal(
        np.array([case["y"]]),
        np.array([case["se"]]),
        mu_prior(case["mu_prior"]),
        tau_prior(case["tau_prior"]),
    )
    return exact.fit(model, 0.95, interval)


def answers(case, quantity):
    """Expected values of a quantity as a list of dicts (one a study for theta)."""
    return case["theta"] if quantity == "theta" else [case[quantity]]


def number(text):
    return np.nan if text is None else float(text)


def unit_of(expected, quantity):
    """What an error of one is in DESIGN.md's units, for a location."""
    if quantity == "i2":
        return 1.0
    sd = expected["sd"]
    return (
        float(sd)
        if sd is not None
        else (float(expected["q0.975"]) - float(expected["q0.025"])) / 3.92
    )


FIELDS = {"mean": "mean", "sd": "sd", "median": "median", "mode": "mode", "low": "q0.025"}
FIELDS["high"] = "q0.975"


def worst(case, found, fields):
    errors = {}
    for quantity in exact.QUANTITIES:
        for i, expected in enumerate(answers(case, quantity)):
            for field, name in fields.items():
                got = getattr(found.of[quantity], field)[(0, i) if quantity == "theta" else (0,)]
                want = number(expected.get(name))
                if field == "mode" and np.isnan(want):
                    continue
                assert np.isnan(got) == np.isnan(want), (quantity, field, got, want)
                if np.isnan(want):
                    continue
                relative = quantity == "tau" or field == "sd"
                scale = abs(want) if relative and quantity != "i2" else unit_of(expected, quantity)
                if got != want:
                    errors[quantity, i, field] = abs(got - want) / scale
    return errors


@pytest.mark.parametrize("at", range(len(CASES)), ids=IDS)
def test_summaries(at):
    case = CASES[at]
    _, found = fitted(at)
    errors = worst(case, found, FIELDS)
    assert max(errors.values(), default=0) < BOUND, max(errors, key=errors.get)
    # The error the engine reports covers the one it makes, down to rounding: 1e-16 times the
    # condition of a tail quantile of tau (40) times the digits lost in sums of 129 nodes (10).
    largest = max(errors.values(), default=0)
    assert largest < found.numerical_error[0] * 2 + 1e-12


@pytest.mark.parametrize("at", range(len(CASES)), ids=IDS)
def test_evidence_weights_and_probabilities(at):
    case = CASES[at]
    posterior, found = fitted(at)
    if case["log_marginal_likelihood"] is not None:
        assert found.log_evidence[0] == pytest.approx(
            float(case["log_marginal_likelihood"]), abs=BOUND
        )
    np.testing.assert_allclose(found.weights[0], [float(w) for w in case["weights"]], atol=BOUND)
    assert found.prior_weight[0] == pytest.approx(float(case["prior_weight"]), abs=BOUND)
    for quantity, name in (("mu", "prob_below_zero"), ("theta_new", "prob_new_below_zero")):
        model = posterior.model
        below = posterior.mixture(quantity).cdf((0 - model.location) / model.unit)[0]
        assert below == pytest.approx(float(case[name]), abs=BOUND)


@pytest.mark.parametrize("at", range(len(CASES)), ids=IDS)
def test_shortest_intervals(at):
    case = CASES[at]
    _, found = fitted(at, "shortest")
    for quantity in ("mu", "tau", "theta_new"):
        expected = case[quantity]
        if expected.get("shortest_low") is None:
            continue
        for field in ("low", "high"):
            got, want = getattr(found.of[quantity], field)[0], float(expected[f"shortest_{field}"])
            scale = max(want, 1e-300) if quantity == "tau" else unit_of(expected, quantity)
            assert got == want or abs(got - want) / scale < BOUND, (quantity, field, got, want)


@pytest.mark.parametrize("sd", [0.5, 1.5, 2, 3, 4])
def test_a_moment_beyond_the_mass_of_the_prior(sd):
    # One study and flat mu leave tau its prior, whose SD is known: exp(sd^2 / 2) times the root of
    # exp(sd^2) - 1. At sd 3 its integrand peaks at the prior's 1 - 1e-9 quantile.
    model = NormalNormal(np.ones((1, 1)), np.ones((1, 1)), mu_prior("flat"), LogNormal(0, sd))
    _, found = exact.fit(model)
    expected = np.exp(sd**2 / 2) * np.sqrt(np.expm1(sd**2))
    assert found.of["tau"].sd[0] == pytest.approx(expected, rel=BOUND)


@pytest.mark.parametrize("sd", [12, 13])
def test_a_range_that_must_end_too_early_is_an_error_that_shows(sd):
    # The integrand of the second moment goes on beyond the largest double that can be squared:
    # halving the step sees nothing of that.
    model = NormalNormal(np.ones((1, 1)), np.ones((1, 1)), mu_prior("flat"), LogNormal(0, sd))
    _, found = exact.fit(model)
    expected = np.exp(sd**2 / 2) * np.sqrt(np.expm1(sd**2))
    assert abs(found.of["tau"].sd[0] / expected - 1) < found.numerical_error[0]


class UnboundedAtZero:
    """Three studies under a gamma prior on tau of small shape, integrated in ``u = tau^shape``.

    ``tau^(shape - 1) exp(-tau) dtau`` is ``exp(-tau) du / shape``, which is smooth: Gauss-Legendre
    of 800 nodes on each of ten panels is at rounding.
    """

    y, se = np.array([0.1, -0.4, 0.6]), np.array([0.2, 0.3, 0.25])

    def __init__(self, shape, precision):
        self.shape, self.precision = shape, precision
        self.tau, self.f, self.mean, self.sd = self.integrand(0, 45**shape)

    def integrand(self, low, high, panels=10):
        x, w = np.polynomial.legendre.leggauss(800)
        edges = np.linspace(low, high, panels + 1)
        half = np.diff(edges)[:, None] / 2
        tau = (edges[:-1, None] + half * (1 + x)).ravel() ** (1 / self.shape)
        variance = self.se**2 + tau[:, None] ** 2
        total = (1 / variance).sum(1) + self.precision
        mean = (self.y / variance).sum(1) / total
        log_f = (mean**2 * total - (self.y**2 / variance).sum(1) - np.log(total)) / 2
        log_f -= tau + np.log(variance).sum(1) / 2
        return tau, np.exp(log_f) * (half * w).ravel(), mean, 1 / np.sqrt(total)

    def expect(self, values):
        return self.f @ values / self.f.sum()

    def tau_below(self, bound):
        return self.integrand(0, bound**self.shape)[1].sum() / self.f.sum()


@pytest.mark.parametrize("mu", ["flat", "normal(0, 1)"])
@pytest.mark.parametrize("shape", [0.2, 0.5])
def test_a_prior_unbounded_at_zero(shape, mu):
    known = UnboundedAtZero(shape, 0.0 if mu == "flat" else 1.0)
    y, se = known.y[None], known.se[None]
    _, found = exact.fit(NormalNormal(y, se, mu_prior(mu), tau_prior(f"gamma({shape}, 1)")))
    of_mu, of_tau = found.of["mu"], found.of["tau"]
    centre = known.expect(known.mean)
    sd = np.sqrt(known.expect(known.sd**2 + (known.mean - centre) ** 2))
    assert of_mu.mean[0] == pytest.approx(centre, abs=BOUND * sd)
    assert of_mu.sd[0] == pytest.approx(sd, rel=BOUND)
    assert of_tau.mean[0] == pytest.approx(known.expect(known.tau), rel=BOUND)
    assert of_tau.mode[0] == 0
    # A density of at most 1 / sd there makes an error in probability at least as large as in mu.
    for p, name in ((0.025, "low"), (0.5, "median"), (0.975, "high")):
        z = (getattr(of_mu, name)[0] - known.mean) / known.sd
        assert known.expect(special.ndtr(z)) == pytest.approx(p, abs=BOUND)
        assert known.tau_below(getattr(of_tau, name)[0]) == pytest.approx(p, abs=BOUND)
