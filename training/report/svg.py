"""A matplotlib figure as SVG: small, the same bytes for the same numbers, safe beside others in one page."""

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

INK, FAINT = "#24292f", "#8c959f"
"""Text and axes; grid and notes. A figure has no other colours than these and the series'."""
SERIES = ("#2f6fb3", "#c8453b", "#2e8b57", "#8a5cc4", "#b7791f", "#0f8a94", "#c2418f", "#6b7785")

_VARIABLES = {INK: "currentColor", FAINT: "var(--faint)"} | {
    colour: f"var(--series-{place})" for place, colour in enumerate(SERIES, start=1)
}
"""What a page's style sheet may set, for light and dark."""
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: a tenth of the bytes, and it can be searched and read aloud
    "svg.hashsalt": "pricerange",  # ids are random otherwise
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    "grid.color": FAINT,
    "grid.alpha": 0.3,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "axes.titlesize": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
}


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """Give an empty figure of that size in inches, to be filled in the house's style."""
    with mpl.rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def standalone(drawing: Figure) -> bytes:
    """Return a file of its own, on white: it is shown on pages of unknown colour."""
    return f"{_element(drawing, 'white')}\n".encode()


def inline(drawing: Figure, name: str, description: str) -> str:
    """Return an element of an HTML page, which takes the page's `--faint` and `--series-1` to `--series-8`.

    `name` makes the ids its own; `description` is what a screen reader says.
    """
    text = _element(drawing, "none")
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    text = re.sub(r' (?:xmlns|width|height|version)(?::xlink)?="[^"]*"', "", text.partition(">")[0]) + (
        ">" + text.partition(">")[2].replace("xlink:href", "href")
    )
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{html.escape(description)}"', 1)


def _element(drawing: Figure, background: str) -> str:
    file = io.StringIO()
    with mpl.rc_context(_STYLE):
        nothing_of_its_origin = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        drawing.savefig(file, format="svg", metadata=nothing_of_its_origin, facecolor=background)
    return _smaller(file.getvalue())


def _smaller(text: str) -> str:
    """Leave out what no eye sees: the prologue, ids that nothing refers to, hundredths of a point."""
    text = text[text.index("<svg") :]
    # the style sheet would reach beyond its picture
    text = re.sub(r'<defs>\s*<style type="text/css">[^<]*</style>\s*</defs>', "", text)
    text = re.sub(r"font-family: [^;\"]*; ", "", text).replace("<svg", '<svg font-family="sans-serif"', 1)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", text)
    text = re.sub(r' (?:d|x|y|transform)="[^"]*"', lambda place: _rounded(place[0]), text)
    return re.sub(r"\s*\n\s*(?=[<LCQz\"])", "\n", text).strip()


def _rounded(place: str) -> str:
    return re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), place)
