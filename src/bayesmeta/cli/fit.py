"""``bayesmeta fit``: the exact answer first, then NUTS, then the files."""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bayesmeta.cli import show
from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.fit import Fit, fit
from bayesmeta.fit.result import LONG_COLUMNS, Engine
from bayesmeta.fit.run import SEED
from bayesmeta.fit.save import folder_for, to_json


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    source: str
    measure: str | None
    priors: tuple[str, ...]
    at: float | None
    engine: str
    level: float
    interval: str
    direction: str | None
    prob: tuple[str, ...]
    draws: int
    seed: int | None
    format: str
    output: Path | None
    project: Path | None


def run(request: Request) -> int:
    """Fit, print and save; return the exit status."""
    console = show.console() if request.format == "table" else None
    found = _exact(request)
    folder = folder_for(request.output or Path("bayesmeta-output") / found.name)
    if console:
        show.answer(console, found)
    if request.engine != "exact":
        found = _sampled(found, cast(Engine, request.engine), visible=console is not None)
        if console:
            show.agreement(console, found)
    if request.format == "json":
        print(to_json(found))
    elif request.format == "csv":
        _print_csv(found)
    saved = _save(found, folder)
    if console:
        show.closing(console, saved, folder)
    return 0 if found.converged else 3


def priors_of(texts: tuple[str, ...]) -> dict[str, Any]:
    """Read ``NAME=PRIOR`` options.

    Examples
    --------
    >>> priors_of(("tau=half-normal(0.5)", "mu = flat"))
    {'tau': 'half-normal(0.5)', 'mu': 'flat'}
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, prior = (part.strip() for part in text.partition("="))
        if not equals:
            raise InputError(f"--prior is {text!r}: expected the like of tau='half-normal(0.5)'")
        if name not in ("mu", "tau"):
            raise InputError(f"--prior names {name!r}: {did_you_mean(name, ('mu', 'tau'))}")
        if name in found:
            raise InputError(f"--prior {name} is given twice: {found[name]!r} and {prior!r}")
        found[name] = prior.strip("'\"")
    return found


def _exact(request: Request) -> Fit:
    return fit(
        request.source,
        measure=request.measure,
        **priors_of(request.priors),
        at=request.at,
        direction=request.direction,
        level=request.level,
        interval=cast(Any, request.interval),
        prob=request.prob,
        draws=request.draws,
        seed=SEED if request.seed is None else request.seed,
        project=request.project,
    )


def _sampled(found: Fit, engine: Engine, *, visible: bool) -> Fit:
    if not visible:
        return found.with_nuts(engine)
    with show.sampling(len(found.rows)) as (_, advance):
        return found.with_nuts(engine, done=lambda _: advance())


def _save(found: Fit, folder: Path) -> list[Path]:
    from bayesmeta.plots import save_forest, save_posterior

    return [*found.save(folder), *save_forest(found, folder), *save_posterior(found, folder)]


def _print_csv(found: Fit) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(LONG_COLUMNS)
    writer.writerows(found.long())
