"""When drift is told, and when it is not: `python -m bench.drift [--models DIR] [--windows 200]`.

Phones come from the known rule of `pricerange.synthetic`; without `--models` a version learns from 2,000 of
them first.

- Without change: windows in which anything raises an alarm, against the nominal rate, beside two fixed limits
  of the index. In the last row each window has a reference of its own, of phones that the version has not
  learned from.
- With a change that begins with a window: rows until the first window that raises an alarm.
- The accuracy to expect (CBPE) beside the true one, where other phones are asked about and the rule that
  gives the price range stays; and where the rule itself changes, which no confidence can tell.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from bench.show.tables import show
from pricerange import synthetic
from pricerange.drift.reference import FALSE_ALARMS, Drift, Reference
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.predictor import Predictor
from training.quality.drift import drift_reference
from training.train import train

RAM, HEIGHT = FEATURE_NAMES.index("ram"), FEATURE_NAMES.index("px_height")
REFERENCE_ROWS = 1_600
MANY = 20_000
"""Phones by which accuracies are compared: chance makes a tenth of a point of difference."""
MOST_WINDOWS = 200
"""Windows after which no alarm is waited for any more."""
STREAMS = 40
GOAL_POINTS = 0.02
"""How far the accuracy to expect may be off, where the phones change and the rule stays."""

Rows = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Change = Callable[[Rows, np.random.Generator], Rows]
"""Makes other phones of phones float64 [n, 20]; fewer may be left."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, help="trained on synthetic phones")
    parser.add_argument("--windows", type=int, default=200)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = wanted.models or Path(folder)
        if not wanted.models:
            train(["synthetic:2000"], models)
        bench = _Bench(Predictor.load(models))
    bench.without_change(wanted.windows)
    bench.until_the_alarm()
    bench.accuracies()


class _Bench:
    def __init__(self, predictor: Predictor) -> None:
        reference = Reference.of_version(predictor.bundle.passport)
        assert reference is not None, "the version keeps no reference"
        self._predictor = predictor
        self._reference = reference
        self._random = np.random.default_rng(1)
        self._blocks = iter(range(1, 1 << 30))

    def without_change(self, windows: int) -> None:
        rows = []
        for size, count in ((1_000, windows), (1_000, 10 * windows), (100, 10 * windows), (10_000, windows)):
            drifts = [self._drift(self._phones(size)[0]) for _ in range(count)]
            rows.append(_alarms(f"{size:,} rows", drifts))
        own = []
        for _ in range(10 * windows):
            features, price_range = self._phones(REFERENCE_ROWS)
            probabilities = self._predictor.predict(features.astype(np.float32)).probabilities
            reference = Reference(drift_reference(features.astype(np.float32), probabilities, price_range))
            own.append(self._drift(self._phones(1_000)[0], reference))
        rows.append(_alarms("1,000 rows, each with a reference of its own", own))
        head = ("windows of", "windows", "with an alarm", "share", "nominal", "PSI > 0.1", "PSI > 0.2")
        show("No change: windows with an alarm", head, rows)

    def until_the_alarm(self) -> None:
        rows = []
        for name, change in _CHANGES.items():
            for size in (100, 1_000):
                found = [self._rows_until(change, size) for _ in range(STREAMS)]
                reached = [until for until, _ in found if until is not None]
                often = Counter(alarm for _, alarms in found for alarm in alarms)
                what = [name for name, count in often.most_common() if count > STREAMS / 2]
                late = f"{sorted(reached)[int(0.95 * (len(reached) - 1))]:,}" if reached else ""
                middle = f"{median(reached):,.0f}" if reached else "never"
                rows.append((name, f"{size:,}", middle, late, str(STREAMS - len(reached)), ", ".join(what)))
        head = (
            "change",
            "window",
            "rows until the alarm",
            "95th percentile",
            "never",
            "what has raised most",
        )
        show(f"Rows until the alarm, median of {STREAMS} streams", head, rows)

    def accuracies(self) -> None:
        rows, worst = [], 0.0
        for name, change in {"none": _as_it_is, **_CHANGES, **_OTHERS}.items():
            features = self._changed(change, MANY)
            true, drift = self._accuracy(features, synthetic.THRESHOLDS), self._drift(features)
            worst = max(worst, abs(drift.expected_accuracy - true))
            rows.append(_accuracies(name, true, drift))
        features = self._changed(_as_it_is, MANY)
        moved = tuple(threshold + 200 for threshold in synthetic.THRESHOLDS)
        rows.append(
            _accuracies(
                "the rule: ranges begin 200 later", self._accuracy(features, moved), self._drift(features)
            )
        )
        head = ("change", "true", "expected (CBPE)", "off by", "mean confidence")
        show(f"Accuracy of {MANY:,} answers", head, rows)
        verdict = "met" if worst <= GOAL_POINTS else "MISSED"
        print(f"\nfarthest off while the rule stays: {100 * worst:.1f} points, wanted at most 2: {verdict}")

    def _phones(self, rows: int) -> tuple[Rows, Labels]:
        return synthetic.phones(rows, next(self._blocks))

    def _changed(self, change: Change, rows: int) -> Rows:
        kept: list[Rows] = []
        while sum(map(len, kept)) < rows:
            kept.append(change(self._phones(rows)[0], self._random))
        return np.concatenate(kept)[:rows]

    def _drift(self, features: Rows, reference: Reference | None = None) -> Drift:
        reference = reference or self._reference
        phones = features.astype(np.float32)
        return reference.drift(reference.tally(phones, self._predictor.predict(phones)))

    def _rows_until(self, change: Change, size: int) -> tuple[int | None, tuple[str, ...]]:
        for window in range(1, MOST_WINDOWS + 1):
            alarms = self._drift(self._changed(change, size)).alarms
            if alarms:
                return window * size, alarms
        return None, ()

    def _accuracy(self, features: Rows, thresholds: tuple[float, ...]) -> float:
        noise = self._random.normal(0, synthetic.NOISE, len(features))
        truth = np.searchsorted(thresholds, synthetic.score(features) + noise)
        answers = self._predictor.predict(features.astype(np.float32)).price_range
        return float((answers == truth).mean())


