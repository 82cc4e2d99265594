"""The report on drift: one HTML file that needs no network."""

from collections.abc import Iterator, Sequence
from html import escape

from pricerange.drift.reference import FALSE_ALARMS, Shift
from pricerange.phone import FEATURES, LABELS, Feature
from scoring.drift import bars
from scoring.drift.compare import Comparison

_FEWEST_SHOWN = 3
"""Distributions that are drawn even where nothing has changed."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
:root { --page: #f6f7f9; --card: #fff; --line: #dde1e6; --ink: #1f2328; --soft: #59636e;
  --good: #1a7f4b; --warn: #b45309; --found: #2f6fb3; --reference: #9aa6b2; --over: #c8453b; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f1318; --card: #171c23; --line: #2b333d; --ink: #e3e8ee; --soft: #9aa6b2;
    --good: #4cc38a; --warn: #f0a04b; --found: #4a8fdb; --reference: #6e7a86; --over: #ee7468; }
}
body { margin: 0 auto; max-width: 1080px; padding: 1.5rem 1.25rem 3rem; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .75rem; }
h3 { font-size: .95rem; margin: 0 0 .4rem; } p { margin: 0 0 .5rem; max-width: 100ch; }
.lead, figcaption, dt { color: var(--soft); } code { font-size: .9em; }
.tiles, .pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem; }
.pictures { grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
.tiles div, figure, table, .verdict { background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; padding: .8rem 1rem; margin: 0; }
.tiles dd { margin: 0; } .tiles .value { font-size: 1.5rem; font-weight: 650; }
.verdict { margin: 1rem 0; border-left: 5px solid var(--good); }
.verdict.alarm { border-left-color: var(--warn); }
svg { display: block; width: 100%; max-width: 40rem; font-size: 11px; fill: currentColor; }
svg .found { fill: var(--found); } svg .reference { fill: var(--reference); } svg .over { fill: var(--over); }
svg .limit { stroke: currentColor; stroke-dasharray: 4 3; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td { padding: .25rem .8rem; text-align: right; border-top: 1px solid var(--line); font-weight: 400; }
th:first-child { text-align: left; } thead th { color: var(--soft); border-top: 0; }
"""


def report(found: Comparison) -> bytes:
    """Write the report; the same comparison gives the same bytes."""
    drift = found.drift
    lead = (
        f"{drift.rows:,} phones of <code>{escape(found.source)}</code> beside those that version "
        f"{escape(found.version)} of {escape(found.model)} has learned from."
    )
    body = [
        f'<header><h1>Drift</h1><p class="lead">{lead}</p></header>',
        f'<dl class="tiles">{"".join(_tiles(found))}</dl>',
        _verdict(found),
        "<h2>What has changed</h2>",
        _index_picture(drift.shifts),
        "<h2>Distributions</h2>",
        f'<div class="pictures">{"".join(_distributions(found))}</div>',
        "<h2>All features</h2>",
        _table(drift.shifts),
    ]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<link rel="icon" href="data:,">
<title>Phone price range: drift</title>
<style>{_STYLE}</style>
</head>
<body>
{chr(10).join(body)}
</body>
</html>
""".encode()


def _tiles(found: Comparison) -> Iterator[str]:
    drift, reference = found.drift, found.reference
    for name, value, note in (
        ("Phones", f"{drift.rows:,}", f"{found.bad_rows:,} rows were no valid phones"),
        ("Alarms", str(len(drift.alarms)), f"of {len(drift.shifts)} distributions"),
        ("Mean confidence", _percent(drift.mean_confidence), f"{reference.mean_confidence:.1%} in training"),
        ("Expected accuracy", _percent(drift.expected_accuracy), f"{reference.accuracy:.1%} in training"),
    ):
        yield f'<div><dt>{name}</dt><dd class="value">{value}</dd><dd>{note}</dd></div>'


def _verdict(found: Comparison) -> str:
    alarms = found.drift.alarms
    if not alarms:
        return f'<p class="verdict">Nothing has changed that chance alone would not. {_PROMISE}</p>'
    named = ", ".join(f"<code>{name}</code>" for name in alarms)
    return f'<p class="verdict alarm"><strong>Changed: {named}.</strong> {_PROMISE}</p>'


_PROMISE = (
    f"Without any change, one of {1 / FALSE_ALARMS:g} such comparisons would raise an alarm. The expected "
    "accuracy is told from the answers' confidence: it does not see phones whose price range has changed."
)


def _index_picture(shifts: Sequence[Shift]) -> str:
    rows = [
        (shift.name, shift.psi.value / shift.psi.limit, shift.alarm)
        for shift in sorted(shifts, key=_ratio, reverse=True)
        if shift.psi
    ]
    about = (
        "Population stability index of each distribution, as a multiple of its limit, on a logarithmic scale."
    )
    return f"<figure>{bars.ratios(about, rows)}<figcaption>{about}</figcaption></figure>"


def _distributions(found: Comparison) -> Iterator[str]:
    """Draw the answers, and the features that have changed most, all those that raise an alarm."""
    *features, answers = found.drift.shifts
    ranked = sorted(features, key=_ratio, reverse=True)
    shown = [
        shift for place, shift in enumerate(ranked) if shift.found and (shift.alarm or place < _FEWEST_SHOWN)
    ]
    by_name = {feature.name: feature for feature in FEATURES}
    for shift in (answers, *shown):
        feature = by_name.get(shift.name)
        labels = _labels(feature, found.reference.edges[shift.name]) if feature else LABELS
        title = f"{shift.name}, {feature.unit}" if feature and feature.unit else shift.name
        about = "Share of each bin: grey in training, coloured what was asked."
        picture = bars.shares(f"{title}. {about}", labels, shift.reference, shift.found)
        yield f"<figure><h3>{title}</h3>{picture}<figcaption>{about}</figcaption></figure>"


def _labels(feature: Feature, edges: Sequence[float]) -> list[str]:
    if feature.kind == "yes/no" and len(edges) == 1:
        return ["no", "yes"]
    if not edges:
        return ["all"]
    return [f"to {edges[0]:g}", *(f"to {edge:g}" for edge in edges[1:]), f"over {edges[-1]:g}"]


def _table(shifts: Sequence[Shift]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in ("", "phones", "PSI", "limit", "p-value", ""))
    rows = "".join(
        f'<tr><th scope="row"><code>{shift.name}</code></th>'
        f"{''.join(f'<td>{cell}</td>' for cell in cells_of(shift))}</tr>"
        for shift in shifts
    )
    return (
        "<table><caption>Each distribution beside that of training</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def cells_of(shift: Shift) -> tuple[str, ...]:
    """Return rows, index, limit, p-value and verdict as text."""
    if shift.psi is None:
        return (f"{shift.rows:,}", "", "", "", "cannot be told")
    found = shift.psi
    changed = "changed" if found.alarm else ""
    return (f"{shift.rows:,}", f"{found.value:.4f}", f"{found.limit:.4f}", f"{found.p_value:.2g}", changed)


def _ratio(shift: Shift) -> float:
    return shift.psi.value / shift.psi.limit if shift.psi else 0.0


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
