"""The verbs and their options; what a verb runs is imported when it is asked for."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from bayesmeta import __version__

app = typer.Typer(
    help="Bayesian random-effects meta-analysis: exact where that is possible, NUTS where it is "
    "not, next to RevMan's numbers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


Source = Annotated[
    str, typer.Argument(help="Name of an analysis (see `bayesmeta list`) or a CSV file.")
]
MeasureOption = Annotated[
    str | None,
    typer.Option(help="Of a CSV file: OR, RR, RD, HR, MD, SMD, ROM, GEN.", metavar="NAME"),
]
AtOption = Annotated[float | None, typer.Option(help="Only this time.", metavar="TIME")]
DirectionOption = Annotated[
    Literal["lower", "higher"] | None, typer.Option(help="Which is better, for P(benefit).")
]
LevelOption = Annotated[float, typer.Option(help="Of every interval.")]
DrawsOption = Annotated[int, typer.Option(help="NUTS draws of each of four chains.")]
SeedOption = Annotated[int | None, typer.Option(help="Of every random step.")]
FormatOption = Annotated[
    Literal["table", "json", "csv"], typer.Option("--format", help="What standard output gets.")
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
ProjectOption = Annotated[
    Path | None,
    typer.Option("--project", help="Folder with data/ and models/ of your own.", metavar="DIR"),
]


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: DebugOption = False,
) -> None:
    """Bayesian random-effects meta-analysis."""
    if version:
        print(f"bayesmeta {__version__}")
        raise typer.Exit


@app.command()
def fit(
    source: Source,
    measure: MeasureOption = None,
    prior: Annotated[
        list[str] | None,
        typer.Option(
            help="tau='half-normal(0.5)' or mu='normal(0, 10)', on the analysis scale: log for OR, "
            "RR, HR, ROM, where normal(0, 1) on mu puts 95 % on ratios of 0.14 to 7.1. On tau: "
            "half-normal(scale), half-cauchy(scale), half-student-t(df, scale), half-logistic, "
            "exponential(rate), lomax, log-normal(mean, sd), log-student-t, inverse-gamma, gamma, "
            "weibull, pc, uniform(low, high), fixed(value); turner and rhodes by context; jeffreys "
            "and others of the data; flat, sqrt. On mu: normal(mean, sd), student-t(df, mean, "
            "scale), mixture(0.8 normal(0, 0.5), 0.2 normal(0, 10)), flat. On rho, the "
            "correlation between times of a longitudinal model: uniform(low, high), beta(a, b), "
            "fixed(value). README: all of them.",
            metavar="NAME=PRIOR",
        ),
    ] = None,
    at: AtOption = None,
    engine: Annotated[
        Literal["exact", "nuts", "both"],
        typer.Option(help="exact (quadrature), nuts, or both, compared."),
    ] = "both",
    level: LevelOption = 0.95,
    interval: Annotated[
        Literal["central", "shortest"], typer.Option(help="Kind of the credible intervals.")
    ] = "central",
    direction: DirectionOption = None,
    prob: Annotated[
        list[str] | None,
        typer.Option(
            help="Show the probability of an event, such as 'mu < -4', '-1 < mu < 1' or "
            "'theta_new > 0', on the analysis scale. May be repeated.",
            metavar="EVENT",
        ),
    ] = None,
    formula: Annotated[
        str | None,
        typer.Option(
            help="Meta-regression on columns of the table, '~ latitude + C(allocation)'. Priors: "
            "that on mu is the intercept's, beta=... is that of all others, latitude=... of one.",
            metavar="FORMULA",
        ),
    ] = None,
    predict: Annotated[
        list[str] | None,
        typer.Option(
            help="Values of the moderators, 'latitude=33, allocation=random', at which the effect "
            "is wanted. May be repeated. [default: combinations of observed values]",
            metavar="VALUES",
        ),
    ] = None,
    model: Annotated[
        Literal["normal-normal", "longitudinal", "multilevel"] | None,
        typer.Option(
            help="longitudinal joins all times of a table in one model, beside the pools of each; "
            "multilevel takes studies with several effects each, --prior tau_within=... the SD of "
            "the effects of one."
        ),
    ] = None,
    between: Annotated[
        Literal["cs", "ar1", "unstructured"] | None,
        typer.Option(
            help="Covariance over time of a study's true effects: compound symmetry, AR(1), or a "
            "tau a time and any correlations, rho='lkj(1)'. [default: cs]"
        ),
    ] = None,
    within_correlation: Annotated[
        str | None,
        typer.Option(
            help="Of the errors of a study's estimates over time: 0.5, or a prior. "
            "[default: uniform(0, 0.95)]",
            metavar="NUMBER|PRIOR",
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            help="The pooled course over time: per-time, linear, log-linear, spline, "
            "plateau(half-normal(6)) with a prior on the half-life, random-walk(half-normal(1)) "
            "with one on the SD of a change. [default: per-time]",
            metavar="COURSE",
        ),
    ] = None,
    rho_lag: Annotated[
        float | None,
        typer.Option(help="The gap to which an AR(1) rho belongs. [default: 1]", metavar="TIME"),
    ] = None,
    tau_per_time: Annotated[
        bool, typer.Option("--tau-per-time", help="A tau for each time, instead of one.")
    ] = False,
    draws: DrawsOption = 1000,
    seed: SeedOption = None,
    format: FormatOption = "table",
    output: Annotated[
        Path | None,
        typer.Option(help="Where files go [default: bayesmeta-output/<analysis>].", metavar="DIR"),
    ] = None,
    project: ProjectOption = None,
    debug: DebugOption = False,
) -> None:
    """Pool an analysis, or a table of yours: published, frequentist and Bayesian side by side."""
    from bayesmeta.cli.fit import Request, run

    raise typer.Exit(
        run(
            Request(
                source=source,
                measure=measure,
                priors=tuple(prior or ()),
                at=at,
                engine=engine,
                level=level,
                interval=interval,
                direction=direction,
                prob=tuple(prob or ()),
                draws=draws,
                seed=seed,
                format=format,
                output=output,
                project=project,
                formula=formula,
                predict=tuple(predict or ()),
                joint={
                    "model": model,
                    "between": between,
                    "within_correlation": within_correlation,
                    "mean": mean,
                    "rho_lag": rho_lag,
                    "tau_per_time": tau_per_time or None,
                },
            )
        )
    )


@app.command()
def sensitivity(
    source: Source,
    measure: MeasureOption = None,
    grid: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of priors: tau = ['half-normal(0.5)', ...], mu = ['normal(0, 4)', "
            "'flat'], leave_one_out = true, alternatives = true; a range is {family = "
            "'half-normal', scale = {from = 0.05, to = 2, points = 40}}, spaced geometrically. "
            "rho, within_correlation where the analysis joins its times. "
            "[default: six families at 1/4 to 4 times the scale of the analysis's own prior, "
            "four priors on mu, each study left out, all alternatives].",
            metavar="FILE",
        ),
    ] = None,
    prior: Annotated[
        list[str] | None,
        typer.Option(
            help="tau='half-normal(0.5)' or mu='normal(0, 10)': what the others are compared with, "
            "and the middle of the default grid.",
            metavar="NAME=PRIOR",
        ),
    ] = None,
    at: AtOption = None,
    engine: Annotated[
        Literal["exact", "nuts"],
        typer.Option(help="nuts samples a few of the priors too, the extreme ones, and compares."),
    ] = "exact",
    level: LevelOption = 0.95,
    direction: DirectionOption = None,
    draws: DrawsOption = 1000,
    seed: SeedOption = None,
    format: FormatOption = "table",
    output: Annotated[
        Path | None,
        typer.Option(
            help="Where files go [default: bayesmeta-output/<analysis>-sensitivity].", metavar="DIR"
        ),
    ] = None,
    project: ProjectOption = None,
    debug: DebugOption = False,
) -> None:
    """Ask whether other priors, other data or one study less would change the conclusion."""
    from bayesmeta.cli.sensitivity import Request, run

    raise typer.Exit(
        run(
            Request(
                source=source,
                measure=measure,
                grid=grid,
                priors=tuple(prior or ()),
                at=at,
                engine=engine,
                level=level,
                direction=direction,
                draws=draws,
                seed=seed,
                format=format,
                output=output,
                project=project,
            )
        )
    )


@app.command()
def pool(
    source: Source,
    measure: MeasureOption = None,
    method: Annotated[
        str,
        typer.Option(
            help="One common effect: IV, MH (tables of events), Peto (OR). Random effects, by the "
            "estimator of tau2: DL, PM, REML, ML, EB, SJ, HE, HS. Or all that suit the data.",
            metavar="NAME",
        ),
    ] = "REML",
    ci: Annotated[
        str | None,
        typer.Option(
            help="Of random effects: wald, hksj (Hartung-Knapp-Sidik-Jonkman), hksj-floor (its "
            "factor at least 1) [default: wald; each of them with --method all].",
            metavar="NAME",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Whose arithmetic: metafor, revman5, revman-web [default: that of the analysis; "
            "metafor for a CSV file].",
            metavar="NAME",
        ),
    ] = None,
    at: AtOption = None,
    level: LevelOption = 0.95,
    seed: Annotated[int | None, typer.Option(help="Of the bootstrap prediction interval.")] = None,
    format: FormatOption = "table",
    project: ProjectOption = None,
    debug: DebugOption = False,
) -> None:
    """Pool by frequentist methods alone, with each prediction interval by its name."""
    from bayesmeta.cli.pool import run
    from bayesmeta.fit import pool
    from bayesmeta.fit.run import SEED

    run(
        pool(
            source,
            measure=measure,
            method=method,
            ci=ci,
            profile=profile,
            at=at,
            level=level,
            seed=SEED if seed is None else seed,
            project=project,
        ),
        format,
    )


@app.command()
def audit(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Analyses (see `bayesmeta list`) or CSV files of studies [default: every "
            "analysis; none with --published].",
            metavar="[NAME]...",
            show_default=False,
        ),
    ] = None,
    published: Annotated[
        Path | None,
        typer.Option(
            help="A CSV table of pooled rows: outcome, measure, estimate, ci_low, ci_high, and "
            "where printed time, model (fixed, random; with the method if it is named: 'random, "
            "REML'), k, n, n_<arm>, p, q, df, i2 (per cent), p_heterogeneity, se. Keep the digits "
            "as printed, trailing zeros too. Without NAME each row is checked against itself.",
            metavar="FILE",
        ),
    ] = None,
    format: FormatOption = "table",
    project: ProjectOption = None,
    debug: DebugOption = False,
) -> None:
    """Check a published table against itself and its data; rounding is never called an error.

    An error is what no rounding explains, a warning what is in doubt or changes what a reader may
    conclude, a note what is worth knowing. Exit status 0 whatever is found, 2 for bad input.
    """
    from bayesmeta.cli.audit import run

    run(names or None, published, project, format)


@app.command()
def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Analyses (see `bayesmeta list`) or CSV files of studies [default: every "
            "analysis].",
            metavar="[NAME]...",
            show_default=False,
        ),
    ] = None,
    measure: MeasureOption = None,
    published: Annotated[
        Path | None,
        typer.Option(
            help="A CSV table of pooled rows, as of `bayesmeta audit`, in place of those that "
            "analyses name. Rows belong to each other by outcome, time and measure.",
            metavar="FILE",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Whose arithmetic recomputes: metafor, revman5, revman-web [default: that of the "
            "analysis; metafor for a CSV file].",
            metavar="NAME",
        ),
    ] = None,
    prior: Annotated[
        list[str] | None,
        typer.Option(help="tau='half-normal(0.5)' or mu='normal(0, 10)'.", metavar="NAME=PRIOR"),
    ] = None,
    at: AtOption = None,
    level: LevelOption = 0.95,
    direction: DirectionOption = None,
    format: FormatOption = "table",
    output: Annotated[
        Path | None,
        typer.Option(
            help="Where files go [default: bayesmeta-output/<analysis>-comparison].", metavar="DIR"
        ),
    ] = None,
    project: ProjectOption = None,
    debug: DebugOption = False,
) -> None:
    """Put published pools beside the same recomputed and beside posteriors; say why they differ."""
    from bayesmeta.cli.compare import Request, run

    run(
        Request(
            names=tuple(names or ()),
            measure=measure,
            published=published,
            profile=profile,
            priors=tuple(prior or ()),
            at=at,
            level=level,
            direction=direction,
            format=format,
            output=output,
            project=project,
        )
    )


@app.command("list")
def list_analyses(project: ProjectOption = None) -> None:
    """List the analyses of the bundled review, or of a project."""
    from rich.table import Table

    from bayesmeta.cli.show import console
    from bayesmeta.evidence import Project, bundled_project

    home = bundled_project() if project is None else Project(project)
    table = Table("Analysis", "What it pools", box=None)
    for analysis in home.analyses():
        table.add_row(analysis.name, analysis.title)
    console().print(table)


@app.command()
def new(folder: Annotated[Path, typer.Argument(help="Folder to create.", metavar="NAME")]) -> None:
    """Start a project of your own, with a commented example that fits as it stands."""
    from bayesmeta.evidence import new_project

    new_project(folder)
    print(f"{folder} is ready. Next: cd {folder} && python -m bayesmeta fit rejection --project .")


@app.command("import")
def import_review(
    review: Annotated[
        Path,
        typer.Argument(
            help="RevMan's .rm5, its CSV of data and analyses, or RevMan Web's ...-data-rows.csv.",
            metavar="REVIEW",
        ),
    ],
    project: Annotated[Path, typer.Option("--project", help="Folder to create.", metavar="DIR")],
    debug: DebugOption = False,
) -> None:
    """Make a project of a RevMan review: its tables, and an analysis for each outcome."""
    from bayesmeta.cli.revman import run

    run(review, project)


@app.command()
def reanalyse(
    source: Annotated[
        Path,
        typer.Argument(
            help="RevMan's .rm5, its CSV of data and analyses, or RevMan Web's ...-data-rows.csv; "
            "or a folder of them.",
            metavar="REVIEW",
        ),
    ],
    prior: Annotated[
        list[str] | None,
        typer.Option(
            help="tau='half-normal(0.5)' or mu='normal(0, 10)', for every outcome, on the analysis "
            "scale, as in `fit` [default: flat, and half-normal with a scale by measure].",
            metavar="NAME=PRIOR",
        ),
    ] = None,
    format: Annotated[
        Literal["table", "json", "csv"],
        typer.Option("--format", help="What standard output gets, of one review."),
    ] = "table",
    output: Annotated[
        Path | None,
        typer.Option(
            help="Table of a folder's results, .parquet or .csv "
            "[default: bayesmeta-output/<folder>.parquet].",
            metavar="FILE",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Local processes for a folder [default: one a CPU].", metavar="N"),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Dask scheduler in their place, such as tcp://127.0.0.1:8786; its workers see the "
            "folder under the same path.",
            metavar="ADDRESS",
        ),
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Pool every outcome of a RevMan review again, as RevMan does and Bayesian, side by side.

    Stored results, the same recomputed by RevMan's own arithmetic, the exact posterior of the
    random-effects model, the prediction for a new study, and which conclusions change.
    A folder's reviews go into one table; damaged ones are named at the end, with exit status 1,
    and after an interrupt the same command goes on where it stopped.

    Examples: `bayesmeta reanalyse review.rm5`; `bayesmeta reanalyse reviews --output all.parquet
    --workers 2`.
    """
    from bayesmeta.cli.reanalyse import run

    raise typer.Exit(run(source, tuple(prior or ()), format, output, workers, scheduler))
