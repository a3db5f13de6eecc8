"""The JSON of a fit: strict, at full precision, on the analysis scale."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bayesmeta import __version__
from bayesmeta.evidence.measures import Measure
from bayesmeta.evidence.study import Evidence, Pool
from bayesmeta.fit.words import meaning
from bayesmeta.priors import Prior

if TYPE_CHECKING:
    from bayesmeta.fit.pooled import Pooled, PooledRow
    from bayesmeta.fit.result import Fit, Row, VariantRows
    from bayesmeta.fit.sampled import Sampled


def record(fit: "Fit") -> dict[str, Any]:
    """Return a fit as nested dicts and lists of numbers, strings, booleans and None."""
    priors = {
        name: prior_record(prior, fit.evidence.measure, default=name in fit.default_priors)
        for name, prior in (("mu", fit.ask.mu), ("tau", fit.ask.tau))
    }
    return _record(
        fit.evidence,
        direction=fit.direction,
        engine=fit.engine,
        level=fit.ask.level,
        interval=fit.interval,
        priors=priors,
        seed=fit.seed,
        warnings=fit.warnings,
        rows=[_row(fit, row) for row in fit.rows],
        variants=[_variant(fit, variant) for variant in fit.variants],
    )


def record_pooled(pooled: "Pooled") -> dict[str, Any]:
    """Return frequentist pools as the object of a fit, without what is Bayesian."""
    return _record(
        pooled.evidence,
        direction=pooled.evidence.direction,
        engine=None,
        level=pooled.level,
        interval=None,
        priors=None,
        seed=pooled.seed,
        warnings=pooled.warnings,
        rows=[_pooled_row(row) for row in pooled.rows],
        variants=[
            {
                "name": variant.name,
                "reason": variant.reason,
                "rows": [_pooled_row(row) for row in variant.rows],
            }
            for variant in pooled.variants
        ],
    ) | {"profile": pooled.profile}


def _record(evidence: Evidence, **said: Any) -> dict[str, Any]:
    return {
        "analysis": evidence.name,
        "title": evidence.title,
        "measure": evidence.measure.name,
        "unit": evidence.unit or None,
        "scale": evidence.measure.scale,
        "convention": evidence.convention,
        "version": __version__,
        "assumptions": list(evidence.assumptions),
        "left_out": [asdict(left) for left in evidence.left_out],
        **said,
    }


def prior_record(prior: Prior, measure: Measure, *, default: bool) -> dict[str, Any]:
    """Return a prior as text, whether it is a default, and what it means on the scale of use."""
    return {"text": str(prior), "default": default, "meaning": meaning(prior, measure)}


def _variant(fit: "Fit", variant: "VariantRows") -> dict[str, Any]:
    rows = [_row(fit, row) for row in variant.rows]
    return {"name": variant.name, "reason": variant.reason, "rows": rows}


def _row(fit: "Fit", row: "Row") -> dict[str, Any]:
    return _place(row) | {
        "posterior": None if fit.engine == "nuts" else asdict(row.exact),
        "probabilities": {e.text: e.probability(row.posterior) for e in fit.ask.events},
        "bayes_factors": row.hypotheses.record(),
        "nuts": None if row.sampled is None else _sampled(row.sampled),
    }


def _pooled_row(row: "PooledRow") -> dict[str, Any]:
    nothing = ("posterior", "probabilities", "bayes_factors", "nuts")
    return _place(row) | dict.fromkeys(nothing)


def _place(row: "Row | PooledRow") -> dict[str, Any]:
    return {
        "outcome": row.pool.outcome,
        "time": row.pool.time,
        "k": row.pool.k,
        "studies": list(row.pool.studies),
        "frequentist": [asdict(pool) for pool in row.frequentist],
        "published": None if row.pool.published is None else asdict(row.pool.published),
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
