"""The priors of those who name none, worked out by hand."""

import numpy as np
import pytest

from bayesmeta.errors import InputError
from bayesmeta.evidence import bundled_project, evidence_from_analysis, evidence_from_table
from bayesmeta.models import default_mu, default_tau
from bayesmeta.priors import Flat, HalfNormal

COUNTS = {
    "study": ["A", "B"],
    "events_treatment": [3, 5],
    "n_treatment": [20, 30],
    "events_control": [6, 4],
    "n_control": [22, 28],
}
ARMS = {
    "study": ["A", "B"],
    "mean_treatment": [10, 12],
    "sd_treatment": [4.0, 5.0],
    "n_treatment": [11, 21],
    "mean_control": [13, 12.5],
    "sd_control": [6.0, 3.0],
    "n_control": [31, 16],
}
GIVEN = {"study": ["A", "B"], "estimate": [0.1, 0.4], "se": [0.2, 0.26]}


def test_mu_is_flat():
    assert default_mu() == Flat()


@pytest.mark.parametrize(
    ("table", "measure"),
    [(COUNTS, "OR"), (COUNTS, "RR"), (ARMS, "SMD"), (ARMS, "ROM"), (GIVEN, "HR"), (GIVEN, "OR")],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_log_ratios_and_standardised_differences(table, measure):
    # Roever et al. 2021: 0.5, whatever the numbers of patients.
    assert default_tau(evidence_from_table(table, measure=measure)) == HalfNormal(0.5)


def test_mean_differences():
    # Half the pooled within-arm SD, to two digits: sum (n - 1) sd^2 / sum (n - 1) over four arms
    # = (10 16 + 20 25 + 30 36 + 15 9) / 75 = 25; half of 5.
    assert default_tau(evidence_from_table(ARMS, measure="MD")) == HalfNormal(2.5)


def test_risk_differences():
    # An eighth of the unit information SD, to two digits: UISD^2 = sum n / sum se^-2, n of both
    # arms. RD: se^2 = sum p (1 - p) / n.
    evidence = evidence_from_table(COUNTS, measure="RD")
    variances = [
        3 / 20 * 17 / 20 / 20 + 6 / 22 * 16 / 22 / 22,
        5 / 30 * 25 / 30 / 30 + 4 / 28 * 24 / 28 / 28,
    ]
    uisd = np.sqrt(100 / sum(1 / v for v in variances))
    assert default_tau(evidence) == HalfNormal(float(f"{uisd / 8:.2g}"))


def test_estimates_with_patients():
    # The same rule for estimates as given that come with numbers of patients.
    table = {**GIVEN, "n": [100, 60]}
    uisd = np.sqrt(160 / (0.2**-2 + 0.26**-2))
    scale = float(f"{uisd / 8:.2g}")
    assert default_tau(evidence_from_table(table)) == HalfNormal(scale)


@pytest.mark.parametrize("measure", ["MD", "RD", "GEN"])
def test_nothing_to_take_a_scale_from(measure):
    # Refused, with a prior to start from, in the words of the command line: the median SE.
    evidence = evidence_from_table(GIVEN, measure=measure)
    with pytest.raises(InputError) as caught:
        default_tau(evidence)
    assert "--prior tau='half-normal(0.23)'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_bundled_review_names_its_priors():
    # Every analysis file gives its prior on tau and, on one line, the reason for its scale.
    project = bundled_project()
    for analysis in project.analyses():
        evidence = evidence_from_analysis(project.find(analysis.name), project.root)
        assert evidence.tau
        assert evidence.prior_reason.strip()
        assert "\n" not in evidence.prior_reason.strip()
