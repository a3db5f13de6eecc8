"""The JSON of a fit: strict, at full precision, on the analysis scale."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bayesmeta import __version__
from bayesmeta.evidence.study import Pool
from bayesmeta.fit.words import meaning
from bayesmeta.priors import Prior

if TYPE_CHECKING:
    from bayesmeta.fit.result import Fit, Row, VariantRows
    from bayesmeta.fit.sampled import Sampled


def record(fit: "Fit") -> dict[str, Any]:
    """Return a fit as nested dicts and lists of numbers, strings, booleans and None."""
    evidence = fit.evidence
    return {
        "analysis": fit.name,
        "title": evidence.title,
        "measure": evidence.measure.name,
        "unit": evidence.unit or None,
        "direction": fit.direction,
        "engine": fit.engine,
        "scale": evidence.measure.scale,
        "level": fit.ask.level,
        "interval": fit.interval,
        "convention": evidence.convention,
        "priors": {
            name: _prior(fit, name, prior)
            for name, prior in (("mu", fit.ask.mu), ("tau", fit.ask.tau))
        },
        "seed": fit.seed,
        "version": __version__,
        "warnings": list(fit.warnings),
        "assumptions": list(evidence.assumptions),
        "rows": [_row(fit, row) for row in fit.rows],
        "left_out": [asdict(left) for left in evidence.left_out],
        "variants": [_variant(fit, variant) for variant in fit.variants],
    }


def _prior(fit: "Fit", name: str, prior: Prior) -> dict[str, Any]:
    return {
        "text": str(prior),
        "default": name in fit.default_priors,
        "meaning": meaning(prior, fit.evidence.measure),
    }


def _variant(fit: "Fit", variant: "VariantRows") -> dict[str, Any]:
    rows = [_row(fit, row) for row in variant.rows]
    return {"name": variant.name, "reason": variant.reason, "rows": rows}


def _row(fit: "Fit", row: "Row") -> dict[str, Any]:
    return {
        "outcome": row.pool.outcome,
        "time": row.pool.time,
        "k": row.pool.k,
        "frequentist": [asdict(pool) for pool in row.frequentist],
        "published": None if row.pool.published is None else asdict(row.pool.published),
        "posterior": None if fit.engine == "nuts" else asdict(row.exact),
        "probabilities": {e.text: e.probability(row.posterior) for e in fit.ask.events},
        "bayes_factors": row.hypotheses.record(),
        "nuts": None if row.sampled is None else _sampled(row.sampled),
        "notes": notes(row.pool),
    }


def notes(pool: Pool) -> list[str]:
    """Return what the table, or the arithmetic, has to say of each study of a pool."""
    return [
        f"{study}: {note}" for study, note in zip(pool.studies, pool.notes, strict=True) if note
    ]


def _sampled(sampled: "Sampled") -> dict[str, Any]:
    found, largest = sampled.diagnostics, sampled.largest
    return {
        "posterior": asdict(sampled.numbers),
        "mcse": asdict(sampled.mcse),
        "diagnostics": {
            "r_hat_max": found.r_hat_max,
            "ess_bulk_min": found.ess_bulk_min,
            "ess_tail_min": found.ess_tail_min,
            "divergences": found.divergences,
            "bfmi_min": found.bfmi_min,
            "problems": list(found.problems),
        },
        "comparisons": len(sampled.comparisons),
        "max_difference_mcse": abs(largest.difference),
        "max_difference_quantity": largest.quantity,
    }
