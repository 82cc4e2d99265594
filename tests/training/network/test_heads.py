"""The heads against the definitions of their losses and probabilities."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from training.network import heads
from training.network.heads import NumberHead, OrdinalHead
from training.recipe import sections

HEADS = [
    pytest.param(sections.Softmax(name="softmax"), id="softmax"),
    pytest.param(sections.Ordinal(name="ordinal"), id="ordinal"),
    pytest.param(sections.Number(name="number", loss="mse"), id="number"),
]
SOFTMAX = sections.Softmax(name="softmax")


@pytest.mark.parametrize("choices", HEADS)
def test_probabilities_are_never_negative_and_sum_to_1(choices: sections.Head) -> None:
    head = heads.make(8, choices)
    hidden = torch.randn(1_000, 8) * torch.logspace(-3, 3, 1_000)[:, None]
    probabilities = head.probabilities(head(hidden))
    assert probabilities.shape == (1_000, 4)
    assert (probabilities >= 0).all()
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(1_000), atol=1e-6, rtol=0)


def test_softmax_head_loses_the_cross_entropy() -> None:
    head = heads.make(8, SOFTMAX)
    logits, price_range = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 1, 2])
    chosen = head.probabilities(logits)[torch.arange(6), price_range]
    torch.testing.assert_close(head.loss(logits, price_range), -chosen.log())


def test_ordinal_head_loses_the_cumulative_binary_cross_entropy() -> None:
    logits = torch.tensor([[2.0, 0.5, -1.0]])
    above = logits.sigmoid()[0]
    losses = [OrdinalHead(8).loss(logits, torch.tensor([price_range])).item() for price_range in range(4)]
    for price_range, loss in enumerate(losses):
        expected = -above[:price_range].log().sum() - (1 - above[price_range:]).log().sum()
        assert loss == pytest.approx(expected.item(), rel=1e-5)


def test_ordinal_probabilities_are_the_differences_of_the_cumulative_ones() -> None:
    logits = torch.tensor([[2.0, 0.5, -1.0], [30.0, 12.0, -4.0]], dtype=torch.float64)
    above = torch.cat([torch.ones(2, 1), logits.sigmoid(), torch.zeros(2, 1)], dim=1)
    torch.testing.assert_close(OrdinalHead(8).probabilities(logits), above[:, :-1] - above[:, 1:])


def test_ordinal_thresholds_stay_in_order_whatever_is_learned() -> None:
    head = OrdinalHead(8)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn_like(parameter) * 3)
    logits = head(torch.randn(100, 8))
    assert (logits.diff(dim=1) <= 0).all()


def test_label_smoothing_moves_its_share_of_the_target_to_all_price_ranges_alike() -> None:
    logits, price_range = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 1, 2])
    target = 0.9 * functional.one_hot(price_range, 4) + 0.1 / 4
    expected = -(target * logits.log_softmax(dim=1)).sum(dim=1)
    head = heads.make(8, SOFTMAX.model_copy(update={"label_smoothing": 0.1}))
    torch.testing.assert_close(head.loss(logits, price_range), expected)


def number_head() -> NumberHead:
    """A head whose number is its input."""
    head = heads.make(1, sections.Number(name="number", loss="mse"))
    assert isinstance(head, NumberHead)
    nn.init.ones_(head.linear.weight)
    nn.init.constant_(head.linear.bias, -head.middle)
    return head


def test_a_number_stands_for_the_price_range_that_is_nearest() -> None:
    head = number_head()
    numbers = torch.tensor([-3.0, 0.1, 0.4, 0.6, 1.0, 1.4, 1.6, 2.4, 2.6, 9.0])
    answered = head.probabilities(head(numbers[:, None])).argmax(dim=1)
    assert answered.tolist() == numbers.round().clamp(0, 3).int().tolist()


def test_a_number_halfway_between_two_price_ranges_leaves_both_as_likely() -> None:
    head = number_head()
    probabilities = head.probabilities(head(torch.tensor([[1.5]])))[0]
    assert probabilities[1].item() == pytest.approx(probabilities[2].item())
    assert probabilities[1:3].sum().item() > 0.99
