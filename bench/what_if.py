"""What would move phones to another price range: `python -m bench.what_if [--data FILE] [--phones 100]`.

Phones are drawn as the public data spreads, or taken from a file, and each is asked about with every price
range that it is not in. Every change that is found is verified by asking the model about the changed phone,
with values that were written as JSON and read back, beside other phones. The last line is a question that has
no answer: the cheapest phone shall become the dearest by its yes/no features alone.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.show.tables import show
from pricerange import synthetic
from pricerange.answer.change.lattice import plain
from pricerange.answer.change.nearest import run
from pricerange.answer.change.what_if import Change, Changes, WhatIf
from pricerange.phone import FEATURES, LABELS
from pricerange.predictor import Prediction, Predictor

_HEAD = (
    "wanted",
    "searches",
    "by one feature",
    "in range",
    "by two",
    "in range",
    "two / one",
    "phones asked",
    "ms",
    "ms p99",
)
_YES_NO = [feature.name for feature in FEATURES if feature.kind == "yes/no"]

Rows = npt.NDArray[np.float32]


class Counting(Predictor):
    """A predictor that counts the phones that it is asked about."""

    asked = 0

    def predict(self, rows: Rows) -> Prediction:
        """Answer n phones."""
        self.asked += len(rows)
        return super().predict(rows)


@dataclass(frozen=True, slots=True)
class Search:
    """A search that is done: for which price range, what it found, in how much time, by how many phones."""

    wanted: int
    changes: Changes
    milliseconds: float
    asked: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", help="phones with a price_range column, as of `pricerange train`")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--phones", type=int, default=100)
    wanted = parser.parse_args()
    predictor = Counting.load(wanted.models)
    version = predictor.bundle
    what_if = WhatIf(version.passport)
    phones = _phones(wanted.data, wanted.phones)
    own = predictor.predict(phones).price_range
    run(what_if.search(phones[0], 0), predictor)  # warm
    active = version.passport.active_features
    print(
        f"version {version.version}, {len(active)} features that can change an answer; {len(phones)} phones"
    )
    verified = True
    for title, allowed in (
        ("all features may change", active),
        ("all but ram", [name for name in active if name != "ram"]),
    ):
        searches = [
            _search(what_if, predictor, phone, other, allowed)
            for phone, price_range in zip(phones, own.tolist(), strict=True)
            for other in range(len(LABELS))
            if other != price_range
        ]
        verified &= all(
            _agrees(change, search.wanted, predictor, phones)
            for search in searches
            for change in (search.changes.one, search.changes.two)
            if change is not None
        )
        rows = [_row(LABELS[k], [one for one in searches if one.wanted == k]) for k in range(len(LABELS))]
        show(f"share of searches with an answer, {title}", _HEAD, [*rows, _row("all", searches)])
    print(f"\nall changes verified by the model, to the last bit: {'yes' if verified else 'NO'}")
    none = run(what_if.search(phones[int(own.argmin())], len(LABELS) - 1, _YES_NO), predictor)
    print(f"by yes/no features alone from {LABELS[own.min()]} to {LABELS[-1]}: ", end="")
    print("no such change" if none.one is none.two is None else "FOUND")
    if not verified:
        raise SystemExit(1)


def _phones(data: str | None, count: int) -> Rows:
    if data is None:
        return synthetic.phones(count, block=9)[0].astype(np.float32)
    from training.data import load

    features = load([data]).features
    chosen = np.random.default_rng(0).choice(len(features), min(count, len(features)), replace=False)
    rows: Rows = features[chosen].astype(np.float32)
    return rows


def _search(what_if: WhatIf, predictor: Counting, phone: Rows, wanted: int, allowed: Sequence[str]) -> Search:
    before, started = predictor.asked, time.perf_counter()
    changes = run(what_if.search(phone, wanted, allowed), predictor)
    return Search(wanted, changes, 1e3 * (time.perf_counter() - started), predictor.asked - before)


def _agrees(change: Change, wanted: int, predictor: Predictor, others: Rows) -> bool:
    """Whether the model says of a changed phone, sent as JSON and beside others, what was told."""
    text = json.dumps([plain(place, value) for place, value in enumerate(change.phone)])
    answer = predictor.predict(np.vstack([np.array([json.loads(text)], np.float32), others]))
    same: bool = answer.probabilities[0].tobytes() == change.answer.probabilities[0].tobytes()
    return same and int(answer.price_range[0]) == wanted


def _row(name: str, searches: list[Search]) -> tuple[str, ...]:
    ones = [search.changes.one for search in searches]
    twos = [search.changes.two for search in searches]
    ratios = [two.size / one.size for one, two in zip(ones, twos, strict=True) if one and two]
    milliseconds = [search.milliseconds for search in searches]
    return (
        name,
        str(len(searches)),
        *(f"{share:.1%}" for changes in (ones, twos) for share in _shares(changes)),
        f"{np.median(ratios):.3f}" if ratios else "",
        f"{np.median([search.asked for search in searches]):,.0f}",
        f"{np.median(milliseconds):.1f}",
        f"{np.quantile(milliseconds, 0.99):.1f}",
    )


def _shares(changes: list[Change | None]) -> tuple[float, float]:
    """Return the share that there is, and the share that lies in the training range."""
    found = [change for change in changes if change]
    return len(found) / len(changes), sum(one.within == "training_range" for one in found) / len(changes)


if __name__ == "__main__":
    main()
