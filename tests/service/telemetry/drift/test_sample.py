"""The sample: bounded whatever is asked, spread over what is asked at once, counted a moment later."""

import asyncio
import sys
from pathlib import Path

import numpy as np
import pytest

from pricerange import synthetic
from pricerange.drift.reference import Reference
from pricerange.predictor import Prediction, Predictor
from service.telemetry.drift import sample
from service.telemetry.drift.sample import DriftSample
from service.telemetry.drift.windows import Windows
from service.telemetry.seats import Seats
from service.telemetry.shared_counters import SharedCounters


@pytest.fixture
def windows(model_repository: Path, monkeypatch: pytest.MonkeyPatch) -> Windows:
    monkeypatch.setattr(sample, "_PAUSE", 0.05)
    reference = Reference.of_version(Predictor.load(model_repository).bundle.passport)
    assert reference is not None
    [counters] = SharedCounters.of(1)
    return Windows(reference, counters, 1_000, Seats(counters).take(0, 1))


def asked(rows: int) -> tuple[np.ndarray, Prediction]:
    phones = synthetic.phones(rows)[0].astype(np.float32)
    return phones, Prediction(np.full((rows, 4), 0.25, np.float32), np.arange(rows) % 4)


def rows_of(windows: Windows) -> float:
    return windows.reference.rows(windows.counted().since_start)


def test_few_phones_are_all_counted_after_a_moment(windows: Windows) -> None:
    async def ask() -> None:
        kept = DriftSample(windows)
        for _ in range(7):
            kept.offer(*asked(3))
        assert rows_of(windows) == 0
        await asyncio.sleep(0.2)
        assert rows_of(windows) == 21
        kept.offer(*asked(2))
        await asyncio.sleep(0.2)
        assert rows_of(windows) == 23

    asyncio.run(ask())


def test_of_many_phones_some_are_kept_evenly_spread_and_the_rest_let_go(windows: Windows) -> None:
    async def ask() -> None:
        kept = DriftSample(windows)
        phones, answers = asked(100_000)
        held = sys.getrefcount(phones)
        kept.offer(phones, answers)
        assert sys.getrefcount(phones) == held
        for _ in range(1_000):
            kept.offer(*asked(1))
        await asyncio.sleep(0.2)

    asyncio.run(ask())
    assert 100 < rows_of(windows) <= sample._MOST_ROWS
    # every 782nd phone has an even number, and so one of two answers
    shares = windows.reference.drift(windows.counted().since_start).answers.found
    assert shares == pytest.approx([0.5, 0, 0.5, 0], abs=0.02)


def test_nothing_asked_is_nothing_counted(windows: Windows) -> None:
    async def ask() -> None:
        DriftSample(windows).offer(*asked(0))
        await asyncio.sleep(0.1)

    asyncio.run(ask())
    assert rows_of(windows) == 0
