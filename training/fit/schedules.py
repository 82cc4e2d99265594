"""The learning rate's way through the run: torch's schedulers, told of every batch and of every epoch."""

from bisect import bisect_left
from typing import assert_never

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from training.errors import ScheduleError
from training.recipe import sections


def make(  # noqa: PLR0911
    optimiser: Optimizer, choices: sections.Schedule, learning_rate: float, epochs: int, batches: int
) -> LRScheduler:
    """Make the schedule that the recipe names, for `epochs` x `batches` steps.

    Raises `ScheduleError` where it does not fit into so many steps.
    """
    steps = epochs * batches
    match choices:
        case sections.Steady():
            return LambdaLR(optimiser, lambda _: 1.0)
        case sections.Step():
            return StepLR(optimiser, choices.step_size * batches, choices.gamma)
        case sections.MultiStep():
            return MultiStepLR(optimiser, [epoch * batches for epoch in choices.milestones], choices.gamma)
        case sections.PiecewiseConstant():
            ends = [epoch * batches for epoch in choices.boundaries]
            return LambdaLR(optimiser, lambda step: choices.factors[bisect_left(ends, step + 1)])
        case sections.Exponential():
            return ExponentialLR(optimiser, choices.gamma ** (1 / batches))
        case sections.InverseTime():
            return LambdaLR(optimiser, lambda step: 1 / (1 + choices.decay_rate * step / batches))
        case sections.Cosine():
            return CosineAnnealingLR(optimiser, steps, choices.minimum_rate)
        case sections.OneCycle():
            return _one_cycle(optimiser, choices, learning_rate, steps)
        case sections.ReduceOnPlateau(factor=factor, patience=patience, minimum_rate=lowest):
            return ReduceLROnPlateau(optimiser, "min", factor, patience, threshold=0.0, min_lr=lowest)
        case _:
            assert_never(choices)


def after_batch(schedule: LRScheduler) -> None:
    """Go on by a step, on a way that does not depend on the loss."""
    if not isinstance(schedule, ReduceLROnPlateau):
        schedule.step()


def after_epoch(schedule: LRScheduler, validation_loss: float) -> None:
    """Tell a way that depends on it of the loss."""
    if isinstance(schedule, ReduceLROnPlateau):
        schedule.step(validation_loss)


def _one_cycle(
    optimiser: Optimizer, choices: sections.OneCycle, learning_rate: float, steps: int
) -> LRScheduler:
    # torch counts the warm-up from step 0 to step warm_up x steps - 1, and divides by that
    if choices.warm_up * steps <= 1:
        raise ScheduleError("schedule.warm_up", f"more than 1 of the {steps} steps", choices.warm_up * steps)
    # the momentum, where there is one, goes down while the rate goes up (Smith, "Super-Convergence", 2018)
    has_momentum = "betas" in optimiser.defaults or optimiser.defaults.get("momentum", 0) > 0
    return OneCycleLR(
        optimiser,
        learning_rate,
        total_steps=steps,
        pct_start=choices.warm_up,
        div_factor=choices.start_divisor,
        final_div_factor=choices.end_divisor,
        cycle_momentum=has_momentum,
        base_momentum=choices.base_momentum,
        max_momentum=choices.max_momentum,
    )
