"""The network of a recipe in words."""

import pytest

from training.recipe.described import described
from training.recipe.recipe import Recipe
from training.recipe.sections import Bagging, Lstm


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "blocks of Linear, BatchNorm1d, relu, Dropout with 16, 8 units"),
        (
            {"activation": ["tanh", "maxout"], "batch_norm": False},
            "blocks of Linear, activation, Dropout with 16 tanh, 8 maxout units",
        ),
        (
            {"hidden": [8, 8], "residual": True, "linear_skip": True},
            "blocks of Linear, BatchNorm1d, relu, Dropout with 8, 8 units, each from the second on added to "
            "its input, a linear skip from the inputs",
        ),
    ],
    ids=["plain", "layer by layer", "residual"],
)
def test_blocks_are_told_with_what_they_are_made_of(
    quick: Recipe, changes: dict[str, object], words: str
) -> None:
    network = quick.network.model_copy(update=changes)
    assert described(quick.model_copy(update={"network": network})) == words


def test_networks_side_by_side_and_errors_that_are_cut_off_are_told(quick: Recipe) -> None:
    lstm = Lstm(name="lstm", hidden=5, truncation=4)
    recipe = quick.model_copy(update={"network": lstm, "bagging": Bagging(networks=3)})
    assert described(recipe) == (
        "the mean over 3 networks, each trained on a bootstrap sample, of an LSTM over the features, errors "
        "propagated back through the last 4 of them, with 1 layers of 5 units"
    )
