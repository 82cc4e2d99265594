"""What is added to the ordinal linear model: found where it is there, and nearly nothing where it is not."""

import numpy as np
import numpy.typing as npt

from training.compare.additions import ADDITIONS, EarningFeatures

Floats = npt.NDArray[np.float64]
DRAW = np.random.default_rng(5)
FEATURES = DRAW.standard_normal((450, 3))


def ranges(score: Floats) -> npt.NDArray[np.int64]:
    return np.searchsorted(np.quantile(score, [0.25, 0.5, 0.75]), score)


def accuracy(name: str, price_range: npt.NDArray[np.int64]) -> float:
    """Learn from two thirds and answer the others."""
    (model,) = (one.make(0) for one in ADDITIONS if one.name == name)
    model.fit(FEATURES[:300], price_range[:300])
    return float(np.mean(model.predict(FEATURES[300:]) == price_range[300:]))


def test_products_find_an_interaction() -> None:
    price_range = ranges(FEATURES[:, 0] + 2 * FEATURES[:, 0] * FEATURES[:, 1] + FEATURES[:, 1])
    assert accuracy("ordinal, products", price_range) > accuracy("ordinal, pruned", price_range) + 0.2


def test_splines_find_a_bend() -> None:
    price_range = ranges(FEATURES[:, 0] + 2 * np.abs(FEATURES[:, 0]) + FEATURES[:, 1])
    assert accuracy("ordinal, splines", price_range) > accuracy("ordinal, pruned", price_range) + 0.1


def test_where_a_linear_score_decides_nothing_is_lost_by_what_is_added() -> None:
    price_range = ranges(FEATURES[:, 0] + 0.5 * FEATURES[:, 1])
    found = [
        accuracy(name, price_range) for name in ("ordinal, pruned, products", "ordinal, pruned, splines")
    ]
    assert min(found) > 0.93
    assert max(found) - min(found) < 0.05


def test_features_that_say_nothing_are_left_out_and_one_is_always_kept() -> None:
    selected = EarningFeatures().fit(FEATURES, ranges(FEATURES[:, 2] + 0.5 * FEATURES[:, 0]))
    assert selected.get_support().tolist() == [True, False, True]
    assert EarningFeatures().fit(FEATURES, DRAW.integers(0, 4, 450)).get_support().sum() == 1
