"""RevMan's arithmetic, each rule worked by hand, and a published analysis of its own."""

import math

import numpy as np
import pytest
from scipy.stats import norm, t

from bayesmeta.evidence.effects import effect_of_arms
from bayesmeta.frequentist import (
    Studies,
    partition_of_q,
    pool,
    revman_pool,
    subgroup_test,
)

# Fleiss (1993), Statistical Methods in Medical Research 2:121, table 1: deaths in seven trials of
# aspirin after myocardial infarction, aspirin then placebo.
ASPIRIN = [
    [49, 615, 67, 624],
    [44, 758, 64, 771],
    [102, 832, 126, 850],
    [32, 317, 38, 309],
    [85, 810, 52, 406],
    [246, 2267, 219, 2257],
    [1570, 8587, 1720, 8600],
]


def of(counts, measure):
    return Studies.of_counts(counts, measure, "revman5")


def rounded(found, digits):
    return [round(math.exp(x), digits) for x in (found.estimate, found.ci_low, found.ci_high)]


# The issue and the documentation of the R package meta: Mantel-Haenszel, four decimals.
def test_aspirin_by_mantel_haenszel():
    assert rounded(revman_pool(of(ASPIRIN, "OR"), "MH", "fixed"), 4) == [0.8969, 0.8405, 0.9570]


def test_aspirin_by_peto_by_hand():
    o_minus_e = variance = 0.0
    for a, n1, c, n2 in ASPIRIN:
        n, events = n1 + n2, a + c
        o_minus_e += a - n1 * events / n
        variance += n1 * n2 * events * (n - events) / (n**2 * (n - 1))
    found = revman_pool(of(ASPIRIN, "OR"), "Peto", "fixed")
    assert found.estimate == pytest.approx(o_minus_e / variance, rel=1e-13)
    assert found.se == pytest.approx(variance**-0.5, rel=1e-13)


# Two tables, the first with a zero: 0.5 to its four cells, so n1 = 21 and n2 = 21 in it.
ZERO = [[0, 20, 3, 20], [2, 30, 5, 30]]


def test_risk_ratio_of_a_table_with_a_zero_by_hand():
    r = 0.5 * 21 / 42 + 2 * 30 / 60
    s = 3.5 * 21 / 42 + 5 * 30 / 60
    p = (21 * 21 * 4 - 0.5 * 3.5 * 42) / 42**2 + (30 * 30 * 7 - 2 * 5 * 60) / 60**2
    mu, se = math.log(r / s), math.sqrt(p / (r * s))
    fixed = revman_pool(of(ZERO, "RR"), "MH", "fixed")
    assert fixed.estimate == pytest.approx(mu, rel=1e-14)
    assert fixed.se == pytest.approx(se, rel=1e-14)
    assert fixed.weights == pytest.approx([1.75 / s, 2.5 / s], rel=1e-14)
    y = [math.log(0.5 / 3.5), math.log(2 / 5)]
    v = [1 / 0.5 - 1 / 21 + 1 / 3.5 - 1 / 21, 1 / 2 - 1 / 30 + 1 / 5 - 1 / 30]
    q = sum((a - mu) ** 2 / b for a, b in zip(y, v, strict=True))
    assert fixed.q == pytest.approx(q, rel=1e-13)
    random = revman_pool(of(ZERO, "RR"), "MH", "random")
    w = [1 / b for b in v]
    spread = sum(w) - sum(x * x for x in w) / sum(w)
    tau2 = max(0.0, (q - 1) / spread)
    assert random.tau2 == pytest.approx(tau2, rel=1e-12)
    assert random.q == fixed.q


def test_heterogeneity_of_random_effects_is_around_mantel_haenszel():
    # The mean by inverse variance makes Q least, so Q around Mantel-Haenszel is larger.
    mh, iv = (revman_pool(of(ASPIRIN, "OR"), method, "random") for method in ("MH", "IV"))
    y, v = of(ASPIRIN, "OR").y, of(ASPIRIN, "OR").v
    w = 1 / v
    for found, fixed in ((mh, revman_pool(of(ASPIRIN, "OR"), "MH", "fixed")), (iv, None)):
        centre = (w @ y) / w.sum() if fixed is None else fixed.estimate
        q = (w * (y - centre) ** 2).sum()
        assert found.q == pytest.approx(q, rel=1e-13)
        tau2 = (q - 6) / (w.sum() - (w**2).sum() / w.sum())
        assert found.tau2 == pytest.approx(tau2, rel=1e-11)
        weights = 1 / (v + tau2)
        assert found.estimate == pytest.approx((weights @ y) / weights.sum(), rel=1e-12)
        assert found.i2 == pytest.approx((q - 6) / q, rel=1e-13)
    assert mh.q > iv.q


