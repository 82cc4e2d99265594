"""Who answers whom: a share of the hashes, the same one whenever it is asked, whoever else asks beside."""

import hashlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from corpus import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process import InProcess

from pricerange import synthetic
from service.errors import ModelUnloadedError, UnknownVersionError
from service.http.budget import MemoryBudget
from service.http.framing.head import Head
from service.http.request_state import Requests, RequestState
from service.telemetry.prediction_log.sampling import Sampler
from service.versions.live import Canary, Choice, Live, Shadow, Versions
from service.versions.served import Served

PHONES = synthetic.phones(2_000, block=11)[0].astype(np.float32)
HEADER = b"x-customer"
REQUESTS = Requests(10, MemoryBudget(1 << 20, lambda held: None), lambda state: None)

shares = st.sampled_from([0.0, 2**-64, 0.001, 0.1, 0.5, 1 - 2**-53, 1.0]) | st.floats(0, 1)
places = st.integers(0, len(PHONES) - 1)
values = st.none() | st.binary(max_size=20)


@pytest.fixture(scope="module")
def served(two_versions: Path) -> dict[int, Served]:
    return InProcess(two_versions, 1, 2).served


def state(value: bytes | None = None) -> RequestState:
    headers = [] if value is None else [(HEADER, value)]
    return REQUESTS.open(Head("POST", b"/predict", "1.1", headers, True, 0), None, None)


def live(served: dict[int, Served], share: float, header: bytes | None = None) -> Live:
    return Live(served[1], Canary(served[2], share, header))


def place_of(content: bytes, version: int = 2) -> Fraction:
    """Where a phone or a value stands for a version, from 0 to below 1, told in another way."""
    digest = hashlib.blake2b(content, digest_size=8, salt=version.to_bytes(16, "little")).digest()
    return Fraction(int.from_bytes(digest, "little"), 2**64)


def by_canary(live: Live, phones: np.ndarray, states: list[RequestState]) -> np.ndarray:
    assert live.canary is not None
    canary = Choice(live.canary.served, live.stable)
    shared = live.shared_out(phones, states)
    assert shared.keys() == {Choice(live.stable), canary}
    assert np.array_equal(shared[canary], ~shared[Choice(live.stable)])
    return shared[canary]


@settings(max_examples=examples(60))
@given(share=shares)
def test_a_canary_answers_exactly_its_share_of_the_hashes(served: dict[int, Served], share: float) -> None:
    expected = [place_of(phone.tobytes()) < Fraction(share) for phone in PHONES[:100]]
    found = by_canary(live(served, share), PHONES[:100], [state()] * 100)
    assert found.tolist() == expected
    assert share not in (0, 1) or found.sum() == 100 * share


def test_a_tenth_is_a_tenth_of_many_phones(served: dict[int, Served]) -> None:
    found = by_canary(live(served, 0.1), PHONES, [state()] * len(PHONES))
    assert abs(found.sum() - 200) < 4 * np.sqrt(2_000 * 0.1 * 0.9)


@settings(max_examples=examples(60))
@given(asked=st.lists(st.tuples(places, values), min_size=1, max_size=40), share=shares)
def test_the_same_phone_or_value_has_the_same_version_whoever_asks_beside(
    served: dict[int, Served], asked: list, share: float
) -> None:
    with_header = live(served, share, HEADER)
    phones = PHONES[[place for place, _ in asked]]
    states = [state(value) for _, value in asked]
    together = by_canary(with_header, phones, states)
    for number, (_, value) in enumerate(asked):
        decides = phones[number].tobytes() if value is None else value
        assert together[number] == (place_of(decides) < Fraction(share))
        # alone, as the first of a table, and of another worker
        alone = live(served, share, HEADER).of_request(phones[number:], states[number])
        assert (alone.served is served[2]) == together[number]
        assert alone.instead is (served[1] if together[number] else None)


@settings(max_examples=examples(60))
@given(lower=shares, higher=shares, header=st.booleans())
def test_a_canary_that_grows_keeps_whom_it_had(
    served: dict[int, Served], lower: float, higher: float, header: bool
) -> None:
    lower, higher = sorted((lower, higher))
    states = [state(b"customer %d" % number) for number in range(50)]
    name = HEADER if header else None
    before, after = (by_canary(live(served, share, name), PHONES[:50], states) for share in (lower, higher))
    assert not (before & ~after).any()


def test_a_request_without_a_phone_is_answered_by_the_stable_version(served: dict[int, Served]) -> None:
    assert live(served, 1.0).of_request(PHONES[:0], state()) == Choice(served[1])


def test_without_a_canary_the_stable_version_answers_all(served: dict[int, Served]) -> None:
    alone = Live(served[1], shadows=(Shadow(served[2], Sampler(0.5)),))
    [(choice, who)] = alone.shared_out(PHONES[:9], [state()] * 9).items()
    assert choice == alone.of_request(PHONES, state()) == Choice(served[1])
    assert who.tolist() == [True] * 9
    assert alone.compares
    assert not Live(served[1]).compares


def test_versions_are_known_by_number_and_role_and_others_are_not(served: dict[int, Served]) -> None:
    both = Live(served[1], shadows=(Shadow(served[2], Sampler(0.5)),))
    assert dict(both.loaded) == {"1": served[1], "2": served[2]}
    assert list(both.roles()) == [("stable", served[1]), ("shadow", served[2])]
    assert both.named("2") is served[2]
    for number in ("3", "02", "", "two", "1 "):
        with pytest.raises(UnknownVersionError, match="1, 2"):
            both.named(number)


def test_a_switch_is_seen_by_those_who_ask_next(served: dict[int, Served]) -> None:
    versions = Versions("phone_price_range", Live(served[1]))
    before = versions.live
    versions.switch(Live(served[2]))
    assert (before.stable, versions.live.stable) == (served[1], served[2])
    versions.require_loaded()
    versions.switch(None)
    assert not versions.is_loaded
    for ask in (lambda: versions.live, versions.require_loaded):
        with pytest.raises(ModelUnloadedError, match="phone_price_range"):
            ask()
