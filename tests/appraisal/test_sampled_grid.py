"""A few priors of a grid by NUTS, and their power-scaling sensitivity against its definition."""

import numpy as np
import pytest
from scipy import stats

import bayesmeta as bm
from bayesmeta.appraisal.sampled_grid import chosen
from bayesmeta.errors import InputError

DATA = {"study": ["A", "B", "C"], "estimate": [0.9, 1.6, 1.1], "se": [0.5, 0.6, 0.4]}


@pytest.fixture(scope="module")
def found():
    taus = [f"fixed({x})" for x in (0.5, 0, 2)]
    grid = bm.Grid.of(tau=taus, mu=["normal(0, 0.6)"])
    asked = bm.sensitivity(
        DATA, grid=grid, direction="higher", mu="normal(0, 0.6)", tau="fixed(0.5)"
    )
    calls = []
    sampled = asked.with_nuts(
        2, draws=10_000, seed=1, start=calls.append, done=lambda: calls.append(0)
    )
    assert calls == [2, 0, 0]
    return sampled


def normal_given(prior_power, likelihood_power, tau):
    """Posterior mean and SD of mu with a fixed tau: precisions add (scaled by their powers)."""
    y, se = (np.array(DATA[name]) for name in ("estimate", "se"))
    w = likelihood_power / (se**2 + tau**2)
    total = w.sum() + prior_power / 0.6**2
    return (w @ y) / total, total**-0.5


def sensitivity_of_mu(tau, powers, reach):
    """Kallioinen et al. 2024, section 2.3: gradient of the cumulative Jensen-Shannon distance.

    The larger of both directions of x; normalised by the integral over the range of the draws.
    """
    base = stats.norm(*normal_given(1, 1, tau))
    x = np.linspace(base.ppf(reach), base.ppf(1 - reach), 20_001)

    def distance(other):
        found = []
        for p, q in ((base.cdf(x), other.cdf(x)), (base.sf(x), other.sf(x))):
            m = (p + q) / 2
            both = p * np.log2(p / m) + q * np.log2(q / m)
            found.append(np.sqrt(np.trapezoid(both, x) / np.trapezoid(p + q, x)))
        return max(found)

    return np.mean(
        [
            distance(stats.norm(*normal_given(*(alpha**power for power in powers), tau)))
            / abs(np.log2(alpha))
            for alpha in (0.99, 1.01)
        ]
    )


def test_the_reference_comes_first_then_the_extremes(found):
    pairs = chosen(found, 8)
    assert (pairs[0].mu, pairs[0].tau) == ("normal(0, 0.6)", "fixed(0.5)")
    assert {pair.tau for pair in pairs[1:]} <= {"fixed(0)", "fixed(2)"}
    assert [one.under for one in found.sampled] == pairs[:2]


def test_nuts_agrees_with_the_exact_engine(found):
    assert found.converged
    for one in found.sampled:
        # Largest of a dozen correlated normals: above 5 once in 100,000 runs; the seed is fixed.
        assert abs(one.largest.difference) < 5


@pytest.mark.parametrize(("which", "powers"), [("prior", (1, 0)), ("likelihood", (0, 1))])
def test_power_scaling_of_mu_is_that_of_the_conjugate_posterior(found, which, powers):
    for one in found.sampled:
        tau = float(one.under.tau.removeprefix("fixed(").removesuffix(")"))
        # 40,000 draws reach to about 1 / 40,000; their range and smoothing leave some per cent.
        expected = sensitivity_of_mu(tau, powers, 2.5e-5)
        assert one.power["mu"][which] == pytest.approx(expected, rel=0.1)
        assert one.power["tau"]["prior"] == 0


def test_what_power_scaling_means(found):
    power = found.sampled[0].power["mu"]
    assert power["prior"] > 0.05 < power["likelihood"]
    assert power["diagnosis"] == "potential prior-data conflict"


def test_an_impossible_number_of_draws_is_refused(found):
    with pytest.raises(InputError, match="draws is 2: expected 4 or more"):
        found.with_nuts(draws=2)
