"""Time and memory of the exact engine: ``python benchmarks/exact.py``.

Medians of many runs, one BLAS thread, after import. Figures of R's bayesmeta are from the
issue that set the marks (bayesmeta 3.4 at its default tolerance, a machine of the same kind).
"""

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

from bayesmeta.engines import exact
from bayesmeta.models import NormalNormal
from bayesmeta.priors import HalfNormal, Normal

EIGHT_SCHOOLS = (
    np.array([28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16]),
    np.array([14.9, 10.2, 16.3, 11.0, 9.4, 11.4, 10.4, 17.6]),
)


def main() -> None:
    rng = np.random.default_rng(20200527)
    mu, tau = Normal(0, 50), HalfNormal(10)

    def of(k: int, spread: float) -> NormalNormal:
        se = rng.uniform(5, 20, k)
        y = rng.normal(8, np.hypot(se, spread))
        return NormalNormal(y[None], se[None], mu, tau)

    y, se = EIGHT_SCHOOLS
    eight = NormalNormal(y[None], se[None], mu, tau)
    every = rng.normal(8, np.hypot(se, 5), (10_000, 8))
    replicates = NormalNormal(every, np.tile(se, (10_000, 1)), mu, tau)
    print(f"{'what':58s} {'ms':>8s} {'mark':>6s} {'MB':>6s} {'nodes':>6s} {'error':>8s}  R / this")
    for what, model, mark, r_seconds in (
        ("eight schools, every summary", eight, 2, 1.8),
        ("k = 100 (tau 5), every summary", of(100, 5), 6, 105),
        ("k = 100 (tau 10), every summary", of(100, 10), 6, 105),
        ("k = 1,000 (tau 10), every summary", of(1000, 10), 40, None),
        ("k = 1,000 (tau 3), every summary", of(1000, 3), 40, None),
    ):
        for interval in ("central", "shortest"):
            ms, mb = measured(lambda m=model, i=interval: exact.fit(m, 0.95, i))
            posterior, found = exact.fit(model, 0.95, interval)
            nodes = posterior.fine.v.shape[-1]
            ratio = f"{1000 * r_seconds / ms:,.0f}" if r_seconds else ""
            error = found.numerical_error[0]
            print(
                f"{what + ', ' + interval:58s} {ms:8.2f} {mark:6d} {mb:6.1f} {nodes:6d} "
                f"{error:8.0e}  {ratio}"
            )
    ms, mb = measured(lambda: exact.fit_many(replicates, quantities=("mu", "tau")), runs=5)
    print(f"{'10,000 replicates of eight studies, mu and tau':58s} {ms:8.0f} {1500:6d} {mb:6.1f}")


def measured(call: Callable[[], object], runs: int = 40) -> tuple[float, float]:
    """Return the median time in milliseconds and the peak memory in megabytes."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return statistics.median(times), peak / 1e6


if __name__ == "__main__":
    main()
