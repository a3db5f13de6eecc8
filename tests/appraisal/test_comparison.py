"""Published, recomputed and Bayesian pools side by side, against arithmetic done here."""

import json
from dataclasses import replace
from math import exp, log, sqrt

import numpy as np
import pytest
from scipy import stats

import bayesmeta as bm
from bayesmeta.appraisal import comparison_words as words
from bayesmeta.appraisal.audit.recipes import Recipe
from bayesmeta.errors import InputError

Z = stats.norm.ppf(0.975)
STUDIES = {"study": ["A", "B", "C"], "estimate": [0.4, 0.9, 0.1], "se": [0.2, 0.25, 0.3]}
CSV = "study,estimate,se\nA,0.40,0.20\nB,0.90,0.25\nC,0.10,0.30\n"
HEAD = "outcome,measure,model,k,estimate,ci_low,ci_high"
ALIKE = {"study": ["A", "B"], "estimate": [0.50, 0.52], "se": [0.2, 0.3]}


@pytest.fixture
def compared(tmp_path, monkeypatch):
    """Compare three studies, or others, with a printed row."""
    monkeypatch.chdir(tmp_path)

    def run(printed=None, studies=CSV, measure="MD", **asked):
        (tmp_path / "trials.csv").write_text(studies)
        asked = {"tau": "half-normal(0.5)", "direction": "higher"} | asked
        if printed is not None:
            (tmp_path / "printed.csv").write_text(f"{HEAD}\npain,{measure},{printed}\n")
            asked["published"] = "printed.csv"
        found = bm.compare("trials.csv", measure=measure, **asked)
        return found.rows[0]

    return run


def dersimonian_laird(y, se, level=0.95):
    w = 1 / np.square(se)
    q = w @ (y - w @ y / w.sum()) ** 2
    tau2 = max(0.0, (q - len(y) + 1) / (w.sum() - (w**2).sum() / w.sum()))
    w = 1 / (np.square(se) + tau2)
    mu, half = w @ y / w.sum(), stats.norm.ppf((1 + level) / 2) / sqrt(w.sum())
    return mu, mu - half, mu + half, tau2


def posterior(y, se, tau_scale, below):
    """P(mu < below) under a flat mu and a half-normal tau, by the midpoint rule on tau."""
    tau = (np.arange(200_000) + 0.5) * tau_scale / 20_000
    w = 1 / (np.square(se)[:, None] + tau**2)
    total = w.sum(axis=0)
    mu = y @ w / total
    loglik = (np.log(w).sum(axis=0) - np.log(total) - (w * (y[:, None] - mu) ** 2).sum(axis=0)) / 2
    weight = np.exp(loglik - loglik.max() - (tau / tau_scale) ** 2 / 2)
    return weight @ stats.norm.cdf((below - mu) * np.sqrt(total)) / weight.sum()


def said(row, rule):
    return " ".join(rule(row))


def test_every_published_row_of_the_review_has_its_own_method_and_none_is_beyond_rounding():
    found = bm.compare()
    printed = [row for row in found.rows if row.printed]
    # 14 analyses, two of which put series beside the rows of another.
    assert len(found.fits) == 12
    assert len(printed) == 18
    methods = {("random", "DL"), ("fixed", "IV"), ("fixed", "MH")}
    for row in printed:
        k = row.row.pool.k
        assert (row.printed.model if k > 1 else "fixed", row.recipe.method) in methods
        assert row.agreement in ("digits", "rounding")
        assert row.gap < 0.006
    # Two limits come from study rows with SEs of two digits and miss the printed by a digit.
    assert {row.row.key for row in printed if row.agreement == "rounding"} == {("albumin", 12.0)}


def test_three_columns_against_formulas_written_out(compared):
    row = compared("random,3,0.48,0.06,0.91")
    y, se = np.array(STUDIES["estimate"]), np.array(STUDIES["se"])
    mu, low, high, tau2 = dersimonian_laird(y, se)
    assert row.recipe == Recipe("DL")
    ours = row.recomputed
    assert [ours.estimate, ours.ci_low, ours.ci_high] == pytest.approx([mu, low, high], rel=1e-12)
    assert row.pool.tau2 == pytest.approx(tau2, rel=1e-12)
    assert row.width_ratio(row.published) == 1
    assert row.width_ratio(row.recomputed) == pytest.approx((high - low) / 0.85, rel=1e-12)
    bayes = row.posterior
    for value, p in ((bayes.ci_low, 0.025), (bayes.estimate, 0.5), (bayes.ci_high, 0.975)):
        assert posterior(y, se, 0.5, value) == pytest.approx(p, abs=1e-7)
    assert row.width_ratio(bayes) == pytest.approx((bayes.ci_high - bayes.ci_low) / 0.85)
    assert row.row.exact.prob_benefit == pytest.approx(1 - posterior(y, se, 0.5, 0.0), abs=1e-7)
    new = row.prediction
    assert row.width_ratio(new) == pytest.approx((new.ci_high - new.ci_low) / 0.85)


