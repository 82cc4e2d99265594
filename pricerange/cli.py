"""`pricerange`: a parser and one call each. What a command needs is imported when it runs.

Exit codes: 0 done, 1 an error of the program, 2 wrong usage, else those of `pricerange.errors`.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from pricerange.errors import MissingExtraError, PriceRangeError


class _Commands(TyperGroup):
    """The commands; `serve` is given its flags when it is called, since reading the settings takes time."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the command and the arguments that are left for it."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and name == "serve":
            from service.command import command as with_flags

            command = with_flags(command.help or "")
        return name, command, rest


app = typer.Typer(
    cls=_Commands,
    help="A phone's 20 features in, its price range out: train, judge, serve and score.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # its tables cut long names of flags short
    pretty_exceptions_enable=False,
)

Data = Annotated[str, typer.Option(help="CSV of phones with price_range, or synthetic[:ROWS]")]
Models = Annotated[Path, typer.Option(help="Model repository")]
Version = Annotated[int | None, typer.Option(help="Version; the newest if not given")]
Recipe = Annotated[Path | None, typer.Option(help="Recipe (TOML); the shipped one if not given")]
Provider = Annotated[
    Literal["cpu", "cuda", "auto"], typer.Option(help="Execution provider; auto is CUDA where it works")
]


def main() -> None:
    """Run the command line; an error of ours is one line on standard error and its own exit code."""
    with warnings.catch_warnings():
        warnings.showwarning = _say_warning
        try:
            app()
        except PriceRangeError as error:
            # a file's name may hold what no terminal can show
            typer.echo(f"error: {error}".encode(errors="backslashreplace").decode(), err=True)
            sys.exit(error.exit_code)


def _say_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as a line, without the place in the source that gave it."""
    typer.echo(f"warning: {message}", err=True)


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Say which extra of the package an import needs that fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(name, error.name or "?") from error


@app.command()
def train(
    data: Data,
    models: Models = Path("models"),
    recipe: Recipe = None,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Where to train")] = "cpu",
) -> None:
    """Learn the price range from a table of phones and write the next model version."""
    with _extra("train"):
        from training.train import train as run
    typer.echo(run(data, models, recipe, device=device))


@app.command()
def evaluate(
    data: Data,
    models: Models = Path("models"),
    model_version: Version = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON in place of tables")] = False,
) -> None:
    """Say how well a model version answers phones of known price range."""
    with _extra("train"):
        from training import evaluate as evaluation
    found = evaluation.evaluate(models, data, model_version)
    typer.echo(evaluation.as_json(found)) if json else evaluation.show(found)


@app.command()
def compare(
    data: Data,
    recipe: Annotated[
        list[Path] | None, typer.Option(help="Recipe (TOML), may be repeated; the shipped ones if not given")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for comparison.json, comparison.csv and comparison.svg")
    ] = None,
    folds: Annotated[int, typer.Option(min=2)] = 5,
    repeats: Annotated[int, typer.Option(min=1)] = 4,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Decides the folds")] = 0,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; one a core if not given")] = None,
) -> None:
    """Measure recipes beside simple models on the same repeated stratified folds."""
    with _extra("train"):
        from training.compare import compare as comparison
    plan = comparison.Plan(folds, repeats, seed, jobs)
    comparison.run(data, recipe or (), plan, output)


@app.command()
def search(
    data: Data,
    trials: Annotated[int, typer.Option(min=1, help="Finished trials that the study shall have in all")],
    storage: Annotated[str, typer.Option(help="URL of SQLAlchemy, such as sqlite:///search.db")],
    study: Annotated[str, typer.Option(help="Name in the storage")] = "phone_price_range",
    recipe: Recipe = None,
    output: Annotated[Path | None, typer.Option(help="File for the best recipe (TOML)")] = None,
) -> None:
    """Tune a recipe; the same command goes on with a study, and several may work on it at once."""
    with _extra("train"):
        from training import search as tuning
    stored = tuning.Stored(storage, trials, study)
    tuning.run(data, stored, recipe, output)


@app.command()
def score(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="IN...", help="Files, globs, folders or URIs (file, s3, gs): CSV, Parquet, Arrow IPC"
        ),
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="A file (.csv, .csv.gz, .csv.zst, .parquet), else a folder of parts"
        ),
    ],
    models: Models = Path("models"),
    model_version: Version = None,
    provider: Provider = "cpu",
    on_bad_row: Annotated[
        Literal["fail", "reject", "null"],
        typer.Option(help="Stop; or write bad rows to OUT.rejected; or keep them, without an answer"),
    ] = "fail",
    columns: Annotated[
        str | None, typer.Option(help="Columns of IN to keep, with commas between them; all if not given")
    ] = None,
    form: Annotated[
        Literal["parquet", "csv"], typer.Option("--format", help="Format of the parts of a folder")
    ] = "parquet",
    engine: Annotated[Literal["local", "ray"], typer.Option(help="This machine, or a Ray cluster")] = "local",
    address: Annotated[
        str, typer.Option(help="Ray cluster: auto, ray://HOST:PORT, or local to start one here")
    ] = "local",
    actor_cpus: Annotated[int, typer.Option(min=1, help="Cores of each Ray actor")] = 1,
    actor_gpus: Annotated[
        float, typer.Option(min=0, help="GPUs, or the fraction of one, of each Ray actor")
    ] = 0,
    metrics_textfile: Annotated[
        Path | None,
        typer.Option(help="File for the textfile collector of a Prometheus node exporter (.prom)"),
    ] = None,
) -> None:
    """Answer files of phones: their columns, then price_range, label, probability_0..3.

    A column of IN that has one of these names stays as input_<name>. The same command goes on with a folder
    OUT after an interruption.
    """
    from scoring.score import Options
    from scoring.score import score as run
    from scoring.work.cluster import Cluster

    cluster = Cluster(address, actor_cpus, actor_gpus) if engine == "ray" else None
    kept = None if columns is None else tuple(name.strip() for name in columns.split(","))
    options = Options(on_bad_row, kept, form, cluster, metrics_textfile)
    typer.echo(run(sources, target, models, model_version, provider, options))


@app.command()
def synth(
    rows: Annotated[int, typer.Argument(metavar="ROWS", min=0)],
    target: Annotated[Path, typer.Argument(metavar="OUT", help=".csv, .csv.gz, .csv.zst or .parquet")],
) -> None:
    """Write generated phones, with the price range that their rule gives them, for tests and trials."""
    from scoring.synth import synth as run

    typer.echo(f"{rows:,} phones, {run(rows, target):,} bytes in {target}")


@app.command("models")
def list_models(models: Models = Path("models")) -> None:
    """List the versions of a model repository, each verified as `serve` does; one that is refused fails."""
    from pricerange import bundle
    from pricerange.predictor import Predictor

    bundle.find(models)
    refused: list[PriceRangeError] = []
    for version in bundle.versions(models):
        try:
            passport = Predictor.load(models, version).bundle.passport
        except PriceRangeError as error:
            refused.append(error)
            typer.echo(f"{version}  refused: {error}")
        else:
            accuracy = f"accuracy {passport.metrics['accuracy']:.4f}"
            typer.echo(f"{version}  {passport.created:%Y-%m-%d}  {accuracy}  {passport.model_sha256}")
    if refused:
        raise typer.Exit(refused[0].exit_code)


@app.command()
def serve() -> None:
    """Answer HTTP requests with a model version; PRICERANGE_<SETTING> in the environment does as well."""
    raise AssertionError("`_Commands` puts a command with flags in its place")
