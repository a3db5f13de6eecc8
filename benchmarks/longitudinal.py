"""Time of the joint engine: ``python benchmarks/longitudinal.py``.

Medians of several runs, one BLAS thread, after import. The marks are those of the issue that asked
for the model.
"""

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bayesmeta.engines.importance import fit_importance
from bayesmeta.engines.joint import fit_joint
from bayesmeta.engines.joint_sweep import sweep_joint
from bayesmeta.evidence import bundled_project, evidence_from_analysis
from bayesmeta.fit.designs import Designs, fit_designs
from bayesmeta.fit.joint_ask import JointAsk
from bayesmeta.fit.numbers import Ask
from bayesmeta.models.covariance import Correlation
from bayesmeta.models.joint import JointModel
from bayesmeta.models.longitudinal import longitudinal_model
from bayesmeta.priors import (
    Flat,
    HalfCauchy,
    HalfNormal,
    RhoBeta,
    RhoFixed,
    RhoUniform,
    tau_prior,
)

ROOT = Path(__file__).parents[1]
BETWEEN = Correlation("cs", RhoUniform(0, 1))
WITHIN = Correlation("cs", RhoUniform(0, 0.95))


def main() -> None:
    print(f"{'what':56s} {'ms':>7s} {'mark':>6s} {'nodes':>7s} {'error':>8s}")
    for outcome, scale in (("sledai", 0.85), ("proteinuria", 0.5)):
        model = review(outcome, scale)
        line(f"{outcome}, three hyperparameters", lambda m=model: fit_joint(m), 150)
    tremor = tremor_dbs()
    line("tremor_dbs, three hyperparameters", lambda: fit_joint(tremor), 500)
    line("tremor_dbs, with its 184 study effects", lambda: with_effects(tremor), 1500, runs=3)
    ar1 = tremor_dbs(between=Correlation("ar1", RhoUniform(0, 1)))
    line("tremor_dbs, AR(1)", lambda: fit_joint(ar1), 500)
    four = tremor_dbs(tau=[HalfNormal(10)] * 4, between=Correlation("cs", RhoFixed(0.9)),
                      within=Correlation("cs", RhoFixed(0)))  # fmt: skip
    line("tremor_dbs, a tau per time, correlations fixed", lambda: fit_joint(four), None, runs=1)
    six = tremor_dbs(tau=[HalfNormal(10)] * 4)
    line("tremor_dbs, a tau per time, by importance", lambda: fit_importance(six), None, runs=1)
    rng = np.random.default_rng(1)
    priors = [
        {
            "tau": HalfNormal(rng.uniform(2, 30)) if odd else HalfCauchy(rng.uniform(1, 20)),
            "rho_between": RhoBeta(*rng.uniform(1, 4, 2)),
            "rho_within": RhoBeta(*rng.uniform(1, 4, 2)),
        }
        for odd in rng.random(1000) < 0.5
    ]
    wide = tremor_dbs(within=Correlation("cs", RhoUniform(0, 1)))
    more = measured(lambda: sweep_joint(wide, priors), 5) - measured(lambda: fit_joint(wide), 5)
    error = sweep_joint(wide, priors).numerical_error.max()
    print(f"{'1,000 priors, beyond a fit':56s} {more:7.0f} {500:6d} {'':7s} {error:8.0e}")
    for name in ("sledai_designs", "proteinuria_designs"):
        call = series(name)
        ms, error = measured(call, 3), call().numbers.numerical_error
        print(f"{f'{name}, three priors on the bias':56s} {ms:7.0f} {'':6s} {'':7s} {error:8.0e}")


def line(what: str, call: Callable[[], tuple], mark: int | None, runs: int = 7) -> None:
    """Print the median time of a fit beside its mark, its nodes and its error."""
    ms, (_, found) = measured(call, runs), call()
    print(f"{what:56s} {ms:7.0f} {mark or '':>6} {found.nodes:7d} {found.numerical_error:8.0e}")


def measured(call: Callable[[], object], runs: int) -> float:
    """Return the median time in milliseconds."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def with_effects(model: JointModel) -> tuple:
    """Fit a model and its study effects."""
    posterior, found = fit_joint(model)
    posterior.study_effects()
    return posterior, found


def series(name: str) -> Callable[[], Designs]:
    """Return the fit of series beside contrasts, of four hyperparameters."""
    project = bundled_project()
    evidence = evidence_from_analysis(project.find(name), project.root)
    ask = Ask(Flat(), tau_prior(evidence.tau), 0.95, "central", evidence.direction)
    how = JointAsk.of(evidence.joint)
    return lambda: fit_designs(evidence.pools, evidence.series, ask, how.model)


def tremor_dbs(**options: object) -> JointModel:
    """Return the model of 46 studies of deep brain stimulation at four times."""
    with (ROOT / "tests/references/tremor_dbs.csv").open() as file:
        rows = list(csv.DictReader(file))
    study, time_, y, variance = (
        [row[name] for row in rows] for name in ("study", "time", "estimate", "variance")
    )
    given = {"tau": HalfNormal(10), "between": BETWEEN, "within": WITHIN} | options
    return longitudinal_model(
        study,
        np.array(time_, float),
        np.array(y, float),
        np.sqrt(np.array(variance, float)),
        **given,
    )


def review(outcome: str, scale: float) -> JointModel:
    """Return the model of an outcome of the bundled review."""
    with (ROOT / "data/sle_msc/contrasts.csv").open() as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["outcome"] == outcome and row["in_published_pool"] == "yes"
        ]
    columns = [[float(row[name]) for row in rows] for name in ("time_months", "estimate", "se")]
    return longitudinal_model(
        [row["study"] for row in rows], *columns,
        tau=HalfNormal(scale), between=BETWEEN, within=WITHIN,
    )  # fmt: skip


if __name__ == "__main__":
    main()
