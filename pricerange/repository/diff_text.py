"""The difference of two versions, as JSON and as lines."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from pricerange.phone import LABELS
from pricerange.repository.diff import Answers, Difference, Pairs

_WIDTH = max(map(len, LABELS)) + 2


def as_json(difference: Difference, answers: Answers | None) -> str:
    """Write all of it."""
    told = None if answers is None else answers.as_dict()
    return json.dumps({**dataclasses.asdict(difference), "answers": told}, indent=1)


def as_lines(difference: Difference, answers: Answers | None) -> Iterator[str]:
    """Write it for people: a section for each kind of difference that there is."""
    yield f"version {difference.old} -> version {difference.new}"
    main = {key: pair for key, pair in difference.metrics.items() if "." not in key}
    yield from _section("recipe", difference.recipe)
    yield from _section("training data", difference.training_data)
    if difference.no_longer_active or difference.newly_active:
        yield "\nactive features"
        yield f"  no longer: {', '.join(difference.no_longer_active) or 'none'}"
        yield f"  newly: {', '.join(difference.newly_active) or 'none'}"
    yield from _section("metrics", main, len(difference.metrics) - len(main))
    yield from _section("bytes", difference.sizes)
    if answers is not None:
        yield from _of_answers(answers)


def _section(title: str, pairs: Pairs, more: int = 0) -> Iterator[str]:
    if not pairs and not more:
        return
    yield f"\n{title}"
    width = max(map(len, pairs), default=0)
    for key, (old, new) in pairs.items():
        short = _short(old), _short(new)
        # what differs far behind the point still differs
        before, after = short if short[0] != short[1] else (str(old), str(new))
        yield f"  {key:{width}}  {before} -> {after}"
    if more:
        yield f"  and {more} more, which --json lists"


def _short(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _of_answers(answers: Answers) -> Iterator[str]:
    told = answers.as_dict()
    bad = f", {answers.bad_rows:,} rows were no valid phones" if answers.bad_rows else ""
    yield f"\nanswers to {told['rows']:,} phones{bad}"
    if not told["rows"]:
        return
    yield f"  the same price range: {told['agreement']:.4%}"
    yield (
        f"  total variation distance of probabilities: mean {told['mean_distance']:.6f}, "
        f"largest {told['max_distance']:.6f}"
    )
    yield f"  {'old / new':{_WIDTH}}" + "".join(f"{label:>{_WIDTH}}" for label in LABELS)
    for label, counts in zip(LABELS, told["confusion"], strict=True):
        yield f"  {label:{_WIDTH}}" + "".join(f"{count:>{_WIDTH},}" for count in counts)
