"""The verbs."""

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


ProjectOption = Annotated[
    Path | None,
    typer.Option("--project", help="Folder with data/ and models/ of your own.", metavar="DIR"),
]


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Bayesian random-effects meta-analysis."""
    if version:
        print(f"bayesmeta {__version__}")
        raise typer.Exit


@app.command()
def fit(
    source: Annotated[
        str, typer.Argument(help="Name of an analysis (see `bayesmeta list`) or a CSV file.")
    ],
    measure: Annotated[
        str | None,
        typer.Option(help="Of a CSV file: OR, RR, RD, HR, MD, SMD, ROM, GEN.", metavar="NAME"),
    ] = None,
    prior: Annotated[
        list[str] | None,
        typer.Option(
            help="tau='half-normal(0.5)' or mu='normal(0, 10)', on the analysis scale: log for OR, "
            "RR, HR, ROM, where normal(0, 1) on mu puts 95 % on ratios of 0.14 to 7.1. Families "
            "on tau: half-normal(scale), half-cauchy(scale), half-student-t(df, scale), "
            "exponential(rate), log-normal(mean, sd), uniform(low, high), fixed(value); on mu: "
            "normal(mean, sd), flat.",
            metavar="NAME=PRIOR",
        ),
    ] = None,
    at: Annotated[float | None, typer.Option(help="Only this time.", metavar="TIME")] = None,
    engine: Annotated[
        Literal["exact", "nuts", "both"],
        typer.Option(help="exact (quadrature), nuts, or both, compared."),
    ] = "both",
    level: Annotated[float, typer.Option(help="Of every interval.")] = 0.95,
    interval: Annotated[
        Literal["central", "shortest"], typer.Option(help="Kind of the credible intervals.")
    ] = "central",
    direction: Annotated[
        Literal["lower", "higher"] | None, typer.Option(help="Which is better, for P(benefit).")
    ] = None,
    draws: Annotated[int, typer.Option(help="NUTS draws of each of four chains.")] = 1000,
    seed: Annotated[int | None, typer.Option(help="Of every random step.")] = None,
    format: Annotated[
        Literal["table", "json", "csv"], typer.Option("--format", help="What standard output gets.")
    ] = "table",
    output: Annotated[
        Path | None,
        typer.Option(help="Where files go [default: bayesmeta-output/<analysis>].", metavar="DIR"),
    ] = None,
    project: ProjectOption = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
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
                draws=draws,
                seed=seed,
                format=format,
                output=output,
                project=project,
            )
        )
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
            "where printed time, model (fixed, random), k, n, n_<arm>, p, q, df, i2 (per cent), "
            "p_heterogeneity, se. Keep the digits as printed, trailing zeros too. Without NAME "
            "each row is checked against itself.",
            metavar="FILE",
        ),
    ] = None,
    format: Annotated[
        Literal["table", "json", "csv"], typer.Option("--format", help="What standard output gets.")
    ] = "table",
    project: ProjectOption = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Check a published table against itself and its data; rounding is never called an error.

    An error is what no rounding explains, a warning what is in doubt or changes what a reader may
    conclude, a note what is worth knowing. Exit status 0 whatever is found, 2 for bad input.
    """
    from bayesmeta.cli.audit import run

    run(names or None, published, project, format)


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
