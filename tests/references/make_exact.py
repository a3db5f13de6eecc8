"""Write `exact.json`: 20-digit answers of `tests/oracle.py` for the exact engine's tests.

    python tests/references/make_exact.py [--only WORD]

Every case is computed by Gauss-Legendre panels and then again by the double-exponential rule
(another substitution, another rule): masses and moments are compared, and the reported quantiles,
modes and intervals are put back into the other rule's CDF and density. The largest difference of a
case, in DESIGN.md's units, is its `uncertainty`; a line is printed where it exceeds 1e-14.
Data come from `data/` here and from the project's shared folder; options name other places.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from oracle import Oracle  # noqa: E402

PROBS = ("0.025", "0.25", "0.75", "0.975")
SCALES = {
    "sledai": "1",
    "proteinuria": "0.2",
    "scr": "6",
    "albumin": "1.5",
    "c3": "0.1",
    "c4": "0.02",
}
MU_PRIORS = {
    "sledai": "normal(0, 5)",
    "proteinuria": "normal(0, 2)",
    "scr": "normal(0, 20)",
    "albumin": "normal(0, 10)",
    "c3": "normal(0, 0.5)",
    "c4": "normal(0, 0.2)",
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def log_odds_ratio(row: dict[str, str]) -> tuple[float, float]:
    a, n = int(row["events_msc"]), int(row["n_msc"])
    c, m = int(row["events_control"]), int(row["n_control"])
    b, d = n - a, m - c
    return math.log(a * d / (b * c)), math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)


def cases(sle: Path, examples: Path, frequentist: Path) -> list[tuple[Any, ...]]:
    """``(name, labels, y, se, tau prior, mu prior)``."""
    out: list[tuple[Any, ...]] = []

    def add(name: str, labels: Any, y: Any, se: Any, priors: Any) -> None:
        out.extend((name, list(labels), list(y), list(se), tau, mu) for tau, mu in priors)

    schools = rows(examples / "eight_schools.csv")
    add(
        "eight_schools",
        [r["study"] for r in schools],
        [float(r["estimate"]) for r in schools],
        [float(r["se"]) for r in schools],
        [
            ("half-normal(10)", "normal(0, 50)"),
            ("half-normal(5)", "flat"),
            ("half-cauchy(5)", "flat"),
            ("half-student-t(4, 5)", "normal(0, 20)"),
            ("exponential(0.2)", "flat"),
            ("log-normal(1.5, 0.8)", "flat"),
            ("uniform(0, 20)", "flat"),
            ("uniform(2, 15)", "normal(0, 10)"),
            ("fixed(0)", "flat"),
            ("fixed(3)", "normal(0, 10)"),
        ],
    )
    both = json.loads(frequentist.read_text())
    for name, tau_priors, mu_prior in (
        ("pediatric_liver", ("half-normal(0.5)", "half-cauchy(0.5)"), "normal(0, 1)"),
        ("bcg_vaccine", ("half-normal(0.5)", "half-cauchy(0.5)"), "normal(0, 1)"),
    ):
        y, se = both[name]["yi"], [math.sqrt(v) for v in both[name]["vi"]]
        labels = [str(i + 1) for i in range(len(y))]
        add(name, labels, y, se, [(t, m) for t in tau_priors for m in ("flat", mu_prior)])

    pools: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows(sle / "contrasts.csv"):
        if row["in_published_pool"] == "yes":
            pools.setdefault((row["outcome"], row["time_months"]), []).append(row)
    for (outcome, month), pool in pools.items():
        add(
            f"{outcome}-{month}",
            [r["study"] for r in pool],
            [float(r["estimate"]) for r in pool],
            [float(r["se"]) for r in pool],
            [
                (f"{family}({SCALES[outcome]})", mu)
                for family in ("half-normal", "half-cauchy")
                for mu in ("flat", MU_PRIORS[outcome])
            ],
        )
    events = [
        r
        for r in rows(sle / "events.csv")
        if r["outcome"] == "adverse_events" and r["in_published_pool"] == "yes"
    ]
    y, se = zip(*map(log_odds_ratio, events), strict=True)
    priors = [("half-normal(0.5)", "flat"), ("half-normal(0.5)", "normal(0, 1)")]
    add("adverse_events", [r["study"] for r in events], y, se, priors)

    def made(name: str, y: Any, se: Any, *priors: tuple[str, str]) -> None:
        add(name, [str(i + 1) for i in range(len(y))], y, se, priors)

    made(
        "two_contradict",
        (-3.0, 3.0),
        (0.2, 0.2),
        ("half-cauchy(1)", "flat"),
        ("half-cauchy(1)", "normal(0, 10)"),
        ("half-normal(1)", "flat"),
    )
    dominated = (0.4, -1.1, 1.9, 0.2, -0.7, 0.55)
    made(
        "one_dominates",
        dominated,
        (1.0,) * 5 + (1 / math.sqrt(1000),),
        ("half-normal(1)", "flat"),
        ("half-cauchy(1)", "normal(0, 2)"),
    )
    made(
        "two_modes",
        (1.2, -0.3, 0.1, -0.1, 0.05, -0.2),
        (0.05, 0.6, 0.5, 0.7, 0.6, 0.5),
        ("half-cauchy(0.02)", "flat"),
        ("half-cauchy(0.005)", "normal(0, 2)"),
    )
    wide = (-131.7, 88.2, 12.9, -57.3, 142.6, 3.1)
    priors = [("half-cauchy(1000)", "flat"), ("half-cauchy(0.001)", "flat")]
    made("tau_100_times_se", wide, (1.0, 0.8, 1.2, 1.0, 0.9, 1.1), *priors)
    made(
        "three_studies",
        (0.31, -0.12, 0.55),
        (0.2, 0.3, 0.25),
        ("half-cauchy(0.001)", "flat"),
        ("half-cauchy(0.5)", "flat"),
        ("half-student-t(3, 0.5)", "normal(0, 1)"),
    )
    made(
        "spread_se",
        (0.013, 0.4, -0.05, 2.6, -1.2, 11.0, -7.5, 62.0, -90.0),
        (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
        ("half-cauchy(1000)", "flat"),
        ("half-normal(1)", "normal(0, 10)"),
    )
    made(
        "one_study",
        (-1.5,),
        (0.4,),
        ("half-student-t(1, 0.5)", "flat"),
        ("half-student-t(2, 0.5)", "normal(0, 1)"),
        ("exponential(2)", "flat"),
        ("log-normal(-1, 1)", "normal(0, 1)"),
        ("uniform(0, 1)", "flat"),
    )
    three, apart = ((0.1, -0.4, 0.6), (0.2, 0.3, 0.25)), ((-3.0, 3.0), (0.1, 0.1))
    alike = (0.2, 0.2, 0.2), (0.3, 0.4, 0.5)
    made("edge_no_mass_near_zero", *three, ("inverse-gamma(0.5, 0.01)", "flat"))
    made(
        "edge_tau_hat_0",
        *alike,
        ("half-cauchy(0.001)", "flat"),
        ("half-cauchy(1000)", "flat"),
        ("inverse-gamma(1, 0.5)", "flat"),
    )
    made("edge_two_100_ses", (-10.0, 10.0), (0.1, 0.1), ("half-cauchy(1000)", "flat"))
    made(
        "edge_contradiction",
        *apart,
        ("half-cauchy(0.001)", "flat"),
        ("half-normal(0.05)", "flat"),
        ("half-normal(0.05)", "normal(0, 0.1)"),
    )
    return out


def summarise(quantity: Any, mp: Any, shortest: bool) -> dict[str, Any]:
    out = {"mean": quantity.mean(), "sd": quantity.sd(), "median": quantity.quantile("0.5")}
    out |= {f"q{p}": quantity.quantile(p) for p in PROBS}
    out |= {"mode": quantity.mode(), "pdf_at_median": quantity.pdf(out["median"])}
    if shortest:
        low, high = quantity.interval(0.95) or (None, None)
        out |= {"shortest_low": low, "shortest_high": high}
    return out


def disagreement(quantity: Any, answers: dict[str, Any], other: Any) -> dict[str, float]:
    """How far the other rule is from the answers, in DESIGN.md's units."""
    a = answers
    unit = a["sd"] or (a["q0.975"] - a["q0.025"]) / 3.92
    if not unit:
        return {}
    gap: dict[str, Any] = {}
    if a["mean"] is not None:
        gap["mean"] = (other.mean() - a["mean"]) / unit
    if a["sd"] is not None:
        gap["sd"] = other.sd() / a["sd"] - 1
    if a["pdf_at_median"] is None:
        return {name: float(abs(value)) for name, value in gap.items()}
    for p, key in (("0.5", "median"), *((p, f"q{p}") for p in PROBS)):
        x = a[key]
        gap[key] = (other.cdf(x) - other.mp.mpf(p)) / quantity.pdf(x) / unit
    gap["pdf"] = other.pdf(a["median"]) / a["pdf_at_median"] - 1
    if a.get("shortest_low") is not None:
        low, high = a["shortest_low"], a["shortest_high"]
        mass = (
            other.cdf(high) - other.cdf(low) if low > 0 or hasattr(other, "m") else other.cdf(high)
        ) - other.mp.mpf("0.95")
        gap["shortest"] = mass / quantity.pdf(high) / unit
    if hasattr(other, "m"):  # mixtures: slope over curvature of the density at the mode
        _, f1, f2 = other._density(a["mode"])
        gap["mode"] = f1 / f2 / unit
    return {name: float(abs(value)) for name, value in gap.items()}


