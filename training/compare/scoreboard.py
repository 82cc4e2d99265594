"""Standings for people and programs: tables, CSV and a picture."""

import csv
import dataclasses
import io
from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from rich.markup import escape
from rich.table import Table

from training.compare.folds import Difference, Estimate
from training.compare.standings import Standing
from training.quality.coverage import LEVELS
from training.report import svg

_SHOWN = 0.15
"""Accuracy below the best that the picture has room for."""
_LEAST_P = 0.001
"""Whatever is below says the same."""


def tables(standings: Sequence[Standing]) -> Iterator[Table]:
    """Make a table of accuracies, one of probabilities, one of prediction sets, for a console."""
    # a recipe may be called what rich takes for markup
    first = escape(standings[0].name)
    less = (f"less {first}", "± s.e.", "p")
    accuracies = _table("accuracy", "± s.e.", *less, "far errors", "s a fold")
    probabilities = _table("NLL", "± s.e.", *less, "Brier", "± s.e.", "ECE")
    sets = _table(*(cell for level in LEVELS for cell in (f"{level:.0%} set coverage", "mean size")))
    for one in standings:
        # a difference to itself says nothing
        differs = _tested if one is not standings[0] else _untested
        others = (f"{one.far_errors:.4f}", f"{one.seconds:.2f}")
        accuracies.add_row(escape(one.name), *_cells(one.accuracy), *differs(one.difference), *others)
        if one.nll and one.nll_difference and one.brier:
            cells = (*_cells(one.nll), *differs(one.nll_difference), *_cells(one.brier))
            probabilities.add_row(escape(one.name), *cells, f"{one.ece:.4f}")
        if one.conformal:
            measured = one.conformal.values()
            pairs = ((f"{each.coverage:.4f}", f"{each.mean_size:.3f}") for each in measured)
            sets.add_row(escape(one.name), *(cell for pair in pairs for cell in pair))
    yield from (accuracies, probabilities, sets)


def as_csv(standings: Sequence[Standing]) -> str:
    """Write a row a contender, nested names joined by dots; a cell is empty where there is no number."""
    rows = [dict(_flat(dataclasses.asdict(one))) for one in standings]
    columns = list(dict.fromkeys(name for row in rows for name in row if row[name] is not None))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def picture(standings: Sequence[Standing]) -> Figure:
    """Draw the accuracies, best above, each with its standard error to both sides.

    Those that are worse by far would press the others together: their number stands at the border.
    """
    ordered = sorted(standings, key=lambda one: one.accuracy.mean)
    best = ordered[-1].accuracy.mean
    border = best - _SHOWN
    with svg.figure(7, 0.8 + 0.32 * len(ordered)) as figure:
        axes = figure.subplots()
        for place, one in enumerate(ordered):
            colour = svg.SERIES[0 if one.conformal else 1]
            mean, error = one.accuracy.mean, one.accuracy.error
            if mean >= border:
                axes.errorbar(mean, place, xerr=error, color=colour, fmt="o", markersize=5, capsize=3)
                axes.annotate(f"{mean:.4f}", (mean, place), (0, 6), textcoords="offset points", ha="center")
            else:
                axes.annotate(f"◀ {mean:.4f}", (border, place), color=colour, va="center")
        kinds = (("recipe", svg.SERIES[0]), ("baseline", svg.SERIES[1]))
        dots = [Line2D([], [], color=colour, marker="o", linestyle="", label=kind) for kind, colour in kinds]
        axes.legend(handles=dots, loc="lower right")
        axes.set_yticks(range(len(ordered)), [one.name for one in ordered])
        axes.set_ylim(-0.6, len(ordered) - 0.2)
        axes.set_xlim(border - 0.002, min(1.0, best + 0.015))
        axes.set(xlabel="out-of-fold accuracy with its standard error")
    return figure


def _table(*measures: str) -> Table:
    table = Table("", box=None, pad_edge=False)
    for name in measures:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _cells(found: Estimate, form: str = ".4f") -> tuple[str, str]:
    return format(found.mean, form), f"{found.error:.4f}"


def _tested(found: Difference) -> tuple[str, str, str]:
    return *_cells(found, "+.4f"), f"{found.p:.2g}" if found.p >= _LEAST_P else f"<{_LEAST_P:g}"


def _untested(_: Difference) -> tuple[str, str, str]:
    return "", "", ""


def _flat(record: dict[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
