"""Pools of parts of the studies are pools of those studies."""

import numpy as np
import pytest

from bayesmeta.frequentist import Studies, cumulative, leave_one_out, pool, pool_batch
from tests.frequentist.metafor import studies_of

TABLES = [[4, 60, 8, 60], [0, 40, 3, 40], [10, 90, 12, 80], [6, 70, 15, 75]]


@pytest.mark.parametrize("method", ["IV", "REML"])
def test_leave_one_out_and_cumulative(method):
    studies = studies_of("bcg_vaccine")
    one_left_out = pool_batch(leave_one_out(studies), method)
    growing = pool_batch(cumulative(studies), method)
    se = np.sqrt(studies.v)
    for at in range(len(se)):
        rest = np.arange(len(se)) != at
        alone = pool(Studies.of_effects(studies.y[rest], se[rest]), method)
        assert one_left_out[at].estimate == pytest.approx(alone.estimate, rel=1e-11)
        assert one_left_out[at].ci_low == pytest.approx(alone.ci_low, rel=1e-11)
        first = pool(Studies.of_effects(studies.y[: at + 1], se[: at + 1]), method)
        assert growing[at].estimate == pytest.approx(first.estimate, rel=1e-11)


@pytest.mark.parametrize("method", ["MH", "Peto", "DL"])
@pytest.mark.parametrize("profile", ["metafor", "revman5"])
def test_tables_are_left_out_of_their_sums_too(method, profile):
    studies = Studies.of_counts(TABLES, "OR", profile)
    found = pool_batch(leave_one_out(studies), method, profile=profile)
    for at in range(4):
        rest = [row for i, row in enumerate(TABLES) if i != at]
        alone = pool(Studies.of_counts(rest, "OR", profile), method, profile=profile)
        assert found[at].estimate == pytest.approx(alone.estimate, rel=1e-12)
        assert found[at].se == pytest.approx(alone.se, rel=1e-12)
        assert found[at].q == pytest.approx(alone.q, rel=1e-12)
        assert found[at].df == alone.df == 2
        assert found[at].weights[at] == 0
