"""Several versions in one iteration of the event loop: each answer is its version's own, to the last bit."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime
import pytest
from corpus import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process import InProcess

from bench.load.broken_versions import UNLUCKY
from pricerange import synthetic
from pricerange.phone import FEATURE_NAMES
from service.errors import InvalidInputError, ModelUnloadedError
from service.http import deadline
from service.http.budget import MemoryBudget
from service.http.deadline import Deadline
from service.http.framing.head import Head
from service.http.request_state import Requests, RequestState
from service.model.batcher import Answers, Batcher, PhoneAnswer
from service.telemetry.metrics import Metrics
from service.versions.live import Canary, Choice, Live
from service.versions.served import Served

T = TypeVar("T")
PHONES = synthetic.phones(200, block=13)[0].astype(np.float32)
REQUESTS = Requests(10, MemoryBudget(1 << 20, lambda held: None), lambda state: None)
WHERE = pytest.mark.parametrize("on_thread", [False, True], ids=["in the loop", "on a thread"])


@pytest.fixture
def process(three_versions: Path) -> InProcess:
    return InProcess(three_versions, 1, 2, 3)


@pytest.fixture(scope="module")
def shared(three_versions: Path) -> InProcess:
    """One for many examples."""
    return InProcess(three_versions, 1, 2)


@pytest.fixture(scope="module")
def oracle(three_versions: Path) -> Callable[[str, np.ndarray], np.ndarray]:
    """Ask ONNX Runtime itself, one phone after the other."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    folder = three_versions / "phone_price_range"
    sessions = {
        version: onnxruntime.InferenceSession(
            folder / version / "model.onnx", options, ["CPUExecutionProvider"]
        )
        for version in ("1", "2", "3")
    }

    def ask(version: str, phones: np.ndarray) -> np.ndarray:
        run = sessions[version].run
        return np.concatenate(
            [run(["probabilities"], {"features": phone[np.newaxis]})[0] for phone in phones]
        )

    return ask


def batcher_of(process: InProcess, *, on_thread: bool = False) -> Batcher:
    return Batcher(process.versions, Metrics(process.counters, "cpu"), 10_000, on_thread=on_thread)


def run(test: Callable[[], Awaitable[T]]) -> T:
    async def within_a_request() -> T:
        deadline.begin(Deadline(30.0, time.monotonic() + 30, False))
        return await test()

    return asyncio.run(within_a_request())


def state() -> RequestState:
    return REQUESTS.open(Head("POST", b"/predict", "1.1", [], True, 0), None, None)


def body(phone: np.ndarray) -> bytes:
    values = (float(value) for value in phone.astype(str))
    return json.dumps(dict(zip(FEATURE_NAMES, values, strict=True))).encode()


def unlucky(phones: np.ndarray) -> np.ndarray:
    phones = phones.copy()
    for feature, value in UNLUCKY.items():
        phones[:, FEATURE_NAMES.index(feature)] = value
    return phones


def ask(batcher: Batcher, phones: np.ndarray) -> list[Awaitable[PhoneAnswer]]:
    return [batcher.predict_phone(body(phone), state()) for phone in phones]


def probabilities(answers: Sequence[PhoneAnswer]) -> np.ndarray:
    return np.array([json.loads(b"[%b]" % answer[1]) for answer in answers], np.float32).reshape(-1, 4)


def versions(answers: Sequence[PhoneAnswer]) -> list[str]:
    return [answer[3].version for answer in answers]


def by_canary(live: Live, phones: np.ndarray) -> np.ndarray:
    assert live.canary is not None
    return live.canary.of_phones(phones, [state() for _ in phones])


