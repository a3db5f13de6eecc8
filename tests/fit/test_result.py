"""What a fit can be asked in Python: numbers, probabilities, tables, a notebook's HTML."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesmeta as bm
from bayesmeta.errors import InputError
from bayesmeta.fit.words import heading, pool_lines

REFERENCES = Path(__file__).parents[1] / "references"
TWO = {"study": ["A", "B"], "estimate": [1.0, 3.0], "se": [0.5, 0.7]}


@pytest.fixture(scope="module")
def schools():
    return bm.fit(REFERENCES / "eight_schools.csv", tau="half-normal(10)", mu="normal(0, 50)")


@pytest.fixture(scope="module")
def sledai():
    return bm.fit("sledai")


def test_eight_schools(schools):
    # The numbers: two independent rules agree on them to 12 digits; 1e-10 is the
    # engine's own tolerance.
    found = schools.rows[0].exact
    near = {"rel": 1e-10}
    assert found.log_marginal_likelihood == pytest.approx(-32.747610081812, **near)
    assert found.mu.mean == pytest.approx(7.9538809734752, **near)
    assert found.mu.sd == pytest.approx(4.7212124467004, **near)
    assert found.mu.median == pytest.approx(7.9385543622112, **near)
    assert found.tau.mean == pytest.approx(4.828662155149, **near)
    assert found.numerical_error < 1e-10


def test_a_file_a_frame_and_a_mapping_are_the_same(schools):
    frame = pd.read_csv(REFERENCES / "eight_schools.csv")
    priors = {"tau": bm.HalfNormal(10), "mu": bm.Normal(0, 50)}
    for table in (frame, frame.to_dict("list"), {name: frame[name].to_numpy() for name in frame}):
        found = bm.fit(table, **priors)
        assert found.rows[0].exact.mu == schools.rows[0].exact.mu
        np.testing.assert_array_equal(found.shrinkage()["shrunk"], schools.shrinkage()["shrunk"])


def test_prob(schools):
    # Isolates prob: brute force over tau by scipy's quadrature of the joint, 1e-9.
    y, se = (
        pd.read_csv(REFERENCES / "eight_schools.csv")[c].to_numpy() for c in ("estimate", "se")
    )
    tau = np.linspace(0, 120, 24_001)[:, None]
    w = 1 / (se**2 + tau**2)
    total = w.sum(1) + 50**-2
    mean = (w * y).sum(1) / total
    # p(y | tau) up to a constant: the normal with mu integrated out, by completing the square.
    log_p = (np.log(w).sum(1) - np.log(total) - (w * y**2).sum(1) + mean**2 * total) / 2
    weight = np.exp(log_p - log_p.max() - tau[:, 0] ** 2 / 200)
    weight[0] /= 2  # trapezoid; the even integrand makes it exact to rounding
    weight /= weight.sum()
    below = weight @ stats.norm.cdf((5 - mean) * np.sqrt(total))
    new = weight @ stats.norm.sf((20 - mean) / np.sqrt(1 / total + tau[:, 0] ** 2))
    assert schools.prob("mu < 5") == pytest.approx(below, abs=1e-9)
    assert schools.prob("mu > 5") == pytest.approx(1 - below, abs=1e-9)
    assert schools.prob("theta_new > 20") == pytest.approx(new, abs=1e-9)
    assert schools.prob("  mu<=5.0e0 ") == schools.prob("mu < 5")
    # tau: half a cell of the trapezoid is lost at a sharp bound, so at a node with its half.
    at = int(np.flatnonzero(tau[:, 0] == 10)[0])
    of_tau = weight[:at].sum() + weight[at] / 2
    assert schools.prob("tau < 10") == pytest.approx(of_tau, abs=1e-6)
    assert schools.prob("tau < 0") == 0
    assert schools.prob("tau > -1") == 1


def test_prob_of_tau_in_a_bounded_prior():
    fit = bm.fit(TWO, tau="uniform(1, 3)")
    assert fit.prob("tau < 1") == 0
    assert fit.prob("tau < 3") == 1
    assert 0 < fit.prob("tau < 2") < 1
    fixed = bm.fit(TWO, tau="fixed(0.5)")
    assert (fixed.prob("tau < 0.4"), fixed.prob("tau < 0.6")) == (0, 1)


def test_prob_at_a_fixed_tau():
    # Isolates < and <= where they differ: a point mass.
    fit = bm.fit(TWO, tau="fixed(0)")
    found = [fit.prob(f"tau {sign} 0") for sign in ("<", "<=", ">", ">=")]
    assert found == [0, 1, 0, 1]


def test_prob_between_two_bounds(schools):
    inside = schools.prob("-1 < mu < 10")
    assert inside == pytest.approx(schools.prob("mu < 10") - schools.prob("mu < -1"), abs=1e-15)
    assert inside + schools.prob("mu > 10") + schools.prob("mu < -1") == pytest.approx(1, abs=1e-14)
    assert schools.prob("5 < mu") == schools.prob("mu > 5")
    fixed = bm.fit(TWO, tau="fixed(0.5)")
    found = [fixed.prob(event) for event in ("0.5 <= tau < 1", "0.5 < tau < 1", "0 < tau <= 0.5")]
    assert found == [1, 0, 1]


def test_events_asked_for_stand_in_the_json():
    fit = bm.fit(TWO, tau="half-normal(1)", prob="mu < -0.5")
    row = fit.to_dict()["rows"][0]
    assert row["probabilities"] == {"mu < -0.5": fit.prob("mu < -0.5")}


def test_prob_of_several_pools_is_a_series(sledai):
    found = sledai.prob("mu < 0")
    assert isinstance(found, pd.Series)
    assert found.index.names == ["outcome", "time"]
    assert found.index.get_level_values("time").tolist() == [2, 3, 6, 12]
    # Lower is better here, so it is the P(benefit) of the table.
    expected = [row.exact.prob_benefit for row in sledai.rows]
    np.testing.assert_array_equal(found, expected)
    assert bm.fit("sledai", at=12).prob("mu < 0") == found["sledai", 12]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("mu", "expected the like of 'mu < 0'"),
        ("", "expected the like of 'mu < 0'"),
        ("mu = 0", "expected the like of 'mu < 0'"),
        ("mu < zero", "expected the like of 'mu < 0'"),
        ("mu < 1.2.3", "'1.2.3' is not a number"),
        ("mu <", "expected the like of 'mu < 0'"),
        ("1 mu", "expected the like of 'mu < 0'"),
        ("1 < mu > 2", "write an interval as '-1 < mu < 1'"),
        ("1 < mu < -1", "its lower bound must be the smaller"),
        ("teta_new < 0", "unknown quantity 'teta_new': did you mean 'theta_new'?"),
    ],
)
def test_events_that_are_none(schools, event, words):
    with pytest.raises(InputError) as caught:
        schools.prob(event)
    assert words in str(caught.value)


def test_direction_turns_the_probability():
    lower, higher = (bm.fit(TWO, tau="half-normal(1)", direction=d) for d in ("lower", "higher"))
    of_lower, of_higher = lower.rows[0].exact, higher.rows[0].exact
    assert of_lower.prob_benefit == of_lower.prob_below_zero == of_higher.prob_below_zero
    assert of_higher.prob_benefit == 1 - of_lower.prob_benefit
    assert of_higher.prob_benefit_new == 1 - of_lower.prob_benefit_new
    assert bm.fit(TWO, tau="half-normal(1)").rows[0].exact.prob_benefit is None


def test_summary_is_long_and_complete(sledai):
    table = sledai.summary()
    assert list(table)[:4] == ["outcome", "time", "quantity", "study"]
    # Per pool: mu, tau, theta_new, i2 and one row a study; of the joint model mu and theta_new at
    # four times, tau, two correlations and six contrasts.
    assert len(table) == sum(4 + row.pool.k for row in sledai.rows) + 8 + 3 + 6
    at = table.query("time == 12 and quantity == 'theta' and study == 'Yang 2014'")
    assert at["median"].item() == sledai.rows[-1].exact.studies[0].shrunk.median


def test_predict(sledai):
    table = sledai.predict()
    assert len(table) == 4
    for (_, line), row in zip(table.iterrows(), sledai.rows, strict=True):
        found = row.exact
        assert line["ci_low"] == found.theta_new.ci_low
        assert line["prob_benefit"] == found.prob_benefit_new
        # A new study's effect is never surer than mu.
        assert line["ci_high"] - line["ci_low"] > found.mu.ci_high - found.mu.ci_low


def test_shrinkage(schools):
    table = schools.shrinkage()
    assert table["study"].tolist() == list("ABCDEFGH")
    # Every estimate is drawn towards the middle, and the weights leave the prior's part.
    middle = schools.rows[0].exact.mu.median
    drawn = (table["shrunk"] - table["estimate"]) * (middle - table["estimate"])
    assert np.all(drawn > 0)
    prior_weight = schools.rows[0].exact.prior_weight
    assert table["weight"].sum() + prior_weight == pytest.approx(1, abs=1e-13)
    assert prior_weight > 0


def test_level_and_kind_of_interval():
    central = bm.fit(TWO, tau="half-normal(1)", level=0.8)
    shortest = bm.fit(TWO, tau="half-normal(1)", level=0.8, interval="shortest")
    for quantity in ("mu", "tau", "theta_new"):
        a, b = (getattr(fit.rows[0].exact, quantity) for fit in (central, shortest))
        assert b.ci_high - b.ci_low <= a.ci_high - a.ci_low
        for interval, fit in ((a, central), (b, shortest)):
            inside = fit.prob(f"{quantity} < {interval.ci_high!r}") - fit.prob(
                f"{quantity} < {interval.ci_low!r}"
            )
            # prob's number is read from text at full precision: the CDF at the bound.
            assert inside == pytest.approx(0.8, abs=1e-9)


def test_one_study_shows_the_counterpart_of_the_interval(sledai):
    # Issue, point 6: at k = 1 under flat mu the study effect's CrI is RevMan's row.
    for row in sledai.rows[:3]:
        (study,) = row.exact.studies
        fixed = row.frequentist[0]
        width = fixed.ci_high - fixed.ci_low
        assert study.shrunk.ci_low == pytest.approx(fixed.ci_low, abs=1e-10 * width)
        assert study.shrunk.ci_high == pytest.approx(fixed.ci_high, abs=1e-10 * width)


def test_html_escapes_what_the_table_says():
    evil = "<script>alert('x')</script>"
    table = {**TWO, "study": [evil, "A & B"], "note": ["<b>note</b>", ""]}
    text = bm.fit(table, tau="half-normal(1)")._repr_html_()
    assert "<script" not in text
    assert "<b>note" not in text
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in text
    assert "A &amp; B" in text


def test_html_says_what_the_table_says(sledai):
    text = sledai._repr_html_()
    for words in ("SLEDAI", "half-normal(0.85)", "Yang 2014", "P(benefit)", "95% CrI", "95% PI"):
        assert words in text
    # Well formed enough for a notebook: every tag that is opened is closed.
    for tag in ("div", "table", "tr", "th", "td", "p", "b"):
        assert text.count(f"<{tag}>") + text.count(f"<{tag} ") == text.count(f"</{tag}>")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": 1.5}, "level is 1.5: expected a number between 0 and 1, such as 0.95"),
        ({"level": 0}, "level is 0"),
        ({"level": float("nan")}, "level is nan"),
        ({"interval": "shortst"}, "unknown interval 'shortst': did you mean 'shortest'?"),
        ({"engine": "exat"}, "unknown engine 'exat': did you mean 'exact'?"),
        ({"direction": "lowr"}, "unknown direction 'lowr': did you mean 'lower'?"),
        ({"tau": "half-norml(1)"}, "did you mean 'half-normal'?"),
        ({"tau": "normal(0, 1)"}, "unknown prior on tau 'normal'"),
        ({"measure": "ORR"}, "unknown measure 'ORR'"),
        ({"at": 7}, "no times here, and 7 asked"),
        ({"draws": 1}, "draws is 1: expected 4 or more"),
    ],
)
def test_what_cannot_be_asked(options, words):
    with pytest.raises(InputError) as caught:
        bm.fit(TWO, **{"tau": "half-normal(1)", **options})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "option", [{"tau": 0.5}, {"tau": bm.Normal(0, 1)}, {"mu": bm.HalfNormal(1)}]
)
def test_a_prior_of_the_other_parameter(option):
    # Isolates the prior as an object: the sentence that its text form gets.
    with pytest.raises(InputError):
        bm.fit(TWO, **{"tau": "half-normal(1)", **option})


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_error_that_is_not_a_number_is_said():
    # Isolates the warning of imprecise quadrature: a prior 1e12 of its SDs from the data leaves
    # nothing, and a result with null numbers and no warning (or JSON that fails) is no answer.
    fit = bm.fit(TWO, tau="half-normal(1)", mu="normal(1e9, 1e-3)")
    assert any("quadrature" in warning for warning in fit.warnings)
    assert fit.to_dict()


def test_two_pools_need_a_time(sledai):
    with pytest.raises(
        InputError, match="no time was given, and 4 pools fit: choose of 2, 3, 6, 12"
    ):
        sledai.to_datatree()


@pytest.mark.parametrize("times", [None, [3, 3], [3, 12]])
def test_only_several_times_are_each_alone(times):
    table = {"study": ["A", "B"], "estimate": [0.1, 0.3], "se": [0.2, 0.2]}
    fit = bm.fit(table | ({"time": times} if times else {}), tau="half-normal(0.5)")
    assert any("each time alone" in line for line in heading(fit)) == (times == [3, 12])


def test_p_values_with_an_exponent_are_shown_as_revman_shows_them():
    fit = bm.fit("sledai", at=12)
    (row,) = fit.rows
    printed = replace(row.pool.published, p_text="4.98e-07", p_heterogeneity_text="0.0040")
    row = replace(row, pool=replace(row.pool, published=printed))
    assert pool_lines(fit, row, row.exact)[0].note == "P <0.00001, heterogeneity P 0.0040"
