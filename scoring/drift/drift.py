"""`pricerange drift`: compare, print, write a report."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pricerange.errors import TargetError
from pricerange.phone import LABELS
from pricerange.tables.source.files import AS_USUAL, Reading
from scoring.drift.compare import Comparison, compare
from scoring.drift.page import cells_of, report

EXIT_CODE = 70
"""What the command ends with where there is an alarm."""


def drift(
    sources: Sequence[str],
    models: Path,
    version: int | None,
    output: Path,
    reading: Reading = AS_USUAL,
) -> Comparison:
    """Compare phones with a version, print what has changed on standard output, and write it to `output`.

    Raises what `compare` raises, and `TargetError`.
    """
    if not output.parent.is_dir():
        raise TargetError(output, f"there is no folder {output.parent}")
    found = compare(sources, models, version, reading)
    show(found)
    try:
        output.write_bytes(report(found))
    except OSError as error:
        raise TargetError(output, error.strerror or str(error)) from error
    return found


def show(found: Comparison, console: Console | None = None) -> None:
    """Print a comparison for people, on standard output if no console is given."""
    console = console or Console()
    drift, reference = found.drift, found.reference
    bad = f", {found.bad_rows:,} rows were no valid phones" if found.bad_rows else ""
    said = f"{found.model} {found.version}, {found.source}: {drift.rows:,} phones{bad}"
    # a file may be called what rich takes for markup
    console.print(said, markup=False, highlight=False, soft_wrap=True)
    table = Table("", box=None, pad_edge=False)
    for name in ("phones", "PSI", "limit", "p-value", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for shift in drift.shifts:
        table.add_row(shift.name, *cells_of(shift))
    console.print()
    console.print(table)
    console.print()
    table = Table("", "asked", "training", box=None, pad_edge=False)
    for label, *shares in zip(LABELS, drift.answers.found, drift.answers.reference, strict=True):
        table.add_row(f"answered {label}", *(f"{share:.1%}" for share in shares))
    table.add_row("mean confidence", f"{drift.mean_confidence:.1%}", f"{reference.mean_confidence:.1%}")
    table.add_row("expected accuracy", f"{drift.expected_accuracy:.1%}", f"{reference.accuracy:.1%}")
    console.print(table)
    console.print()
    changed = ", ".join(drift.alarms)
    console.print(
        f"changed: {changed}" if changed else "nothing has changed", highlight=False, soft_wrap=True
    )
