"""A reference that is none is refused when a version is read, not when something is compared with it."""

import copy
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pricerange import bundle
from pricerange.drift_reference import DriftReference


@pytest.fixture
def kept(model_repository: Path) -> dict[str, Any]:
    found = bundle.read(bundle.find(model_repository)).passport.drift
    assert found is not None
    return copy.deepcopy(found.model_dump(mode="json"))


def test_what_training_wrote_is_read_again(kept: dict[str, Any]) -> None:
    assert DriftReference.model_validate(kept).model_dump(mode="json") == kept


@pytest.mark.parametrize(
    ("feature", "bins", "words"),
    [
        pytest.param("ram", {"edges": [2, 1], "counts": [1, 1, 1]}, "edges that rise", id="edges fall"),
        pytest.param("ram", {"edges": [1, 1], "counts": [1, 1, 1]}, "edges that rise", id="edges repeat"),
        pytest.param("ram", {"edges": [1], "counts": [1, 1, 1]}, "a count more", id="too many counts"),
        pytest.param("ram", {"edges": [1], "counts": [0, 0]}, "expected rows", id="no rows"),
        pytest.param("ram", {"edges": [1], "counts": [-1, 2]}, "greater than or equal", id="negative"),
        pytest.param("ram", {"edges": [float("nan")], "counts": [1, 1]}, "finite", id="NaN"),
        pytest.param("ram", {"edges": list(range(10)), "counts": [1] * 11}, "at most 9", id="too many bins"),
        pytest.param("rom", {"edges": [], "counts": [1]}, "missing or unknown", id="no feature"),
    ],
)
def test_bins_that_are_none_are_refused(
    kept: dict[str, Any], feature: str, bins: dict[str, Any], words: str
) -> None:
    kept["features"][feature] = bins
    with pytest.raises(ValidationError, match=words):
        DriftReference.model_validate(kept)


def test_answers_that_nobody_gave_are_refused(kept: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="answers: expected some"):
        DriftReference.model_validate(kept | {"answers": [0, 0, 0, 0]})
