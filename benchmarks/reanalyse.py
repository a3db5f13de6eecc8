"""Time of a review of 100 outcomes by 20 studies, and of a library of 300,000 meta-analyses.

``python benchmarks/reanalyse.py``: best and median of repeated runs in one process, one BLAS
thread, after import, reading included. The library's figure is the rate at which the processes of
this machine go through folders of such reviews, and of smaller ones as reviews mostly are, from
the first result on.
"""

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as Tree

import numpy as np

from bayesmeta.appraisal.reanalysis.library import reanalyse_folder
from bayesmeta.appraisal.reanalysis.run import SUMMARIES, Priors, reanalyse_review
from bayesmeta.appraisal.reanalysis.values import Reanalysis
from bayesmeta.engines import exact
from bayesmeta.engines.exact import Quantity
from bayesmeta.engines.ragged import fit_pools
from bayesmeta.evidence.revman import pool_of, read_review
from bayesmeta.models import NormalNormal, model_for
from bayesmeta.priors import Flat, HalfNormal

LIBRARY = 300_000
"""Meta-analyses, roughly, of a library the size of Cochrane's."""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rng = np.random.default_rng(1)
        path = write(folder / "review.rm5", [20] * 100, rng)
        print(f"100 outcomes of 20 studies, {path.stat().st_size / 1e6:.1f} MB of XML")
        measured("read", lambda: read_review(path))
        measured("read, reanalyse (mark: 2 s)", lambda: reanalysed(path))
        measured("the same, to JSON", lambda: json.dumps(reanalysed(path).to_dict()))
        measured("the same, without study effects", lambda: reanalysed(path, SUMMARIES))
        models = models_of(path)
        for what, quantities in (("", exact.QUANTITIES), (", no study effects", SUMMARIES)):
            batches = partial(fit_pools, models, quantities=quantities, modes=not what)
            together = measured(f"posteriors in batches{what}", batches)
            alone = measured(
                f"posteriors one by one{what}", partial(one_by_one, models, quantities)
            )
            print(f"in batches {alone / together:.1f} times as fast")
        library(folder, rng)


def library(folder: Path, rng: np.random.Generator) -> None:
    """Time folders of reviews by one process and by all, and say what 300,000 would take."""
    for what, sizes, n in (
        ("100 outcomes of 20 studies", lambda: [20] * 100, 12),
        ("30 outcomes of 1 to 20 studies", lambda: np.minimum(rng.geometric(0.2, 30), 20), 60),
    ):
        place = folder / what.replace(" ", "-")
        place.mkdir()
        for i in range(n):
            write(place / f"{i}.rm5", list(sizes()), rng)
        for workers in dict.fromkeys((1, os.cpu_count() or 1)):
            times: list[float] = []
            done = partial(lambda times: times.append(time.perf_counter()), times)
            found = reanalyse_folder(place, folder / "all.parquet", workers=workers, done=done)
            rate = found.rows * (n - 1) / n / (times[-1] - times[0]) / workers
            print(
                f"{n} reviews of {what}, {workers} process{'es' * (workers > 1)}: {rate:,.0f} "
                f"outcomes per second per core; {LIBRARY:,} would take {LIBRARY / rate / 60:.0f} "
                "minutes of one core"
            )


def measured(what: str, call: Callable[[], object], runs: int = 7) -> float:
    """Print best and median seconds, and return the best."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    print(f"{what:42s} best {min(times):.3f} s, median {statistics.median(times):.3f} s")
    return min(times)


def reanalysed(path: Path, quantities: tuple[Quantity, ...] = exact.QUANTITIES) -> Reanalysis:
    return reanalyse_review(read_review(path), Priors(), quantities)


def models_of(path: Path) -> list[NormalNormal]:
    pools = [pool for outcome in read_review(path).outcomes if (pool := pool_of(outcome)[0])]
    return [model_for(pool.y, pool.se, Flat(), HalfNormal(0.5)) for pool in pools]


def one_by_one(models: list[NormalNormal], quantities: tuple[Quantity, ...]) -> None:
    for model in models:
        exact.fit(model, quantities=quantities)


def write(path: Path, sizes: list[int], rng: np.random.Generator) -> Path:
    """Write a review of odds ratios with so many studies in each outcome, as RevMan lays it out."""
    root = Tree.Element("COCHRANE_REVIEW")
    Tree.SubElement(Tree.SubElement(root, "COVER_SHEET"), "TITLE").text = "Simulated"
    analyses = Tree.SubElement(root, "ANALYSES_AND_DATA")
    comparison = Tree.SubElement(analyses, "COMPARISON", ID="CMP-001")
    for i, k in enumerate(sizes, 1):
        outcome = Tree.SubElement(
            comparison,
            "DICH_OUTCOME",
            ID=f"CMP-001.{i:03d}",
            METHOD="MH",
            EFFECT_MEASURE="OR",
            RANDOM="YES",
            TOTALS="YES",
            ESTIMABLE="YES",
            EFFECT_SIZE="1.0",
        )
        Tree.SubElement(outcome, "NAME").text = f"Outcome {i}"
        risk = rng.uniform(0.1, 0.5)
        n = rng.integers(30, 300, (k, 2))
        events = rng.binomial(n, np.clip(risk * np.exp(rng.normal(0, 0.2, (k, 2))), 0.02, 0.95))
        for j in range(k):
            names = "TOTAL_1", "TOTAL_2", "EVENTS_1", "EVENTS_2"
            cells = zip(names, (*n[j], *events[j]), strict=True)
            Tree.SubElement(
                outcome,
                "DICH_DATA",
                STUDY_ID=f"STD-Study-{j}",
                ESTIMABLE="YES",
                **{name: str(cell) for name, cell in cells},
            )
    Tree.ElementTree(root).write(path, encoding="ISO-8859-1", xml_declaration=True)
    return path


if __name__ == "__main__":
    main()
