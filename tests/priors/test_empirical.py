"""Empirical priors: every cell of the tables, names as people write them, and what is refused."""

import math

import numpy as np
import pytest
from scipy import stats

from bayesmeta.errors import InputError
from bayesmeta.priors import (
    RHODES_COMPARISONS,
    RHODES_OUTCOMES,
    TURNER_COMPARISONS,
    TURNER_OUTCOMES,
    HalfNormal,
    LogNormal,
    LogStudentT,
    Rhodes,
    Turner,
    check_measure,
    tau_prior,
)


@pytest.mark.parametrize(
    ("text", "m", "s"),
    [
        # Turner et al. (2015), Table IV and p. 993.
        ("turner", -2.56, 1.74),
        ("turner()", -2.56, 1.74),
        ("turner(all-cause mortality, pharmacological vs placebo)", -3.95, 1.34),
        ("turner(subjective, pharmacological vs placebo)", -2.70, 1.52),
        ("turner(subjective, pharmacological vs pharmacological)", -2.93, 1.58),
        ("turner(pain, non-pharmacological vs placebo)", -2.05, 1.71),
        ("turner(mental health, non-pharmacological vs pharmacological)", -1.09, 1.27),
        ("turner(obstetric, non-pharmacological vs non-pharmacological)", -3.08, 1.68),
        ("turner(structure, non-pharmacological vs placebo)", -2.93, 1.92),
    ],
)
def test_turner(text, m, s):
    prior = tau_prior(text)
    assert prior.plain == LogNormal(m / 2, s / 2)
    # log tau2 ~ N(m, s): the distribution of tau by the definition.
    tau = np.array([0.01, 0.2, 1.0, 5.0])
    np.testing.assert_allclose(prior.cdf(tau), stats.norm(m, s).cdf(np.log(tau**2)), rtol=1e-12)
    assert prior.ppf(0.5) == pytest.approx(math.exp(m / 2))
    assert prior.tail_power == math.inf


@pytest.mark.parametrize(
    ("text", "m", "s"),
    [
        # Rhodes et al. (2015), Tables 3, A.3.1 and A.3.2, section 3.3.
        ("rhodes", -3.44, 2.59),
        ("rhodes(obstetric, pharmacological vs placebo)", -4.13, 2.34),
        ("rhodes(biological markers, pharmacological vs pharmacological)", -3.68, 2.78),
        ("rhodes(pain, non-pharmacological)", -3.02, 2.27),
        ("rhodes(subjective, non-pharmacological vs placebo, other)", -2.62, 2.41),
        ("rhodes(mental health, pharmacological vs placebo, respiratory)", -4.90, 2.17),
        ("rhodes(resource use, non-pharmacological vs pharmacological, cancer)", 0.15, 2.68),
    ],
)
def test_rhodes(text, m, s):
    prior = tau_prior(text)
    assert prior.plain == LogStudentT(5, m / 2, s / 2)
    tau = np.array([0.01, 0.2, 1.0, 5.0])
    np.testing.assert_allclose(prior.cdf(tau), stats.t(5, m, s).cdf(np.log(tau**2)), rtol=1e-12)
    assert prior.log_tails
    assert prior.boundary_moments


def test_every_cell_has_a_name_that_reads_back():
    turner = [Turner(o, c) for o in TURNER_OUTCOMES for c in TURNER_COMPARISONS]
    rhodes = [
        Rhodes(outcome, comparison, area)
        for outcome in RHODES_OUTCOMES
        for comparison in RHODES_COMPARISONS
        for area in ("other", "respiratory", "cancer")
    ]
    assert len(turner) == 80
    assert len(rhodes) == 72
    for prior in (*turner, *rhodes, Turner(), Rhodes()):
        assert tau_prior(str(prior)) == prior
        assert 0.01 < prior.ppf(0.5) < 2
    # The sum of each table as R holds it, for a mistyped cell.
    assert sum(prior.plain.mean for prior in turner) * 2 == pytest.approx(-188.84, abs=0.005)
    assert sum(prior.plain.sd for prior in turner) * 2 == pytest.approx(126.09, abs=0.005)
    assert sum(prior.plain.mean for prior in rhodes) * 2 == pytest.approx(-208.64, abs=0.005)
    assert sum(prior.plain.scale for prior in rhodes) * 2 == pytest.approx(178.76, abs=0.005)


def test_turner_is_additive():
    # The paper's medians are sums of an outcome's and a comparison's effect: a transposed or
    # mistyped cell breaks the pattern by more than rounding (0.011).
    table = np.array(
        [[Turner(o, c).plain.mean * 2 for c in TURNER_COMPARISONS] for o in TURNER_OUTCOMES]
    )
    residual = table - table.mean(0) - table.mean(1)[:, None] + table.mean()
    assert np.abs(residual).max() < 0.011


@pytest.mark.parametrize(
    ("words", "outcome", "comparison"),
    [
        (("Subjective outcomes", "Pharmacological v control"), 15, "pharmacological vs placebo"),
        (("drop-outs", "placebo vs pharma"), 5, "pharmacological vs placebo"),
        (("hospital stay", "placebo versus non-pharma"), 3, "non-pharmacological vs placebo"),
        (("signs / symptoms", "control vs. pharm"), 10, "pharmacological vs placebo"),
        (("onset of new disease", "pharma vs pharma"), 9, "pharmacological vs pharmacological"),
        (("quality_of_life", "pharma vs pharma"), 12, "pharmacological vs pharmacological"),
    ],
)
def test_names_as_people_write_them(words, outcome, comparison):
    assert Turner(*words) == Turner(list(TURNER_OUTCOMES)[outcome], comparison)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("turner(subjectiv e, pharmacological vs placebo)", "did you mean 'subjective'?"),
        ("turner(mortality, pharma vs placebo)", "unknown outcome 'mortality': did you mean"),
        ("turner(s, pharma vs placebo)", "may be surgical or structure or signs and symptoms or"),
        (
            "turner(pain, placebo vs control)",
            "unknown comparison 'placebo vs control': expected one of",
        ),
        ("turner(pain, drug vs placebo)", "unknown comparison 'drug vs placebo': did you mean"),
        ("turner(pain)", "turner takes an outcome and a comparison, such as turner(pain,"),
        ("turner(pain, pharma vs placebo, cancer)", "turner takes an outcome and a comparison"),
        ("turner(pain, any)", "give both an outcome and a comparison, or neither"),
        ("rhodes(pain, pharma vs placebo, cancr)", "unknown area 'cancr': did you mean 'cancer'?"),
        ("rhodes(any, any, cancer)", "goes with an outcome and a comparison"),
        ("rhodes(gain, pharma vs placebo)", "unknown outcome 'gain'"),
        ("turnr(pain, pharma vs placebo)", "did you mean 'turner'?"),
    ],
)
def test_what_is_refused(text, sentence):
    with pytest.raises(InputError) as caught:
        tau_prior(text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_measures():
    check_measure(Turner(), "OR")
    check_measure(Rhodes(), "SMD")
    check_measure(HalfNormal(1), "MD")
    with pytest.raises(InputError, match="turner is a prior for OR, and the measure is RR"):
        check_measure(Turner(), "RR")
    with pytest.raises(InputError, match="is a prior for SMD, and the measure is MD"):
        check_measure(Rhodes("pain", "pharma vs placebo"), "MD")