def _alarms(name: str, drifts: list[Drift]) -> tuple[str, ...]:
    count = sum(bool(drift.alarms) for drift in drifts)
    indices = [max(shift.psi.value for shift in drift.shifts if shift.psi) for drift in drifts]
    fixed = (f"{np.mean(np.array(indices) > limit):.1%}" for limit in (0.1, 0.2))
    return (name, f"{len(drifts)}", f"{count}", f"{count / len(drifts):.1%}", f"{FALSE_ALARMS:.1%}", *fixed)


def _accuracies(name: str, true: float, drift: Drift) -> tuple[str, ...]:
    off = 100 * (drift.expected_accuracy - true)
    return (
        name,
        f"{true:.2%}",
        f"{drift.expected_accuracy:.2%}",
        f"{off:+.2f}",
        f"{drift.mean_confidence:.2%}",
    )


def _as_it_is(phones: Rows, _: np.random.Generator) -> Rows:
    return phones


def _more_ram(times: float) -> Change:
    def change(phones: Rows, _: np.random.Generator) -> Rows:
        changed = phones.copy()
        changed[:, RAM] = np.rint(times * changed[:, RAM])
        return changed

    return change


def _mostly_low(phones: Rows, random: np.random.Generator) -> Rows:
    """Take phones so that six of ten have the lowest price range."""
    classes = np.searchsorted(synthetic.THRESHOLDS, synthetic.score(phones))
    shares = np.where(classes == 0, 0.6, 0.4 / (len(LABELS) - 1)) / np.bincount(classes, minlength=4)[classes]
    return phones[random.choice(len(phones), len(phones) // 3, p=shares / shares.sum())]


def _weighted(weights: Callable[[Rows], Rows]) -> Change:
    """Take each phone with a probability, its weight beside the largest."""

    def change(phones: Rows, random: np.random.Generator) -> Rows:
        weight = weights(phones)
        return phones[random.random(len(phones)) < weight / weight.max()]

    return change


def _near(distance: float) -> Change:
    """Take phones whose score is that near to where a price range begins."""

    def change(phones: Rows, _: np.random.Generator) -> Rows:
        away = np.abs(synthetic.score(phones)[:, np.newaxis] - synthetic.THRESHOLDS).min(axis=1)
        return phones[away < distance]

    return change


_CHANGES: dict[str, Change] = {
    "ram x 1.2": _more_ram(1.2),
    "ram x 1.5": _more_ram(1.5),
    "ram x 2": _more_ram(2),
    "60 % low": _mostly_low,
}
_OTHERS: dict[str, Change] = {
    "phones of little ram": _weighted(lambda phones: np.exp(-phones[:, RAM] / 800)),
    "phones of much ram": _weighted(lambda phones: np.exp(phones[:, RAM] / 800)),
    "small pictures": _weighted(lambda phones: np.exp(-phones[:, HEIGHT] / 200)),
    "large pictures": _weighted(lambda phones: np.exp(phones[:, HEIGHT] / 400)),
    "within 300 of the next price range": _near(300),
    "within 150 of the next price range": _near(150),
}

if __name__ == "__main__":
    main()
