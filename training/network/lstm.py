"""A recurrent network over the features."""

import torch
from torch import Tensor, nn

from training.network.weight_layer import WeightLayer
from training.recipe import sections


class Lstm(nn.Module):
    """The inputs one after the other: float32 [n, inputs] -> the last hidden state, [n, width].

    Where the recipe truncates, the state after the first steps is taken as given while it learns, and errors
    are propagated back through the last ones alone (Williams and Peng, "An efficient gradient-based algorithm
    for on-line training of recurrent network trajectories", 1990). What it answers is the same.
    """

    def __init__(self, inputs: int, choices: sections.Lstm) -> None:
        super().__init__()
        self.inputs = inputs
        self.lstm = nn.LSTM(1, choices.hidden, choices.layers, batch_first=True)
        self.dropout = nn.Dropout(choices.dropout)
        self.layers = [WeightLayer("lstm", self.lstm, self.dropout, None)]
        self.width = choices.hidden
        self.truncation = choices.truncation

    def forward(self, inputs: Tensor) -> Tensor:  # noqa: D102
        steps, state = inputs.unsqueeze(2), None
        if self.training and self.truncation is not None:
            with torch.no_grad():
                _, state = self.lstm(steps[:, : -self.truncation])
            steps = steps[:, -self.truncation :]
        states, _ = self.lstm(steps, state)
        last: Tensor = self.dropout(states[:, -1])
        return last

    def used_inputs(self, head_weights: Tensor) -> Tensor:
        """Return that all inputs are used, bool [inputs]: each passes the same weights."""
        return head_weights.new_ones(self.inputs, dtype=torch.bool)

    def penalty(self, head_weights: Tensor) -> Tensor:
        """Return nothing to pay: there is no column of weights for an input."""
        return head_weights.new_zeros(())
