"""Tables that read well as they stand and as Markdown, and figures beside what is wanted of them."""

from collections.abc import Sequence
from dataclasses import dataclass


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; the first column is words, the others are figures."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    print(f"\n{title}\n")
    for row in (head, rule, *rows):
        cells = (
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print(f"| {' | '.join(cells)} |", flush=True)


@dataclass(frozen=True, slots=True)
class Target:
    """A figure and what is wanted: at least `least` or at most `most`."""

    what: str
    found: float
    least: float | None = None
    most: float | None = None
    unit: str = ""

    def row(self) -> tuple[str, str, str, str]:
        """Return it as a row of a table."""
        met = (self.least is None or self.found >= self.least) and (
            self.most is None or self.found <= self.most
        )
        bound = f"at least {self.least:,.10g}" if self.most is None else f"at most {self.most:,.10g}"
        found = f"{self.found:,.0f}" if self.found >= 1000 else f"{self.found:.2f}"
        return self.what, bound + self.unit, found + self.unit, "met" if met else "missed"


def show_targets(targets: Sequence[Target]) -> None:
    """Print figures beside what is wanted of them."""
    show("Targets.", ("figure", "wanted", "measured", "verdict"), [target.row() for target in targets])