@pytest.mark.parametrize("method", ["MH", "IV", "Peto"])
@pytest.mark.parametrize("nothing", [[0, 10, 0, 12], [10, 10, 12, 12]])
def test_tables_that_say_nothing_of_an_odds_ratio_are_left_out(method, nothing):
    found = revman_pool(of([*ZERO, nothing], "OR"), method, "fixed")
    without = revman_pool(of(ZERO, "OR"), method, "fixed")
    assert (found.estimate, found.se, found.q, found.df) == (
        without.estimate,
        without.se,
        without.q,
        without.df,
    )
    assert found.weights == (*without.weights, 0.0)


def test_a_risk_ratio_keeps_a_table_in_which_everybody_has_the_event():
    studies = of([[10, 10, 12, 12], [3, 30, 6, 30]], "RR")
    assert studies.y[0] == 0
    assert studies.v[0] == pytest.approx(1 / 10.5 - 1 / 11 + 1 / 12.5 - 1 / 13, rel=1e-14)
    assert revman_pool(studies, "MH", "random").df == 1


def test_a_risk_difference_keeps_a_table_without_events():
    studies = of([[0, 10, 0, 12], [3, 30, 6, 30]], "RD")
    found = revman_pool(studies, "MH", "fixed")
    # a, b, c, d of the first: 0.5, 10.5, 0.5, 12.5.
    assert studies.y[0] == pytest.approx(0.5 / 11 - 0.5 / 13, rel=1e-14)
    k = 11 * 13 / 24 + 30 * 30 / 60
    mu = (0.5 * 13 - 0.5 * 11) / 24 + (3 * 30 - 6 * 30) / 60
    j = (0.5 * 10.5 * 13**3 + 0.5 * 12.5 * 11**3) / (11 * 13 * 24**2)
    j += (3 * 27 * 30**3 + 6 * 24 * 30**3) / (30 * 30 * 60**2)
    assert found.estimate == pytest.approx(mu / k, rel=1e-13)
    assert found.se == pytest.approx(math.sqrt(j) / k, rel=1e-13)


@pytest.mark.parametrize("measure", ["OR", "RR"])
@pytest.mark.parametrize("method", ["MH", "IV"])
@pytest.mark.parametrize("model", ["fixed", "random"])
def test_no_table_with_events_is_not_estimable(measure, method, model):
    assert revman_pool(of([[0, 10, 0, 12], [0, 9, 0, 9]], measure), method, model) is None
    assert revman_pool(of(np.empty((0, 4)), measure), method, model) is None


def test_one_study_has_no_heterogeneity_and_i2_zero():
    for model in ("fixed", "random"):
        found = revman_pool(of(ASPIRIN[:1], "OR"), "MH", model)
        assert (found.i2, found.df, found.p_heterogeneity) == (0, 0, None)
        assert found.tau2 == (None if model == "fixed" else 0)


def test_hedges_g_by_hand():
    # Means 5 and 3, SDs 2 and 2, 12 and 15 patients: d = 1, J = 1 - 3 / (4 * 27 - 9).
    y, se = effect_of_arms(([5.0], [2.0], [12]), ([3.0], [2.0], [15]), "SMD", "revman5")
    found = revman_pool(Studies.of_effects(y, se), "IV", "random")
    g = 1 - 3 / 99
    assert found.estimate == pytest.approx(g, rel=1e-14)
    variance = 27 / (12 * 15) + g**2 / (2 * (27 - 3.94))
    assert found.se == pytest.approx(math.sqrt(variance), rel=1e-14)


def test_o_minus_e_rows_by_hand():
    found = revman_pool(Studies.of_o_minus_e([-4.0, 1.0, 0.0], [8.0, 4.0, 0.0]), "IV", "fixed")
    assert found.estimate == pytest.approx(-3 / 12, rel=1e-14)
    assert found.se == pytest.approx(12**-0.5, rel=1e-14)
    assert found.df == 1


