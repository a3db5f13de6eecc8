"""The rows of a comparison as JSON and as a flat table, on the analysis scale."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bayesmeta import __version__
from bayesmeta.fit.words import meaning

if TYPE_CHECKING:
    from bayesmeta.appraisal.audit.printed import Printed
    from bayesmeta.appraisal.compared import Compared, Estimate
    from bayesmeta.appraisal.comparison import Comparison
    from bayesmeta.fit import Fit


def record(found: "Comparison") -> dict[str, Any]:
    """Return a comparison as nested dicts and lists of numbers, strings and None."""
    return {
        "version": __version__,
        "level": found.fits[0].ask.level,
        "warnings": [f"{printed}: no study rows belong to it" for printed in found.without_rows],
        "analyses": [_analysis(fit) for fit in found.fits],
        "rows": [_row(row) for row in found.rows],
    }


def flat(row: "Compared") -> dict[str, Any]:
    """Return the numbers of one row by flat names."""
    exact, pool = row.row.exact, row.pool
    return {
        **_place(row),
        **_ends("published", row.published),
        "published_p": row.printed and _text(row.printed.p),
        "method": row.recipe.method,
        "ci": row.recipe.ci,
        "agreement": row.agreement,
        **_ends("recomputed", row.recomputed),
        "recomputed_width": row.width_ratio(row.recomputed),
        "recomputed_p": pool and pool.p,
        "recomputed_tau2": pool and pool.tau2,
        **_ends("posterior", row.posterior),
        "posterior_width": row.width_ratio(row.posterior),
        **{f"prediction_{name}": getattr(row.prediction, name) for name in ("ci_low", "ci_high")},
        "prediction_width": row.width_ratio(row.prediction),
        "tau": exact.tau.median,
        "prob_benefit": exact.prob_benefit,
        "prob_benefit_new": exact.prob_benefit_new,
        "prob_below_zero": exact.prob_below_zero,
        "why": " ".join(row.sentences),
    }


def _analysis(fit: "Fit") -> dict[str, Any]:
    evidence = fit.evidence
    return {
        "analysis": fit.name,
        "title": evidence.title,
        "measure": evidence.measure.name,
        "unit": evidence.unit or None,
        "scale": evidence.measure.scale,
        "direction": fit.direction,
        "convention": evidence.convention,
        "priors": {
            name: {
                "text": str(prior),
                "default": name in fit.default_priors,
                "meaning": meaning(prior, evidence.measure),
            }
            for name, prior in (("mu", fit.ask.mu), ("tau", fit.ask.tau))
        },
        "assumptions": list(evidence.assumptions),
        "warnings": list(fit.warnings),
    }


def _row(row: "Compared") -> dict[str, Any]:
    return _place(row) | {
        "studies": list(row.row.pool.studies),
        "status": list(row.row.pool.status),
        "published": _published(row),
        "recomputed": row.pool and asdict(row.pool),
        "agreement": row.agreement,
        "posterior": asdict(row.row.exact),
        "width_ratio": {
            name: row.width_ratio(getattr(row, name))
            for name in ("recomputed", "posterior", "prediction")
        },
        "sentences": row.sentences,
    }


def _place(row: "Compared") -> dict[str, Any]:
    measure = row.fit.evidence.measure
    return {
        "analysis": row.fit.name,
        "outcome": row.row.pool.outcome,
        "time": row.row.pool.time,
        "k": row.row.pool.k,
        "measure": measure.name,
        "scale": measure.scale,
    }


def _published(row: "Compared") -> dict[str, Any] | None:
    if row.printed is None or row.published is None:
        return None
    return asdict(row.published) | {
        "level": row.printed.label.level,
        "model": row.printed.label.words or None,
        "k": row.printed.k,
        "p": _text(row.printed.p),
        "p_heterogeneity": _text(row.printed.p_heterogeneity),
        "source": row.printed.source or None,
    }


def _ends(name: str, found: "Estimate | None") -> dict[str, float | None]:
    return {f"{name}_{end}": getattr(found, end, None) for end in ("estimate", "ci_low", "ci_high")}


def _text(found: "Printed | None") -> str | None:
    """Return a printed P value, which may be a bound, as text."""
    return None if found is None else found.text