def test_widths_of_ratios_are_ratios_of_logarithms():
    row = bm.compare("adverse_events").rows[0]
    assert row.width_ratio(row.posterior) == pytest.approx(
        row.posterior.width / (log(0.89) - log(0.07)), rel=1e-12
    )
    assert row.published.estimate == pytest.approx(log(0.26))


def test_nothing_published_leaves_its_column_empty(compared):
    row = compared()
    assert row.published is None
    assert row.agreement is None
    assert row.width_ratio(row.posterior) is None
    assert row.recipe == Recipe("REML")  # metafor's own
    assert compared(profile="revman5").recipe == Recipe("DL")
    assert compared(profile="revman-web").recipe == Recipe("REML", "hksj")
    one = CSV.splitlines()
    assert compared(studies="\n".join(one[:2])).recipe == Recipe("IV")
    assert said(row, words.agreement) == (
        "Nothing is published here; recomputed by restricted maximum likelihood."
    )


# --- the sentences


def test_the_rows_give_the_printed_digits(compared):
    assert said(compared("random,3,0.48,0.06,0.91"), words.agreement) == (
        "The rows give every printed digit again, by DerSimonian-Laird."
    )


def test_rounding_is_called_rounding(compared):
    """0.485 and 0.49 are 0.005 apart: half a digit of the row and half of the studies."""
    row = compared("random,3,0.49,0.06,0.91")
    assert row.agreement == "rounding"
    gap = 0.49 - dersimonian_laird(*map(np.array, list(STUDIES.values())[1:]))[0]
    assert said(row, words.agreement) == (
        f"Published and recomputed (DerSimonian-Laird) differ by {gap:.2g}, which rounding "
        "explains."
    )


def test_more_than_rounding_is_called_so(compared):
    row = compared("random,3,0.68,0.26,1.11")
    assert row.agreement == "beyond"
    assert "differ by 0.2, which rounding does not explain" in said(row, words.agreement)


def test_tables_in_memory_are_exact(compared, tmp_path):
    compared("random,3,0.49,0.06,0.91")
    found = bm.compare(STUDIES, measure="MD", tau="half-normal(1)", published="printed.csv")
    assert found.rows == ()[:0] or found.rows[0].printed is None  # it is called "data", not "pain"
    named = STUDIES | {"outcome": ["pain"] * 3}
    (row,) = bm.compare(named, measure="MD", tau="half-normal(1)", published="printed.csv").rows
    assert row.agreement == "beyond"


@pytest.mark.parametrize(
    ("label", "recipe"),
    [("random", "is not named"), ('"random, Hartung-Knapp"', "is named")],
)
def test_another_method_is_recognised_by_its_numbers(compared, label, recipe):
    y, se = np.array(STUDIES["estimate"]), np.array(STUDIES["se"])
    mu, _, _, tau2 = dersimonian_laird(y, se)
    w = 1 / (se**2 + tau2)
    half = stats.t.ppf(0.975, 2) * sqrt(w @ (y - mu) ** 2 / 2 / w.sum())
    row = compared(f"{label},3,{mu:.4f},{mu - half:.4f},{mu + half:.4f}")
    assert row.recipe == Recipe("DL", "hksj")
    text = said(row, words.agreement)
    assert ("which the table does not name" in text) == (recipe == "is not named")
    assert said(row, words.hartung_knapp) == (
        "Hartung and Knapp's interval takes 4.3, t on 2 df, where Wald's takes 1.96."
    )


def test_rows_made_from_the_printed_pool_are_no_evidence():
    (row,) = bm.compare("sledai", at=12).rows
    assert "but the rows are reconstructed: that is arithmetic" in said(row, words.agreement)


def test_a_printed_level_of_its_own(compared):
    y, se = np.array(STUDIES["estimate"]), np.array(STUDIES["se"])
    mu, low, high, _ = dersimonian_laird(y, se, 0.9)
    row = compared(f'"random, 90 % CI",3,{mu:.3f},{low:.3f},{high:.3f}')
    assert row.agreement == "digits"
    assert row.width_ratio(row.posterior) is None
    assert said(row, words.other_level) == (
        "The printed interval is of 90%, the others of 95%: widths are not compared."
    )
    assert "the recomputed one" in said(row, words.width)