@WHERE
@settings(max_examples=examples(25))
@given(
    share=st.sampled_from([None, 0.0, 0.5, 1.0]),
    bodies=st.lists(st.integers(0, 199), max_size=30),
    tables=st.lists(
        st.tuples(st.integers(0, 180), st.integers(0, 20), st.sampled_from([None, "1", "2"])), max_size=5
    ),
)
def test_each_of_those_who_ask_at_once_has_the_answer_of_his_version(
    shared: InProcess, oracle: Callable, on_thread: bool, share: float | None, bodies: list, tables: list
) -> None:
    one, two = shared.served[1], shared.served[2]
    live = Live(one, None if share is None else Canary(two, share, None))
    shared.versions.switch(live)
    batcher = batcher_of(shared, on_thread=on_thread)
    before = {version: shared.seats.of(version).answers.sum() for version in (1, 2)}
    blocks = [PHONES[start : start + rows] for start, rows, _ in tables]
    choices = [
        live.of_request(block, state()) if name is None else Choice({"1": one, "2": two}[name])
        for block, (_, _, name) in zip(blocks, tables, strict=True)
    ]

    async def test() -> tuple[list[PhoneAnswer], list[Answers]]:
        waiting = [batcher.predict(block, choice) for block, choice in zip(blocks, choices, strict=True)]
        answers: list[Any] = await asyncio.gather(*ask(batcher, PHONES[bodies]), *waiting)
        return answers[: len(bodies)], answers[len(bodies) :]

    of_phones, of_tables = run(test)
    expected = np.where(by_canary(live, PHONES[bodies]), "2", "1") if live.canary else ["1"] * len(bodies)
    assert versions(of_phones) == list(expected)
    for version in ("1", "2"):
        its = [number for number, each in enumerate(expected) if each == version]
        if its:
            found = probabilities([of_phones[number] for number in its])
            assert np.array_equal(found, oracle(version, PHONES[[bodies[number] for number in its]]))
    rows = {version: list(expected).count(str(version)) for version in (1, 2)}
    for block, choice, answers in zip(blocks, choices, of_tables, strict=True):
        assert answers.served is choice.served
        rows[answers.served.seat.version] += len(block)
        if len(block):
            assert np.array_equal(answers.prediction.probabilities, oracle(choice.served.version, block))
    assert {version: shared.seats.of(version).answers.sum() - before[version] for version in (1, 2)} == rows


@WHERE
def test_where_the_run_of_a_canary_fails_the_stable_version_answers(
    process: InProcess, oracle: Callable, on_thread: bool
) -> None:
    process.versions.switch(Live(process.served[2], Canary(process.served[3], 1.0, None)))
    batcher = batcher_of(process, on_thread=on_thread)

    async def test() -> None:
        phones = np.concatenate([PHONES[:9], unlucky(PHONES[9:10])])
        choice = process.versions.live.of_request(PHONES[20:], state())
        *answers, table = await asyncio.gather(*ask(batcher, phones), batcher.predict(PHONES[20:24], choice))
        assert versions(answers) == ["2"] * 10
        assert np.array_equal(probabilities(answers), oracle("2", phones))
        assert table.served is process.served[2]
        assert np.array_equal(table.prediction.probabilities, oracle("2", PHONES[20:24]))
        assert process.seats.of(3).errors == 14
        assert process.seats.of(2).errors == 0
        answers = await asyncio.gather(*ask(batcher, PHONES[:10]))
        assert versions(answers) == ["3"] * 10
        assert np.array_equal(probabilities(answers), oracle("3", PHONES[:10]))

    run(test)
    assert [process.seats.of(version).answers.sum() for version in (2, 3)] == [14, 10]
    assert process.seats.of(3).errors == 14


@WHERE
def test_where_the_run_of_a_version_fails_that_was_asked_by_name_nobody_else_has_an_error(
    process: InProcess, oracle: Callable, on_thread: bool
) -> None:
    process.versions.switch(Live(process.served[1], Canary(process.served[3], 0.5, None)))
    batcher = batcher_of(process, on_thread=on_thread)

    async def test() -> None:
        named, stable = (Choice(process.served[version]) for version in (3, 1))
        failed, table, *answers = await asyncio.gather(
            batcher.predict(unlucky(PHONES[:3]), named),
            batcher.predict(PHONES[:3], stable),
            *ask(batcher, PHONES[:40]),
            return_exceptions=True,
        )
        assert "Gather" in str(failed)
        assert np.array_equal(table.prediction.probabilities, oracle("1", PHONES[:3]))
        assert set(versions(answers)) == {"1", "3"}
        assert np.array_equal(probabilities(answers), oracle("1", PHONES[:40]))  # 3 has the weights of 1

    run(test)
    assert process.seats.of(3).errors == 3


