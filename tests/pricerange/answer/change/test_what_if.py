"""The smallest change that is found is as small as any, and the model agrees."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricerange import bundle, synthetic
from pricerange.answer.applicability import TrainingRegion
from pricerange.answer.change.lattice import plain
from pricerange.answer.change.nearest import run
from pricerange.answer.change.what_if import Change, WhatIf
from pricerange.bundle import Passport
from pricerange.phone import FEATURE_NAMES, FEATURES, admissible
from pricerange.predictor import BLOCK_ROWS, Prediction, Predictor

PHONES = synthetic.phones(200, block=7)[0].astype(np.float32)
RAM, BATTERY, MEMORY = (FEATURE_NAMES.index(name) for name in ("ram", "battery_power", "int_memory"))
WHOLE = [place for place, feature in enumerate(FEATURES) if feature.kind == "whole number"]
YES_NO = [place for place, feature in enumerate(FEATURES) if feature.kind == "yes/no"]


@pytest.fixture(scope="module")
def predictor(model_repository: Path) -> Predictor:
    return Predictor.load(model_repository)


@pytest.fixture(scope="module")
def passport(predictor: Predictor) -> Passport:
    return predictor.bundle.passport


class Counting:
    """A predictor that is told what it was asked."""

    def __init__(self, predictor: Predictor) -> None:
        self.bundle = predictor.bundle
        self.blocks: list[int] = []
        self._predictor = predictor

    def predict(self, rows: npt.NDArray[np.float32]) -> Prediction:
        self.blocks.append(len(rows))
        return self._predictor.predict(rows)


def spread(passport: Passport, place: int) -> float:
    deciles = passport.feature_ranges[FEATURE_NAMES[place]].deciles
    return deciles[-1] - deciles[0]


def require_sound(change: Change, phone: npt.NDArray[np.float32], wanted: int, predictor: Predictor) -> None:
    """What holds for every change: it is what it says, inside its limits, and the model agrees."""
    passport = predictor.bundle.passport
    assert np.flatnonzero(change.phone != phone).tolist() == list(change.places)
    parts = [float(change.phone[k] - phone[k]) / spread(passport, k) for k in change.places]
    assert change.size == pytest.approx(np.linalg.norm(parts), rel=1e-4)
    assert admissible(change.phone[np.newaxis]).all()
    if change.within == "training_range":
        outside = TrainingRegion.of_version(passport).outside(change.phone[np.newaxis])[0]
        assert not outside[list(change.places)].any()
    read_back = np.array([[plain(k, value) for k, value in enumerate(change.phone)]], np.float32)
    again = predictor.predict(np.repeat(read_back, 3, axis=0))
    assert again.price_range[0] == wanted
    assert again.probabilities[0].tobytes() == change.answer.probabilities[0].tobytes()


@given(row=st.integers(0, len(PHONES) - 1), wanted=st.integers(0, 3), place=st.sampled_from(WHOLE))
@settings(max_examples=60)
def test_no_value_of_a_whole_number_is_nearer_than_the_one_that_is_found(
    predictor: Predictor, passport: Passport, row: int, wanted: int, place: int
) -> None:
    name, phone = FEATURE_NAMES[place], PHONES[row]
    found = run(WhatIf(passport).search(phone, wanted, [name]), predictor)
    lay = passport.feature_ranges[name]
    values = np.arange(int(lay.low), int(lay.high) + 1)
    every = np.repeat(phone[np.newaxis], len(values), axis=0)
    every[:, place] = values
    good = np.abs(values - phone[place])[predictor.predict(every).price_range == wanted]
    if len(good):
        assert found.one is not None
        assert found.one.within == "training_range"
        assert found.one.size == pytest.approx(good.min() / spread(passport, place), rel=1e-9)
    elif found.one is not None:
        assert found.one.within == "physical_limits"
    if found.one is not None:
        require_sound(found.one, phone, wanted, predictor)


@pytest.mark.parametrize("row", [3, 20, 40])
def test_hardly_any_change_of_two_features_is_smaller_than_the_one_that_is_found(
    predictor: Predictor, passport: Passport, row: int
) -> None:
    phone = PHONES[row]
    wanted = (int(predictor.predict(phone[np.newaxis]).price_range[0]) + 1) % 4
    names = [FEATURE_NAMES[MEMORY], FEATURE_NAMES[RAM]]
    found = run(WhatIf(passport).search(phone, wanted, names), predictor)
    assert found.one is not None
    assert found.two is not None
    require_sound(found.two, phone, wanted, predictor)
    assert found.two.places == (MEMORY, RAM)
    ranges = [passport.feature_ranges[name] for name in names]
    memory, ram = (np.arange(int(lay.low), int(lay.high) + 1) for lay in ranges)
    each = np.stack(np.meshgrid(memory, ram[:: len(ram) // 900], indexing="ij"), axis=-1).reshape(-1, 2)
    away = (each - phone[[MEMORY, RAM]]) / [spread(passport, MEMORY), spread(passport, RAM)]
    sizes = np.linalg.norm(away, axis=1)
    smaller = each[(sizes < found.two.size * (1 - 1e-3)) & (away != 0).all(axis=1)]
    every = np.repeat(phone[np.newaxis], len(smaller), axis=0)
    every[:, [MEMORY, RAM]] = smaller
    assert len(smaller) > 50
    assert not (predictor.predict(every).price_range == wanted).any()


@given(row=st.integers(0, len(PHONES) - 1), wanted=st.integers(0, 3), refuses=st.booleans())
@settings(max_examples=15)
def test_changes_are_sound_and_the_same_each_time(
    predictor: Predictor, passport: Passport, row: int, wanted: int, refuses: bool
) -> None:
    phone, what_if = PHONES[row], WhatIf(passport, refuses=refuses)
    found, again = (run(what_if.search(phone, wanted), predictor) for _ in range(2))
    region = TrainingRegion.of_version(passport)
    for change, other in ((found.one, again.one), (found.two, again.two)):
        assert (change is None) == (other is None)
        if change is None or other is None:
            continue
        assert change.phone.tobytes() == other.phone.tobytes()
        require_sound(change, phone, wanted, predictor)
        if refuses and change.size:
            assert region.of(change.phone[np.newaxis]).in_range[0]
    if found.one is not None and found.two is not None:
        # of the other feature a step, though it be a small one, is too much where one alone has little to do
        assert found.two.size <= found.one.size * 1.01 + 0.001


def test_a_phone_that_is_there_already_needs_no_change(predictor: Predictor, passport: Passport) -> None:
    answer = predictor.predict(PHONES[:1])
    found = run(WhatIf(passport).search(PHONES[0], int(answer.price_range[0])), predictor)
    assert found.one is found.two
    assert found.one is not None
    assert (found.one.size, found.one.places) == (0, ())
    assert found.one.answer.probabilities.tobytes() == answer.probabilities.tobytes()


def test_there_may_be_no_such_change(predictor: Predictor, passport: Passport) -> None:
    low = PHONES[predictor.predict(PHONES).price_range.argmin()]
    found = run(WhatIf(passport).search(low, 3, ["blue", "wifi", "n_cores"]), predictor)
    assert found.one is found.two is None
    assert found.searched == ("blue", "n_cores", "wifi")
    found = run(WhatIf(passport).search(low, 3, []), predictor)
    assert found.one is found.two is None


def test_a_yes_or_no_is_turned_over_where_that_is_enough(predictor: Predictor, passport: Passport) -> None:
    what_if = WhatIf(passport)
    turned = 0
    for phone in PHONES[:8]:
        wanted = (int(predictor.predict(phone[np.newaxis]).price_range[0]) + 1) % 4
        by_ram = run(what_if.search(phone, wanted, ["ram"]), predictor).one
        if by_ram is None:
            continue
        before = by_ram.phone.copy()
        before[RAM] -= np.sign(by_ram.phone[RAM] - phone[RAM])
        for place in YES_NO:
            other = before.copy()
            other[place] = 1 - other[place]
            is_enough = predictor.predict(other[np.newaxis]).price_range[0] == wanted
            found = run(what_if.search(before, wanted, [FEATURE_NAMES[place]]), predictor)
            assert (found.one is not None) == is_enough
            assert found.two is None
            if found.one is not None:
                assert found.one.phone.tobytes() == other.tobytes()
                turned += 1
    assert turned


def test_features_that_can_change_nothing_are_left_out_and_named(
    predictor: Predictor, passport: Passport
) -> None:
    few = ["battery_power", "px_height", "px_width", "ram"]
    region = bundle.TrainingRegion(
        features=few, mean=[0.0] * 4, whitening=np.eye(4).tolist(), limit=1e9, false_alarms={}
    )
    what_if = WhatIf(passport.model_copy(update={"training_region": region}))
    counting = Counting(predictor)
    found = run(what_if.search(PHONES[0], 0), counting)  # type: ignore[arg-type]
    assert (found.searched, found.inactive) == (tuple(few), ())
    assert sum(counting.blocks) < 20_000
    found = run(what_if.search(PHONES[0], 0, ["wifi", "ram", "fc", "ram"]), predictor)
    assert (found.searched, found.inactive) == (("ram",), ("wifi", "fc"))
    assert found.one is None or found.one.places == (RAM,)


def test_a_value_far_outside_is_led_back_into_the_training_range(
    predictor: Predictor, passport: Passport
) -> None:
    phone = PHONES[0].copy()
    phone[RAM] = 60_000
    found = run(WhatIf(passport).search(phone, 1), predictor)
    assert found.one is not None
    assert found.one.places == (RAM,)
    require_sound(found.one, phone, 1, predictor)


def test_physical_limits_are_tried_where_the_training_range_has_nothing(
    predictor: Predictor, passport: Passport
) -> None:
    low = PHONES[predictor.predict(PHONES).price_range.argmin()].copy()
    low[BATTERY] = 501
    found = run(WhatIf(passport).search(low, 3, ["battery_power"]), predictor).one
    assert found is not None
    assert found.within == "physical_limits"
    require_sound(found, low, 3, predictor)
    assert run(WhatIf(passport, refuses=True).search(low, 3, ["battery_power"]), predictor).one is None


@pytest.mark.parametrize(
    "allowed",
    [None, [name for name in FEATURE_NAMES if name != "ram"], ["ram"], ["fc", "pc", "talk_time"]],
    ids=["all", "all but ram", "one", "few"],
)
def test_the_model_is_asked_in_blocks_and_not_without_end(
    predictor: Predictor, passport: Passport, allowed: list[str] | None
) -> None:
    for wanted in range(4):
        counting = Counting(predictor)
        run(WhatIf(passport).search(PHONES[5], wanted, allowed), counting)  # type: ignore[arg-type]
        assert max(counting.blocks) <= BLOCK_ROWS
        assert sum(counting.blocks) < 120_000