EFFECTS = Studies.of_effects([0.1, 0.9, -0.6, 0.4], [0.2, 0.3, 0.25, 0.4])


def test_revman_web_i2_is_that_of_tau2():
    found = revman_pool(EFFECTS, "IV", "random", tau2="REML", profile="revman-web")
    w = 1 / EFFECTS.v
    typical = 3 * w.sum() / (w.sum() ** 2 - (w**2).sum())
    assert found.i2 == pytest.approx(found.tau2 / (found.tau2 + typical), rel=1e-13)
    assert found.i2 != pytest.approx((found.q - 3) / found.q, rel=1e-3)
    fixed = revman_pool(EFFECTS, "IV", "fixed", profile="revman-web")
    assert fixed.i2 == pytest.approx((fixed.q - 3) / fixed.q, rel=1e-13)


def test_revman_web_hartung_knapp_has_no_floor_and_keeps_walds_test():
    how = {"tau2": "REML", "profile": "revman-web"}
    wald = revman_pool(EFFECTS, "IV", "random", **how)
    found = revman_pool(EFFECTS, "IV", "random", ci="hksj", **how)
    w = 1 / (EFFECTS.v + wald.tau2)
    se = math.sqrt((w * (EFFECTS.y - wald.estimate) ** 2).sum() / 3 / w.sum())
    assert found.se == pytest.approx(se, rel=1e-12)
    assert found.ci_high == pytest.approx(wald.estimate + t.ppf(0.975, 3) * se, rel=1e-12)
    assert (found.z, found.p) == (wald.z, wald.p)
    alike = Studies.of_effects([1.0, 1.001], [1.0, 1.0])
    low, high = (revman_pool(alike, "IV", "random", ci=ci, **how).se for ci in ("hksj", "wald"))
    assert low < high / 100


def test_revman_web_hartung_knapp_of_one_study_is_wald():
    one = Studies.of_effects([1.0], [0.5])
    found = revman_pool(one, "IV", "random", tau2="REML", ci="hksj", profile="revman-web")
    assert (found.ci_low, found.ci_high) == pytest.approx(norm.interval(0.95, 1, 0.5), rel=1e-12)
    assert "Wald" in found.reasons["ci"]
    assert found.i2 == 0


def test_subgroups_are_compared_as_studies():
    parts = [revman_pool(of(rows, "OR"), "MH", "random") for rows in (ASPIRIN[:3], ASPIRIN[3:])]
    found = subgroup_test([*parts, None])
    (y1, s1), (y2, s2) = ((part.estimate, part.se) for part in parts)
    assert found.q == pytest.approx((y1 - y2) ** 2 / (s1**2 + s2**2), rel=1e-12)
    assert found.df == 1
    assert found.p == pytest.approx(2 * norm.sf(math.sqrt(found.q)), rel=1e-12)
    assert subgroup_test([parts[0], None]) is None


def test_by_inverse_variance_the_partition_of_q_is_the_same():
    parts = [revman_pool(of(rows, "OR"), "IV", "fixed") for rows in (ASPIRIN[:3], ASPIRIN[3:])]
    whole = revman_pool(of(ASPIRIN, "OR"), "IV", "fixed")
    assert partition_of_q(whole, parts).q == pytest.approx(subgroup_test(parts).q, rel=1e-10)
    mh = [revman_pool(of(rows, "OR"), "MH", "fixed") for rows in (ASPIRIN[:3], ASPIRIN[3:])]
    whole = revman_pool(of(ASPIRIN, "OR"), "MH", "fixed")
    by_hand = whole.q - sum(part.q for part in mh)
    assert partition_of_q(whole, mh).q == pytest.approx(by_hand, rel=1e-13)


def test_profiles_differ_only_where_they_say():
    # Without tables, without Hartung-Knapp: RevMan 5 is DerSimonian-Laird as metafor has it.
    mine, theirs = (pool(EFFECTS, "DL", profile=profile) for profile in ("revman5", "metafor"))
    assert mine.estimate == theirs.estimate
    assert mine.i2 == pytest.approx(theirs.i2, rel=1e-12)