@WHERE
def test_where_all_versions_fail_everybody_has_an_error_and_each_is_counted(
    process: InProcess, on_thread: bool
) -> None:
    failing = process.served[3]
    process.versions.switch(Live(failing, Canary(failing, 1.0, None)))
    batcher = batcher_of(process, on_thread=on_thread)

    async def test() -> None:
        answers = await asyncio.gather(*ask(batcher, unlucky(PHONES[:5])), return_exceptions=True)
        assert ["Gather" in str(answer) for answer in answers] == [True] * 5
        answers = await asyncio.gather(*ask(batcher, PHONES[:5]))
        assert versions(answers) == ["3"] * 5

    run(test)
    assert process.seats.of(3).errors == 10


@WHERE
def test_a_queue_that_began_before_a_switch_ends_on_its_versions(
    process: InProcess, oracle: Callable, on_thread: bool
) -> None:
    old, new = (Live(process.served[version]) for version in (1, 2))
    process.versions.switch(old)
    batcher = batcher_of(process, on_thread=on_thread)

    async def test() -> None:
        before = [asyncio.ensure_future(each) for each in ask(batcher, PHONES[:8])]
        table = asyncio.ensure_future(batcher.predict(PHONES[:9], old.of_request(PHONES, state())))
        # once all have asked, and before the run
        asyncio.get_running_loop().call_soon(process.versions.switch, new)
        answers = await asyncio.gather(*before)
        assert process.versions.live is new
        assert versions(answers) == ["1"] * 8
        assert np.array_equal(probabilities(answers), oracle("1", PHONES[:8]))
        assert (await table).served is process.served[1]
        late = batcher.predict(PHONES[:9], old.of_request(PHONES, state()))
        *answers, begun = await asyncio.gather(*ask(batcher, PHONES[:8]), late)
        assert versions(answers) == ["2"] * 8
        assert np.array_equal(probabilities(answers), oracle("2", PHONES[:8]))
        # it chose before: a request is answered by one version from beginning to end
        assert begun.served is process.served[1]
        assert np.array_equal(begun.prediction.probabilities, oracle("1", PHONES[:9]))

    run(test)


@WHERE
def test_what_has_begun_is_answered_although_all_versions_are_unloaded(
    process: InProcess, oracle: Callable, on_thread: bool
) -> None:
    batcher = batcher_of(process, on_thread=on_thread)

    async def test() -> None:
        choice = process.versions.live.of_request(PHONES, state())
        waiting = [asyncio.ensure_future(each) for each in ask(batcher, PHONES[:8])]
        await asyncio.sleep(0)
        process.versions.switch(None)
        with pytest.raises(ModelUnloadedError):
            await batcher.predict_phone(body(PHONES[0]), state())
        assert versions(await asyncio.gather(*waiting)) == ["1"] * 8
        answers = await batcher.predict(PHONES, choice)
        assert np.array_equal(answers.prediction.probabilities, oracle("1", PHONES))

    run(test)


@WHERE
def test_unknown_features_that_the_stable_version_cannot_average_cost_nobody_else_an_answer(
    process: InProcess, on_thread: bool
) -> None:
    plain: Served = process.load(Path("models"), 2)
    assert plain.averages is None
    process.versions.switch(Live(plain, Canary(process.served[3], 1.0, None)))
    batcher = batcher_of(process, on_thread=on_thread)
    gaps = unlucky(PHONES[:1])
    gaps[0, FEATURE_NAMES.index("ram")] = np.nan

    async def test() -> None:
        choice = process.versions.live.of_request(gaps, state())
        failed, *answers = await asyncio.gather(
            batcher.predict(gaps, choice, unknown=True),
            *ask(batcher, PHONES[:5]),
            return_exceptions=True,
        )
        assert "Gather" in str(failed)
        assert versions(answers) == ["3"] * 5

    run(test)


def test_runs_without_phones_ask_no_version(process: InProcess) -> None:
    process.versions.switch(Live(process.served[1], Canary(process.served[2], 0.0, None)))
    batcher = batcher_of(process)

    async def test() -> None:
        refused, *answers = await asyncio.gather(
            batcher.predict_phone(b"{}", state()), *ask(batcher, PHONES[:3]), return_exceptions=True
        )
        assert isinstance(refused, InvalidInputError)
        assert versions(answers) == ["1"] * 3
        with pytest.raises(InvalidInputError):
            await batcher.predict_phone(b"{}", state())

    run(test)
    assert process.seats.of(1).run_rows.sum() == 1
    assert process.seats.of(2).run_rows.sum() == 0
