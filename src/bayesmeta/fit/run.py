"""From a name, a file or a table to a `Fit`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bayesmeta.errors import InputError, did_you_mean
from bayesmeta.evidence import (
    Convention,
    Evidence,
    JointSpec,
    Pool,
    Project,
    bundled_project,
    evidence_from_analysis,
    evidence_from_table,
)
from bayesmeta.fit.events import Event
from bayesmeta.fit.joint import Joint, fit_longitudinal
from bayesmeta.fit.joint_ask import JointAsk
from bayesmeta.fit.numbers import Ask
from bayesmeta.fit.regression import Regression, fit_regression, levels_of
from bayesmeta.fit.result import Engine, Fit, Row, VariantRows, fit_rows
from bayesmeta.models import default_mu, default_tau
from bayesmeta.priors import Flat, MuPrior, Normal, TauPrior, check_measure, mu_prior, tau_prior
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
    model: str | None = None,
    between: str | None = None,
    within_correlation: float | str | None = None,
    rho: float | str | None = None,
    mean: str | None = None,
    rho_lag: float | None = None,
    tau_per_time: bool | None = None,
    tau_within: TauPrior | str | None = None,
    formula: str | None = None,
    beta: MuPrior | str | None = None,
    coefficients: Mapping[str, MuPrior | str] | None = None,
    predict: Iterable[Mapping[str, float | str]] = (),
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
    model : {"normal-normal", "longitudinal", "multilevel"}, optional
        ``longitudinal`` joins all times in one model beside the pools of each: `Fit.joint`.
        ``multilevel`` takes a table whose studies have several effects: `Fit.regression`.
    between : {"cs", "ar1", "unstructured"}, optional
        Covariance over time of the true effects of a study: compound symmetry, the default, AR(1)
        in continuous time, or a tau a time and any correlations.
    within_correlation, rho : float or str, optional
        Of the errors of a study's estimates over time, and of its true effects: a number, or a
        prior such as ``"uniform(0, 0.95)"``, the default of the first; ``"uniform(0, 1)"`` is that
        of the second.
    mean : str, optional
        The pooled course over time: ``"per-time"``, the default, ``"linear"``, ``"log-linear"``,
        ``"spline"``, ``"plateau(half-normal(6))"`` with a prior on the half-life, or
        ``"random-walk(half-normal(1))"`` with one on the SD of the change in a unit of time.
    rho_lag : float, optional
        The gap of time to which an AR(1) correlation belongs, 1 by default.
    tau_per_time : bool, optional
        A tau for each time, instead of one.
    tau_within : prior or str, optional
        On the SD of the effects within a study of a multilevel model; that of tau by default.
    formula : str, optional
        Meta-regression of a single pool on columns of the table, such as
        ``"~ latitude + C(allocation)"``: `Fit.regression`.
    beta : prior or str, optional
        On the coefficients of a regression but the intercept, whose prior is that of mu, and on
        the slope of a straight course; flat by default.
    coefficients : mapping of str to prior or str, optional
        On coefficients of a regression by name, in place of these.
    predict : iterable of mapping
        Values of the moderators at which predictions are wanted; combinations of observed ones by
        default.
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
    multilevel = model == "multilevel"
    if tau_within is not None and not multilevel:
        raise InputError("tau_within is of the multilevel model: add --model multilevel")
    if formula is not None and model == "longitudinal":
        raise InputError(
            "a formula regresses the effects of one time, a longitudinal model joins all times: "
            "one of the two is expected"
        )
    evidence = gather(
        source, measure=measure, direction=direction, project=project, repeats=multilevel
    )
    spec = joint_spec(
        evidence,
        model,
        at,
        between=between,
        within_correlation=None if multilevel else within_correlation,
        rho=rho,
        mean=mean,
        rho_lag=rho_lag,
        tau_per_time=tau_per_time,
        beta=beta if formula is None else None,
    )
    ask = Ask(
        *priors_for(evidence, mu, tau),
        level=level,
        interval=interval,
        direction=direction or evidence.direction,  # type: ignore[arg-type]
        events=tuple(map(Event.read, [prob] if isinstance(prob, str) else prob)),
    )
    named = {"mu": mu or evidence.mu, "tau": tau or evidence.tau}
    default_priors = frozenset(name for name, given in named.items() if given is None)
    pools = fit_evidence(evidence, ask, default_priors, at=at, draws=draws, seed=seed)
    found = replace(
        pools,
        joint=None if spec is None else _joint(evidence, ask, spec, pools.rows),
        regression=_regression(
            evidence,
            tuple(row.pool for row in pools.rows),
            ask,
            "~ 1" if multilevel and formula is None else formula,
            beta="flat" if beta is None else beta,
            coefficients=coefficients,
            points=list(predict),
            levels=levels_of(ask.tau, tau_within, within_correlation) if multilevel else None,
        ),
    )
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
    repeats: bool = False,
) -> Evidence:
    """Return the evidence that a name, a file or a table stands for.

    ``convention`` is that of a table; an analysis file names its own.
    """
    rules: dict[str, Any] = {
        "measure": measure,
        "direction": direction,
        "convention": convention,
        "repeats": repeats,
    }
    if not isinstance(source, (str, Path)):
        table: Any = source
        columns = {str(name): list(table[name]) for name in table}
        return evidence_from_table(columns, **rules)
    if is_table(source):
        return evidence_from_table(Path(source), **rules)
    if repeats:
        raise InputError(f"a multilevel model is of a table of your own, not of '{source}'")
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


def joint_spec(
    evidence: Evidence, model: str | None, at: float | None, **given: Any
) -> JointSpec | None:
    """Return how the times are joined, None where each is to stand alone.

    What is given replaces what the analysis says, which replaces the defaults.
    """
    named: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if model is not None:
        _known(model, ("normal-normal", "longitudinal", "multilevel"), "model")
    if at is not None and (model == "longitudinal" or named):
        raise InputError(f"a longitudinal model joins all times: leave time {at:g} out")
    if (
        at is not None
        or model in ("normal-normal", "multilevel")
        or (model is None and evidence.joint is None)
    ):
        if named:
            word = next(iter(named)).replace("_", "-")
            raise InputError(f"{word} is of the longitudinal model: add --model longitudinal")
        return None
    before = JointSpec() if evidence.joint is None else evidence.joint
    for name in {"rho", "within_correlation", "beta"} & named.keys():
        named[name] = str(named[name])
    return replace(before, given=before.given | named.keys(), **named)


def _joint(evidence: Evidence, ask: Ask, spec: JointSpec, rows: tuple[Row, ...]) -> Joint:
    if not isinstance(ask.mu, Flat | Normal):
        raise InputError(
            f"{ask.mu} on mu: the joint model of all times takes flat or normal(mean, sd), and "
            f"--model normal-normal pools each time alone"
        )
    widths = [(row.exact.mu.ci_high or 0.0) - (row.exact.mu.ci_low or 0.0) for row in rows]
    return fit_longitudinal(
        evidence.pools, evidence.alternatives, ask, JointAsk.of(spec), widths, evidence.series
    )


def _regression(
    evidence: Evidence,
    pools: tuple[Pool, ...],
    ask: Ask,
    formula: str | None,
    *,
    coefficients: Mapping[str, MuPrior | str] | None,
    points: list[Mapping[str, float | str]],
    **options: Any,
) -> Regression | None:
    if formula is None:
        for name, given in (("coefficients", coefficients), ("predict", points)):
            if given:
                raise InputError(f"{name} is of a meta-regression: give a formula too")
        return None
    if len(pools) > 1:
        raise InputError(
            f"a formula is for one outcome at one time, and there are {len(pools)} pools: choose a "
            f"time with --at"
        )
    return fit_regression(
        pools[0],
        formula,
        ask,
        evidence.source,
        coefficients=coefficients,
        points=points,
        **options,
    )


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
