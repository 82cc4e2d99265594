"""What a card says of the features that a model uses, and of the phones that it is about."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from pricerange.bundle import TrainingRegion
from pricerange.phone import FEATURE_NAMES
from training.recipe.recipe import DEFAULT, read
from training.report.run import Run
from training.report.scope import scope

REGION = TrainingRegion(
    features=["ram"],
    mean=[0.0],
    whitening=[[1.0]],
    limit=4.1234,
    false_alarms={"range": 0.0056, "distance": 0.0038, "together": 0.00925},
)


def said(used: list[int], region: TrainingRegion | None = None, **network: Any) -> list[str]:
    choices = read(DEFAULT)
    choices = choices.model_copy(update={"network": choices.network.model_copy(update=network)})
    model = SimpleNamespace(used_features=lambda: np.array(used, np.intp))
    return list(scope(cast("Run", SimpleNamespace(model=model, recipe=choices, region=region))))


@pytest.mark.parametrize(
    ("used", "words"),
    [
        (range(20), "The model uses all 20 features."),
        (
            [13, 0],
            "The model uses 2 of the 20 features: `ram`, `battery_power`. All weights of the others are",
        ),
        (range(19), "All weights of the other are exactly 0"),
        ([], "The model uses none of the features: it answers every phone alike."),
    ],
    ids=["all", "two", "all but one", "none"],
)
def test_the_features_that_are_used_are_named(used: list[int], words: str) -> None:
    (sentence,) = said(list(used), pruning=0.0)
    assert words in sentence


def test_how_they_were_found_and_which_phones_are_in_range_is_said() -> None:
    _, pruning, region = said([FEATURE_NAMES.index("ram")], REGION, pruning=2.5)
    assert "lowers the training loss by more than 2.5 times what" in pruning
    assert "at most 4.12. " in region
    assert "0.56 % were outside a range, 0.38 % beyond the distance, 0.92 % either" in region
