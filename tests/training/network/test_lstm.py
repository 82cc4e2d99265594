"""A recurrent network over the features."""

import pytest
import torch

from training.network.lstm import Lstm
from training.network.network import Network
from training.recipe import sections
from training.recipe.recipe import Recipe


def test_lstm_reads_the_features_in_their_order_and_answers_with_the_last_state(quick: Recipe) -> None:
    network = Network(20, sections.Lstm(name="lstm", hidden=6, layers=2), quick.head).eval()
    lstm = network.get_submodule("body.lstm")
    rows = torch.randn(3, 20)
    _, (hidden, _) = lstm(rows[:, :, None])
    torch.testing.assert_close(network.body(rows), hidden[-1])
    assert network(rows).shape == (3, 3)
    assert network.penalty().item() == 0


def gradient_of_steps(truncation: int | None, *, training: bool) -> list[bool]:
    """Say of each of 20 steps whether the answer's gradient reaches it."""
    lstm = Lstm(20, sections.Lstm(name="lstm", hidden=6, truncation=truncation)).train(training)
    rows = torch.randn(3, 20, requires_grad=True)
    lstm(rows).square().sum().backward()
    assert rows.grad is not None
    return (rows.grad != 0).any(dim=0).tolist()


@pytest.mark.parametrize(
    ("truncation", "reached"), [(None, 20), (4, 4), (19, 19), (1, 1)], ids=["whole", "4", "19", "1"]
)
def test_errors_are_propagated_back_through_the_last_steps_alone(
    truncation: int | None, reached: int
) -> None:
    assert gradient_of_steps(truncation, training=True) == [False] * (20 - reached) + [True] * reached


def test_what_is_answered_does_not_depend_on_the_truncation() -> None:
    lstm, rows = Lstm(20, sections.Lstm(name="lstm", hidden=6, truncation=5)), torch.randn(3, 20)
    torch.testing.assert_close(lstm.train()(rows), lstm.eval()(rows))
    assert gradient_of_steps(5, training=False) == [True] * 20
