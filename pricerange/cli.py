"""`pricerange`: a parser and one call each. What a command needs is imported when it runs.

Exit codes: 0 done, 1 an error of the program, 2 wrong usage, else those of `pricerange.errors`.
"""

import gc
import signal
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from pricerange.errors import PriceRangeError, SettingsError
from pricerange.extras import extra
from pricerange.flags import (
    Decimal,
    Delimiter,
    Models,
    NullValues,
    SourceTimeout,
    Thousands,
    TrustedKeys,
    Version,
    reading_of,
)
from pricerange.models_cli import repository
from pricerange.rollout_cli import app as rollout
from pricerange.without_pandas import leave_out_pandas


class _Commands(TyperGroup):
    """The commands; some are given their flags when they are called, since to know them takes time."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the command and the arguments that are left for it."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and name == "serve":
            from service.command import command as with_settings

            command = with_settings(command.help or "")
        elif command is not None and name == "predict":
            from pricerange.predict_cli import command as with_features

            command = with_features(command.help or "")
        return name, command, rest


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # its tables cut long names of flags short
    pretty_exceptions_enable=False,
)
app.add_typer(repository, name="models")
app.add_typer(rollout, name="rollout")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"pricerange {version('pricerange')}")
        raise typer.Exit


@app.callback()
def pricerange(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version")
    ] = False,
) -> None:
    """A phone's 20 features in, its price range out: train, evaluate, serve and score."""


Data = Annotated[
    list[str],
    typer.Option(
        help="Phones with a price_range column: a file, glob, folder or URI as of score, repeatable; "
        "or synthetic[:ROWS]"
    ),
]
Recipe = Annotated[Path | None, typer.Option(help="Recipe file (TOML); the shipped one if omitted")]
Provider = Annotated[
    Literal["cpu", "cuda", "auto"], typer.Option(help="Execution provider; auto uses CUDA if it works")
]


def main() -> None:
    """Run the command line; an error of ours is one line on standard error and its own exit code."""
    # modules are no garbage: to look for some as often as by default is a tenth of every start
    gc.set_threshold(50_000)
    with warnings.catch_warnings():
        warnings.showwarning = _say_warning
        try:
            app()
        except PriceRangeError as error:
            # a file's name may hold what no terminal can show
            typer.echo(f"error: {error}".encode(errors="backslashreplace").decode(), err=True)
            sys.exit(error.exit_code)
        except OSError as error:
            typer.echo(f"error: {error}".encode(errors="backslashreplace").decode(), err=True)
            sys.exit(1)
        except Exception as error:
            # a module that is interrupted while it is imported makes an error of its own of that
            if _is_interrupted(error):
                sys.exit(128 + signal.SIGINT)
            raise


