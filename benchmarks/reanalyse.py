"""Time of a review of 100 outcomes by 20 studies, and of a library of 300,000 meta-analyses.

``python benchmarks/reanalyse.py``: best and median of repeated runs in one process, one BLAS
thread, after import, reading included. One at a time is `exact.fit` of the same pools. The library
is a folder of such reviews, and of smaller ones as reviews mostly are, reanalysed by the processes
of this machine; its figure is their rate, starting included.
"""

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as Tree

import numpy as np

from bayesmeta.appraisal.reanalysis.library import reanalyse_folder
from bayesmeta.appraisal.reanalysis.run import SUMMARIES, Priors, reanalyse_review
from bayesmeta.engines import exact
from bayesmeta.evidence.revman import pool_of, read_review
from bayesmeta.models import model_for
from bayesmeta.priors import Flat, HalfNormal

LIBRARY = 300_000
"""Meta-analyses, roughly, of a library the size of Cochrane's."""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rng = np.random.default_rng(1)
        review = write(folder / "review.rm5", [20] * 100, rng)
        print(f"100 outcomes of 20 studies, {review.stat().st_size / 1e6:.1f} MB of XML")
        read = measured("read", lambda: read_review(review))
        measured("read, reanalyse (mark: 2 s)", lambda: reanalysed(review))
        measured("the same, to JSON", lambda: json.dumps(reanalysed(review).to_dict()))
        measured("the same, without study effects", lambda: rows(review))
        alone = measured("one at a time, exact engine alone", lambda: one_at_a_time(review))
        batch = measured("the same pools in batches", lambda: rows(review)) - read
        print(f"in batches {alone / batch:.1f} times as fast as one at a time")
        library(folder, rng)


def library(folder: Path, rng: np.random.Generator) -> None:
    """Time a folder of reviews by one process and by all, and say what 300,000 would take."""
    for what, sizes, n in (
        ("100 outcomes of 20 studies", lambda: [20] * 100, 8),
        ("30 outcomes of 1 to 20 studies", lambda: np.minimum(rng.geometric(0.2, 30), 20), 40),
    ):
        place = folder / what.replace(" ", "-")
        place.mkdir()
        for i in range(n):
            write(place / f"{i}.rm5", list(sizes()), rng)
        for workers in dict.fromkeys((1, os.cpu_count() or 1)):
            start = time.perf_counter()
            found = reanalyse_folder(place, folder / "all.parquet", workers=workers)
            seconds = time.perf_counter() - start
            rate = found.rows / seconds / workers
            print(
                f"{n} reviews of {what}, {workers} process{'es' * (workers > 1)}: {seconds:.1f} s, "
                f"{rate:,.0f} outcomes per second per core; {LIBRARY:,} would take "
                f"{LIBRARY / rate / 60:.0f} minutes of one core"
            )


def measured(what: str, call: Callable[[], object], runs: int = 7) -> float:
    """Print best and median seconds, and return the best."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    print(f"{what:36s} best {min(times):.3f} s, median {statistics.median(times):.3f} s")
    return min(times)


def reanalysed(path: Path):
    return reanalyse_review(read_review(path), Priors())


def rows(path: Path):
    return reanalyse_review(read_review(path), Priors(), SUMMARIES)


def one_at_a_time(path: Path) -> None:
    for outcome in read_review(path).outcomes:
        pool, _ = pool_of(outcome)
        exact.fit(model_for(pool.y, pool.se, Flat(), HalfNormal(0.5)), quantities=SUMMARIES)


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