def test_one_study_says_nothing_of_tau(compared):
    row = compared("fixed,1,0.40,0.01,0.79", studies="study,estimate,se\nA,0.40,0.20\n")
    assert said(row, words.heterogeneity).startswith(
        "One study: the published interval is its own; the posterior is of the pooled effect and "
        f"adds how far studies may differ, by the prior tau {0.5 * stats.halfnorm.median():.3g} ("
    )
    assert not said(row, words.prior_on_tau)


def test_tau_at_0_by_dersimonian_and_laird(compared):
    studies = "study,estimate,se\nA,0.50,0.20\nB,0.52,0.30\n"
    row = compared("random,2,0.51,0.18,0.83", studies=studies)
    q = 0.02**2 / (0.2**2 + 0.3**2)
    assert said(row, words.heterogeneity).startswith(
        f"DerSimonian-Laird puts tau at 0 (Q {q:.3g} on 1 df) and takes that as known; the "
    )
    tau = row.row.exact.tau
    share = (tau.ci_high - tau.ci_low) / (0.5 * np.diff(stats.halfnorm.ppf([0.025, 0.975]))[0])
    assert share >= words.UNTAUGHT
    assert f"its interval is {share:.2f} times as wide" in said(row, words.prior_on_tau)
    ratio = row.posterior.width / 0.65
    assert said(row, words.width) == (
        f"The credible interval is {ratio:.2f} times as wide as the published one."
    )


def test_a_common_effect_assumes_tau_0(compared):
    row = compared("fixed,3,0.50,0.23,0.77")
    assert said(row, words.heterogeneity).startswith(
        "The published pool assumes one common effect, tau = 0; the posterior's tau is "
    )


def test_a_prior_that_fixes_tau(compared):
    row = compared("random,3,0.48,0.06,0.91", tau="fixed(0)")
    assert said(row, words.heterogeneity) == (
        "The prior puts tau at 0 and leaves no doubt; by DerSimonian-Laird it is 0.28."
    )
    assert not said(row, words.prior_on_tau)


def test_data_that_teach_tau_are_not_said_to_be_silent(compared):
    row = compared(tau="half-normal(100)")
    assert words.share_of_prior(row) < words.UNTAUGHT
    assert not said(row, words.prior_on_tau)
    assert words.share_of_prior(compared(tau="flat")) is None


def test_intervals_of_one_width(compared):
    row = compared("random,3,0.48,0.06,0.91")
    width = row.posterior.width
    low, high = row.posterior.estimate - width / 2, row.posterior.estimate + width / 2
    row = compared(f"random,3,0.48,{low:.3f},{high:.3f}")
    assert said(row, words.width).startswith("The credible interval is as wide as the published")


def test_the_estimate_moves_to_the_precise_where_tau_is_smaller(compared):
    studies = "study,estimate,se\nA,0.00,0.10\nB,1.00,0.40\nC,1.20,0.40\n"
    y, se = np.array([0, 1, 1.2]), np.array([0.1, 0.4, 0.4])
    mu, low, high, tau2 = dersimonian_laird(y, se)
    printed = f"random,3,{mu:.3f},{low:.3f},{high:.3f}"
    row = compared(printed, studies=studies, tau="half-normal(0.1)")
    assert row.row.exact.tau.median < sqrt(tau2)
    assert said(row, words.shift).endswith(
        ", towards the more precise studies, which weigh more where tau is smaller."
    )
    assert not said(compared(printed, studies=studies, tau="half-normal(0.5)"), words.shift)


def test_the_estimate_moves_as_studies_weigh_alike_where_tau_is_larger(compared):
    studies = "study,estimate,se\nA,0.00,0.10\nB,0.50,0.40\nC,0.60,0.40\n"
    mu, low, high, _ = dersimonian_laird(np.array([0, 0.5, 0.6]), np.array([0.1, 0.4, 0.4]))
    printed = f"random,3,{mu:.3f},{low:.3f},{high:.3f}"
    row = compared(printed, studies=studies, tau="uniform(2, 3)")
    assert said(row, words.shift).endswith(", as the studies weigh more alike where tau is larger.")