def case(spec: tuple[Any, ...], check: bool) -> tuple[dict[str, Any], float]:
    name, labels, y, se, tau, mu = spec
    o = Oracle(y, se, tau, mu, refine=2)
    second = Oracle(y, se, tau, mu, rule="sinh", refine=2) if check else None
    quantities = {"mu": o.mu, "tau": o.tau, "theta_new": o.theta_new, "i2": o.i2}
    quantities |= {f"theta[{i}]": q for i, q in enumerate(o.theta)}
    answers = {
        key: summarise(q, o.mp, key in ("mu", "tau", "theta_new")) for key, q in quantities.items()
    }
    worst = 0.0
    if second is not None:
        others = {
            "mu": second.mu,
            "tau": second.tau,
            "theta_new": second.theta_new,
            "i2": second.i2,
        }
        others |= {f"theta[{i}]": q for i, q in enumerate(second.theta)}
        for key, q in quantities.items():
            if key == "i2":
                gaps = {}
                for m in ("mean", "sd"):
                    gaps[m] = float(abs(getattr(others[key], m)() - answers[key][m]))
            else:
                gaps = disagreement(q, answers[key], others[key])
            for what, gap in gaps.items():
                worst = max(worst, gap)
                if gap > 1e-14:
                    print(f"UNCERTAIN {name} {tau} {mu}: {key} {what} {gap:.1e}")
        worst = max(worst, float(abs(second.log_z - o.log_z)))
        worst = max(
            worst, *(float(abs(a - b)) for a, b in zip(o.weights, second.weights, strict=True))
        )
        if worst > 1e-14:
            print(f"UNCERTAIN {name} {tau} {mu}: worst {worst:.1e}")
    if answers["mu"]["mean"] is not None:
        total = sum(a * b for a, b in zip(o.weights, o.y, strict=True))
        total += 0 if o.mu_flat else o.prior_weight * o.m0
        assert abs(total - answers["mu"]["mean"]) < 1e-20 * (1 + max(abs(v) for v in o.y))
    assert abs(sum(o.weights) + o.prior_weight - 1) < 1e-24

    def show(x: Any) -> str | None:
        return None if x is None else o.mp.nstr(x, 20, strip_zeros=True)

    result = {
        "name": name,
        "k": len(y),
        "studies": labels,
        "y": y,
        "se": se,
        "tau_prior": tau,
        "mu_prior": mu,
        "log_marginal_likelihood": show(o.log_marginal_likelihood),
        "prob_below_zero": show(o.mu.cdf(0)),
        "prob_new_below_zero": show(o.theta_new.cdf(0)),
        "weights": [show(w) for w in o.weights],
        "prior_weight": show(o.prior_weight),
        "uncertainty": float(f"{worst:.1e}"),
    }
    shown = {key: {a: show(b) for a, b in s.items()} for key, s in answers.items()}
    for key in ("mu", "tau", "theta_new", "i2"):
        result[key] = shown[key]
    result["theta"] = [shown[f"theta[{i}]"] for i in range(len(y))]
    return result, worst


