import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange import bundle, synthetic
from pricerange.answer.reasons import STEP_ROWS, Explainer, Explanations
from pricerange.errors import GoldenReasonsError
from pricerange.phone import FEATURE_NAMES, FEATURES
from pricerange.predictor import Predictor

PHONES = synthetic.phones(30, block=7)[0].astype(np.float32)
RAM, WIFI = FEATURE_NAMES.index("ram"), FEATURE_NAMES.index("wifi")

admissible_phones = st.tuples(
    *(
        st.floats(feature.low, feature.high, width=32)
        if feature.kind == "number"
        else st.integers(int(feature.low), int(feature.high))
        for feature in FEATURES
    )
).map(lambda values: np.array([values], np.float32))


def loaded(models: Path) -> tuple[Predictor, Explainer]:
    predictor = Predictor.load(models)
    explainer = Explainer.of_version(predictor)
    assert explainer is not None
    return predictor, explainer


@pytest.fixture(scope="module")
def exact(pruned_repository: Path) -> tuple[Predictor, Explainer]:
    return loaded(pruned_repository)


@pytest.fixture(scope="module")
def sampled(model_repository: Path) -> tuple[Predictor, Explainer]:
    return loaded(model_repository)


def explained(predictor: Predictor, explainer: Explainer, phones: np.ndarray) -> Explanations:
    return explainer.explain(phones, predictor.predict(phones).price_range)


def assert_adds_up(found: Explanations) -> None:
    total = found.base.astype(float) + found.contributions.astype(float).sum(axis=1)
    assert np.abs(total - found.value).max() < 1e-6


