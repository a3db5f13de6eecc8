"""Priors for those who name none."""

from math import sqrt

import numpy as np

from bayesmeta.errors import InputError
from bayesmeta.evidence.study import Evidence
from bayesmeta.priors import Flat, HalfNormal, MuPrior

_STANDARDISED = ("OR", "RR", "HR", "ROM", "RATIO", "SMD")


def default_mu() -> MuPrior:
    """Return the prior on mu of those who name none: flat."""
    return Flat()


def default_tau(evidence: Evidence) -> HalfNormal:
    """Return the prior on tau of those who name none, half-normal with a scale by measure.

    0.5 for log ratios and standardised mean differences; half the pooled within-arm SD for mean
    differences; an eighth of the unit information standard deviation for others,
    ``UISD = sqrt(sum n / sum se^-2)``.

    Raises
    ------
    InputError
        When the table has neither standard deviations nor numbers of patients to take a scale
        from.

    References
    ----------
    Roever et al. (2021), Research Synthesis Methods 12:448.
    """
    if evidence.measure.name in _STANDARDISED:
        return HalfNormal(0.5)
    pools = evidence.pools
    sizes = [pool.n for pool in pools if pool.n is not None]
    spreads = [pool.within_sd for pool in pools if pool.within_sd is not None]
    if evidence.measure.name in ("MD", "MC") and len(sizes) == len(spreads) == len(pools):
        n, sd = np.concatenate(sizes), np.concatenate(spreads)
        freedom = np.maximum(n - 2, 1)
        return HalfNormal(_rounded(0.5 * sqrt((freedom * sd**2).sum() / freedom.sum())))
    if evidence.measure.name not in ("MD", "MC") and len(sizes) == len(pools):
        information = sum(float((pool.se**-2.0).sum()) for pool in pools)
        return HalfNormal(_rounded(sqrt(float(np.concatenate(sizes).sum()) / information) / 8))
    typical = float(np.median(np.concatenate([pool.se for pool in pools])))
    raise InputError(
        f"{evidence.source} does not say how many patients there were, so no default scale for "
        f"the prior on tau follows from it: give one, for instance "
        f"--prior tau='half-normal({_rounded(typical):g})' (half-normal at the typical standard "
        f"error; choose what heterogeneity you find plausible)"
    )


def _rounded(scale: float) -> float:
    return float(f"{scale:.2g}")
