"""The phone of the client is the phone of the core: names, kinds, units."""

from typing import get_type_hints

import pytest

from pricerange import phone as core
from pricerange_client.phone import FEATURE_NAMES, Phone, fields_of, plain

KINDS = {"whole number": int, "number": float, "yes/no": bool | int}


def test_it_has_the_features_of_the_core() -> None:
    assert FEATURE_NAMES == core.FEATURE_NAMES
    hints = get_type_hints(Phone)
    assert {feature.name: KINDS[feature.kind] for feature in core.FEATURES} == hints


def test_classes_are_no_phones() -> None:
    with pytest.raises(TypeError, match="got _TypedDictMeta"):
        fields_of(Phone)  # type: ignore[arg-type]


def test_what_is_no_scalar_is_no_value() -> None:
    with pytest.raises(TypeError, match="expected a number or truth value in a phone, got object"):
        plain(object())
