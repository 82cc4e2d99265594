"""One table, one verdict: the Phone model, the vectorised check and the published rows agree."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from pricerange.phone import (
    FEATURE_NAMES,
    FEATURES,
    LABELS,
    Phone,
    admissible,
    features_of,
    problems,
    refusal,
)

PUBLISHED_HEADER = (
    "battery_power,blue,clock_speed,dual_sim,fc,four_g,int_memory,m_dep,mobile_wt,n_cores,pc,px_height,"
    "px_width,ram,sc_h,sc_w,talk_time,three_g,touch_screen,wifi"
)


def phone(**changes: object) -> dict[str, object]:
    return {feature.name: feature.example for feature in FEATURES} | changes


def test_features_stand_in_the_published_order() -> None:
    assert ",".join(FEATURE_NAMES) == PUBLISHED_HEADER
    assert ",".join(Phone.model_fields) == PUBLISHED_HEADER
    assert len(LABELS) == 4


def test_every_published_row_is_a_phone(phones_csv: Path) -> None:
    with phones_csv.open(newline="") as file:
        rows = [{name: float(row[name]) for name in FEATURE_NAMES} for row in csv.DictReader(file)]
    for row in rows:
        Phone.model_validate(row)
    assert admissible(np.array([list(row.values()) for row in rows])).all()


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_limits_are_included_and_what_lies_beyond_is_refused(feature) -> None:
    for value in (feature.low, feature.high, feature.example):
        Phone.model_validate(phone(**{feature.name: value}))
    for value in (np.nextafter(feature.low, -np.inf), np.nextafter(feature.high, np.inf)):
        with pytest.raises(ValidationError):
            Phone.model_validate(phone(**{feature.name: float(value)}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("ram", 4, id="ram-in-gb"),
        pytest.param("ram", 64, id="much-ram-in-gb"),
        pytest.param("ram", 4_194_304, id="ram-in-kb"),
        pytest.param("mobile_wt", 0.14, id="weight-in-kg"),
        pytest.param("clock_speed", 2200, id="clock-in-mhz"),
        pytest.param("m_dep", 8, id="depth-in-mm"),
        pytest.param("sc_h", 150, id="screen-in-mm"),
        pytest.param("int_memory", 32_768, id="memory-in-mb"),
        pytest.param("battery_power", 4.5, id="battery-in-ah"),
        pytest.param("talk_time", 840, id="talk-time-in-minutes"),
        pytest.param("pc", 12_000_000, id="camera-in-pixels"),
    ],
)
def test_a_wrong_unit_is_caught(name: str, value: float) -> None:
    with pytest.raises(ValidationError) as caught:
        Phone.model_validate(phone(**{name: value}))
    [problem] = problems(caught.value)
    assert problem.pointer == f"/{name}"
    assert problem.detail == refusal(FEATURES[FEATURE_NAMES.index(name)], value)


NUMBERS = (
    st.floats(allow_nan=True, allow_infinity=True)
    | st.integers(-(10**6), 10**6).map(float)
    | st.sampled_from([limit for feature in FEATURES for limit in (feature.low, feature.high)])
)


@given(values=st.lists(NUMBERS, min_size=20, max_size=20))
@example(values=[math.nan] * 20)
@example(values=[1 + 1e-12] * 20)
@example(values=[5e-324] * 20)
@example(values=[1000.0000000001] * 20)
def test_the_vectorised_check_and_the_model_agree_on_every_value(values: list[float]) -> None:
    verdicts = admissible(np.array([values]))[0]
    try:
        Phone.model_validate(dict(zip(FEATURE_NAMES, values, strict=True)))
        refused = set()
    except ValidationError as error:
        refused = {problem.pointer.removeprefix("/") for problem in problems(error)}
    assert refused == {name for name, verdict in zip(FEATURE_NAMES, verdicts, strict=True) if not verdict}


def test_the_check_in_float32_has_the_same_limits() -> None:
    limits = np.array([[getattr(feature, side) for feature in FEATURES] for side in ("low", "high")])
    single = limits.astype(np.float32)
    assert np.array_equal(single, limits)
    assert admissible(single).all()
    assert not admissible(np.nextafter(single, np.array([[-np.inf], [np.inf]], np.float32))).any()
    assert not admissible(np.full_like(single, np.nan)).any()


def test_values_come_out_in_the_tables_order_whatever_the_order_sent() -> None:
    backwards = dict(reversed(phone().items()))
    assert features_of(Phone.model_validate(backwards)) == [feature.example for feature in FEATURES]


def test_true_is_a_yes_but_no_number() -> None:
    assert Phone.model_validate(phone(blue=True)).__dict__["blue"] == 1
    with pytest.raises(ValidationError, match="n_cores"):
        Phone.model_validate(phone(n_cores=True))
