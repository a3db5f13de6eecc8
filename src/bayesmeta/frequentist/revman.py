"""RevMan's pools by RevMan's names."""

from dataclasses import replace
from typing import Literal

from bayesmeta.frequentist.names import Inference, Method, Profile
from bayesmeta.frequentist.pool import pool
from bayesmeta.frequentist.result import FrequentistPool
from bayesmeta.frequentist.studies import Studies


def revman_pool(
    studies: Studies,
    method: Literal["IV", "MH", "Peto"],
    model: Literal["fixed", "random"],
    *,
    tau2: Method = "DL",
    ci: Inference = "wald",
    level: float = 0.95,
    profile: Profile = "revman5",
) -> FrequentistPool | None:
    """Pool as RevMan does.

    - Effects by its rules (convention ``revman5``): a half in all cells of a table with a zero,
      in the Mantel-Haenszel sums too; no table without events in a ratio measure, nor, for odds
      ratios, one in which everybody has the event. (A risk ratio keeps that one, effect 1; that
      its corrected cells enter the Mantel-Haenszel sums is assumed, no stored result says.)
    - Random effects weight by inverse variance; Mantel-Haenszel says only that Q is taken around
      the Mantel-Haenszel estimate.
    - I2 = (Q - df) / Q, 0 with one study; in ``revman-web`` tau2 / (tau2 + typical variance)
      under random effects.
    - ``revman-web`` with Hartung-Knapp: no floor, Wald's interval for one study, and z and P that
      stay Wald's.

    Parameters
    ----------
    studies : Studies
        `Studies.of_counts` with convention ``revman5``, `Studies.of_effects` or
        `Studies.of_o_minus_e` (method ``IV``).
    method : {"IV", "MH", "Peto"}
    model : {"fixed", "random"}
    tau2 : {"DL", "REML"}
        Estimator of random effects; RevMan 5 has DL alone.
    ci, level
        As in `pool`.
    profile : {"revman5", "revman-web"}

    Returns
    -------
    FrequentistPool or None
        None where it is not estimable.

    References
    ----------
    Deeks and Higgins (2010), Statistical algorithms in Review Manager 5; stored results of
    Cochrane reviews where it does not say.

    Examples
    --------
    >>> studies = Studies.of_counts([[2, 12, 2, 6], [3, 20, 9, 20]], "OR", "revman5")
    >>> round(revman_pool(studies, "MH", "fixed").estimate, 4)
    -1.358
    """
    if model == "fixed":
        found = pool(studies, method, level=level, profile=profile)
    else:
        around: Literal["IV", "MH"] = "MH" if method == "MH" else "IV"
        found = pool(studies, tau2, ci=ci, level=level, profile=profile, around=around)
    if found is None or found.df > 0:
        return found
    reasons = {path: why for path, why in found.reasons.items() if path != "i2"}
    return replace(found, i2=0.0, reasons=reasons)