def _is_interrupted(error: BaseException | None) -> bool:
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _say_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as a line, without the place in the source that gave it."""
    typer.echo(f"warning: {message}", err=True)


@app.command()
def train(
    data: Data,
    models: Models = Path("models"),
    recipe: Recipe = None,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Device to train on")] = "cpu",
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    null_values: NullValues = None,
    source_timeout: SourceTimeout = 60,
) -> None:
    """Train a model on tables of phones.

    It becomes the next version in the model repository.
    """
    with extra("train"):
        from training.train import train as run
    reading = reading_of(source_timeout, delimiter, decimal, thousands, null_values)
    typer.echo(run(data, models, recipe, device=device, reading=reading))


@app.command()
def evaluate(
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Phones with a price_range column: a file, glob, folder or URI as of score, repeatable; or "
            "synthetic[:ROWS]"
        ),
    ] = None,
    predictions: Annotated[
        str | None,
        typer.Option(
            help="Instead of --data: what was answered before, a folder or file of serve --prediction-log or "
            "of score, judged by --labels"
        ),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(help="Files of labels that came later: an id, price_range, perhaps row; repeatable"),
    ] = None,
    id_column: Annotated[
        str, typer.Option("--id", help="Column of predictions and labels that joins them")
    ] = "request_id",
    key_file: Annotated[
        Path | None, typer.Option(help="Key of the ids, where the prediction log has hashed them")
    ] = None,
    models: Models = Path("models"),
    model_version: Version = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables")] = False,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    null_values: NullValues = None,
    source_timeout: SourceTimeout = 60,
) -> None:
    """Evaluate a model version on labelled phones.

    With --predictions, evaluate what a service answered by labels that came later, by version and week.
    """
    reading = reading_of(source_timeout, delimiter, decimal, thousands, null_values)
    if data and not (predictions or labels):
        with extra("train"):
            from training import evaluate as evaluation
        found = evaluation.evaluate(models, data, model_version, reading)
        typer.echo(evaluation.as_json(found)) if json else evaluation.show(found)
    elif predictions and labels and not data:
        with extra("train"):
            from training.served import evaluate as served
        judged = served.evaluate(predictions, labels, id_column, key_file, reading)
        typer.echo(served.as_json(judged)) if json else served.show(judged)
    else:
        given = (("--data", data), ("--predictions", predictions), ("--labels", labels))
        raise SettingsError(
            "evaluate",
            "either --data, or --predictions and --labels",
            ", ".join(name for name, value in given if value) or "none of them",
        )


@app.command()
def compare(
    data: Data,
    recipe: Annotated[
        list[Path] | None, typer.Option(help="Recipe file (TOML), repeatable; the shipped ones if omitted")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for comparison.json, comparison.csv and comparison.svg")
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="Number of folds")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="Number of repeats, each with new folds")] = 4,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed that determines the folds")] = 0,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Number of processes; one per core if omitted")
    ] = None,
    additions: Annotated[
        bool,
        typer.Option(
            "--additions",
            help="Also an ensemble of ten networks, and the ordinal model with products and splines",
        ),
    ] = False,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    null_values: NullValues = None,
    source_timeout: SourceTimeout = 60,
) -> None:
    """Compare recipes with simple models.

    All are evaluated on the same repeated stratified folds.
    """
    with extra("train"):
        from training.compare import compare as comparison
    reading = reading_of(source_timeout, delimiter, decimal, thousands, null_values)
    plan = comparison.Plan(folds, repeats, seed, jobs, additions)
    comparison.run(data, recipe or (), plan, output, reading)


@app.command()
def search(
    data: Data,
    trials: Annotated[int, typer.Option(min=1, help="Total number of finished trials in the study")],
    storage: Annotated[str, typer.Option(help="SQLAlchemy URL, such as sqlite:///search.db")],
    study: Annotated[str, typer.Option(help="Name of the study in the storage")] = "phone_price_range",
    recipe: Recipe = None,
    output: Annotated[Path | None, typer.Option(help="File to write the best recipe to (TOML)")] = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    null_values: NullValues = None,
    source_timeout: SourceTimeout = 60,
) -> None:
    """Tune a recipe.

    Running the same command again resumes the study, and several processes can work on it at once.
    """
    with extra("train"):
        from training import search as tuning
    reading = reading_of(source_timeout, delimiter, decimal, thousands, null_values)
    stored = tuning.Stored(storage, trials, study)
    tuning.run(data, stored, recipe, output, reading)


@app.command()
def score(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="IN...",
            help="Files, globs, folders, URIs (file, s3, gs), or - (standard input): CSV, NDJSON, Parquet, "
            "Arrow IPC",
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="OUT",
            help="A file (.parquet, .csv or .ndjson, perhaps with .gz or .zst), or else a folder of parts: a "
            "path or URI; - is standard output",
        ),
    ],
    models: Models = Path("models"),
    model_version: Version = None,
    provider: Provider = "cpu",
    on_bad_row: Annotated[
        Literal["fail", "reject", "null"],
        typer.Option(help="End the job, write bad rows to OUT.rejected, or keep them without an answer"),
    ] = "fail",
    columns: Annotated[
        str | None, typer.Option(help="Columns of IN to keep, separated by commas; all if omitted")
    ] = None,
    form: Annotated[
        Literal["parquet", "csv", "ndjson"] | None,
        typer.Option(
            "--format", help="Format of the parts in a folder (default parquet), or of standard output (csv)"
        ),
    ] = None,
    engine: Annotated[Literal["local", "ray"], typer.Option(help="This machine, or a Ray cluster")] = "local",
    address: Annotated[
        str, typer.Option(help="Ray cluster address: auto, ray://HOST:PORT, or local to start one here")
    ] = "local",
    actor_cpus: Annotated[int, typer.Option(min=1, help="Cores per Ray actor")] = 1,
    actor_gpus: Annotated[float, typer.Option(min=0, help="GPUs, or the fraction of one, per Ray actor")] = 0,
    metrics_textfile: Annotated[
        str | None,
        typer.Option(help="Metrics file (.prom) for the textfile collector of a Prometheus node exporter"),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be done, by the files' beginnings; write nothing"),
    ] = False,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    null_values: NullValues = None,
    source_timeout: SourceTimeout = 60,
    out_of_range: Annotated[
        Literal["answer", "flag", "refuse"],
        typer.Option(
            help="Answer phones unlike those learned from like any other, flag them (columns in_range and "
            "outside), or take them for bad rows"
        ),
    ] = "flag",
    sets: Annotated[
        float | None,
        typer.Option(min=0.01, max=0.999, help="Add sets that hold this share of true price ranges"),
    ] = None,
    abstain: Annotated[
        bool, typer.Option("--abstain", help="With --sets: say where they leave the price range open")
    ] = False,
    cost_matrix: Annotated[
        str | None,
        typer.Option(
            help="Costs of mistakes, to add the decision of least expected cost: JSON, or a file of JSON or "
            "CSV; row i, column j is the cost of deciding i where j is true"
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Add the expected price range (score, score_base) and what each feature that the model uses "
            "adds to it (reason_<feature>): a thousandth of the rows a second",
        ),
    ] = False,
    unknown: Annotated[
        Literal["average"] | None,
        typer.Option(
            help="Answer phones with empty features by averages over training phones, and add a column that "
            "names these features; without it such phones are bad rows"
        ),
    ] = None,
    trusted_keys: TrustedKeys = None,
) -> None:
    """Score files of phones.

    Writes their columns, then price_range, label, probability_0..3, in_range and outside. A column of IN with
    one of these names is kept as input_<name>. If OUT is a folder, running the same command again resumes an
    interrupted job.
    """
    if engine == "local":
        leave_out_pandas()
    from pricerange.answer.decisions import CostMatrix
    from pricerange.signature.trust import Trust
    from scoring.job.job import WorthAsked
    from scoring.order import Options
    from scoring.score import look
    from scoring.score import score as run
    from scoring.target.stream import is_standard_output
    from scoring.work.cluster import Cluster

    cluster = Cluster(address, actor_cpus, actor_gpus) if engine == "ray" else None
    kept = None if columns is None else tuple(name.strip() for name in columns.split(","))
    reading = reading_of(source_timeout, delimiter, decimal, thousands, null_values)
    if abstain and sets is None:
        raise SettingsError("--abstain", "--sets beside it", "none")
    costs = None if cost_matrix is None else CostMatrix.read(cost_matrix)
    worth = WorthAsked(out_of_range, sets, costs, abstain, explain, unknown)
    trust = Trust.of(trusted_keys)
    options = Options(on_bad_row, kept, form, cluster, metrics_textfile, reading, worth, trust)
    gc.freeze()  # modules stay: no collection has to look at them
    if dry_run:
        typer.echo(look(sources, target, models, model_version, provider, options))
        return
    summary = run(sources, target, models, model_version, provider, options)
    typer.echo(summary, err=is_standard_output(target))


@app.command()
def synth(
    rows: Annotated[int, typer.Argument(metavar="ROWS", min=0)],
    target: Annotated[
        str,
        typer.Argument(
            metavar="OUT", help="A path or URI: .parquet, .csv or .ndjson, perhaps with .gz or .zst"
        ),
    ],
) -> None:
    """Generate phones for testing.

    Their price range follows from a known rule.
    """
    from pricerange.tables.source.uri import without_secret
    from scoring.synth import synth as run

    typer.echo(f"{rows:,} phones, {run(rows, target):,} bytes in {without_secret(target)}")


keys = typer.Typer(rich_markup_mode=None, no_args_is_help=True)
app.add_typer(keys, name="keys")


@keys.callback()
def api_keys() -> None:
    """Make API keys for the service."""


@keys.command()
def new(
    name: Annotated[str, typer.Option(help="Whose key it is, for the log and the metrics")],
    role: Annotated[list[str], typer.Option(help="What it is for: predict, metrics or admin; repeatable")],
) -> None:
    """Make an API key and print its entry in a file of keys; the key itself, once, on standard error."""
    from service.http.keys.new import new as make

    secret, entry = make(name, role)
    typer.echo(secret, err=True)
    typer.echo(entry)


@app.command()
def drift(
    data: Annotated[
        list[str],
        typer.Option(
            help="Phones that were asked about, such as a result of score: a file, glob, folder or URI, "
            "repeatable"
        ),
    ],
    reference: Annotated[Path, typer.Option(help="Model repository of the version to compare with")] = Path(
        "models"
    ),
    model_version: Version = None,
    output: Annotated[Path, typer.Option(help="File to write the report to (HTML)")] = Path("drift.html"),
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    null_values: NullValues = None,
    source_timeout: SourceTimeout = 60,
) -> None:
    """Compare phones that were asked about with those that a model has learned from.

    Exit code 70 says that something has changed.
    """
    leave_out_pandas()
    from scoring.drift.drift import EXIT_CODE
    from scoring.drift.drift import drift as run

    reading = reading_of(source_timeout, delimiter, decimal, thousands, null_values)
    if run(data, reference, model_version, output, reading).drift.alarms:
        raise typer.Exit(EXIT_CODE)


@app.command()
def serve() -> None:
    """Serve a model version over HTTP.

    Each flag can also be set in the environment, as PRICERANGE_<SETTING>.
    """
    raise AssertionError("`_Commands` puts a command with flags in its place")


@app.command()
def predict() -> None:
    """Say the price range of one phone, or of the phones of a table.

    By a model, or with --url by a service: the same answers, to the last bit. One phone is given by flags, or
    as JSON on standard input; what it is worth can be told too.
    """
    raise AssertionError("`_Commands` puts a command with flags in its place")
