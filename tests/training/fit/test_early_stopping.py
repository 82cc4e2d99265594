"""Early stopping: which epoch's weights are kept and when a run ends."""

from typing import NoReturn

import pytest
import torch
from torch import nn

from training.fit.early_stopping import EarlyStopping
from training.fit.history import Epoch


def run(losses: list[float], patience: int | None) -> tuple[int, Epoch, float]:
    """Let the weight be the epoch's number; return epochs run, the kept epoch and the restored weight."""
    network = nn.Linear(1, 1)
    stopping = EarlyStopping(network, patience)
    for number, loss in enumerate(losses, start=1):
        nn.init.constant_(network.weight, number)
        if stopping.is_over_after(Epoch(number, 0.0, 0.0, loss, 0.1, 0.0, 0.0, [])):
            break
    if patience is not None:
        nn.init.constant_(network.weight, -1)
    return number, stopping.restore(), network.weight.item()


@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        pytest.param([3.0, 2.0, 1.0], 3, id="falling"),
        pytest.param([3.0, 1.0, 2.0, 3.0], 2, id="rising again"),
        pytest.param([3.0, 1.0, 1.05, 2.0], 3, id="within a standard error of the lowest"),
        pytest.param([1.0, 0.5, 1.05, 0.9], 2, id="within a standard error of an earlier lowest"),
        pytest.param([3.0], 1, id="one epoch"),
    ],
)
def test_restores_the_last_weights_within_a_standard_error_of_the_lowest_loss(
    losses: list[float], kept: int
) -> None:
    _, epoch, weight = run(losses, patience=10)
    assert epoch.number == weight == kept
    assert epoch.validation_loss == losses[kept - 1]


def test_ends_after_so_many_epochs_without_one_worth_keeping() -> None:
    epochs, kept, _ = run([3.0, 1.0, 2.0, 2.0, 2.0, 2.0, 0.1], patience=3)
    assert (epochs, kept.number) == (5, 2)


def test_without_patience_a_run_goes_on_to_its_end_and_keeps_that() -> None:
    epochs, kept, weight = run([1.0, 5.0, 6.0, 7.0], patience=None)
    assert epochs == kept.number == weight == 4


def test_weights_of_the_kept_epoch_are_a_copy() -> None:
    network = nn.BatchNorm1d(3)
    stopping = EarlyStopping(network, 1)
    stopping.is_over_after(Epoch(1, 0.0, 0.0, 1.0, 0.1, 0.0, 0.0, []))
    before = network.running_mean.clone()
    network(torch.randn(10, 3) + 5)
    stopping.restore()
    torch.testing.assert_close(network.running_mean, before)


def test_without_patience_no_weights_are_copied() -> None:
    class Uncopied(nn.Linear):
        def state_dict(self, *_: object, **__: object) -> NoReturn:
            raise AssertionError

    stopping = EarlyStopping(Uncopied(1, 1), None)
    for number in (1, 2):
        assert not stopping.is_over_after(Epoch(number, 0.0, 0.0, 1.0, 0.1, 0.0, 0.0, []))
    assert stopping.restore().number == 2
