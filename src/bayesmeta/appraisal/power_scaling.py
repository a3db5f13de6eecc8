"""What a little more, or less, of the prior and of the likelihood would change, from draws."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.fit import Fit, Row

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_QUANTITIES = ("mu", "tau", "theta_new")
_THRESHOLD = 0.05
_CONFLICT = "potential prior-data conflict"
_STRONG = "potential strong prior / weak likelihood"


def power_scaling(fit: Fit, row: Row) -> "pd.DataFrame":
    """Return ArviZ's power-scaling sensitivities of one pool.

    How fast a posterior moves, in cumulative Jensen-Shannon distance, as its prior (of mu, of
    tau, or both) or its likelihood is raised to a power near 1: below 0.05 hardly. The likelihood
    is the marginal one, of y given mu and tau. From the draws of NUTS where there are any, else
    from as many of the exact posterior. A flat or fixed prior is what it was at any power: 0.

    Parameters
    ----------
    fit : Fit
    row : Row
        One of ``fit.rows``, or of the rows of a variant.

    Returns
    -------
    DataFrame
        Rows ``mu, tau, theta_new``; columns ``prior, prior_mu, prior_tau, likelihood,
        diagnosis``, the last in the words of `arviz.psense_summary`, empty where nothing is
        wrong.

    References
    ----------
    Kallioinen et al. (2024), Statistics and Computing 34:57.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> fit = bm.fit("adverse_events", mu="normal(0, 2)")
    >>> power_scaling(fit, fit.rows[0]).loc["tau", "diagnosis"]
    'potential prior-data conflict'
    """
    import pandas as pd

    from bayesmeta.fit.datatree import datatree

    tree = datatree(fit, row)
    table = pd.DataFrame(
        {
            "prior": _sensitivity(tree, "prior", ["mu", "tau"]),
            "prior_mu": _sensitivity(tree, "prior", ["mu"]),
            "prior_tau": _sensitivity(tree, "prior", ["tau"]),
            "likelihood": _sensitivity(tree, "likelihood", ["y"]),
        },
        index=list(_QUANTITIES),
    )
    strong = table["prior"] >= _THRESHOLD
    weak = table["likelihood"] < _THRESHOLD
    table["diagnosis"] = np.where(strong, np.where(weak, _STRONG, _CONFLICT), "")
    return table


def _sensitivity(tree: "xr.DataTree", group: str, names: list[str]) -> list[float]:
    """Sensitivities of the quantities; 0 of what is fixed, and to what is constant."""
    import arviz as az

    def moving(of: str, among: Sequence[str]) -> list[str]:
        return [name for name in among if np.ptp(tree[of][name].to_numpy()) > 0]

    powers, quantities = moving(f"log_{group}", names), moving("posterior", _QUANTITIES)
    if not powers:
        return [0.0] * len(_QUANTITIES)
    found = az.psense(tree, var_names=quantities, group=group, group_var_names=powers)
    return [float(found[name]) if name in quantities else 0.0 for name in _QUANTITIES]
