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
from bayesmeta.fit.numbers import Ask
from bayesmeta.fit.result import Engine, Fit, VariantRows, fit_rows
from bayesmeta.models import default_mu, default_tau
from bayesmeta.priors import (
    Flat,
    MuPrior,
    Normal,
    TauPrior,
    check_measure,
    mu_prior,
    tau_prior,
)
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
    check_level(level)
    if draws < 4:
        raise InputError(f"draws is {draws}: expected 4 or more of each chain")
    check_seed(seed)
    _known(interval, ("central", "shortest"), "interval")
    _known(engine, ("exact", "nuts", "both"), "engine")
    if direction is not None:
        _known(direction, ("lower", "higher"), "direction")
    evidence = gather(source, measure=measure, direction=direction, project=project)
    pools = at_time(evidence.pools, at)
    mu_text, tau_text = mu or evidence.mu, tau or evidence.tau
    ask = Ask(
        mu=mu_prior(mu_text) if isinstance(mu_text, str) else mu_text or default_mu(),
        tau=tau_prior(tau_text) if isinstance(tau_text, str) else tau_text or default_tau(evidence),
        level=level,
        interval=interval,
        direction=direction or evidence.direction,  # type: ignore[arg-type]
    )
    for name, prior, kind in (("mu", ask.mu, MuPrior), ("tau", ask.tau, TauPrior)):
        if not isinstance(prior, kind):
            raise InputError(
                f"{name} is {prior!r}: expected a prior on {name}, or its text form, such as "
                f"{example(name)}"
            )
    if not isinstance(ask.mu, (Normal, Flat)):
        raise InputError(f"mu is {ask.mu}: so far a fit takes normal(mean, sd) or flat on mu")
    for prior in (ask.mu, ask.tau):
        check_measure(prior, evidence.measure.name)
    variants = tuple(
        VariantRows(variant.name, variant.reason, fit_rows(kept, evidence, ask))
        for variant in evidence.variants
        if (kept := tuple(pool for pool in variant.pools if at is None or pool.time == at))
    )
    named = {"mu": mu_text, "tau": tau_text}
    found = Fit(
        evidence=evidence,
        ask=ask,
        default_priors=frozenset(name for name, given in named.items() if given is None),
        engine="exact",
        seed=seed,
        draws=draws,
        rows=fit_rows(pools, evidence, ask),
        variants=variants,
    )
    return found if engine == "exact" else found.with_nuts(engine, progress=progress)


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
    text = str(source)
    if text.lower().endswith((".csv", ".tsv", ".txt")) or Path(text).is_file():
        return evidence_from_table(Path(text), **rules)
    home = bundled_project() if project is None else Project(Path(project))
    if measure is not None:
        raise InputError(
            f"--measure is for a table of your own: the analysis {text!r} names its measure itself"
        )
    return evidence_from_analysis(home.find(text), home.root)


def check_level(level: float) -> None:
    """Refuse a level that is no probability."""
    if not 0 < level < 1:
        raise InputError(f"level is {level:g}: expected a number between 0 and 1, such as 0.95")


def check_seed(seed: int) -> None:
    """Refuse a seed that is below 0."""
    if seed < 0:
        raise InputError(f"seed is {seed}: expected a whole number, 0 or more")


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
