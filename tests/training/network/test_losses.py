"""Losses that torch lacks: where they are least."""

import math

import pytest
import torch
from torch import Tensor

from training.network import losses
from training.network.losses import Loss
from training.recipe import sections


def lowest(loss: Loss, start: Tensor, truth: Tensor) -> Tensor:
    """Find the one row of logits, or the one number, that loses least by all rows of the truth."""
    found = start.clone().requires_grad_()
    search = torch.optim.LBFGS([found], max_iter=200, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        search.zero_grad()
        total = loss(found.expand(len(truth), *start.shape[1:]), truth).mean()
        total.backward()
        return total

    search.step(objective)
    return found.detach()[0]


SHARES = torch.tensor([0.5, 0.25, 0.125, 0.125], dtype=torch.float64)


def test_exponential_loss_of_price_ranges_is_least_at_their_probabilities() -> None:
    truth = torch.tensor([0, 0, 0, 0, 1, 1, 2, 3])
    logits = lowest(losses.multi_class_exponential, torch.zeros(1, 4, dtype=torch.float64), truth)
    torch.testing.assert_close(logits.softmax(dim=0), SHARES, atol=1e-5, rtol=0)


def test_exponential_loss_of_a_threshold_is_least_at_half_the_logarithm_of_the_odds() -> None:
    loss = losses.of_thresholds(sections.Ordinal(name="ordinal", loss="exponential"))
    target = torch.tensor([[1.0], [1.0], [1.0], [0.0]], dtype=torch.float64)
    logits = lowest(loss, torch.zeros(1, 1, dtype=torch.float64), target)
    assert logits.item() == pytest.approx(math.log(3) / 2, abs=1e-5)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.8])
def test_quantile_loss_is_least_where_that_share_lies_below(quantile: float) -> None:
    truth = torch.rand(1_000, generator=torch.Generator().manual_seed(2))
    candidates = torch.linspace(0, 1, 1_001)
    lost = torch.stack(
        [losses.quantile_loss(one.expand(1_000), truth, quantile).mean() for one in candidates]
    )
    below = (truth < candidates[lost.argmin()]).float().mean().item()
    assert below == pytest.approx(quantile, abs=2e-3)


def test_hinge_loses_nothing_beyond_a_margin_of_1() -> None:
    of_thresholds = losses.of_thresholds(sections.Ordinal(name="ordinal", loss="hinge"))
    assert of_thresholds(torch.tensor([1.0, -1.0, 7.0]), torch.tensor([1.0, 0.0, 1.0])).sum() == 0
    of_classes = losses.of_classes(sections.Softmax(name="softmax", loss="hinge"))
    assert of_classes(torch.tensor([[3.0, 2.0, 1.0, 0.0]]), torch.tensor([0])).item() == 0


def test_huber_is_the_square_near_0_and_grows_by_delta_beyond() -> None:
    loss = losses.of_numbers(sections.Number(name="number", loss="huber", delta=0.5))
    errors = torch.tensor([0.25, 2.0, 3.0])
    near, far, farther = loss(errors, torch.zeros(3)).tolist()
    assert near == pytest.approx(0.25**2 / 2)
    assert farther - far == pytest.approx(0.5)
