"""The printed rows of the review, and each other reconstruction of its data."""

from itertools import groupby

import numpy as np
import pytest

from bayesmeta.evidence import bundled_project, evidence_from_analysis
from bayesmeta.evidence.table import read_table
from bayesmeta.frequentist import Studies, frequentist_pools, pool

PROJECT = bundled_project()
PRINTED = read_table(PROJECT.data / "sle_msc" / "published.csv")
OTHER = read_table(PROJECT.data / "sle_msc" / "alternatives.csv")
# Half a unit of the last printed digit, and the rounding of the SEs in the reconstructed rows.
WITHIN = 0.006


def rows(table, *columns):
    return list(zip(*(table.text(column) for column in columns), strict=True))


def method(model, measure):
    return "DL" if model == "random" else "MH" if measure == "OR" else "IV"


PUBLISHED = rows(
    PRINTED, "outcome", "time_months", "measure", "model", "estimate", "ci_low", "ci_high", "k"
)


def test_there_are_eighteen_published_rows():
    assert len(PUBLISHED) == 18


@pytest.mark.parametrize(
    ("outcome", "time", "measure", "model", "estimate", "low", "high", "k"),
    PUBLISHED,
    ids=[f"{row[0]}-{row[1]}" for row in PUBLISHED],
)
def test_every_published_row_is_reproduced(outcome, time, measure, model, estimate, low, high, k):
    data = evidence_from_analysis(PROJECT.find(outcome), PROJECT.root)
    row = next(p for p in data.pools if p.time == (float(time) if time else None))
    assert row.k == int(k) == row.published.k
    pools = {p.method: p for p in frequentist_pools(row, data.measure, data.convention)}
    ours = pools[method(model, measure)]
    shown = np.array([ours.estimate, ours.ci_low, ours.ci_high])
    shown = np.exp(shown) if data.measure.ratio else shown
    np.testing.assert_allclose(shown, np.array([estimate, low, high], float), atol=WITHIN, rtol=0)


@pytest.mark.parametrize(
    ("key", "members"),
    [
        (key, [row[3:] for row in group])
        for key, group in groupby(
            rows(OTHER, "alternative", "outcome", "time_months", "estimate", "se"),
            key=lambda row: row[:3],
        )
    ],
)
def test_every_alternative_set_reproduces_the_published_row_too(key, members):
    _, outcome, time = key
    row = next(row for row in PUBLISHED if row[:2] == (outcome, time))
    y, se = np.array(members, float).T
    found = pool(Studies.of_effects(y, se), "DL" if row[3] == "random" else "IV")
    shown = [found.estimate, found.ci_low, found.ci_high]
    np.testing.assert_allclose(shown, np.array(row[4:7], float), atol=WITHIN, rtol=0)
