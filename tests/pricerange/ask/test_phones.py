"""Phones by flags, as JSON, from files: checked by the one table, refused in its words."""

import json
from pathlib import Path

import numpy as np
import pytest

from pricerange import synthetic
from pricerange.ask import phones
from pricerange.errors import PhoneError
from pricerange.phone import FEATURE_NAMES, FEATURES
from pricerange.tables.errors import BadRowError
from pricerange.tables.source.files import AS_USUAL

PHONE = {feature.name: feature.example for feature in FEATURES}
FLAGS = {name: str(value) for name, value in PHONE.items()}
ROW = np.array([list(PHONE.values())], np.float32)


def test_flags_and_json_are_the_same_phone() -> None:
    assert np.array_equal(phones.of_flags(FLAGS, unknown=False), ROW)
    assert np.array_equal(phones.of_json(json.dumps(PHONE).encode(), unknown=False), ROW)


@pytest.mark.parametrize(("text", "value"), [("yes", 1), ("No", 0), ("TRUE", 1), ("false", 0), (" 1 ", 1)])
def test_yes_and_no_are_words_or_numbers(text: str, value: int) -> None:
    row = phones.of_flags({**FLAGS, "wifi": text}, unknown=False)
    assert row[0, FEATURE_NAMES.index("wifi")] == value


@pytest.mark.parametrize(
    ("ram", "found"),
    [("4", "4"), ("2GB", 'the string "2gb"'), ("nan", "NaN"), ("", 'the string ""'), ("2800.5", "2800.5")],
)
def test_a_wrong_value_is_named(ram: str, found: str) -> None:
    expected = f"the phone: ram must be a whole number between 128 and 131072 MB, got {found}"
    with pytest.raises(PhoneError) as refused:
        phones.of_flags({**FLAGS, "ram": ram}, unknown=False)
    assert str(refused.value).lower() == expected.lower()


def test_what_is_not_given_is_missing_or_unknown() -> None:
    with pytest.raises(PhoneError, match=r"battery_power is missing: .*; and 15 more"):
        phones.of_flags({"ram": "2800"}, unknown=False)
    row = phones.of_flags({"ram": "2800"}, unknown=True)
    assert row[0, FEATURE_NAMES.index("ram")] == 2800
    assert np.isnan(row).sum() == 19


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b"NaN"])
def test_no_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(PhoneError, match=r"^standard input: "):
        phones.of_json(text, unknown=False)


def test_files_are_read_in_any_form(tmp_path: Path) -> None:
    table = synthetic.phones(30)
    (tmp_path / "phones.csv").write_text(synthetic.as_csv(*table))
    [found] = phones.of_file(str(tmp_path / "phones.csv"), AS_USUAL, unknown=False)
    assert np.array_equal(found, table[0].astype(np.float32))
    with (tmp_path / "phones.csv").open("a") as file:
        file.write(",".join(["0"] * 21) + "\n")
    with pytest.raises(BadRowError, match=r"phones\.csv, row 31: battery_power must be"):
        list(phones.of_file(str(tmp_path / "phones.csv"), AS_USUAL, unknown=False))
