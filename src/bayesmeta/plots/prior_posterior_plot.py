"""Priors and posteriors of tau, overlaid: what the data add to each prior."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes

from bayesmeta.arrays import Array
from bayesmeta.engines import exact
from bayesmeta.fit import Fit, Row
from bayesmeta.fit.hypotheses import log_evidence
from bayesmeta.models import NormalNormal
from bayesmeta.plots.forest_plot import CI, CRI
from bayesmeta.plots.joint_plot import tau_label, title_of
from bayesmeta.priors import TauPrior

COLOURS = (CRI, "#d55e00", "#009e73", "#a0529c", "#8c6d1f", CI)
"""Told apart by those who see few colours too (after Okabe and Ito 2008)."""

_POINTS = 600
_REACH = 1.8
"""How many times the typical 97.5 % quantile the axis may reach."""


def prior_posterior(priors: Mapping[str, TauPrior], row: Row, fit: Fit, ax: Axes) -> Axes:
    """Draw several priors on tau and the posterior of each on the Axes given, and return it.

    Dashed, the prior; solid, its posterior, in one colour. An improper prior has no density to
    draw, a fixed tau is an upright line, and a density unbounded at 0 is cut off. Exact engine.

    Parameters
    ----------
    priors : mapping of str to TauPrior
        By the words of the legend; up to six.
    row : Row
        The pool; its own prior on tau is drawn where it is one of the priors.
    fit : Fit
    ax : Axes

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from matplotlib.figure import Figure
    >>> fit = bm.fit("sledai", at=12)
    >>> priors = {str(prior): prior for prior in (bm.HalfNormal(0.85), bm.HalfCauchy(0.85))}
    >>> ax = prior_posterior(priors, fit.rows[0], fit, Figure().add_subplot())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['half-normal(0.85)', 'half-cauchy(0.85)']
    """
    if not 0 < len(priors) <= len(COLOURS):
        raise ValueError(f"one to {len(COLOURS)} priors can be told apart, not {len(priors)}")
    one = row.posterior.model.in_units_of_data()
    models = [replace(one, tau=prior.bound(one.se[0])) for prior in priors.values()]
    tau = np.linspace(0, _end(models), _POINTS)
    tau[0] = 1e-6 * tau[1]
    heights = []
    for model, words, color in zip(models, priors, COLOURS, strict=False):
        low, high = model.tau.support
        if low == high:
            ax.axvline(low, color=color, linewidth=1.6, label=words)
            continue
        posterior = _posterior(model, tau)
        heights.append(_height(posterior))
        ax.plot(tau, posterior, color=color, linewidth=1.6, label=words)
        if model.tau.proper:
            density = model.tau.pdf(tau)
            heights.append(min(_height(density), 1.5 * heights[-1]))
            ax.plot(tau, density, "--", color=color, linewidth=1.1, label="_prior")
    ax.set_xlim(0, tau[-1])
    ax.set_ylim(0, 1.05 * max(heights, default=1.0))
    ax.tick_params(labelsize=8.5, length=3)
    for name in ("top", "right"):
        ax.spines[name].set_visible(False)
    ax.set_xlabel(tau_label(fit), fontsize=9)
    ax.set_ylabel("density", fontsize=9)
    ax.legend(loc="upper right", fontsize=8.5, frameon=False)
    title_of(row, fit, ax, "Posteriors of tau (solid) and their priors (dashed)")
    return ax


def _posterior(model: NormalNormal, tau: Array) -> Array:
    logs = model.given(tau[None]).log_likelihood[0] + model.tau.logpdf(tau) - log_evidence(model)[0]
    found: Array = np.exp(np.minimum(logs, 600.0))
    return found


def _end(models: Sequence[NormalNormal]) -> float:
    """Where nearly all of every posterior is seen, unless one has a tail beyond the others."""
    ends = [
        float(exact.fit(model, 0.95, quantities=("tau",))[1].of["tau"].high[0]) for model in models
    ]
    return 1.05 * min(max(ends), _REACH * float(np.median(ends)))


def _height(density: Array) -> float:
    """Return the height to show: little of what is unbounded at 0."""
    return min(float(density.max()), 2 * float(density[_POINTS // 20 :].max()))
