"""Bars as SVG in the colours of the page around them, without a library that serving has no need of."""

import math
from collections.abc import Sequence
from html import escape

_ROW, _NAME, _LENGTH, _VALUE = 20, 110, 420, 50
"""Of lying bars, in pixels: height of a row, and widths of names, bars and values."""
_WIDTH, _MARGIN, _HEIGHT, _UNDER = 420, 16, 150, 34
"""Of standing bars: the picture and what it leaves free at its sides, the bars, and what is under them."""
_FAINTEST, _LIMIT = 0.01, 1.0
"""Where the scale of ratios begins, and where the line is."""


def ratios(description: str, rows: Sequence[tuple[str, float, bool]]) -> str:
    """Draw a bar for each name, ratio to a limit, and whether it is over it, on a logarithmic scale."""
    most = max(10.0, *(ratio for _, ratio, _ in rows))

    def place(ratio: float) -> float:
        share = math.log(max(ratio, _FAINTEST) / _FAINTEST) / math.log(most / _FAINTEST)
        return _NAME + _LENGTH * share

    height = _ROW * len(rows) + 20
    line, right = place(_LIMIT), _NAME + _LENGTH + _VALUE
    parts = [
        f'<line x1="{line:.1f}" x2="{line:.1f}" y1="0" y2="{height - 16}" class="limit"/>',
        f'<text x="{line:.1f}" y="{height - 4}" text-anchor="middle">limit</text>',
    ]
    for row, (name, ratio, over) in enumerate(rows):
        top, end = _ROW * row, place(ratio)
        kind = "over" if over else "found"
        parts += [
            f'<text x="{_NAME - 6}" y="{top + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_NAME}" y="{top + 3}" width="{end - _NAME:.1f}" height="{_ROW - 6}" class="{kind}"/>',
            f'<text x="{right}" y="{top + 14}" text-anchor="end">{ratio:.2f}</text>',
        ]
    return _picture(description, right, height, parts)


def shares(
    description: str, labels: Sequence[str], reference: Sequence[float], found: Sequence[float]
) -> str:
    """Draw two bars for each label: its share in the reference, and what was found, written above."""
    most = max(*reference, *found)
    step = (_WIDTH - 2 * _MARGIN) / len(labels)
    wide = min(step * 0.38, 40)
    parts = []
    for number, (label, *pair) in enumerate(zip(labels, reference, found, strict=True)):
        middle = _MARGIN + step * (number + 0.5)
        for left, share, kind in zip((middle - wide, middle), pair, ("reference", "found"), strict=True):
            tall = (_HEIGHT - 14) * share / most
            top = _HEIGHT - tall
            parts.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}" class="{kind}">'
                f"<title>{escape(label)}, {kind}: {share:.1%}</title></rect>"
            )
        above = f'<text x="{middle + wide / 2:.1f}" y="{top - 3:.1f}" text-anchor="middle">'
        parts.append(f"{above}{share:.0%}</text>")
        # long labels would run into each other
        under = _HEIGHT + (13 if number % 2 == 0 else 26)
        parts.append(f'<text x="{middle:.1f}" y="{under}" text-anchor="middle">{escape(label)}</text>')
    return _picture(description, _WIDTH, _HEIGHT + _UNDER, parts)


def _picture(description: str, width: int, height: int, parts: Sequence[str]) -> str:
    head = f'<svg role="img" aria-label="{escape(description)}" viewBox="0 0 {width} {height}">'
    return "\n".join([head, *parts, "</svg>"])
