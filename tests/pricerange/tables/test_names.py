"""Columns found by their names, and by names that are nearly right."""

import pytest

from pricerange.phone import FEATURE_NAMES
from pricerange.tables.errors import DuplicateColumnError, MissingColumnError
from pricerange.tables.guessed import guessed
from pricerange.tables.names import feature_places, read_as, selected

WANTED = ["battery_power", "ram", "wifi"]


@pytest.mark.parametrize(
    "names",
    [
        ["wifi", "ram", "battery_power"],
        ["WIFI", "Ram", "Battery Power"],
        ["Wi-Fi", "\ufeffram", "battery\u00a0power "],
        ["Wi Fi ", " R_A_M", "BATTERY-POWER"],
    ],
)
def test_names_that_differ_in_capitals_and_blanks_are_the_same(names):
    assert feature_places(names, WANTED) == [2, 1, 0]


def test_the_exact_name_comes_first():
    names = ["RAM", "ram", "Battery Power", "wifi", "Wi-Fi"]
    assert feature_places(names, WANTED) == [2, 1, 3]
    assert list(read_as(names, WANTED)) == ["Battery Power is read as battery_power"]
    assert selected(names, ["ram", "RAM", "no"]) == {"ram", "RAM"}


def test_two_names_that_may_be_one_feature_are_refused_as_they_stand_there():
    with pytest.raises(DuplicateColumnError) as refused:
        feature_places(["RAM", "Ram ", "battery_power", "wifi"], WANTED)
    assert str(refused.value) == "the table has more than one column that may be ram: 'RAM', 'Ram '"
    with pytest.raises(DuplicateColumnError, match=r"more than one column named ram$"):
        feature_places(["ram", "ram", "RAM", "battery_power", "wifi"], WANTED)


def test_a_name_that_is_another_is_missing():
    with pytest.raises(MissingColumnError, match="lacks the column ram") as refused:
        feature_places(["rams", "Battery Power", "wifi"], WANTED)
    assert refused.value.present == ["rams"]


def test_what_is_read_as_a_feature_is_said_in_ascii():
    names = ["\ufeffRAM", "Wi-Fi", "x" * 50, *(name for name in FEATURE_NAMES if name not in {"ram", "wifi"})]
    assert guessed(names) == r"'\ufeffRAM' is read as ram; Wi-Fi is read as wifi"
    assert guessed(FEATURE_NAMES) == ""
    assert guessed(["RAM", "Ram"]) == ""
