"""The JSON of a joint model, on the analysis scale."""

from collections.abc import Sized
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bayesmeta.fit.designs import Designs
from bayesmeta.fit.joint import Joint
from bayesmeta.fit.joint_numbers import HyperNumbers, JointNumbers

if TYPE_CHECKING:
    from bayesmeta.fit.joint_sampled import JointSampled
    from bayesmeta.fit.sampled import Comparison, Diagnostics


def joint_record(joint: Joint, nuts: "JointSampled | None") -> dict[str, Any]:
    """Return a joint model as nested dicts and lists."""
    how = joint.how
    return {
        **_numbers(joint.numbers),
        "between": how.kind,
        "within": how.within.kind,
        "mean": how.course,
        "rho_lag": how.within.lag,
        "priors": {
            name: {"text": str(prior), "default": name not in how.given}
            for name, prior in (
                ("rho", how.rho),
                ("within_correlation", how.within.rho),
                ("beta", how.beta),
            )
        },
        "implied_correlation": [asdict(one) for one in joint.implied],
        "narrowing": [asdict(one) | {"ratio": one.ratio} for one in joint.narrowing],
        "contributions": [
            {"time": time, "study": study, "share": share}
            for time, shares in zip(joint.numbers.times, joint.contributions.tolist(), strict=True)
            for study, share in zip(joint.studies, shares, strict=True)
        ],
        "first_benefit": joint.first_benefit,
        "at_rho_within": list(map(_numbers, joint.at_rho_within)),
        "alternatives": [
            {
                "name": one.name,
                "weight": one.weight,
                "reason": one.reason,
                **_numbers(one.numbers),
            }
            for one in joint.alternatives
        ],
        "averaged": None if joint.averaged is None else _numbers(joint.averaged),
        "kept": [asdict(one) for one in joint.kept],
        "series": None if joint.series is None else _series(joint.series),
        "nuts": None if nuts is None else _nuts(nuts),
    }


def _nuts(sampled: "JointSampled") -> dict[str, Any]:
    return {
        "posterior": _numbers(sampled.numbers),
        "mcse": _numbers(sampled.mcse),
        **agreement_record(sampled.diagnostics, sampled.comparisons, sampled.largest),
    }


def agreement_record(
    found: "Diagnostics", comparisons: Sized, largest: "Comparison"
) -> dict[str, Any]:
    """Return diagnostics of chains, and how far they are from the exact engine."""
    return {
        "diagnostics": {
            "r_hat_max": found.r_hat_max,
            "ess_bulk_min": found.ess_bulk_min,
            "ess_tail_min": found.ess_tail_min,
            "divergences": found.divergences,
            "bfmi_min": found.bfmi_min,
            "problems": list(found.problems),
        },
        "comparisons": len(comparisons),
        "max_difference_mcse": abs(largest.difference),
        "max_difference_quantity": largest.quantity,
    }


def _series(found: Designs) -> dict[str, Any]:
    spec, sd = found.spec, found.bias_sd
    return {
        "analysis": spec.analysis,
        "design": spec.design,
        "inflation": spec.inflation,
        "reason": spec.reason,
        "warnings": list(spec.warnings),
        "bias": None if found.bias is None else asdict(found.bias),
        "bias_sd": hyper_record(sd) if isinstance(sd, HyperNumbers) else sd,
        **_numbers(found.numbers),
        "influence": [{"name": one.name, **_numbers(one.numbers)} for one in found.influence],
    }


def _numbers(found: JointNumbers) -> dict[str, Any]:
    record = asdict(found)
    tau = [hyper_record(one) for one in found.tau]
    record["times"] = list(found.times)
    record["tau"] = tau if len(tau) > 1 else tau[0]
    for name in ("rho_between", "rho_within"):
        value = getattr(found, name)
        if isinstance(value, tuple):
            record[name] = list(map(hyper_record, value))
        else:
            record[name] = hyper_record(value) if isinstance(value, HyperNumbers) else value
    return record


def hyper_record(found: HyperNumbers) -> dict[str, Any]:
    """Return a hyperparameter, with its time or times where it has some."""
    record = asdict(found)
    absent = {name for name in ("time", "times") if record[name] is None}
    return {name: value for name, value in record.items() if name not in absent}
