"""What a version says of its training rows, beside the same phones again and beside others."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange import bundle, synthetic
from pricerange.drift.reference import ANSWERS, FALSE_ALARMS, Reference
from pricerange.phone import FEATURE_NAMES
from pricerange.predictor import Prediction, Predictor

RAM, WIFI = FEATURE_NAMES.index("ram"), FEATURE_NAMES.index("wifi")


@pytest.fixture(scope="module")
def predictor(model_repository: Path) -> Predictor:
    return Predictor.load(model_repository)


@pytest.fixture(scope="module")
def reference(predictor: Predictor) -> Reference:
    found = Reference.of_version(predictor.bundle.passport)
    assert found is not None
    return found


def phones(rows: int, block: int = 9) -> np.ndarray:
    return synthetic.phones(rows, block)[0].astype(np.float32)


def test_phones_like_those_learned_from_raise_no_alarm(reference: Reference, predictor: Predictor) -> None:
    drift = reference.drift(reference.tally(rows := phones(1_000), predictor.predict(rows)))
    assert drift.rows == 1_000
    assert drift.alarms == ()
    assert [shift.name for shift in drift.shifts] == [*FEATURE_NAMES, ANSWERS]
    assert all(sum(shift.found) == pytest.approx(1) for shift in drift.shifts)
    assert drift.expected_accuracy == pytest.approx(reference.accuracy, abs=0.05)


def test_more_ram_and_other_answers_raise_an_alarm_each(reference: Reference, predictor: Predictor) -> None:
    rows = phones(1_000)
    rows[:, RAM] = np.rint(1.5 * rows[:, RAM])
    drift = reference.drift(reference.tally(rows, predictor.predict(rows)))
    assert drift.alarms == ("ram", ANSWERS)


def test_all_tests_together_have_the_nominal_rate(reference: Reference) -> None:
    limits = [shift.psi for shift in reference.drift(np.full(reference.size, 100.0)).shifts]
    assert None not in limits
    assert len(limits) * reference.rate == pytest.approx(FALSE_ALARMS)


@given(cut=st.integers(0, 50))
def test_counts_of_parts_add_up_to_those_of_the_whole(
    reference: Reference, predictor: Predictor, cut: int
) -> None:
    rows = phones(50)
    rows[::7, WIFI] = np.nan
    answers = predictor.predict(phones(50))
    parts = [
        reference.tally(rows[part], Prediction(answers.probabilities[part], answers.price_range[part]))
        for part in (slice(cut), slice(cut, None))
    ]
    np.testing.assert_allclose(sum(parts), reference.tally(rows, answers), rtol=1e-12)


def test_a_feature_that_nobody_knows_is_not_judged_and_all_others_are(
    reference: Reference, predictor: Predictor
) -> None:
    rows = phones(500)
    answers = predictor.predict(rows)
    rows[:, WIFI] = np.nan
    shifts = {shift.name: shift for shift in reference.drift(reference.tally(rows, answers)).shifts}
    assert (shifts["wifi"].rows, shifts["wifi"].psi, shifts["wifi"].found) == (0, None, ())
    assert shifts["ram"].psi is not None


def test_nothing_is_told_of_no_phones(reference: Reference) -> None:
    drift = reference.drift(np.zeros(reference.size))
    assert (drift.rows, drift.alarms, drift.expected_accuracy, drift.mean_confidence) == (0, (), None, None)
    assert not drift.judged


def test_a_version_without_a_reference_cannot_tell() -> None:
    assert Reference.of_version(bundle.read(bundle.find(Path("models"), 2)).passport) is None
