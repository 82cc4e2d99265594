"""The training loop: all rows in memory, batches by index, early stopping on the validation part."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from training.fit import optimisers, schedules
from training.fit.batches import batches_of, iterations
from training.fit.divergence import DivergenceGuard
from training.fit.early_stopping import EarlyStopping
from training.fit.examples import Examples, augmented
from training.fit.history import Epoch, History
from training.fit.moving_average import moving_average
from training.fit.recording import Recorder
from training.network.network import Network
from training.recipe import sections
from training.recipe.recipe import Recipe


def fit(
    network: Network,
    training: Examples,
    validation: Examples,
    choices: Recipe,
    on_epoch: Callable[[Epoch], None],
) -> History:
    """Train the network and leave it in eval mode with the weights that early stopping kept.

    Network and parts lie on one device. Bits are the same each time inside `reproducible`. Raises
    `DivergedError` when the loss is no longer a finite number.
    """
    loop = choices.loop
    batches = iterations(len(training.features), loop.batch_size)
    optimiser = optimisers.make(network.parameters(), choices.optimiser)
    highest = choices.optimiser.learning_rate
    schedule = schedules.make(optimiser, choices.schedule, highest, loop.epochs, batches)
    averaged = None if loop.ema_decay is None else moving_average(network, loop.ema_decay)
    answering = network if averaged is None else cast("Network", averaged.module)
    recorder = Recorder(network, batches)
    guard = DivergenceGuard([layer.name for layer in network.layers], choices)
    stopping = EarlyStopping(answering, loop.patience)
    epochs: list[Epoch] = []
    for number in range(1, loop.epochs + 1):
        rate = float(schedule.get_last_lr()[0])
        network.train()
        losses, answers = training.features.new_zeros(batches), []
        order = batches_of(len(training.features), loop, training.features.device)
        for batch, rows in enumerate(order):
            logits = network(augmented(training.features[rows], choices.augmentation))
            loss = network.head.loss(logits, training.price_range[rows]).mean()
            optimiser.zero_grad()
            (loss + network.penalty()).backward()  # type: ignore[no-untyped-call]
            recorder.note_gradients(batch)
            _clip(network, loop)
            optimiser.step()
            schedules.after_batch(schedule)
            if averaged is not None:
                averaged.update_parameters(network)
            losses[batch] = loss.detach()
            answers.append(logits.detach())
        measures = _measure(answering, validation)
        schedules.after_epoch(schedule, measures[0])
        guard.check(number, losses, recorder.gradient_norms, measures[0], rate)
        accuracy = _accuracy(network, torch.cat(answers), training.price_range[torch.cat(order)])
        learned = losses.mean().item(), accuracy.item()
        epochs.append(Epoch(number, *learned, *measures, rate, recorder.layers(training.features, answering)))
        on_epoch(epochs[-1])
        if stopping.is_over_after(epochs[-1]):
            break
    kept = stopping.restore()
    network.load_state_dict(answering.state_dict())
    network.eval()
    return History(epochs, kept)


def _clip(network: Network, loop: sections.Loop) -> None:
    if loop.clip_value is not None:
        nn.utils.clip_grad_value_(network.parameters(), loop.clip_value)
    if loop.clip_norm is not None:
        nn.utils.clip_grad_norm_(network.parameters(), loop.clip_norm)


@torch.no_grad()
def _measure(network: Network, part: Examples) -> tuple[float, float, float]:
    """Return mean loss, its standard error and accuracy in eval mode."""
    network.eval()
    logits = network(part.features)
    losses = network.head.loss(logits, part.price_range)
    error = losses.std() / len(losses) ** 0.5
    return losses.mean().item(), error.item(), _accuracy(network, logits, part.price_range).item()


def _accuracy(network: Network, logits: Tensor, price_range: Tensor) -> Tensor:
    return (network.head.probabilities(logits).argmax(dim=1) == price_range).float().mean()
