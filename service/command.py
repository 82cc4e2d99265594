"""The command `pricerange serve`: a flag for each setting, then the service."""

import inspect
import os
import signal
import sys
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from pricerange.errors import SettingsError
from service.settings import Settings


def command(about: str) -> Any:
    """Return the command as typer and click have it; `about` is what its help says first."""

    def serve(**flags: Any) -> None:
        settings = _settings(flags)
        # what others mean by the first is not known here, and what the others change is not there yet: to die
        # of them would lose requests
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        # until the server drains on them: process 1 would ignore the first, and the second print a traceback
        for number in (signal.SIGTERM, signal.SIGINT):
            # not by an exception, which may land in the middle of an import and become another one
            signal.signal(number, lambda *_: os._exit(0))
        from service.serve import serve as run

        sys.exit(run(settings))

    serve.__signature__ = _flags_of(Settings)  # type: ignore[attr-defined]
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command("serve", help=about)(serve)
    return typer.main.get_command(alone)


def _settings(flags: dict[str, Any]) -> Settings:
    """Read what the flags leave open from the environment. Raises `SettingsError`."""
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        setting = f"--{name.replace('_', '-')} or PRICERANGE_{name.upper()}" if name else "settings"
        expected = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        raise SettingsError(setting, expected, first["input"] if name else "conflicting values") from None


def _flags_of(settings: type[BaseSettings]) -> inspect.Signature:
    """Make one option of each setting: the name, the type and the words stand in the settings class alone."""
    return inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[
                    field.annotation,
                    typer.Option(help=f"{field.description} (default: {field.default})", show_default=False),
                ],
            )
            for name, field in settings.model_fields.items()
        ]
    )
