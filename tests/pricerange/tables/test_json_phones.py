"""Phones checked all at once are those that `Phone` takes one by one, with the same values."""

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pricerange.phone import FEATURES, Phone, features_of
from pricerange.tables import json_phones

EXAMPLE = {feature.name: feature.example for feature in FEATURES}


def one_by_one(phones: list[Any]) -> list[list[float]] | None:
    try:
        return [features_of(Phone.model_validate_json(json.dumps(phone))) for phone in phones]
    except ValidationError:
        return None


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 200_000),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
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


@given(st.lists(st.one_of(st.just(EXAMPLE), nearly_phones()), max_size=4))
def test_all_at_once_takes_what_phone_takes_one_by_one(phones: list[Any]) -> None:
    found = json_phones.rows(orjson.loads(json.dumps(phones)))
    expected = one_by_one(phones)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found.tolist() == np.array(expected, np.float64).reshape(-1, len(FEATURES)).tolist()


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_true_is_one_in_a_yes_no_feature_only(feature: Any) -> None:
    phones = [EXAMPLE, {**EXAMPLE, feature.name: True}]
    found = json_phones.rows(phones)
    assert (found is None) == (feature.kind != "yes/no")


def test_the_order_of_the_keys_does_not_matter() -> None:
    found = json_phones.rows([dict(reversed(EXAMPLE.items()))])
    assert found is not None
    assert found.tolist() == [list(EXAMPLE.values())]
