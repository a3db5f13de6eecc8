"""Time and memory of prior sweeps, side by side with fits one at a time.

``python benchmarks/sensitivity.py``: best and median of repeated runs in one process, one BLAS
thread, after import; memory is the peak of a run by tracemalloc. One-at-a-time fits, and those of
R's bayesmeta where `Rscript` has it, are of a sample of the priors, times their number.
"""

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import csv
import shutil
import statistics
import subprocess
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from bayesmeta.engines import exact
from bayesmeta.engines.sweep import sweep, sweep_grid
from bayesmeta.models import NormalNormal
from bayesmeta.priors import Fixed, Flat, MuPrior, Normal, TauPrior, tau_prior

QUANTITIES = ("mu", "theta_new", "tau")
FORMS = (
    "half-normal({s})",
    "half-cauchy({s})",
    "half-student-t(4, {s})",
    "half-logistic({s})",
    "exponential({rate})",
    "lomax(2, {s})",
    "log-normal({log}, 0.87)",
    "gamma(2, {rate})",
    "weibull(1.5, {s})",
    "uniform(0, {twice})",
)
"""Each at scales from 0.05 to 5 typical standard errors."""

R = """
library(bayesmeta)
y <- c({y}); s <- c({se}); scales <- c({scales})
once <- function(scale) {{
  fit <- bayesmeta(y, s, tau.prior = function(t) dhalfnormal(t, scale))
  fit$summary; fit$pposterior(mu = 0)
}}
cat(system.time(for (scale in scales) once(scale))["elapsed"] / length(scales))
"""


def main() -> None:
    data = {"SLEDAI, 12 months": sledai(), "eight schools": EIGHT_SCHOOLS, "simulated": of_size(29)}
    r = shutil.which("Rscript")
    print("mean, SD, median, 95 % interval of mu, theta_new and tau, and P(mu < 0)")
    for name, (y, se) in data.items():
        print(f"\n{name}, k = {len(y)}")
        model = NormalNormal(y, se, Flat(), Fixed(0))
        typical = float(np.median(se))
        alone = one_at_a_time(y, se, grid(40, typical))
        print(f"{'':22s} {'best s':>8s} {'median':>8s} {'mark':>6s} {'MB':>5s}  alone / this")
        for size, mark, runs in ((1_000, 0.1, 15), (10_000, 1.0, 5)):
            taus = grid(size, typical)
            show(f"{size:,} on tau", mark, runs, alone * size, partial(sweep, model, taus))
        call = partial(sweep_grid, model, ten(typical), taus)
        show("10 on mu x 10,000 on tau", 6.0, 2, alone * 10 * size, call)
        if r and (seconds := r_seconds(r, y, se, typical)):
            print(
                f"R's bayesmeta: {seconds:.2f} s a prior, {seconds / alone:,.0f} times a fit here"
            )
        else:
            print("R's bayesmeta: not installed, no ratio to it")


def show(what: str, mark: float, runs: int, alone: float, call: Callable[[], object]) -> None:
    """Print the time and memory of a sweep, and the ratio of fits one at a time to it."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    best, median = min(times), statistics.median(times)
    print(f"{what:24s} {best:6.3f} {median:8.3f} {mark:6.1f} {peak:5.0f}  {alone / best:,.0f}")


def one_at_a_time(y: np.ndarray, se: np.ndarray, taus: list[TauPrior]) -> float:
    """Return the mean seconds of a fit, the best of three rounds."""
    rounds = []
    for _ in range(3):
        start = time.perf_counter()
        for tau in taus:
            exact.fit(NormalNormal(y[None], se[None], Flat(), tau), quantities=QUANTITIES)
        rounds.append((time.perf_counter() - start) / len(taus))
    return min(rounds)


def r_seconds(r: str, y: np.ndarray, se: np.ndarray, typical: float) -> float | None:
    """Return R's seconds a half-normal prior, the mean of five; None without its bayesmeta."""
    values = (", ".join(map(repr, map(float, part))) for part in (y, se, typical * SCALES_OF_R))
    script = R.format(**dict(zip(("y", "se", "scales"), values, strict=True)))
    done = subprocess.run([r, "-e", script], capture_output=True, text=True, check=False)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


SCALES_OF_R = np.geomspace(0.05, 5, 5)


def grid(size: int, typical: float) -> list[TauPrior]:
    """Return `size` priors on tau: every family at as many scales."""
    scales = typical * np.geomspace(0.05, 5, size // len(FORMS))
    return [
        tau_prior(form.format(s=s, rate=1 / s, log=np.log(s), twice=2 * s))
        for form in FORMS
        for s in scales
    ]


def ten(typical: float) -> list[MuPrior]:
    """Return a flat prior on mu, and nine that are sceptical, enthusiastic or adverse."""
    spread = [(mean, sd) for mean in (0, 0.5, -1) for sd in (0.5, 2, 20)]
    return [Flat(), *(Normal(mean * typical, sd * typical) for mean, sd in spread)]


EIGHT_SCHOOLS = (
    np.array([28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16]),
    np.array([14.9, 10.2, 16.3, 11.0, 9.4, 11.4, 10.4, 17.6]),
)


def sledai() -> tuple[np.ndarray, np.ndarray]:
    """Return the review's pool of SLEDAI at 12 months."""
    path = Path(__file__).parents[1] / "data" / "sle_msc" / "contrasts.csv"
    with path.open() as file:
        rows = [
            (float(row["estimate"]), float(row["se"]))
            for row in csv.DictReader(file)
            if (row["outcome"], row["time_months"], row["in_published_pool"])
            == ("sledai", "12", "yes")
        ]
    y, se = np.array(rows).T
    return y, se


def of_size(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return simulated log ratios of k trials."""
    rng = np.random.default_rng(20200527)
    se = np.exp(rng.normal(np.log(0.25), 0.6, k))
    return rng.normal(-0.3, np.hypot(se, 0.2)), se


if __name__ == "__main__":
    main()
