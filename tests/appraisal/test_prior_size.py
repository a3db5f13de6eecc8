"""ELIR against RBesT's printed examples, closed forms, mpmath, and its defining consistency."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import bayesmeta as bm
from bayesmeta.appraisal.prior_size import effective_sample_size, prior_size
from bayesmeta.errors import InputError
from bayesmeta.priors import Flat, Normal, NormalMixture, StudentT

# RBesT 1.6-5, vignette "RBesT for a Normal Endpoint": the fitted MAP prior, and robustified.
CROHN = (
    (0.50211765, 0.47187303, 0.02600932),
    (-52.87773410, -47.33641569, -43.90720135),
    (21.87731545, 7.73071395, 59.70377117),
)
ROBUST = (
    (0.40169412, 0.37749842, 0.02080745, 0.2),
    (*CROHN[1], -50.0),
    (*CROHN[2], 88.0),
)


@pytest.mark.parametrize(("mixture", "printed"), [(CROHN, 42), (ROBUST, 31)])
def test_the_crohn_prior_of_rbest(mixture, printed):
    assert round(effective_sample_size(NormalMixture(*mixture), 88)) == printed


@pytest.mark.parametrize(("sigma", "printed"), [(10, 10.82796), (20, 43.31185)])
def test_the_mixture_in_the_help_of_rbest(sigma, printed):
    # RBesT 1.8-1, help page of ess: printed to five decimals.
    mixture = NormalMixture((0.5, 0.5), (0, 3), (2, 4))
    assert effective_sample_size(mixture, sigma) == pytest.approx(printed, abs=5e-6)


@pytest.mark.parametrize(
    "mixture",
    [
        ((0.5, 0.5), (0, 3), (2, 4)),
        ((0.999, 0.001), (0, 0), (0.5, 1e4)),
        ((0.5, 0.5), (0, 100), (1, 1)),
        ((0.2, 0.8), (0, 5), (1e-3, 1)),
    ],
)
def test_mixtures_against_mpmath(mixture):
    def f(x):
        terms = [w * mp.npdf(x, m, s) for w, m, s in zip(*mixture, strict=True)]
        slopes = [t * (x - m) / s**2 for t, m, s in zip(terms, *mixture[1:], strict=True)]
        density = sum(terms)
        return sum(slopes) ** 2 / density if density > 0 else mp.mpf(0)

    _, means, sds = mixture
    cuts = sorted({m + j * s for m, s in zip(means, sds, strict=True) for j in range(-12, 13)})
    with mp.workdps(20):
        expected = float(mp.quad(f, cuts))
    assert effective_sample_size(NormalMixture(*mixture), 1) == pytest.approx(expected, rel=1e-12)


def test_student_t_is_what_its_mixture_of_normals_gives():
    prior = StudentT(4, 1, 2.5)
    weights, means, sds = prior.components()
    mixture = NormalMixture(tuple(weights), tuple(means), tuple(sds))
    assert effective_sample_size(prior, 2) == pytest.approx(
        effective_sample_size(mixture, 2), rel=1e-12
    )
    assert effective_sample_size(StudentT(1e6, 0, 1), 1) == pytest.approx(1, rel=1e-5)


def test_normal_and_flat():
    assert effective_sample_size(Normal(3, 0.5), 2) == pytest.approx(16)
    assert effective_sample_size(Flat(), 2) == 0


def test_predictive_consistency():
    # The expected size of the posterior after n patients is n more than that of the prior
    # (Neuenschwander et al. 2020); conjugate updates, expectation by quadrature.
    weights, means, sds = (np.array(x) for x in ((0.7, 0.3), (0.0, 1.0), (0.5, 2.0)))
    sigma, n = 3.0, 15
    se = sigma / np.sqrt(n)
    spread = np.hypot(sds, se)
    y = np.linspace(-16, 18, 1201)
    predictive = stats.norm.pdf(y[:, None], means, spread) * weights
    density = predictive.sum(-1)
    shares = predictive / density[:, None]
    precision = sds**-2 + se**-2
    updated = (means * sds**-2 + y[:, None] * se**-2) / precision
    after = [
        effective_sample_size(NormalMixture(w, m, tuple(precision**-0.5)), sigma)
        for w, m in zip(shares, updated, strict=True)
    ]
    expected = np.trapezoid(density * np.array(after), y)
    before = effective_sample_size(NormalMixture(tuple(weights), tuple(means), tuple(sds)), sigma)
    assert expected - n == pytest.approx(before, rel=1e-8)


def test_patients_where_n_is_known():
    row = bm.fit("adverse_events", mu="normal(0, 1)").rows[0]
    found = prior_size(row)
    assert found.unit == "patients"
    uisd = np.sqrt(row.pool.n.sum() / (row.pool.se**-2.0).sum())
    assert found.value == pytest.approx(uisd**2, rel=1e-12)


def test_studies_at_the_median_of_tau_where_n_is_not_known():
    # With tau known, k / (k + size) is the share of the data in the precision of mu.
    table = {"study": ["A", "B", "C"], "estimate": [28, 8, -3], "se": [15, 10, 16]}
    row = bm.fit(table, tau="fixed(7)", mu="normal(0, 20)").rows[0]
    found = prior_size(row)
    assert found.unit == "studies"
    assert 3 / (3 + found.value) == pytest.approx(1 - row.exact.prior_weight, rel=1e-12)
    assert "studies" in found.words


def test_a_unit_without_size():
    with pytest.raises(InputError, match="unit_sd is 0"):
        effective_sample_size(Normal(0, 1), 0.0)
