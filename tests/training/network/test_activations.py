"""The activations against the functions of their names."""

import pytest
import torch

from training.network.activations import ACTIVATIONS, Maxout
from training.recipe import sections


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_the_functions_of_that_name(name: sections.Activation) -> None:
    inputs = torch.linspace(-3, 3, 50).reshape(5, 10)
    expected = {
        "relu": inputs.clamp_min(0),
        "leaky_relu": torch.maximum(inputs, 0.01 * inputs),
        "prelu": torch.maximum(inputs, 0.25 * inputs),
        "tanh": (inputs.exp() - (-inputs).exp()) / (inputs.exp() + (-inputs).exp()),
        "sigmoid": 1 / (1 + (-inputs).exp()),
        "softmax": inputs.exp() / inputs.exp().sum(dim=1, keepdim=True),
    }
    torch.testing.assert_close(ACTIVATIONS[name]()(inputs).detach(), expected[name])


def test_maxout_takes_the_largest_piece_of_each_unit() -> None:
    inputs = torch.tensor([[1.0, 5.0, -2.0, -3.0, 0.0, 4.0], [2.0, 1.0, 3.0, 0.0, -1.0, -2.0]])
    assert Maxout(2)(inputs).tolist() == [[5.0, -2.0, 4.0], [2.0, 3.0, -1.0]]
    assert Maxout(3)(inputs).tolist() == [[5.0, 4.0], [3.0, 0.0]]
