"""Mantel-Haenszel against metafor, and RevMan's departures from it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.evidence import evidence_from_table
from bayesmeta.evidence.effects import effect_of_counts
from bayesmeta.frequentist import Studies, frequentist_pools, mantel_haenszel, pool

REFERENCES = Path(__file__).parents[1] / "references"
METAFOR = json.loads((REFERENCES / "metafor.json").read_text())
METHODS = json.loads((REFERENCES / "metafor_methods.json").read_text())
COUNTED = ["bcg_vaccine", "pediatric_liver", "catheter_infection"]

arm = st.integers(2, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
tables = st.lists(st.tuples(arm, arm).map(lambda t: [*t[0], *t[1]]), min_size=1, max_size=6)


def counts_of(name):
    return evidence_from_table(REFERENCES / f"{name}.csv", measure="OR").pools[0].counts


# catheter_infection has tables with zeros and one without events; the closed forms and the 13
# digits of the reference allow 1e-8 even for P values of 1e-31.
@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
def test_pools_are_metafors(name, measure):
    found, reference = mantel_haenszel(counts_of(name), measure), METAFOR[name]["MH"][measure]
    assert found.estimate == pytest.approx(reference["estimate"], rel=1e-10)
    assert (found.ci_low, found.ci_high) == pytest.approx(tuple(reference["ci"]), rel=1e-10)
    assert found.q == pytest.approx(reference["Q"], rel=1e-10)
    assert found.p == pytest.approx(reference["p"], rel=1e-8)


@pytest.mark.parametrize("name", COUNTED)
def test_peto_is_metafors(name):
    found = pool(Studies.of_counts(counts_of(name), "OR"), "Peto")
    reference = METHODS[name]["Peto"]
    assert found.estimate == pytest.approx(reference["estimate"], rel=1e-10)
    assert found.se == pytest.approx(reference["se"], rel=1e-10)
    assert (found.ci_low, found.ci_high) == pytest.approx(tuple(reference["ci"]), rel=1e-10)
    assert found.q == pytest.approx(reference["Q"], rel=1e-10)
    assert found.p == pytest.approx(reference["p"], rel=1e-8)


def test_revman_adds_the_half_in_the_pool_too():
    counts = np.array([[0, 20, 3, 20], [2, 30, 5, 30]])
    halved = [[0.5, 21, 3.5, 21], [2, 30, 5, 30]]
    found, by_hand = mantel_haenszel(counts, "RR", 0.95, "revman5"), mantel_haenszel(halved, "RR")
    assert found.estimate == pytest.approx(by_hand.estimate, rel=1e-14)
    assert found.ci_low == pytest.approx(by_hand.ci_low, rel=1e-14)


def test_revman_drops_tables_without_events():
    counts = [[2, 30, 5, 30], [1, 12, 4, 15]]
    for measure in ("OR", "RR"):
        with_empty = mantel_haenszel([*counts, [0, 10, 0, 10]], measure, 0.95, "revman5")
        without = mantel_haenszel(counts, measure, 0.95, "revman5")
        assert with_empty == replace(without, weights=(*without.weights, 0.0))


def test_revman_random_effects_take_q_around_mantel_haenszel():
    data = evidence_from_table(REFERENCES / "bcg_vaccine.csv", measure="RR")
    pools = frequentist_pools(data.pools[0], data.measure, "revman5")
    y, se = effect_of_counts(data.pools[0].counts, "RR", "revman5")
    mh, _, dl = pools
    assert dl.q == mh.q
    assert dl.tau2 > pool(Studies.of_effects(y, se), "DL").tau2


def test_no_events_in_one_arm_of_all_tables_has_no_pool_without_a_correction():
    counts = [[0, 10, 2, 10], [0, 20, 1, 20]]
    assert mantel_haenszel(counts, "OR") is None
    assert mantel_haenszel(counts, "OR", 0.95, "revman5") is not None


@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
@pytest.mark.parametrize("convention", ["metafor", "revman5"])
@given(counts=tables)
def test_exchanging_arms_turns_the_sign(measure, convention, counts):
    one = mantel_haenszel(counts, measure, 0.95, convention)
    other = mantel_haenszel([[*c[2:], *c[:2]] for c in counts], measure, 0.95, convention)
    assert (one is None) == (other is None)
    if one is not None:
        assert other.estimate == pytest.approx(-one.estimate, rel=1e-9, abs=1e-9)
        assert other.ci_low == pytest.approx(-one.ci_high, rel=1e-9, abs=1e-9)
