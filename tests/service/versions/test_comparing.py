"""Versions are compared a moment later, as an offline comparison would; what finds no room is counted."""

import gc
import logging
import weakref
from pathlib import Path

import numpy as np
import pytest
from in_process import InProcess
from waiting import wait_until

from bench.load.broken_versions import UNLUCKY
from pricerange import synthetic
from pricerange.agreement import Agreement
from pricerange.phone import FEATURE_NAMES
from service.telemetry.prediction_log.sampling import Sampler
from service.telemetry.seats import SeatSums
from service.versions.comparing import _MOST_ROWS, Comparing
from service.versions.live import Canary, Live, Shadow
from service.versions.served import Served

PHONES = synthetic.phones(3_000, block=12)[0].astype(np.float32)


@pytest.fixture
def process(three_versions: Path) -> InProcess:
    return InProcess(three_versions, 1, 2, 3)


def offline(process: InProcess, one: int, other: int, phones: np.ndarray) -> Agreement:
    answers = [process.served[version].predictor.predict(phones).probabilities for version in (one, other)]
    return Agreement.of(*answers)


def offer(comparing: Comparing, live: Live, served: Served, phones: np.ndarray) -> None:
    """Answer phones, as the batcher does, in runs of any size."""
    start, number = 0, 0
    while start < len(phones):
        number += 1
        some = phones[start : (start := start + number * 7 % 60 + 1)]
        comparing.offer(live, served, some, served.predictor.predict(some))


def compared(process: InProcess, version: int, rows: int) -> SeatSums:
    """The sums of a version once so many phones were to be compared, dropped or not."""

    def done() -> bool:
        sums = process.seats.of(version)
        return sums.agreement.rows + sums.dropped + sums.not_compared == rows

    wait_until(done)
    return process.seats.of(version)


def assert_equal(found: Agreement, expected: Agreement) -> None:
    assert found.confusion.tolist() == expected.confusion.tolist()
    assert found.distance_sum == pytest.approx(expected.distance_sum, abs=1e-9)
    assert found.agreed < found.rows  # or nothing is told by it


def test_a_shadow_of_all_agrees_as_it_does_offline(process: InProcess) -> None:
    live = Live(process.served[1], shadows=(Shadow(process.served[2], Sampler(1.0)),))
    offer(Comparing(), live, process.served[1], PHONES)
    sums = compared(process, 2, len(PHONES))
    assert sums.dropped == 0
    assert_equal(sums.agreement, offline(process, 1, 2, PHONES))
    assert sums.answers.sum() == 0  # of a shadow nobody has an answer


def test_a_shadow_of_some_is_asked_about_these(process: InProcess) -> None:
    live = Live(process.served[1], shadows=(Shadow(process.served[2], Sampler(0.3, seed=5)),))
    comparing, same = Comparing(), Sampler(0.3, seed=5)
    sampled = []
    for block in np.array_split(PHONES, 40):
        comparing.offer(live, process.served[1], block, process.served[1].predictor.predict(block))
        sampled.append(block[same.places(len(block))])
    expected = offline(process, 1, 2, np.concatenate(sampled))
    assert_equal(compared(process, 2, expected.rows).agreement, expected)


def test_of_a_canary_the_stable_version_is_asked_and_its_answers_are_the_rows(process: InProcess) -> None:
    live = Live(process.served[1], Canary(process.served[2], 0.5, None))
    comparing = Comparing()
    offer(comparing, live, process.served[2], PHONES)
    assert_equal(compared(process, 2, len(PHONES)).agreement, offline(process, 1, 2, PHONES))
    offer(comparing, live, process.served[1], PHONES[:100])  # what the stable one answers is its own
    offer(comparing, live, process.served[2], PHONES[:100])
    assert compared(process, 2, len(PHONES) + 100).agreement.rows == len(PHONES) + 100
    assert process.seats.of(1).agreement.rows == 0


def test_a_canary_and_shadows_are_compared_side_by_side(process: InProcess) -> None:
    shadows = (Shadow(process.served[3], Sampler(1.0)),)
    live = Live(process.served[1], Canary(process.served[2], 0.5, None), shadows)
    comparing = Comparing()
    offer(comparing, live, process.served[2], PHONES[:500])
    offer(comparing, live, process.served[1], PHONES[500:])
    assert_equal(compared(process, 2, 500).agreement, offline(process, 1, 2, PHONES[:500]))
    same = compared(process, 3, 2_500).agreement
    assert (same.agreed, same.distance_sum) == (2_500, 0)


@pytest.mark.parametrize("at_once", [20_000, _MOST_ROWS + 1, _MOST_ROWS])
def test_of_more_phones_than_there_is_room_for_the_first_are_compared_and_the_rest_counted(
    process: InProcess, at_once: int
) -> None:
    live = Live(process.served[1], Canary(process.served[2], 0.5, None))
    phones = np.resize(PHONES, (at_once, PHONES.shape[1]))
    Comparing().offer(live, process.served[2], phones, process.served[2].predictor.predict(phones))
    sums = compared(process, 2, at_once)
    assert sums.dropped == at_once - _MOST_ROWS
    assert_equal(sums.agreement, offline(process, 1, 2, phones[:_MOST_ROWS]))


def test_under_load_each_phone_is_compared_or_counted_as_dropped(process: InProcess) -> None:
    live = Live(process.served[1], shadows=(Shadow(process.served[2], Sampler(1.0)),))
    comparing, answers = Comparing(), process.served[1].predictor.predict(PHONES)
    for _ in range(200):
        comparing.offer(live, process.served[1], PHONES, answers)
    sums = compared(process, 2, 200 * len(PHONES))
    assert sums.dropped > 0
    assert sums.agreement.rows >= _MOST_ROWS


def test_a_version_that_fails_is_counted_and_complained_of_once_and_the_others_go_on(
    process: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    shadows = tuple(Shadow(process.served[version], Sampler(1.0)) for version in (3, 2))
    live, comparing = Live(process.served[1], shadows=shadows), Comparing()
    unlucky = PHONES[:40].copy()
    for feature, value in UNLUCKY.items():
        unlucky[:, FEATURE_NAMES.index(feature)] = value
    for rows in (40, 80):
        comparing.offer(live, process.served[1], unlucky, process.served[1].predictor.predict(unlucky))
        assert compared(process, 3, rows).not_compared == rows
    assert compared(process, 2, 80).agreement.rows == 80
    offer(comparing, live, process.served[1], PHONES[:300])
    assert compared(process, 3, 380).agreement.rows == 300
    assert [record.message.partition(",")[0] for record in caplog.records] == ["version 3 fails"]


def test_a_version_that_was_compared_is_let_go(three_versions: Path) -> None:
    process = InProcess(three_versions, 1, 2, 3)
    comparing, counts = Comparing(), process.seats
    for version, phones in ((3, PHONES[:10]), (2, PHONES[:20])):
        live = Live(process.served[1], shadows=(Shadow(process.served[version], Sampler(1.0)),))
        offer(comparing, live, process.served[1], phones)
        compared(process, version, len(phones))
    known = [weakref.ref(served) for served in process.served.values()]
    del process, live

    def gone() -> bool:
        gc.collect()
        return not any(each() for each in known)

    wait_until(gone, 5)
    assert counts.of(3).agreement.rows == 10
