"""How fast the shipped recipe trains: `python -m bench.training [--data FILE] [--rounds 3]`.

On one core and in one run, in turns: the whole fit of the shipped recipe, and the textbook loop (a DataLoader
that collates 8 rows at a time, SGD 0.01, 128-256, dropout 0.3, 50 epochs) on the same rows; both note loss
and accuracy of both parts. Seconds are those of the processor, so that other programs do not count.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from training import data
from training.data import LabelledPhones
from training.fit.batches import iterations
from training.learn import learn
from training.recipe import recipe
from training.split import Indices, three_ways

GOAL_SECONDS, GOAL_RATIO = 2.0, 15.0
TEXTBOOK_BATCH, TEXTBOOK_EPOCHS = 8, 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--recipe", type=Path, default=recipe.DEFAULT)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    phones, choices = data.load([wanted.data]), recipe.read(wanted.recipe)
    parts = three_ways(phones.price_range, choices.split, choices.seed)
    rows = len(parts.training)
    print(f"{os.cpu_count()} cores, of which one is used; torch {torch.__version__}")
    print(f"{phones.source}: {rows} phones to learn from, {len(parts.validation)} to stop by")

    ours, theirs = [], []
    for _ in range(wanted.rounds):
        start = time.process_time()
        _, history = learn(phones, parts.training, parts.validation, choices, lambda _: None)
        ours.append(time.process_time() - start)
        start = time.process_time()
        _textbook(phones, parts.training, parts.validation, TEXTBOOK_EPOCHS)
        theirs.append(time.process_time() - start)
    epochs = len(history.epochs)
    our_epoch, their_epoch = min(ours) / epochs, min(theirs) / TEXTBOOK_EPOCHS

    print(f"{'fastest of ' + str(wanted.rounds):20}{'iterations an epoch':>20}{'ms an epoch':>14}{'s':>8}")
    for name, size, epoch, number in (
        (wanted.recipe.stem, choices.loop.batch_size, our_epoch, epochs),
        ("textbook loop", TEXTBOOK_BATCH, their_epoch, TEXTBOOK_EPOCHS),
    ):
        print(
            f"{name:20}{iterations(rows, size):20}{1000 * epoch:14.1f}{number * epoch:8.2f}, {number} epochs"
        )
    print(f"at equal epochs {their_epoch / our_epoch:.1f} times faster (goal: at least {GOAL_RATIO:g})")
    middle = statistics.median(ours)
    print(f"whole fit: {min(ours):.2f} s, median {middle:.2f} s (goal: at most {GOAL_SECONDS:g} s)")


class _Table(Dataset[tuple[Tensor, Tensor]]):
    """Indices one by one, as a textbook has it."""

    def __init__(self, features: Tensor, price_range: Tensor) -> None:
        self._features, self._price_range = features, price_range

    def __len__(self) -> int:
        return len(self._features)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        return self._features[row], self._price_range[row]


def _textbook(phones: LabelledPhones, training: Indices, validation: Indices, epochs: int) -> None:
    """Train the textbook's way: losses and accuracies of both parts are noted, batch by batch."""
    features, price_range = torch.from_numpy(phones.features), torch.from_numpy(phones.price_range)
    mean, deviation = features[training].mean(dim=0), features[training].std(dim=0)
    learned, held_out = (
        DataLoader(
            _Table((features[rows] - mean) / deviation, price_range[rows]), TEXTBOOK_BATCH, shuffle=shuffle
        )
        for rows, shuffle in ((training, True), (validation, False))
    )
    network = nn.Sequential(
        *(nn.Linear(features.shape[1], 128), nn.ReLU(), nn.Dropout(0.3)),
        *(nn.Linear(128, 256), nn.ReLU(), nn.Dropout(0.3)),
        nn.Linear(256, 4),
    )
    loss_of = nn.CrossEntropyLoss()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01)
    for _ in range(epochs):
        network.train()
        for batch, truth in learned:
            optimiser.zero_grad()
            answers = network(batch)
            loss = loss_of(answers, truth)
            loss.backward()
            optimiser.step()
            _note(loss, answers, truth)
        network.eval()
        with torch.no_grad():
            for batch, truth in held_out:
                answers = network(batch)
                _note(loss_of(answers, truth), answers, truth)


def _note(loss: Tensor, answers: Tensor, truth: Tensor) -> tuple[float, int]:
    return loss.item(), int((answers.argmax(dim=1) == truth).sum().item())


if __name__ == "__main__":
    main()
