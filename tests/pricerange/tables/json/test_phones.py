"""Phones checked all at once are those that `Phone` takes one by one, with the same values."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pricerange.phone import FEATURES, Phone, features_of
from pricerange.tables.json.phones import PLAIN, PhoneReader

EXAMPLE = {feature.name: feature.example for feature in FEATURES}


def one_by_one(body: str) -> list[float] | None:
    try:
        return features_of(Phone.model_validate_json(body))
    except ValidationError:
        return None


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 200_000),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0.1, 4),
    st.sampled_from([0, 1, 0.0, 1.0, 8.0, 8.5, 128, 131_072, 131_072.5, 0.125, 1e39, "5", "true", [], {}]),
)


@st.composite
def nearly_phones(draw: st.DrawFn) -> Any:
    phone: dict[str, Any] = dict(EXAMPLE)
    for name in draw(st.lists(st.sampled_from([*EXAMPLE, "colour"]), max_size=3)):
        phone[name] = draw(values)
    for name in draw(st.lists(st.sampled_from(list(EXAMPLE)), max_size=1)):
        phone.pop(name, None)
    return draw(st.one_of(st.just(phone), st.just(phone), st.just(phone), values))


@st.composite
def nearly_bodies(draw: st.DrawFn) -> str:
    """Write something like a phone, as others might write it, and perhaps not JSON at all."""
    body = json.dumps(draw(nearly_phones()), indent=draw(st.sampled_from([None, 1])))
    name = draw(st.sampled_from(list(EXAMPLE)))
    numbers = ["1e0", "1E+0", "1.", "01", "-0", "-0.0", "+1", "1_0", "NaN", "1e400", "0x1"]
    return draw(
        st.one_of(
            st.just(body),
            st.just(json.dumps({**EXAMPLE, name: "?"}).replace('"?"', draw(st.sampled_from(numbers)))),
            st.just(body.replace("{", '{"ram": 1e3,', 1)),  # twice: the last one counts
            st.just(body.replace("ram", "r\\u0061m")),
            st.just(body[: draw(st.integers(1, len(body)))]),
            st.just(body + draw(st.sampled_from([" ", "\n", ",", "}", "\x00", "\ufeff"]))),
            st.just("\ufeff" + body),
        )
    )


@given(st.lists(st.one_of(st.just(json.dumps(EXAMPLE)), nearly_bodies()), max_size=5))
def test_all_at_once_takes_what_phone_takes_one_by_one(bodies: list[str]) -> None:
    table, valid = PLAIN.rows([body.encode() for body in bodies])
    expected = [one_by_one(body) for body in bodies]
    assert valid.tolist() == [phone is not None for phone in expected]
    assert table[valid].tolist() == [phone for phone in expected if phone is not None]


@given(st.lists(st.one_of(st.just(json.dumps(EXAMPLE)), nearly_bodies()), max_size=5), st.integers(0, 5))
def test_a_list_is_taken_if_all_its_phones_are(bodies: list[str], most: int) -> None:
    found = PLAIN.rows_of_list(f'{{"phones": [{",".join(bodies)}]}}'.encode(), most)
    expected = [one_by_one(body) for body in bodies]
    if None in expected or len(expected) > most:
        assert found is None
    else:
        assert found is not None
        assert found.tolist() == np.array(expected, np.float64).reshape(-1, len(FEATURES)).tolist()


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b'{"phones": {}}', b'{"phones": [], "more": 1}', b'{"phones": null}', b'{"\xff": 1}'],
)
def test_another_document_is_no_list(body: bytes) -> None:
    assert PLAIN.rows_of_list(body, 10) is None


def test_a_body_that_is_not_utf_8_leaves_the_others_as_they_are() -> None:
    _, valid = PLAIN.rows([b'{"\xff": 1}', json.dumps(EXAMPLE).encode(), b'{"ram": "\xff"}'])
    assert valid.tolist() == [False, True, False]


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_true_is_one_in_a_yes_no_feature_only(feature: Any) -> None:
    phones = [EXAMPLE, {**EXAMPLE, feature.name: True}]
    table, valid = PLAIN.rows([json.dumps(phone).encode() for phone in phones])
    assert valid.tolist() == [True, feature.kind == "yes/no"]
    if feature.kind == "yes/no":
        assert table[1, FEATURES.index(feature)] == 1


def test_the_order_of_the_keys_does_not_matter() -> None:
    table, valid = PLAIN.rows([json.dumps(dict(reversed(EXAMPLE.items()))).encode()])
    assert valid.all()
    assert table.tolist() == [list(EXAMPLE.values())]


def nested(depth: int) -> bytes:
    return json.dumps(EXAMPLE).encode()[:-1] + b',"id":' + b"[" * (depth + 1) + b"]" * (depth + 1) + b"}"


@pytest.mark.parametrize("depth", [0, 90, 110, 190, 500, *range(900, 1_100, 9), 100_000])
def test_how_deep_a_field_may_be_nested_does_not_depend_on_who_asks(depth: int) -> None:
    """A request could end in a traceback."""
    body, flat = nested(depth), nested(0)
    for reader in (PhoneReader(("id",)), PhoneReader(("id",), optional=True), PhoneReader(others=True)):
        assert reader.rows([flat, body])[1].tolist() == [True, depth < 200]
    reader = PhoneReader(("id",))
    (ids,) = reader.kept_columns([flat, flat if depth > 200 else body], valid=True)
    assert json.loads(ids[0]) == []
    assert reader.kept([body], valid=False)
