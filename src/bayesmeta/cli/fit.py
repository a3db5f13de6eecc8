"""``bayesmeta fit``: the exact answer first, then NUTS, then the files."""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bayesmeta.cli import show
from bayesmeta.cli.show_joint import joint_answer
from bayesmeta.cli.show_regression import regression_answer
from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.fit import Fit, fit
from bayesmeta.fit.result import LONG_COLUMNS, Engine
from bayesmeta.fit.run import SEED
from bayesmeta.fit.save import folder_for, to_json

_PRIORS = ("mu", "tau", "rho", "beta", "tau_within")


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
    formula: str | None
    predict: tuple[str, ...]
    joint: dict[str, Any]


def run(request: Request) -> int:
    """Fit, print and save; return the exit status."""
    console = show.console() if request.format == "table" else None
    found = _exact(request)
    folder = folder_for(request.output or Path("bayesmeta-output") / found.name)
    if console:
        show.answer(console, found)
        joint_answer(console, found)
        regression_answer(console, found)
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


def priors_of(
    texts: tuple[str, ...], names: tuple[str, ...] = ("mu", "tau"), *, others: bool = False
) -> dict[str, Any]:
    """Read ``NAME=PRIOR`` options; ``others`` may be named too, such as coefficients.

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
        if name not in names and not others:
            raise InputError(f"--prior names {name!r}: {did_you_mean(name, names)}")
        if name in found:
            raise InputError(f"--prior {name} is given twice: {found[name]!r} and {prior!r}")
        found[name] = prior.strip("'\"")
    return found


def point_of(text: str) -> dict[str, float | str]:
    """Read values of moderators.

    Examples
    --------
    >>> point_of("latitude=33, allocation=random")
    {'latitude': 33.0, 'allocation': 'random'}
    """
    point: dict[str, float | str] = {}
    for part in text.split(","):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not value:
            raise InputError(f"--predict is {text!r}: expected the like of 'latitude=33'")
        try:
            point[name] = float(value)
        except ValueError:
            point[name] = value
    return point


def _exact(request: Request) -> Fit:
    priors = priors_of(request.priors, _PRIORS, others=request.formula is not None)
    named = {name: priors.pop(name) for name in priors.keys() - _PRIORS}
    return fit(
        request.source,
        measure=request.measure,
        **priors,
        **request.joint,
        formula=request.formula,
        coefficients=named,
        predict=[point_of(text) for text in request.predict],
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
    with show.sampling(len(found.rows) + (found.joint is not None)) as (_, advance):
        return found.with_nuts(engine, done=lambda _: advance())


def _save(found: Fit, folder: Path) -> list[Path]:
    from bayesmeta.plots import save_bubble, save_course, save_forest, save_posterior

    figures = (save_forest, save_posterior, save_course, save_bubble)
    return [*found.save(folder), *(path for save in figures for path in save(found, folder))]


def _print_csv(found: Fit) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(LONG_COLUMNS)
    writer.writerows(found.long())
