"""Flags that several commands have, each with its help, and what is made of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pricerange.tables.source.files import Reading

Models = Annotated[Path, typer.Option(help="Model repository")]
Version = Annotated[
    int | None,
    typer.Option(
        help="Model version; if omitted the stable one of rollout.toml, or the newest promotable one"
    ),
]
TrustedKeys = Annotated[
    Path | None,
    typer.Option(
        envvar="PRICERANGE_TRUSTED_KEYS",
        show_envvar=False,
        help="Folder of public keys (*.pem, *.pub): only versions signed with one of them count",
    ),
]
SourceTimeout = Annotated[
    float, typer.Option(min=3, help="Seconds without an answer after which an object store is given up")
]

Delimiter = Annotated[
    str | None,
    typer.Option(help="What separates cells of CSV (, ; | tab); as the header tells if omitted"),
]
Decimal = Annotated[str | None, typer.Option(help="Decimal mark in CSV: . or ,  [default: .]")]
Thousands = Annotated[
    str | None,
    typer.Option(help="What groups digits by three in CSV: . , ' _ or a blank; nothing if omitted"),
]
NullValues = Annotated[
    str | None,
    typer.Option(help="Texts that stand for nothing in a feature of CSV, separated by commas: NA,?,-"),
]


def reading_of(
    seconds: float, delimiter: str | None, decimal: str | None, thousands: str | None, null_values: str | None
) -> "Reading":
    """Return how tables are read. Raises `DialectError`."""
    from pricerange.tables.csv.dialect import Dialect
    from pricerange.tables.source.files import Reading

    return Reading(seconds, Dialect.asked_for(delimiter, decimal, thousands, null_values))
