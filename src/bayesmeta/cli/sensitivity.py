"""``bayesmeta sensitivity``: every prior of a grid, then the files."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bayesmeta.appraisal.sensitivity import Sensitivity, sensitivity
from bayesmeta.cli import show, show_sensitivity
from bayesmeta.cli.fit import priors_of
from bayesmeta.fit.run import SEED
from bayesmeta.fit.save import folder_for


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    source: str
    measure: str | None
    grid: Path | None
    priors: tuple[str, ...]
    at: float | None
    engine: str
    level: float
    direction: str | None
    draws: int
    seed: int | None
    format: str
    output: Path | None
    project: Path | None


def run(request: Request) -> int:
    """Sweep, print and save; return the exit status."""
    console = show.console() if request.format == "table" else None
    found = sensitivity(
        request.source,
        grid=request.grid,
        measure=request.measure,
        **priors_of(request.priors),
        at=request.at,
        direction=cast(Any, request.direction),
        level=request.level,
        project=request.project,
    )
    folder = folder_for(request.output or Path("bayesmeta-output") / f"{found.name}-sensitivity")
    if console:
        show_sensitivity.answer(console, found)
    if request.engine == "nuts":
        found = _sampled(found, request, visible=console is not None)
        if console:
            show_sensitivity.agreement(console, found)
    if request.format == "csv":
        found.table().to_csv(sys.stdout, index=False)
    elif request.format == "json":
        print(json.dumps(found.to_dict(), indent=2, allow_nan=False, ensure_ascii=False))
    from bayesmeta.plots import save_sensitivity

    written = [*found.save(folder), *save_sensitivity(found, folder)]
    if console:
        show_sensitivity.closing(console, written)
    return 0 if found.converged else 3


def _sampled(found: Sensitivity, request: Request, *, visible: bool) -> Sensitivity:
    seed = SEED if request.seed is None else request.seed
    if not visible:
        return found.with_nuts(draws=request.draws, seed=seed)
    with show.sampling() as (start, done):
        return found.with_nuts(draws=request.draws, seed=seed, start=start, done=done)
