"""Every method and inference against metafor, and what a pool must obey whatever the data."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from bayesmeta.frequentist import METHODS, Studies, pool

REFERENCES = Path(__file__).parents[1] / "references"
METAFOR = json.loads((REFERENCES / "metafor_methods.json").read_text())
DATASETS = [name for name in METAFOR if name != "origin"]
CLOSED = ("IV", "DL", "SJ", "HE", "HS")
ITERATED = ("PM", "EB", "REML", "ML")
RANDOM = [name for name in METHODS if name not in ("IV", "MH", "Peto")]

estimates = st.lists(st.tuples(st.floats(-10, 10), st.floats(0.1, 10)), min_size=1, max_size=8)


def studies_of(name):
    return Studies.of_effects(METAFOR[name]["yi"], np.sqrt(METAFOR[name]["vi"]))


# Closed forms on both sides, the reference to 13 digits: 1e-8 leaves room for P values far in the
# tail, whose relative error grows with Q.
@pytest.mark.parametrize("ci", ["wald", "hksj"])
@pytest.mark.parametrize("method", CLOSED)
@pytest.mark.parametrize("name", DATASETS)
def test_closed_forms_are_metafors(name, method, ci):
    reference = METAFOR[name]["pools"].get(f"{method} {ci}")
    if reference is None:
        assert (method, ci) == ("IV", "hksj")
        return
    check(pool(studies_of(name), method, ci=ci), reference, 1e-8)


def check(found, reference, within):
    close = {"rel": within, "abs": within}
    for mine, theirs in (
        (found.estimate, reference["estimate"]),
        (found.se, reference["se"]),
        (found.ci_low, reference["ci"][0]),
        (found.ci_high, reference["ci"][1]),
        (found.q, reference["Q"]),
        (found.i2, reference["I2"] / 100),
        (found.h2, reference["H2"]),
        (found.tau2 or 0, reference["tau2"]),
    ):
        assert mine == pytest.approx(theirs, **close)
    assert found.p == pytest.approx(reference["p"], rel=100 * within)
    assert found.p_heterogeneity == pytest.approx(reference["Qp"], rel=1e-8)
    if reference["pi"] is not None:
        limits = found.prediction["hksj-t" if found.ci == "hksj" else "normal"]
        assert (limits.ci_low, limits.ci_high) == pytest.approx(tuple(reference["pi"]), **close)
