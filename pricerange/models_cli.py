"""`pricerange models`: the versions of a model repository, a parser and one call each."""

from pathlib import Path
from typing import Annotated

import typer

from pricerange.flags import Models

repository = typer.Typer(rich_markup_mode=None)

Number = Annotated[int, typer.Argument(metavar="N", help="Model version", min=1)]
Why = Annotated[str, typer.Option(help="The reason, kept beside the version with your name and the date")]
Repository = Annotated[Path | None, typer.Option(help="Model repository  [default: models]")]


@repository.callback(invoke_without_command=True)
def list_models(context: typer.Context, models: Models = Path("models")) -> None:
    """List and verify model versions, and say which one is taken where none is named: the newest promotable.

    Each is verified as by `serve`; the command fails if one of them is invalid.
    """
    if context.invoked_subcommand:
        context.obj = models
        return
    from pricerange.listing import listed

    refused = []
    for line, error in listed(models):
        typer.echo(line)
        if error is not None:
            refused.append(error)
    if refused:
        raise typer.Exit(refused[0].exit_code)


@repository.command()
def approve(context: typer.Context, number: Number, why: Why, models: Repository = None) -> None:
    """Make a version promotable, whatever its verdict says."""
    from pricerange.approval import Approval
    from pricerange.listing import verified

    version = verified(models or context.obj, number).bundle
    typer.echo(Approval.now("approved", why).write(version.path))


@repository.command()
def reject(context: typer.Context, number: Number, why: Why, models: Repository = None) -> None:
    """Keep a version from being taken where none is named, whatever its verdict says."""
    from pricerange import bundle
    from pricerange.approval import Approval

    # also one that is not whole, so that an older one can be taken
    typer.echo(Approval.now("rejected", why).write(bundle.find(models or context.obj, number)))
