"""The table of a network's layers."""

import torch
from torch import nn

from training.network.layers import layers
from training.network.network import Network, PhoneModel
from training.network.preprocess import Preprocess
from training.recipe.recipe import Recipe


def test_lists_every_layer_with_the_shape_of_its_output_and_what_it_learns() -> None:
    found = layers(nn.Sequential(nn.Linear(20, 3), nn.Sigmoid(), nn.Linear(3, 2)))
    assert [(row.kind, row.shape, row.parameters) for row in found] == [
        ("Linear", (3,), 63),
        ("Sigmoid", (3,), 0),
        ("Linear", (2,), 8),
    ]


def test_counts_every_parameter_once_those_of_the_head_too(quick: Recipe) -> None:
    rows = torch.rand(50, 20)
    preprocess = Preprocess(rows, quick.preprocess)
    model = PhoneModel(preprocess, Network(preprocess.outputs, quick.network, quick.head)).eval()
    found = layers(model)
    assert sum(row.parameters for row in found) == sum(one.numel() for one in model.parameters())
    assert found[0].kind == "Preprocess"
    assert (found[-1].kind, found[-1].shape) == ("OrdinalHead", (3,))


def test_takes_the_sequence_of_a_recurrent_layer_for_its_output() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(1, 5, batch_first=True)

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            states: torch.Tensor = self.lstm(features.unsqueeze(2))[0]
            return states

    [row] = layers(Recurrent())
    assert (row.kind, row.shape, row.parameters) == ("LSTM", (20, 5), 160)