def test_mantel_haenszel_is_not_inverse_variance(compared):
    head = "study,events_treatment,n_treatment,events_control,n_control"
    studies = f"{head}\nA,30,100,10,100\nB,1,1000,6,1000\n"
    row = compared("fixed,2,1.97,1.05,3.72", studies=studies, measure="OR")
    counts = np.array([[30, 70, 10, 90], [1, 999, 6, 994]], float)
    y = np.log(counts[:, 0] * counts[:, 3] / counts[:, 1] / counts[:, 2])
    w = 1 / (1 / counts).sum(axis=1)
    assert f"which alone gives {exp(w @ y / w.sum()):.2f}." in said(row, words.tables)
    assert not said(bm.compare("adverse_events").rows[0], words.tables)


def test_a_prior_on_mu_with_a_weight(compared):
    assert not said(compared(), words.prior_on_mu)
    row = compared(mu="normal(0, 0.2)")
    weight = 100 * row.row.exact.prior_weight
    assert said(row, words.prior_on_mu) == (
        f"The prior on mu, normal(0, 0.2), has a weight of {weight:.0f}%."
    )


def test_conclusions_that_differ(compared):
    row = compared("random,3,0.48,0.06,0.91", tau="half-normal(2)")
    assert said(row, words.conclusion) == (
        "The published interval excludes no effect, the credible interval includes it."
    )
    row = compared("random,3,0.48,-0.06,1.01", tau="fixed(0)")
    assert said(row, words.conclusion) == (
        "The published interval includes no effect, the credible interval excludes it."
    )
    row = compared("random,3,-0.48,-0.91,-0.06", tau="half-normal(0.1)")
    assert "opposite signs" in said(row, words.conclusion)


def test_a_new_study_can_go_either_way(compared):
    row = compared("random,3,0.48,0.06,0.91")
    assert row.prediction.ci_low < 0
    new = row.row.exact.prob_benefit_new
    assert said(row, words.prediction).endswith(
        f"includes no effect; P(benefit) there is {new:.3f}."
    )
    assert not said(compared("random,3,0.48,0.06,0.91", tau="fixed(0)"), words.prediction)
    spread = "study,estimate,se\nA,-1,0.2\nB,1,0.2\n"
    assert not said(compared("random,2,0,-2,2", studies=spread), words.prediction)


def test_where_the_recomputed_pool_has_no_estimate():
    row = bm.compare("sledai", at=12).rows[0]
    without = replace(row, pool=None, agreement=None, gap=None)
    assert said(without, words.agreement) == "The rows have no estimate by DerSimonian-Laird."
    assert words.sentences(without)


# --- the whole


def test_the_table_and_the_object_have_the_same_numbers():
    found = bm.compare(["sledai", "adverse_events"])
    table, whole = found.summary(), json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert len(table) == len(whole["rows"]) == 5
    for flat, row in zip(table.to_dict("records"), whole["rows"], strict=True):
        for name in ("estimate", "ci_low", "ci_high"):
            assert flat[f"published_{name}"] == row["published"][name]
            assert flat[f"recomputed_{name}"] == row["recomputed"][name]
        assert flat["posterior_estimate"] == row["posterior"]["mu"]["median"]
        assert flat["prediction_ci_high"] == row["posterior"]["theta_new"]["ci_high"]
        assert flat["posterior_width"] == row["width_ratio"]["posterior"]
        assert flat["prob_benefit"] == row["posterior"]["prob_benefit"]
        assert flat["why"] == " ".join(row["sentences"])
    assert whole["rows"][4]["published"]["p"] == "0.03"
    assert [one["analysis"] for one in whole["analyses"]] == ["sledai", "adverse_events"]


def test_the_posterior_is_that_of_fit():
    fit = bm.fit("c3")
    assert [row.row.exact for row in bm.compare("c3").rows] == [row.exact for row in fit.rows]


def test_printed_rows_without_studies_are_named(compared, tmp_path):
    compared("random,3,0.48,0.06,0.91")
    found = bm.compare("sledai", published="printed.csv", at=12)
    assert found.without_rows == ("pain (MD) of printed.csv",)
    assert found.to_dict()["warnings"] == ["pain (MD) of printed.csv: no study rows belong to it"]


def test_times_of_several_analyses():
    found = bm.compare(at=2)
    assert {row.fit.name for row in found.rows} == {"proteinuria", "sledai", "sledai_series"}
    with pytest.raises(InputError, match="nothing at time 7 in any of 14 analyses"):
        bm.compare(at=7)
    with pytest.raises(InputError, match="nothing at time 7: there is 2, 3, 6, 12"):
        bm.compare("sledai", at=7)


def test_a_profile_with_other_effects_is_refused():
    with pytest.raises(InputError, match="profile is 'metafor' but 'sledai' computes"):
        bm.compare("sledai", profile="metafor")
