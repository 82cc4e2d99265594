"""The learned numbers that a report shows."""

import numpy as np
import pytest
import torch

from pricerange.phone import FEATURE_NAMES
from training.network.network import Bagged, Network, PhoneModel
from training.network.preprocess import Preprocess
from training.network.weights import SHOWN, weights
from training.recipe import sections
from training.recipe.recipe import Recipe

ROWS = torch.randn(50, 20, generator=torch.Generator().manual_seed(1))


def model(quick: Recipe, networks: int = 1, svd: int | None = None, **changes: object) -> PhoneModel:
    torch.manual_seed(2)
    preprocess = Preprocess(ROWS, sections.Preprocess(svd=svd))
    choices = quick.network.model_copy(update=changes)
    made = [Network(preprocess.outputs, choices, quick.head) for _ in range(networks)]
    return PhoneModel(preprocess, Bagged(made) if networks > 1 else made[0])


def test_every_number_that_was_learned_is_told_with_its_place(quick: Recipe) -> None:
    network = model(quick)
    found = weights(network)
    assert sum(np.prod(one.shape) for one in found) == sum(one.numel() for one in network.parameters())
    first = found[0]
    values = network.network.layers[0].weights[0].detach()
    assert (first.name, first.shape) == ("body.blocks.0.weight", (16, 20))
    assert first.columns == list(FEATURE_NAMES)
    np.testing.assert_allclose(np.array(first.values), values.numpy(), rtol=1e-6)
    assert first.mean == pytest.approx(values.mean().item(), abs=1e-6)
    assert first.deviation == pytest.approx(values.std(correction=0).item(), rel=1e-5)
    assert (first.least, first.greatest) == pytest.approx((values.min().item(), values.max().item()))


def test_weights_that_are_held_at_0_are_counted(quick: Recipe) -> None:
    network = model(quick)
    assert isinstance(network.network, Network)
    network.network.keep_inputs(torch.arange(20) < 5)
    assert weights(network)[0].zeros == pytest.approx(15 / 20)


def test_columns_are_features_in_the_first_layer_and_the_skip_alone(quick: Recipe) -> None:
    by_name = {one.name: one for one in weights(model(quick, linear_skip=True))}
    assert by_name["body.blocks.4.weight"].columns == [str(number) for number in range(1, 17)]
    assert by_name["head.linear.weight"].columns == [*map(str, range(1, 9)), *FEATURE_NAMES]
    mixed = weights(model(quick, svd=3))[0]
    assert mixed.columns == ["1", "2", "3"]


def test_what_a_page_has_no_room_for_is_summed_up_only(quick: Recipe) -> None:
    found = weights(model(quick, hidden=[150, 8]))
    assert found[0].values is None
    assert found[0].deviation > 0
    assert all(one.values is not None for one in found[1:])
    of_many = weights(model(quick, networks=5))
    shown = sum(np.prod(one.shape) for one in of_many if one.values is not None)
    assert SHOWN / 2 < shown <= SHOWN
