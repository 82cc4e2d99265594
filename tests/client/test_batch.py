"""Many phones, as lists and as streams: the same answers as one by one, in pieces that nobody notices."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from client_answers import says
from hypothesis import given
from hypothesis import strategies as st
from live_server import NO_TLS, Server

from pricerange.phone import FEATURE_NAMES
from pricerange.synthetic import phones
from pricerange_client import AsyncClient, Client, InvalidInputError, batch

Ask = Callable[..., Any]
PHONES = [dict(zip(FEATURE_NAMES, row, strict=True)) for row in phones(250)[0].tolist()]


def test_a_list_is_answered_as_the_service_answers(server: Server, ask: Ask) -> None:
    expected = httpx.post(
        f"{server.url}/predict/batch",
        params={"sets": "0.9"},
        content="\n".join(map(json.dumps, PHONES)),
        headers={"Content-Type": "application/x-ndjson"},
        verify=NO_TLS,
    ).text.splitlines()
    found = ask(server.url, "predict_batch", PHONES, sets=0.9, rows_a_request=100)
    assert says(tuple(found), list(map(json.loads, expected)))
    alone = ask(server.url, "predict", PHONES[201])
    assert found[201].probabilities == alone.probabilities
    assert ask(server.url, "predict_batch", []) == []


@pytest.mark.parametrize("infinity", [float("inf"), np.float32("-inf")], ids=["a float", "of NumPy"])
def test_an_infinity_is_named_by_row_and_feature(server: Server, ask: Ask, infinity: float) -> None:
    wrong = [*PHONES[:4], {**PHONES[4], "ram": infinity}]
    with pytest.raises(ValueError, match="row 5: ram is infinite"):
        ask(server.url, "predict_batch", wrong, rows_a_request=3)


def test_a_few_are_explained(server: Server, ask: Ask) -> None:
    found = ask(server.url, "predict_batch", PHONES[:3], explain=True)
    alone = [ask(server.url, "explain", phone) for phone in PHONES[:3]]
    assert [one.explanation for one in found] == [one.explanation for one in alone]


@given(tables=st.lists(st.booleans(), max_size=40), rows=st.integers(1, 7))
def test_groups_keep_order_and_size(tables: list[bool], rows: int) -> None:
    table = pa.table({"ram": [1]})
    items: list[Any] = [table if is_table else {"ram": place} for place, is_table in enumerate(tables)]
    groups = list(batch.groups(iter(items), {"rows_a_request": rows}))
    assert [one for group in groups for one in (group if isinstance(group, list) else [group])] == items
    assert all(0 < len(group) <= rows for group in groups if isinstance(group, list))
    # none is smaller than it could be
    for group, after in itertools.pairwise(groups):
        assert not (isinstance(group, list) and isinstance(after, list)) or len(group) == rows


def test_a_stream_is_asked_for_no_more_than_a_piece_ahead(server: Server) -> None:
    taken = 0

    def endless() -> Iterator[dict[str, float]]:
        nonlocal taken
        while True:
            taken += 1
            yield PHONES[taken % len(PHONES)]

    with Client(server.url) as client:
        answers = client.predict_batch(endless(), rows_a_request=50)
        assert taken == 0
        first = [next(answers) for _ in range(120)]
        assert taken == 150
        assert first[:100] == client.predict_batch(PHONES[1:101])


def test_an_asynchronous_stream_too(server: Server) -> None:
    async def stream() -> AsyncIterator[dict[str, float]]:
        for phone in PHONES:
            await asyncio.sleep(0)
            yield phone

    async def ask_for_all() -> None:
        async with AsyncClient(server.url) as client:
            expected = await client.predict_batch(PHONES)
            for phones in (stream(), iter(PHONES)):
                answers = client.predict_batch(phones, rows_a_request=60)
                assert [one async for one in answers] == expected

    asyncio.run(ask_for_all())


def test_a_bad_row_is_named_by_its_place_in_all_rows(server: Server, ask: Ask) -> None:
    bad = [*PHONES[:120], {**PHONES[0], "ram": 4}]
    for spoiled in (bad, iter(bad)):
        with pytest.raises(InvalidInputError) as refused:
            ask(server.url, "predict_batch", spoiled, rows_a_request=50)
        [problem] = refused.value.errors
        assert problem.pointer == "/120/ram"
        assert problem.detail.startswith("line 121: ram must be a whole number between")
        assert refused.value.detail == problem.detail


def test_bad_rows_may_have_no_answer_and_a_reason(server: Server, ask: Ask) -> None:
    good, bad = ask(server.url, "predict_batch", [PHONES[0], {"ram": 4}], on_bad_row="null")
    assert good.error is None
    assert good.price_range in range(4)
    assert (bad.price_range, bad.label, bad.probabilities) == (None, None, None)
    assert bad.error.startswith("battery_power is missing")


def test_fields_beside_the_features_are_handed_through_where_they_are_named(server: Server, ask: Ask) -> None:
    named = [{**phone, "sku": f"S{place}"} for place, phone in enumerate(PHONES[:3])]
    found = ask(server.url, "predict_batch", named, columns=["sku"])
    assert [one.kept for one in found] == [{"sku": "S0"}, {"sku": "S1"}, {"sku": "S2"}]
    with pytest.raises(InvalidInputError, match='"sku" is not a known field'):
        ask(server.url, "predict_batch", named)


def test_unknown_features_are_none(server: Server, ask: Ask) -> None:
    partial = [{**phone, "ram": None} for phone in PHONES[:2]]
    found = ask(server.url, "predict_batch", partial, unknown=True)
    assert [one.unknown for one in found] == [("ram",)] * 2


@pytest.mark.parametrize("phones", [PHONES[0], None, 3], ids=["one phone", "None", "a number"])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_what_is_not_many_phones_is_refused_at_once(kind: type[Client | AsyncClient], phones: Any) -> None:
    with pytest.raises(TypeError, match="expected phones as a list, a table or another iterable, got"):
        kind().predict_batch(phones)


@pytest.mark.parametrize("rows", [0, -1])
def test_a_piece_has_at_least_a_row(server: Server, ask: Ask, rows: int) -> None:
    with pytest.raises(ValueError, match="rows_a_request: expected at least 1"):
        ask(server.url, "predict_batch", PHONES, rows_a_request=rows)