def main() -> None:
    root = HERE.parents[1]
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--sle", type=Path, default=root / "data/sle_msc")
    arguments.add_argument("--examples", type=Path, default=root.parent / "shared/data/examples")
    arguments.add_argument(
        "--frequentist", type=Path, default=root.parent / "shared/reference/frequentist.json"
    )
    arguments.add_argument("--only", default="")
    arguments.add_argument("--output", type=Path, default=HERE / "exact.json")
    arguments.add_argument("--no-check", action="store_true")
    args = arguments.parse_args()
    results, start = [], time.time()
    for spec in cases(args.sle, args.examples, args.frequentist):
        if args.only in spec[0]:
            began = time.time()
            result, worst = case(spec, not args.no_check)
            results.append(result)
            took = time.time() - began
            print(f"{spec[0]:20} {spec[4]:22} {spec[5]:14} {worst:.1e} {took:5.1f} s", flush=True)
    origin = {
        "made_by": "tests/references/make_exact.py, tests/oracle.py (mpmath, 36 working digits)",
        "command": "python tests/references/make_exact.py",
        "method": "Gauss-Legendre panels in tau and log tau; checked by a double-exponential rule",
        "digits": 20,
        "uncertainty": "largest difference between the two rules in a case, DESIGN.md's units",
        "keys": "median is q0.5; levels are the decimals exactly; shortest_* is the 95 % interval",
        "null": "moment that does not exist, density of a fixed tau, evidence under flat mu, "
        "shortest interval if several modes or flat, mode of I2 if unbounded at both ends",
    }
    parts = ",\n".join(json.dumps(r, separators=(",", ":")) for r in results)
    args.output.write_text(f'{{"origin":{json.dumps(origin)},\n"cases":[\n{parts}\n]}}\n')
    size, took = args.output.stat().st_size / 1e3, time.time() - start
    print(f"{len(results)} cases, {size:.0f} kB, {took:.0f} s")


if __name__ == "__main__":
    main()
