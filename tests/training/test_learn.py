"""Learning from some rows, by one network or by several."""

import numpy as np
import pytest
import torch

from training.data import LabelledPhones
from training.learn import answers, learn
from training.network.network import Bagged
from training.recipe.recipe import Recipe
from training.recipe.sections import Augmentation, Bagging, Pretraining
from training.split import three_ways


def short(quick: Recipe, **changes: object) -> Recipe:
    loop = quick.loop.model_copy(update={"epochs": 3, "patience": None})
    return quick.model_copy(update={"loop": loop, **changes})


def test_bagged_networks_differ_and_answer_together_the_same_each_time(
    phones: LabelledPhones, quick: Recipe
) -> None:
    recipe = short(quick, bagging=Bagging(networks=3))
    parts = three_ways(phones.price_range, recipe.split, recipe.seed)
    heard: list[int] = []
    model, history = learn(
        phones, parts.training, parts.validation, recipe, lambda epoch: heard.append(epoch.number)
    )
    assert heard == [1, 2, 3] * recipe.fits
    assert len(history.epochs) == 3
    assert isinstance(model.network, Bagged)
    first, second, third = (network.layers[0].weights[0] for network in model.network.networks)
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)
    again, _ = learn(phones, parts.training, parts.validation, recipe, lambda _: None)
    np.testing.assert_array_equal(answers(model, phones.features), answers(again, phones.features))


def test_bagged_networks_do_without_the_inputs_that_one_network_told(
    phones: LabelledPhones, quick: Recipe
) -> None:
    network = quick.network.model_copy(update={"pruning": 1.0})
    recipe = short(quick, network=network, bagging=Bagging(networks=2))
    parts = three_ways(phones.price_range, recipe.split, recipe.seed)
    assert recipe.fits == 3
    model, _ = learn(phones, parts.training, parts.validation, recipe, lambda _: None)
    assert isinstance(model.network, Bagged)
    used = [one.used_inputs().nonzero().flatten().tolist() for one in model.network.networks]
    assert used[0] == used[1] == model.used_features().tolist()
    assert len(used[0]) < 20


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"augmentation": Augmentation(input_dropout=0.2)}, id="input dropout"),
        pytest.param({"augmentation": Augmentation(noise=0.2)}, id="noise"),
        pytest.param({"pretraining": Pretraining(epochs=1)}, id="pretraining"),
    ],
)
def test_what_a_recipe_adds_changes_what_is_learned_and_nothing_by_chance(
    phones: LabelledPhones, quick: Recipe, changes: dict[str, object]
) -> None:
    parts = three_ways(phones.price_range, quick.split, quick.seed)
    plain, first, again = (
        answers(learn(phones, parts.training, parts.validation, one, lambda _: None)[0], phones.features)
        for one in (short(quick), short(quick, **changes), short(quick, **changes))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(plain, first)
