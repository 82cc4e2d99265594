"""`pricerange rollout`: which versions serve, shown and changed in rollout.toml."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pricerange.rollout.edit import Edit

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Models = Annotated[Path, typer.Option(help="Model repository")]
State = Annotated[
    Path | None,
    typer.Option("--rollout-state", help="Folder in which serve keeps its state; beside the file if omitted"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]


class Section(StrEnum):
    """What may be removed from the file."""

    CANARY = "canary"
    SHADOW = "shadow"
    ANALYSIS = "analysis"


@app.callback()
def rollout() -> None:
    """Show or change which versions serve: the file rollout.toml of a model repository."""


@app.command()
def show(
    models: Models = Path("models"),
    rollout_state: State = None,
    as_json: AsJson = False,
) -> None:
    """Show what the file wants, how far a canary has come, and which version commands take."""
    from pricerange import bundle
    from pricerange.rollout import told
    from pricerange.rollout.progress import weight
    from pricerange.rollout.state import RolloutState

    path = _path(models)
    wanted = bundle.rollout_of(models)
    progress = RolloutState(rollout_state or path.parent).load(wanted) if wanted else None
    if as_json:
        shown = {
            "file": str(path),
            "digest": wanted.digest if wanted else None,
            "taken": bundle.find(models).name,
            "weight": weight(progress, wanted) if wanted and progress else None,
            "rollout": wanted.model_dump(mode="json") if wanted else None,
            "progress": json.loads(progress.model_dump_json()) if progress else None,
        }
        typer.echo(json.dumps(shown))
        return
    if wanted is None:
        typer.echo(f"no {path}: the newest promotable version is taken")
    else:
        typer.echo("\n".join([f"{path}  {wanted.digest[:12]}", *told.lines(wanted, progress)]))
    typer.echo(f"taken   {bundle.find(models).name}")


@app.command("set")
def set_(
    models: Models = Path("models"),
    stable: Annotated[int | None, typer.Option(help="Version that answers, and that commands take")] = None,
    canary: Annotated[int | None, typer.Option(help="Version that answers some of the requests")] = None,
    weight: Annotated[float | None, typer.Option(help="Per cent that the canary answers, 0 to 100")] = None,
    steps: Annotated[
        str | None, typer.Option(help="Instead of a weight: per cent that rise, step by step: 1,10,50,100")
    ] = None,
    pause: Annotated[float | None, typer.Option(help="Seconds that a step lasts at least")] = None,
    sticky: Annotated[
        str | None, typer.Option(help="What decides who is answered by the canary: row, or a header's name")
    ] = None,
    shadow: Annotated[
        list[str] | None,
        typer.Option(metavar="N=SHARE", help="Version that runs beside, and its share of phones; repeatable"),
    ] = None,
    clear: Annotated[
        list[Section] | None,
        typer.Option(help="Section to remove first; repeatable"),
    ] = None,
) -> None:
    """Change what is given, and leave the rest of the file as it is.

    What it will say is checked first: each version must be promotable, and load as by `serve`.
    """
    from pricerange.errors import SettingsError
    from pricerange.rollout.edit import Change

    def numbers(flag: str, expected: str, text: str, separator: str) -> list[float]:
        try:
            return [float(part) for part in text.split(separator)]
        except ValueError:
            raise SettingsError(flag, expected, text) from None

    shadows = []
    for text in shadow or ():
        match numbers("--shadow", "N=SHARE, such as 5=0.5", text, "="):
            case [version, share] if version.is_integer():
                shadows.append((int(version), share))
            case _:
                raise SettingsError("--shadow", "N=SHARE, such as 5=0.5", text)
    rising = numbers("--steps", "numbers separated by commas", steps, ",") if steps else None
    _edit(models, "set", Change(stable, canary, weight, rising, pause, sticky, shadows, clear or ()))


@app.command()
def promote(models: Models = Path("models")) -> None:
    """Make the canary the stable version; it is checked as by `set`."""
    from pricerange.rollout.edit import promote as change

    _edit(models, "promote", change)


@app.command()
def abort(models: Models = Path("models")) -> None:
    """Set the weight of the canary to 0; it stays loaded."""
    from pricerange.rollout.edit import abort as change

    # in an emergency a version that is broken must not stand in the way
    _edit(models, "abort", change, checked=False)


@app.command()
def history(
    models: Models = Path("models"),
    rollout_state: State = None,
    as_json: AsJson = False,
) -> None:
    """Show what became of rollouts, the latest last."""
    from pricerange.rollout import history as kept
    from pricerange.rollout import told

    events = kept.read(rollout_state or _path(models).parent)
    if as_json:
        typer.echo(json.dumps([event.model_dump(mode="json") for event in events]))
        return
    for event in events:
        typer.echo(told.event_line(event))


def _path(models: Path) -> Path:
    from pricerange import bundle
    from pricerange.rollout.document import ROLLOUT_FILE

    return models / bundle.MODEL_NAME / ROLLOUT_FILE


def _edit(models: Path, what: str, change: "Edit", checked: bool = True) -> None:
    from pricerange.approval import user
    from pricerange.rollout import told
    from pricerange.rollout.document import Rollout
    from pricerange.rollout.edit import edit
    from pricerange.rollout.history import Event
    from pricerange.rollout.state import RolloutState

    def check(wanted: Rollout) -> None:
        if checked:
            from pricerange.listing import require_servable

            require_servable(models, wanted)

    path = _path(models)
    wanted, is_new = edit(path, change, check)
    said = told.summary(wanted)
    typer.echo(said if is_new else f"unchanged: {said}")
    if not is_new:
        return
    if trouble := RolloutState(path.parent).record(Event.now(what, wanted.digest, user(), said)):
        typer.echo(f"warning: {trouble}", err=True)
