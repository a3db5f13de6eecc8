"""From a name, a file or a table to a `Fit`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.evidence import (
    Convention,
    Evidence,
    Pool,
    Project,
    bundled_project,
    evidence_from_analysis,
    evidence_from_table,
)
from bayesmeta.fit.events import Event
from bayesmeta.fit.numbers import Ask
from bayesmeta.fit.result import Engine, Fit, VariantRows, fit_rows
from bayesmeta.models import default_mu, default_tau
from bayesmeta.priors import MuPrior, TauPrior, check_measure, mu_prior, tau_prior
from bayesmeta.priors.text import example

if TYPE_CHECKING:
    import pandas as pd

SEED = 20200527
"""Used where nobody gives a seed."""


def fit(
    source: "str | Path | pd.DataFrame | Mapping[str, Iterable[Any]]",
    *,
    measure: str | None = None,
    mu: MuPrior | str | None = None,
    tau: TauPrior | str | None = None,
    at: float | None = None,
    direction: str | None = None,
    level: float = 0.95,
    interval: Literal["central", "shortest"] = "central",
    prob: str | Iterable[str] = (),
    engine: Engine = "exact",
    draws: int = 1000,
    seed: int = SEED,
    project: str | Path | None = None,
    progress: bool = False,
) -> Fit:
    """Fit the random-effects model to every pool of an analysis or of a table.

    Parameters
    ----------
    source : str, Path, DataFrame or mapping
        Name of an analysis (``"sledai"``), a CSV file, or a table in memory with the columns
        that `bayesmeta.evidence.evidence_from_table` reads.
    measure : str, optional
        Of a table: OR, RR, RD, HR, MD, SMD, ROM, or GEN for effects taken as they are.
    mu, tau : prior or str, optional
        On the analysis scale: log for OR, RR, HR and ROM. By default those of the analysis file,
        else flat and half-normal with a scale by measure.
    at : float, optional
        Only the pools at this time.
    direction : {"lower", "higher"}, optional
        Which is better; needed for P(benefit) of a table.
    level : float
        Of every interval, between 0 and 1.
    interval : {"central", "shortest"}
        Kind of the credible intervals.
    prob : str or iterable of str
        Events such as ``"mu < -4"`` whose probability the table and the JSON show (`Fit.prob`).
    engine : {"exact", "nuts", "both"}
        ``nuts`` and ``both`` sample too (seconds, most of them spent compiling).
    draws : int
        Of each of four chains.
    seed : int
    project : path, optional
        Folder with ``data/`` and ``models/`` of your own.
    progress : bool
        Show a progress bar while sampling.

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        One line that says what in the input cannot be used, and what is expected.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> schools = {"study": ["A", "B", "C"], "estimate": [28, 8, -3], "se": [15, 10, 16]}
    >>> fit = bm.fit(schools, tau=bm.HalfNormal(10), mu="normal(0, 50)")
    >>> round(fit.prob("mu > 0"), 3)
    0.883
    """
    check_level(level, direction)
    check_sampling(draws, seed)
    _known(interval, ("central", "shortest"), "interval")
    _known(engine, ("exact", "nuts", "both"), "engine")
    evidence = gather(source, measure=measure, direction=direction, project=project)
    ask = Ask(
        *priors_for(evidence, mu, tau),
        level=level,
        interval=interval,
        direction=direction or evidence.direction,  # type: ignore[arg-type]
        events=tuple(map(Event.read, [prob] if isinstance(prob, str) else prob)),
    )
    named = {"mu": mu or evidence.mu, "tau": tau or evidence.tau}
    default_priors = frozenset(name for name, given in named.items() if given is None)
    found = fit_evidence(evidence, ask, default_priors, at=at, draws=draws, seed=seed)
    return found if engine == "exact" else found.with_nuts(engine, progress=progress)


def fit_evidence(
    evidence: Evidence,
    ask: Ask,
    default_priors: frozenset[str],
    *,
    at: float | None = None,
    draws: int = 1000,
    seed: int = SEED,
) -> Fit:
    """Fit every pool at a time, and those of the variants, by the exact engine."""
    variants = tuple(
        VariantRows(variant.name, variant.reason, fit_rows(kept, evidence, ask))
        for variant in evidence.variants
        if (kept := tuple(pool for pool in variant.pools if at is None or pool.time == at))
    )
    return Fit(
        evidence=evidence,
        ask=ask,
        default_priors=default_priors,
        engine="exact",
        seed=seed,
        draws=draws,
        rows=fit_rows(at_time(evidence.pools, at), evidence, ask),
        variants=variants,
    )


def gather(
    source: "str | Path | pd.DataFrame | Mapping[str, Iterable[Any]]",
    *,
    measure: str | None,
    direction: str | None,
    project: str | Path | None,
    convention: Convention = "metafor",
) -> Evidence:
    """Return the evidence that a name, a file or a table stands for.

    ``convention`` is that of a table; an analysis file names its own.
    """
    rules: dict[str, Any] = {"measure": measure, "direction": direction, "convention": convention}
    if not isinstance(source, (str, Path)):
        table: Any = source
        columns = {str(name): list(table[name]) for name in table}
        return evidence_from_table(columns, **rules)
    if is_table(source):
        return evidence_from_table(Path(source), **rules)
    return evidence_from_analysis(*analysis_of(str(source), measure=measure, project=project))


def is_table(source: str | Path) -> bool:
    """Say whether a text is the path of a table, and not the name of an analysis."""
    return str(source).lower().endswith((".csv", ".tsv", ".txt")) or Path(source).is_file()


def analysis_of(name: str, *, measure: str | None, project: str | Path | None) -> tuple[Path, Path]:
    """Return the file of an analysis, and the folder of its project."""
    home = bundled_project() if project is None else Project(Path(project))
    if measure is not None:
        raise InputError(
            f"--measure is for a table of your own: the analysis {name!r} names its measure itself"
        )
    return home.find(name), home.root


def priors_for(
    evidence: Evidence, mu: MuPrior | str | None, tau: TauPrior | str | None
) -> tuple[MuPrior, TauPrior]:
    """Return the priors asked for, else those of the analysis, else the defaults."""
    mu_text, tau_text = mu or evidence.mu, tau or evidence.tau
    on_mu = mu_prior(mu_text) if isinstance(mu_text, str) else mu_text or default_mu()
    on_tau = tau_prior(tau_text) if isinstance(tau_text, str) else tau_text or default_tau(evidence)
    check_priors(evidence, on_mu, on_tau)
    return on_mu, on_tau


def check_level(level: float, direction: str | None = None) -> None:
    """Raise `InputError` unless the level is a probability and the direction, if any, is known."""
    if not 0 < level < 1:
        raise InputError(f"level is {level:g}: expected a number between 0 and 1, such as 0.95")
    if direction is not None:
        _known(direction, ("lower", "higher"), "direction")


def check_sampling(draws: int, seed: int) -> None:
    """Raise `InputError` unless NUTS can take so many draws, and the seed."""
    if draws < 4:
        raise InputError(f"draws is {draws}: expected 4 or more of each chain")
    check_seed(seed)


def check_seed(seed: int) -> None:
    """Raise `InputError` where a seed is below 0."""
    if seed < 0:
        raise InputError(f"seed is {seed}: expected a whole number, 0 or more")


def check_priors(evidence: Evidence, mu: MuPrior, tau: TauPrior) -> None:
    """Raise `InputError` unless a fit takes these priors with this measure."""
    for name, prior, kind in (("mu", mu, MuPrior), ("tau", tau, TauPrior)):
        if not isinstance(prior, kind):
            raise InputError(
                f"{name} is {prior!r}: expected a prior on {name}, or its text form, such as "
                f"{example(name)}"
            )
    for prior in (mu, tau):
        check_measure(prior, evidence.measure.name)


def at_time(pools: tuple[Pool, ...], at: float | None) -> tuple[Pool, ...]:
    """Return the pools at a time, all where none is asked for."""
    kept = tuple(pool for pool in pools if at is None or pool.time == at)
    if kept:
        return kept
    times = ", ".join(f"{pool.time:g}" for pool in pools if pool.time is not None)
    raise InputError(
        f"nothing at time {at:g}: there is {times}" if times else f"no times here, and {at:g} asked"
    )


def _known(word: str, choices: tuple[str, ...], what: str) -> None:
    if word not in choices:
        raise InputError(f"unknown {what} {word!r}: {did_you_mean(word, choices)}")
