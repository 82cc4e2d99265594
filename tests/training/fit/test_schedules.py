"""The learning rate, step by step."""

import math

import pytest
import torch
from torch import nn

from training.errors import ScheduleError
from training.fit import optimisers, schedules
from training.recipe import sections

EPOCHS, BATCHES = 10, 4


def rates(choices: sections.Schedule, optimiser: sections.Optimiser | None = None) -> list[float]:
    """Rates of all 40 steps of ten epochs at a rate of 0.5."""
    optimiser = optimiser or sections.Sgd(name="sgd", learning_rate=0.5)
    stepped = optimisers.make([nn.Parameter(torch.ones(1))], optimiser)
    schedule = schedules.make(stepped, choices, 0.5, EPOCHS, BATCHES)
    found = []
    for _ in range(EPOCHS * BATCHES):
        found.append(stepped.param_groups[0]["lr"])
        stepped.step()
        schedules.after_batch(schedule)
        schedules.after_epoch(schedule, 1.0)
    return found


def by_epoch(factors: list[float]) -> list[float]:
    return [0.5 * factor for factor in factors for _ in range(BATCHES)]


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        pytest.param(sections.Steady(name="constant"), by_epoch([1.0] * 10), id="constant"),
        pytest.param(
            sections.Step(name="step", step_size=4, gamma=0.1),
            by_epoch([1.0] * 4 + [0.1] * 4 + [0.01] * 2),
            id="step",
        ),
        pytest.param(
            sections.MultiStep(name="multistep", milestones=[2, 7], gamma=0.1),
            by_epoch([1.0] * 2 + [0.1] * 5 + [0.01] * 3),
            id="multistep",
        ),
        pytest.param(
            sections.PiecewiseConstant(name="piecewise_constant", boundaries=[2, 7], factors=[0.5, 1.0, 0.2]),
            by_epoch([0.5] * 2 + [1.0] * 5 + [0.2] * 3),
            id="piecewise_constant",
        ),
        pytest.param(
            sections.Exponential(name="exponential", gamma=0.8),
            [0.5 * 0.8 ** (step / 4) for step in range(40)],
            id="exponential",
        ),
        pytest.param(
            sections.InverseTime(name="inverse_time", decay_rate=0.3),
            [0.5 / (1 + 0.3 * step / 4) for step in range(40)],
            id="inverse_time",
        ),
        pytest.param(
            sections.Cosine(name="cosine", minimum_rate=0.1),
            [0.1 + 0.4 * (1 + math.cos(math.pi * step / 40)) / 2 for step in range(40)],
            id="cosine",
        ),
    ],
)
def test_rate_of_every_step(choices: sections.Schedule, expected: list[float]) -> None:
    assert rates(choices) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("choices", "losses", "expected"),
    [
        pytest.param(
            sections.ReduceOnPlateau(name="reduce_on_plateau"),
            # falls, rises, still above the lowest, below it, the same again
            [1.0, 0.9, 0.95, 0.92, 0.8, 0.8],
            [0.5, 0.5, 0.5, 0.25, 0.125, 0.125, 0.0625],
            id="halved as often as the loss is not below the lowest",
        ),
        pytest.param(
            sections.ReduceOnPlateau(name="reduce_on_plateau", factor=0.1, patience=1),
            [1.0, 1.1, 0.9, 1.0, 1.1, 1.2],
            [0.5, 0.5, 0.5, 0.5, 0.5, 0.05, 0.05],
            id="a tenth after two in a row",
        ),
        pytest.param(
            sections.ReduceOnPlateau(name="reduce_on_plateau", minimum_rate=0.2),
            [1.0, 1.1, 1.2, 1.3],
            [0.5, 0.5, 0.25, 0.2, 0.2],
            id="never below the lowest rate",
        ),
    ],
)
def test_a_rate_falls_with_a_loss_that_does_not(
    choices: sections.ReduceOnPlateau, losses: list[float], expected: list[float]
) -> None:
    optimiser = optimisers.make([nn.Parameter(torch.ones(1))], sections.Sgd(name="sgd", learning_rate=0.5))
    schedule = schedules.make(optimiser, choices, 0.5, EPOCHS, BATCHES)
    found = [schedule.get_last_lr()[0]]
    for loss in losses:
        for _ in range(BATCHES):
            optimiser.step()
            schedules.after_batch(schedule)
        schedules.after_epoch(schedule, loss)
        found.append(schedule.get_last_lr()[0])
    assert found == pytest.approx(expected)
    assert optimiser.param_groups[0]["lr"] == found[-1]


def test_one_cycle_rises_for_its_share_of_the_steps_and_ends_at_almost_nothing() -> None:
    found = rates(sections.OneCycle(name="one_cycle", warm_up=0.3))
    peak = found.index(max(found))
    assert peak == 0.3 * 40 - 1
    assert found[0] == pytest.approx(0.5 / 25)
    assert found[peak] == pytest.approx(0.5)
    assert found[-1] == pytest.approx(0.5 / 25 / 1e4)
    assert found[:peak] == sorted(found[:peak])
    assert found[peak:] == sorted(found[peak:], reverse=True)


@pytest.mark.parametrize(
    ("choices", "key"),
    [
        pytest.param(
            sections.Momentum(name="momentum", learning_rate=0.5, momentum=0.9), "momentum", id="momentum"
        ),
        pytest.param(sections.Adam(name="adam", learning_rate=0.5), "betas", id="adam"),
    ],
)
def test_one_cycle_moves_the_momentum_against_the_rate(choices: sections.Optimiser, key: str) -> None:
    stepped = optimisers.make([nn.Parameter(torch.ones(1))], choices)
    schedules.make(stepped, sections.OneCycle(name="one_cycle", warm_up=0.3), 0.5, EPOCHS, BATCHES)
    start = stepped.param_groups[0][key]
    assert (start if key == "momentum" else start[0]) == pytest.approx(0.95)


def test_one_cycle_gives_no_momentum_to_an_optimiser_without() -> None:
    stepped = optimisers.make([nn.Parameter(torch.ones(1))], sections.Sgd(name="sgd", learning_rate=0.5))
    schedules.make(stepped, sections.OneCycle(name="one_cycle", warm_up=0.3), 0.5, EPOCHS, BATCHES)
    assert stepped.param_groups[0]["momentum"] == 0


def test_refuses_a_warm_up_of_nothing() -> None:
    choices = sections.OneCycle(name="one_cycle", warm_up=0.02)
    with pytest.raises(
        ScheduleError, match=r"schedule.warm_up: expected more than 1 of the 40 steps"
    ) as raised:
        rates(choices)
    assert raised.value.found == pytest.approx(0.8)


def test_one_cycle_takes_the_momenta_of_the_recipe() -> None:
    choices = sections.OneCycle(name="one_cycle", warm_up=0.3, base_momentum=0.5, max_momentum=0.8)
    stepped = optimisers.make(
        [nn.Parameter(torch.ones(1))], sections.Momentum(name="momentum", learning_rate=0.5)
    )
    schedule = schedules.make(stepped, choices, 0.5, EPOCHS, BATCHES)
    found = []
    for _ in range(EPOCHS * BATCHES):
        found.append(stepped.param_groups[0]["momentum"])
        stepped.step()
        schedule.step()
    assert (min(found), max(found)) == pytest.approx((0.5, 0.8))
