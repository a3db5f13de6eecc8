"""A second opinion: combine_effects of statsmodels."""

import numpy as np
import pytest

from bayesmeta.frequentist import pool
from tests.frequentist.metafor import DATASETS, studies_of

meta_analysis = pytest.importorskip("statsmodels.stats.meta_analysis")


def combined(name, method, **how):
    studies = studies_of(name)
    return studies, meta_analysis.combine_effects(studies.y, studies.v, method_re=method, **how)


# Closed forms on both sides in double precision: 1e-10. Their DerSimonian-Laird tau2 may be below
# 0, and then their random effects are weighted with that.
@pytest.mark.parametrize("name", DATASETS)
def test_common_effect_and_dersimonian_laird(name):
    studies, theirs = combined(name, "chi2")
    common, random = pool(studies, "IV"), pool(studies, "DL", ci="hksj")
    assert common.estimate == pytest.approx(theirs.mean_effect_fe, rel=1e-10)
    assert common.se == pytest.approx(theirs.sd_eff_w_fe, rel=1e-10)
    assert common.q == pytest.approx(theirs.q, rel=1e-10)
    assert random.tau2 == pytest.approx(max(theirs.tau2, 0), rel=1e-10)
    if theirs.tau2 > 0:
        assert random.estimate == pytest.approx(theirs.mean_effect_re, rel=1e-10)
        assert random.se == pytest.approx(theirs.sd_eff_w_re_hksj, rel=1e-10)
        limits = np.ravel(theirs.conf_int(use_t=True)[3]).tolist()
        assert (random.ci_low, random.ci_high) == pytest.approx(limits, rel=1e-10)
        assert pool(studies, "DL").se == pytest.approx(theirs.sd_eff_w_re, rel=1e-10)


# Their iteration stops when Q is within atol of k - 1, and gives 0 where rounding has taken it
# below: Q at 1e-6 is tau2 at 1e-6 or better in these data.
@pytest.mark.parametrize("name", DATASETS)
def test_paule_mandel(name):
    studies, theirs = combined(name, "iterated", atol=1e-6)
    found = pool(studies, "PM")
    assert found.tau2 == pytest.approx(theirs.tau2, rel=1e-6)
    assert found.estimate == pytest.approx(theirs.mean_effect_re, rel=1e-7)
