"""The command `pricerange predict`: a flag for each feature of a phone, then one call."""

import inspect
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pricerange.errors import SettingsError
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
from pricerange.phone import FEATURES

if TYPE_CHECKING:
    from pricerange.ask.asked import Answerer, Asked


def command(about: str) -> Any:
    """Return the command as typer and click have it; `about` is what its help says first."""
    predict.__signature__ = _with_features(inspect.signature(predict))  # type: ignore[attr-defined]
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command("predict", help=about)(predict)
    return typer.main.get_command(alone)


def predict(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="IN",
            help="A table of phones, as of score; - is one on standard input. If omitted, the phone of the "
            "flags, or without any a phone as JSON on standard input",
            show_default=False,
        ),
    ] = None,
    models: Models = Path("models"),
    model_version: Version = None,
    url: Annotated[
        str | None,
        typer.Option(help="Ask a service instead of a model: http://HOST:PORT, perhaps with a path"),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="PRICERANGE_API_KEY", help="With --url: the API key", show_default=False),
    ] = None,
    ca_file: Annotated[
        str | None, typer.Option(help="With --url: file of the certificates that are trusted (PEM)")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.001, help="With --url: seconds that an answer may take")
    ] = 30,
    sets: Annotated[
        float | None,
        typer.Option(min=0.01, max=0.999, help="Add a set that holds this share of true price ranges"),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Add what each feature adds to the expected price range")
    ] = False,
    unknown: Annotated[
        Literal["average"] | None,
        typer.Option(help="Answer a phone of which features are missing by averages over training phones"),
    ] = None,
    json: Annotated[
        bool | None,
        typer.Option(
            "--json/--table", help="JSON, a line a phone, or tables  [default: tables on a terminal]"
        ),
    ] = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    null_values: NullValues = None,
    source_timeout: SourceTimeout = 60,
    trusted_keys: TrustedKeys = None,
    **features: str | None,
) -> None:
    """Answer one phone, or the phones of a table."""
    from rich.console import Console

    from pricerange.ask import phones
    from pricerange.ask.asked import Asked, tell_many, tell_one

    flags = {name: value for name, value in features.items() if value is not None}
    if flags and source is not None:
        raise SettingsError("predict", "either a table or flags of a phone", "both")
    if not flags and source is None and sys.stdin.isatty():
        raise SettingsError("predict", "a phone by flags (--ram 2800 ...), or a table", "neither")
    if url is not None and model_version is not None:
        raise SettingsError("--model-version", "no --url, which says who answers", model_version)
    asked = Asked(sets, explain, unknown is not None)
    console = Console(highlight=False)
    as_json = not console.is_terminal if json is None else json
    answering: AbstractContextManager[Answerer]
    if url is None:
        answering = _model(models, model_version, trusted_keys, asked)
    else:
        answering = _service(url, api_key, ca_file, timeout, asked)
    if source is not None:
        reading = reading_of(source_timeout, delimiter, decimal, thousands, null_values)
        blocks = phones.of_file(source, reading, unknown=asked.unknown)
        tell_many(blocks, answering, console, as_json=as_json)
        return
    if flags:
        phone = phones.of_flags(flags, unknown=asked.unknown)
    else:
        phone = phones.of_json(sys.stdin.buffer.read(), unknown=asked.unknown)
    tell_one(phone, answering, console, as_json=as_json)


@contextmanager
def _model(
    models: Path, version: int | None, trusted_keys: Path | None, asked: "Asked"
) -> "Iterator[Answerer]":
    from pricerange.ask.model import Model
    from pricerange.predictor import Predictor
    from pricerange.signature.trust import Trust

    yield Model.of(Predictor.load(models, version, trust=Trust.of(trusted_keys)), asked)


def _service(
    url: str, api_key: str | None, ca_file: str | None, timeout: float, asked: "Asked"
) -> "AbstractContextManager[Answerer]":
    from pricerange.ask.service import asking

    return asking(url, api_key, ca_file, timeout, asked)


def _with_features(signature: inspect.Signature) -> inspect.Signature:
    """Make an option of each feature in the place of the last parameter, which takes any of them."""
    *parameters, _ = signature.parameters.values()
    options = [
        inspect.Parameter(
            feature.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None,
                typer.Option(metavar="VALUE", help=f"{feature.meaning}: {feature.rule}", show_default=False),
            ],
        )
        for feature in FEATURES
    ]
    return signature.replace(parameters=[*parameters, *options])
