"""Answers as a person reads them, by rich, and as programs do: JSON, a line each."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pricerange.phone import LABELS

Document = dict[str, Any]
"""An answer as `/predict` has it in JSON, or as a row of `/predict/batch`."""

MOST_SHOWN = 20
"""Phones of a table that are shown one by one: what fits on a screen."""
_BAR = 30
_COLOURS = ("green", "cyan", "yellow", "magenta")


def as_json(answers: Iterable[Document]) -> Iterator[str]:
    """Yield each answer as a line."""
    return (json.dumps(answer, separators=(",", ":")) + "\n" for answer in answers)


def one(answer: Document, console: Console) -> None:
    """Show the answer to one phone: the four probabilities, what they are worth, and why."""
    model = answer["model"]
    console.print(
        Text.assemble(
            (answer["label"], f"bold {_COLOURS[answer['price_range']]}"),
            f" (price range {answer['price_range']}), says {model['name']} version {model['version']}",
        )
    )
    bars = Table(show_header=False, box=None, pad_edge=False)
    for label, probability, colour in zip(LABELS, answer["probabilities"], _COLOURS, strict=True):
        bars.add_row(label, f"{probability:.2%}", Text("█" * round(_BAR * probability), colour))
    console.print(bars)
    for line in _worth(answer):
        console.print(line, markup=False, highlight=False)
    if explanation := answer.get("explanation"):
        console.print(_reasons(explanation))


def many(answers: Iterator[Document], console: Console) -> None:
    """Show the first answers to the phones of a table, and how many have which price range."""
    first = list(islice(answers, MOST_SHOWN))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("row", "price range", "probability"):
        table.add_column(name, justify="right" if name != "price range" else "left")
    beside = [name for name in ("prediction_set", "unknown") if first and name in first[0]]
    for name in ("outside the training range", *(name.replace("_", " ") for name in beside)):
        table.add_column(name)
    explained = bool(first) and "explanation" in first[0]
    if explained:
        table.add_column("most because of")
    for row, answer in enumerate(first, 1):
        best = answer["price_range"]
        cells: list[str | Text] = [
            str(row),
            Text(answer["label"], _COLOURS[best]),
            f"{answer['probabilities'][best]:.2%}",
        ]
        cells += [_outside(answer), *(_listed(answer[name], name) for name in beside)]
        table.add_row(*cells, *([answer["explanation"]["reasons"][0]["feature"]] if explained else []))
    console.print(table)
    counts = Counter(answer["price_range"] for answer in chain(first, answers))
    total = counts.total()
    listed = ", ".join(f"{LABELS[k]} {counts[k]:,}" for k in range(len(LABELS)))
    if total > len(first):
        console.print(f"and {total - len(first):,} more; --json has all of them", highlight=False)
    console.print(f"{total:,} phones: {listed}", highlight=False)


def _worth(answer: Document) -> Iterator[str]:
    if (applicability := answer.get("applicability")) and not applicability["in_range"]:
        for value in applicability["outside"]:
            learned = f"{value['low']} to {value['high']}"
            yield f"{value['feature']} is {value['value']}, and was {learned} in training"
        if distance := applicability.get("distance"):
            usual = f"at most {distance['limit']} is usual"
            yield f"its distance to the training rows is {distance['value']}, {usual}"
        yield applicability["note"]
    if sets := answer.get("sets"):
        names = " or ".join(LABELS[k] for k in answer["prediction_set"])
        yield f"{names}: a set that holds the true price range of {sets['level']:.0%} of phones"
    if unknown := answer.get("unknown"):
        yield f"averaged over {', '.join(unknown)}"


def _reasons(explanation: Document) -> Table:
    base, value = explanation["base"]["score"], explanation["value"]["score"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("because of")
    table.add_column("value", justify="right")
    table.add_column("adds", justify="right")
    for reason in explanation["reasons"]:
        known = "unknown" if reason["value"] is None else f"{reason['value']:g}"
        colour = "green" if reason["score"] >= 0 else "red"
        table.add_row(reason["feature"], known, Text(f"{reason['score']:+.3f}", colour))
    table.add_section()
    table.add_row("phones in general", "", f"{base:.3f}")
    table.add_row("expected price range", "", f"{value:.3f}")
    return table


def _outside(answer: Document) -> str:
    applicability = answer.get("applicability")
    if applicability is None or applicability["in_range"]:
        return ""
    return ", ".join(value["feature"] for value in applicability["outside"]) or "their combination"


def _listed(values: Iterable[Any], name: str) -> str:
    return ", ".join(LABELS[one] if name == "prediction_set" else one for one in values)