def of_shap(predictor: Predictor, explainer: Explainer, phone: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What shap says of the k active features: values [k, 5] and base [5] of score and probabilities."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that it draws with
        import numba

        numba.config.DISABLE_JIT = True  # to compile takes ten seconds
        from shap import ExactExplainer
        from shap.maskers import Independent
    active = [FEATURE_NAMES.index(name) for name in explainer.features]

    def told(active_values: np.ndarray) -> np.ndarray:
        rows = np.repeat(phone[np.newaxis], len(active_values), axis=0)
        rows[:, active] = active_values
        probabilities = predictor.predict(rows).probabilities.astype(float)
        return np.column_stack([probabilities @ range(4), probabilities])

    background = explainer.background[:, active]
    expected = ExactExplainer(told, Independent(background, max_samples=len(background)))(
        phone[np.newaxis, active]
    )
    return expected.values[0], expected.base_values[0]


def test_contributions_are_those_of_shap(exact: tuple[Predictor, Explainer]) -> None:
    predictor, explainer = exact
    found = explained(predictor, explainer, PHONES[:5])
    for row, price_range in enumerate(predictor.predict(PHONES[:5]).price_range):
        values, base = of_shap(predictor, explainer, PHONES[row])
        assert np.allclose(found.contributions[row], values[:, [0, 1 + price_range]], rtol=0, atol=1e-5)
        assert np.allclose(found.base[row], base[[0, 1 + price_range]], rtol=0, atol=1e-5)


@given(admissible_phones)
def test_contributions_add_up_for_any_phone(exact: tuple[Predictor, Explainer], phone: np.ndarray) -> None:
    predictor, _ = exact
    answer = predictor.predict(phone)
    found = explained(*exact, phone)
    assert_adds_up(found)
    assert found.exact.all()
    assert not found.errors.any()
    assert found.value[0, 1] == answer.probabilities[0, answer.price_range[0]]
    score = answer.probabilities[0].astype(float) @ [0, 1, 2, 3]
    assert found.value[0, 0] == np.float32(score)


def test_sampled_contributions_add_up_and_tell_their_errors(sampled: tuple[Predictor, Explainer]) -> None:
    found = explained(*sampled, PHONES[:6])
    assert len(found.features) == 20
    assert not found.exact.any()
    assert_adds_up(found)
    assert 0 < found.errors[:, :, 0].max() < 0.2
    again = explained(*loaded(sampled[0].bundle.path.parent.parent), PHONES[:6])
    assert again.contributions.tobytes() == found.contributions.tobytes()


def test_a_phone_has_the_same_bits_beside_any_others(
    exact: tuple[Predictor, Explainer], sampled: tuple[Predictor, Explainer]
) -> None:
    for predictor, explainer in (exact, sampled):
        together = explained(predictor, explainer, PHONES[:4])
        for row in range(4):
            alone = explained(predictor, explainer, PHONES[row : row + 1])
            for name in ("value", "base", "contributions", "errors", "exact"):
                assert getattr(alone, name)[0].tobytes() == getattr(together, name)[row].tobytes()


def test_a_feature_that_is_not_known_gets_no_share(exact: tuple[Predictor, Explainer]) -> None:
    predictor, explainer = exact
    phone = PHONES[:1].copy()
    phone[0, [RAM, WIFI]] = np.nan
    found = explainer.explain(phone, np.array([2]))
    assert_adds_up(found)
    assert not found.contributions[0, found.features.index("ram")].any()
    averaged = np.repeat(PHONES[:1], len(explainer.background), axis=0)
    averaged[:, RAM] = explainer.background[:, RAM]
    mean = predictor.predict(averaged).probabilities.mean(axis=0, dtype=float)
    assert np.allclose(found.value, [[mean @ range(4), mean[2]]], atol=1e-6)

    nothing = explainer.explain(np.full((1, 20), np.nan, np.float32), np.array([0]))
    assert not nothing.contributions.any()
    assert (nothing.value == nothing.base).all()


def test_few_known_features_of_many_are_explained_exactly(sampled: tuple[Predictor, Explainer]) -> None:
    phones = PHONES[:2].copy()
    phones[0, 6:] = np.nan
    found = sampled[1].explain(phones, np.array([1, 1]))
    assert found.exact.tolist() == [True, False]
    assert_adds_up(found)


def test_a_step_asks_the_model_a_bounded_number_of_rows(sampled: tuple[Predictor, Explainer]) -> None:
    predictor, known = sampled
    asked = list[int]()

    def answer(rows: np.ndarray):
        asked.append(len(rows))
        return predictor.predict(rows)

    explainer = Explainer(answer, known.background, known.features)
    *unfinished, found = explainer.steps(PHONES[0], 1)
    assert unfinished == [None] * (len(asked) - 1)
    assert isinstance(found, Explanations)
    assert len(asked) > 2
    assert max(asked) <= STEP_ROWS
    assert next(explainer.steps(PHONES[0], 1)) is None


def test_the_largest_contributions_come_first_and_equal_ones_in_order() -> None:
    contributions = np.array([[[0.1, 0], [-0.5, 0], [0, 0], [0.5, 0], [0, 0]]], np.float32)
    whole = np.zeros((1, 2), np.float32)
    features = FEATURE_NAMES[:5]
    found = Explanations(features, whole, whole, contributions, contributions, np.array([True]))
    assert found.order().tolist() == [[1, 3, 0, 2, 4]]


def test_rows_without_explanation_have_zeros_among_the_others(exact: tuple[Predictor, Explainer]) -> None:
    found = explained(*exact, PHONES[:2])
    spread = found.spread(np.array([False, True, False, True]))
    assert (spread.value[[1, 3]] == found.value).all()
    assert (spread.contributions[[1, 3]] == found.contributions).all()
    assert not spread.contributions[[0, 2]].any()
    none = explained(*exact, PHONES[:0])
    assert len(none.spread(np.zeros(3, bool)).value) == 3


@pytest.mark.parametrize("what", ["base", "contribution", "feature"])
def test_other_golden_reasons_are_refused(pruned_repository: Path, tmp_path: Path, what: str) -> None:
    version = bundle.read(bundle.find(pruned_repository))
    fields = json.loads(version.passport.model_dump_json())
    reasons = fields["golden_rows"][0]["reasons"]
    if what == "base":
        reasons["base"] += 1e-4
    elif what == "contribution":
        reasons["contributions"]["ram"] -= 1e-4
    else:
        reasons["contributions"]["wifi"] = 0.0
    changed = bundle.write(tmp_path, version.model, bundle.Passport.model_validate(fields), {})
    predictor = Predictor(bundle.read(changed))
    with pytest.raises(GoldenReasonsError, match="golden row 0") as raised:
        Explainer.of_version(predictor)
    assert raised.value.expected == reasons


def test_golden_rows_carry_reasons_of_each_price_range(pruned_repository: Path) -> None:
    golden = bundle.read(bundle.find(pruned_repository)).passport.golden_rows
    carry = [row for row in golden if row.reasons]
    assert {int(np.argmax(row.probabilities)) for row in carry} == {0, 1, 2, 3}


def test_a_version_without_background_explains_nothing() -> None:
    assert Explainer.of_version(Predictor.load(Path("models"), 2)) is None
