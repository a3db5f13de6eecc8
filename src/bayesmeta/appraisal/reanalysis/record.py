"""A reanalysis as JSON, and as the rows of a table."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

from bayesmeta import __version__
from bayesmeta.appraisal.reanalysis.values import Reanalysed, Reanalysis, RevManResult
from bayesmeta.fit.record import prior_record

_RESULT = tuple(field.name for field in fields(RevManResult))[1:]
_SUMMARIES = ("mean", "sd", "median", "ci_low", "ci_high")
_QUANTITIES = ("mu", "tau", "theta_new", "i2")
_PLAIN = (
    "prob_below_zero",
    "prob_benefit",
    "prob_benefit_new",
    "log_marginal_likelihood",
    "numerical_error",
)


def record(found: Reanalysis) -> dict[str, Any]:
    """Return nested dicts and lists of numbers, strings and None; numbers at full precision."""
    return {
        "review": found.review.source,
        "title": found.review.title,
        "profile": found.review.profile,
        "version": __version__,
        "outcomes": [_record(outcome) for outcome in found.outcomes],
    }


def _record(one: Reanalysed) -> dict[str, Any]:
    return _settings(one) | {
        "stored": None if one.stored is None else asdict(one.stored),
        "recomputed": None if one.recomputed is None else asdict(one.recomputed),
        "posterior": _posterior(one),
        "changed": list(one.changed),
        "reasons": one.reasons,
        "subgroups": [_record(part) for part in one.subgroups],
    }


def _settings(one: Reanalysed) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "comparison": one.outcome.comparison,
        "type": one.outcome.type,
        "measure": one.outcome.measure.name,
        "method": one.outcome.method,
        "model": one.outcome.model,
        "level": one.outcome.level,
        "k": one.k,
    }


def _posterior(one: Reanalysed) -> dict[str, Any] | None:
    if one.posterior is None or one.ask is None:
        return None
    measure = one.outcome.measure
    priors = {
        name: prior_record(prior, measure, default=name in one.default_priors)
        for name, prior in (("mu", one.ask.mu), ("tau", one.ask.tau))
    }
    return asdict(one.posterior) | {"scale": measure.scale, "priors": priors}


def flat(one: Reanalysed) -> dict[str, Any]:
    """Return an outcome or subgroup as one row, by the names of `COLUMNS`."""
    return dict(_cells(one))


def _cells(one: Reanalysed) -> Iterator[tuple[str, Any]]:
    yield "outcome", one.outcome.id
    yield from _settings(one).items()
    yield "scale", "ratio" if one.outcome.measure.ratio else "natural"
    for which in ("stored", "recomputed"):
        result = getattr(one, which)
        yield from ((f"{which}_{name}", result and getattr(result, name)) for name in _RESULT)
    found = one.posterior
    yield "posterior_scale", one.outcome.measure.scale
    yield "prior_mu", None if one.ask is None else str(one.ask.mu)
    yield "prior_tau", None if one.ask is None else str(one.ask.tau)
    for quantity in _QUANTITIES:
        numbers = found and getattr(found, quantity)
        yield from (
            (f"{quantity}_{name}", numbers and getattr(numbers, name)) for name in _SUMMARIES
        )
    yield from ((name, found and getattr(found, name)) for name in _PLAIN)
    yield "changed", " ".join(one.changed)
    yield "reasons", " ".join(f"{path}: {why}." for path, why in one.reasons.items())


_SETTINGS = (
    "outcome",
    "id",
    "name",
    "comparison",
    "type",
    "measure",
    "method",
    "model",
    "level",
    "k",
    "scale",
)
COLUMNS = (
    *_SETTINGS,
    *(f"{which}_{name}" for which in ("stored", "recomputed") for name in _RESULT),
    *("posterior_scale", "prior_mu", "prior_tau"),
    *(f"{quantity}_{name}" for quantity in _QUANTITIES for name in _SUMMARIES),
    *_PLAIN,
    *("changed", "reasons"),
)
TEXT = {*_SETTINGS, "posterior_scale", "prior_mu", "prior_tau", "changed", "reasons"} - {
    "level",
    "k",
}
"""The columns that hold text; the others hold numbers."""
