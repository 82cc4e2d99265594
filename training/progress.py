"""What a run says while it trains: a progress bar on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from training.history import Epoch

_LINES = 10
"""Plain lines of a whole run."""


@contextmanager
def shown(epochs: int, console: Console) -> Iterator[Callable[[Epoch], None]]:
    """Yield what is to be called after each of up to `epochs` epochs."""
    if not console.is_terminal:
        yield lambda epoch: _print_some(epoch, epochs, console)
        return
    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=epochs)
        yield lambda epoch: bar.update(task, completed=epoch.number, description=_measures(epoch))


def _print_some(epoch: Epoch, epochs: int, console: Console) -> None:
    if epoch.number % max(1, epochs // _LINES) == 0:
        console.print(f"epoch {epoch.number}/{epochs} {_measures(epoch)}", highlight=False, soft_wrap=True)


def _measures(epoch: Epoch) -> str:
    return f"loss {epoch.loss:.4f} validation accuracy {epoch.validation_accuracy:.4f}"
