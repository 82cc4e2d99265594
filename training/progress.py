"""What a run says while it trains: a progress bar on a terminal, plain lines elsewhere."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from pricerange.progress import progress
from pricerange.verdict import Verdict
from training.fit.history import Epoch
from training.quality.leak import Leak
from training.report.diagnose import Diagnosis

_LINES = 10
"""Plain lines of a whole run."""


@contextmanager
def shown(epochs: int, iterations: int, console: Console) -> Iterator[Callable[[Epoch], None]]:
    """Yield what is to be called after each of up to `epochs` epochs of so many iterations."""
    _print(f"iterations an epoch: {iterations:,}, in {epochs:,} epochs: {epochs * iterations:,}", console)
    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )

    def line(done: int, what: str) -> str | None:
        return f"epoch {done}/{epochs} {what}" if done % max(1, epochs // _LINES) == 0 else None

    with progress(epochs, console, columns, line) as advance:
        yield lambda epoch: advance(what=_measures(epoch))


def summed_up(
    diagnosis: Diagnosis, leaks: Sequence[Leak], verdict: Verdict, version: Path, console: Console
) -> None:
    """Say how the run went, what to change, which features may leak, whether the version may be served.

    And where its report lies.
    """
    for line in (f"diagnosis: {diagnosis.verdict}", *diagnosis.evidence):
        _print(line, console)
    if diagnosis.advice:
        _print("suggested changes:", console)
    for line in diagnosis.advice:
        _print(f"- {line}", console)
    for leak in leaks:
        _print(f"warning: {leak.sentence.replace('`', '')}", console)
    promotable = "promotable" if verdict.promotable else "not promotable"
    for line in (f"verdict: {promotable}", *(f"- {reason}" for reason in verdict.reasons), *verdict.remarks):
        _print(line, console)
    if not verdict.promotable:
        approve = f"pricerange models approve {version.name} --models {shlex.quote(str(version.parents[1]))}"
        _print(f"to serve it nevertheless: {approve} --why TEXT", console)
    _print(f"report: {version / 'report.html'}", console)


def _measures(epoch: Epoch) -> str:
    return f"loss {epoch.loss:.4f} validation accuracy {epoch.validation_accuracy:.4f}"


def _print(line: str, console: Console) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
