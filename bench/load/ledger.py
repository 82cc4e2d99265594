"""What the clients of a soak have seen, and whether the service's own counters say the same."""

import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from bench.load.client import Answer
from bench.load.traffic import Bad, Case, reason_of
from pricerange.phone import LABELS

_SERIES = re.compile(r"^pricerange_(\w+)_total(?:{(.*)})? ([0-9.e+]+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')

Series = Counter[tuple[str, ...]]
"""Counts by ("requests", method, route, status), ("rejected", reason) and ("predictions", price range)."""


def counters(exposition: bytes) -> Series:
    """Read the counters that clients can count too."""
    found: Series = Counter()
    for name, text, value in _SERIES.findall(exposition.decode()):
        labels = dict(_LABEL.findall(text))
        count = int(float(value))
        match name:
            case "requests":
                found[name, labels["method"], labels["route"], labels["status"]] += count
            case "predictions":
                found[name, labels["price_range"]] += count
            case "rejected":
                found[name, labels["reason"]] += count
    return found


@dataclass
class Minute:
    """One minute of the clients."""

    answers: int = 0
    refusals: int = 0
    single_ms: list[float] = field(default_factory=list)
    batch_ms: list[float] = field(default_factory=list)


class Ledger:
    """Counts every answer, in all and of the current minute."""

    def __init__(self) -> None:
        self.minute = Minute()
        self.faults: Counter[str] = Counter()
        """What should not be, by kind."""
        self.examples: dict[str, bytes] = {}
        """The first wrong answer of a kind."""
        self.total = 0
        self._seen: Series = Counter()

    def note(self, case: Case, answer: Answer, seconds: float | None) -> None:
        """Count an answer and judge it; `seconds` it took, None where the client was slow."""
        self.minute.answers += 1
        self.total += 1
        right = case.is_right(answer)
        reason = reason_of(answer) if right and isinstance(case, Bad) else ""
        self.count(case.method, case.route, answer.status, reason)
        if not right:
            kind = f"{case.kind}, {answer.status}"
            self.faults[kind] += 1
            self.examples.setdefault(kind, answer.body[:300])
        if isinstance(case, Bad):
            self.minute.refusals += 1
            return
        counts = np.bincount(case.expected.price_range, minlength=len(LABELS)).tolist()
        for price_range, count in enumerate(counts):
            self._seen["predictions", str(price_range)] += count
        if seconds is None:
            return
        times = self.minute.single_ms if len(case.expected.price_range) == 1 else self.minute.batch_ms
        times.append(1e3 * seconds)

    def count(self, method: str, route: str, status: int, reason: str = "") -> None:
        """Count a request that the service must have counted too, and the reason where it refused it."""
        self._seen["requests", method, route, str(status)] += 1
        if reason:
            self._seen["rejected", reason] += 1

    def next_minute(self) -> Minute:
        """Return the minute and begin another."""
        ended, self.minute = self.minute, Minute()
        return ended

    def differences(self, before: Series, after: Series) -> dict[tuple[str, ...], tuple[int, int]]:
        """Return the counters that differ: what we count, and by how much the service's rose."""
        return {
            series: (self._seen[series], after[series] - before[series])
            for series in before.keys() | after.keys() | self._seen.keys()
            if self._seen[series] != after[series] - before[series]
        }
