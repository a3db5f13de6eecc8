"""The JSON of a sensitivity analysis: strict, at full precision, on the analysis scale."""

from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

from bayesmeta import __version__
from bayesmeta.appraisal.conclusions import Conclusion
from bayesmeta.appraisal.sensitivity_words import sentences, warnings
from bayesmeta.fit.words import meaning

if TYPE_CHECKING:
    from bayesmeta.appraisal.sensitivity import Sensitivity


def record(found: "Sensitivity") -> dict[str, Any]:
    """Return the analysis as nested dicts and lists of numbers, strings, booleans and None."""
    evidence, dataset, table = found.evidence, found.dataset, found.table()
    return {
        "analysis": found.name,
        "title": evidence.title,
        "measure": evidence.measure.name,
        "unit": evidence.unit or None,
        "direction": found.fit.direction,
        "scale": evidence.measure.scale,
        "level": found.fit.ask.level,
        "interval": "central",
        "version": __version__,
        "warnings": warnings(found),
        "assumptions": list(evidence.assumptions),
        "reference": {
            name: {"text": str(prior), "meaning": meaning(prior, evidence.measure)}
            for name, prior in (("mu", found.fit.ask.mu), ("tau", found.fit.ask.tau))
        },
        "grid": {name: dataset[name].values.tolist() for name in _DIMS},
        "alternatives": {other.name: other.reason for other in evidence.alternatives},
        "refused": [{"reason": reason, "count": n} for reason, n in found.refused.items()],
        "conclusions": [_conclusion(found, conclusion) for conclusion in found.conclusions],
        "checks": [asdict(checks) for checks in found.checks],
        "distances": _distances(found),
        "joint": None if found.joint is None else [_finite(asdict(at)) for at in found.joint.moved],
        "nuts": [_finite(asdict(one)) for one in found.sampled] or None,
        "rows": table.astype(object).where(table.notna(), None).to_dict("records"),
    }


_DIMS = ("prior_mu", "prior_tau", "data", "left_out")


def _distances(found: "Sensitivity") -> list[dict[str, Any]]:
    table = found.distances.to_dataframe().reset_index().dropna(subset="hellinger")
    columns = ["pool", "prior_mu", "prior_tau", "quantity", "hellinger"]
    return cast(list[dict[str, Any]], table[columns].to_dict("records"))


def _conclusion(found: "Sensitivity", conclusion: Conclusion) -> dict[str, Any]:
    pool = next(pool for pool in found.pools if pool.label == conclusion.pool)
    return {
        "outcome": pool.outcome,
        "time": pool.time,
        **{name: value for name, value in asdict(conclusion).items() if name != "pool"},
        "sentences": sentences(found, conclusion),
    }


def _finite(value: Any) -> Any:
    """Return the same with None in the place of what is not finite."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not isfinite(value) else value
