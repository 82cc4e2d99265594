"""The training loop: all rows in memory, batches by index, early stopping on the validation part."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from training import recipe
from training.early_stopping import EarlyStopping
from training.errors import DivergedError
from training.history import Epoch, History
from training.network import Network


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that the network can take: standardised float32 [n, 20] and price ranges int64 [n]."""

    features: Tensor
    price_range: Tensor


OPTIMISERS: dict[recipe.OptimiserName, Callable[[nn.Module, recipe.Optimiser], Optimizer]] = {
    "adamw": lambda network, choices: AdamW(
        network.parameters(), lr=choices.learning_rate, weight_decay=choices.weight_decay, fused=True
    ),
}
SCHEDULES: dict[recipe.ScheduleName, Callable[[Optimizer, recipe.Recipe, int], LRScheduler]] = {
    "one_cycle": lambda optimiser, choices, steps: OneCycleLR(
        optimiser, choices.optimiser.learning_rate, total_steps=steps, pct_start=choices.schedule.warm_up
    ),
}
"""Each makes a scheduler that is stepped after every batch, `steps` times."""


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Make torch give the same bits each time.

    Every random draw goes through torch's default generator, the only one that dropout and initialisation
    know. It, the number of threads and the choice of algorithms are given back as they were.
    """
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        try:
            # the order of a sum, and so its last bit, depends on the number of threads
            torch.set_num_threads(1)
            torch.use_deterministic_algorithms(True)
            torch.manual_seed(seed)
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic)
            torch.set_num_threads(threads)


def fit(
    network: Network,
    training: Part,
    validation: Part,
    choices: recipe.Recipe,
    on_epoch: Callable[[Epoch], None],
) -> History:
    """Train the network and leave it in eval mode with the weights that early stopping kept.

    Bits are the same each time inside `reproducible`. Raises `DivergedError` when the loss is no longer a
    finite number.
    """
    # as few batches as that size allows, all of one length: a last one of a few rows would spoil the
    # statistics of batch normalisation
    batches = math.ceil(len(training.features) / choices.loop.batch_size)
    optimiser = OPTIMISERS[choices.optimiser.name](network, choices.optimiser)
    schedule = SCHEDULES[choices.schedule.name](optimiser, choices, choices.loop.epochs * batches)
    epochs: list[Epoch] = []
    stopping = EarlyStopping(network, choices.loop.patience)
    for number in range(1, choices.loop.epochs + 1):
        rate = float(schedule.get_last_lr()[0])
        network.train()
        loss, accuracy = torch.zeros(()), torch.zeros(())
        for rows in torch.randperm(len(training.features)).tensor_split(batches):
            price_range = training.price_range[rows]
            logits = network(training.features[rows])
            batch_loss = network.head.loss(logits, price_range).mean()
            objective = batch_loss + choices.loop.input_sparsity * network.input_sparsity()
            optimiser.zero_grad()
            objective.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                loss += batch_loss / batches
                accuracy += _accuracy(network, logits, price_range) / batches
        epoch = Epoch(number, loss.item(), accuracy.item(), *_measure(network, validation), rate)
        if not math.isfinite(epoch.loss + epoch.validation_loss):
            raise DivergedError(number, epoch.loss, rate)
        epochs.append(epoch)
        on_epoch(epoch)
        if stopping.is_over_after(epoch):
            break
    kept = stopping.restore()
    network.eval()
    return History(epochs, kept)


@torch.no_grad()
def _measure(network: Network, part: Part) -> tuple[float, float, float]:
    """Return mean loss, its standard error and accuracy in eval mode."""
    network.eval()
    logits = network(part.features)
    losses = network.head.loss(logits, part.price_range)
    error = losses.std() / len(losses) ** 0.5
    return losses.mean().item(), error.item(), _accuracy(network, logits, part.price_range).item()


def _accuracy(network: Network, logits: Tensor, price_range: Tensor) -> Tensor:
    return (network.head.probabilities(logits).argmax(dim=1) == price_range).float().mean()
