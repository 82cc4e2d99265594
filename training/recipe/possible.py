"""Whether choices that are each possible are so together."""

import typing
from itertools import pairwise

from training.recipe import sections
from training.recipe.sections import Cosine, Lstm, Mlp, MultiStep, OneCycle, PiecewiseConstant, Step

if typing.TYPE_CHECKING:
    from training.recipe.recipe import Recipe


class ImpossibleError(ValueError):
    """Choices that are each possible and not together."""

    def __init__(self, field: str, expected: str, found: object) -> None:
        super().__init__(field, expected, repr(found))


def check(recipe: "Recipe") -> None:
    """Raise `ImpossibleError` at the first choice that does not go with the others."""
    _check_split(recipe.split)
    match recipe.network:
        case Mlp():
            _check_blocks(recipe.network)
            _check_pruning(recipe.network, recipe.preprocess)
        case Lstm():
            _check_sequence(recipe.network, recipe.preprocess)
            _check_pretraining(recipe.pretraining)
    _check_initialisation(recipe.initialisation, recipe.network)
    _check_loss(recipe.head)
    _check_batches(recipe.loop, recipe.network)
    _check_schedule(recipe.schedule, recipe.loop.epochs)
    _check_rates(recipe.schedule, recipe.optimiser.learning_rate)
    _check_patience(recipe.loop)


def _check_split(split: sections.Split) -> None:
    if split.validation + split.test >= 1:
        expected = "shares of validation and test that leave rows for training"
        raise ImpossibleError("split", expected, [split.validation, split.test])


def _check_blocks(network: Mlp) -> None:
    blocks = len(network.hidden)
    if len(network.dropout) != blocks:
        expected = f"one probability for each of the {blocks} hidden widths"
        raise ImpossibleError("network.dropout", expected, network.dropout)
    if len(network.activations) != blocks:
        expected = f"one activation for each of the {blocks} hidden widths"
        raise ImpossibleError("network.activation", expected, network.activation)
    if network.maxout_pieces != 2 and "maxout" not in network.activations:
        raise ImpossibleError("network.maxout_pieces", "2 without maxout", network.maxout_pieces)
    if network.batch_norm_bias and not network.batch_norm:
        raise ImpossibleError("network.batch_norm_bias", "0 without batch_norm", network.batch_norm_bias)
    if network.residual and (blocks < 2 or len(set(network.hidden)) > 1):
        raise ImpossibleError(
            "network.hidden", "two or more widths, all the same, with residual", network.hidden
        )
    if network.skip_sparsity and not network.linear_skip:
        raise ImpossibleError("network.skip_sparsity", "0 without linear_skip", network.skip_sparsity)


def _check_pruning(network: Mlp, preprocess: sections.Preprocess) -> None:
    if network.pruning and preprocess.svd is not None:
        raise ImpossibleError("network.pruning", "0 with svd, which mixes the features", network.pruning)


def _check_sequence(network: Lstm, preprocess: sections.Preprocess) -> None:
    # as many steps as there are cut nothing off
    if network.truncation is not None and network.truncation >= preprocess.outputs:
        expected = f"less than the {preprocess.outputs} steps of the sequence"
        raise ImpossibleError("network.truncation", expected, network.truncation)


def _check_pretraining(pretraining: sections.Pretraining | None) -> None:
    if pretraining is not None:
        raise ImpossibleError("network.name", "'mlp' with pretraining, which goes block by block", "lstm")


def _check_initialisation(initialisation: sections.Initialisation, network: sections.Network) -> None:
    if isinstance(initialisation, sections.PerLayer):
        layers = 2 if isinstance(network, Lstm) else len(network.hidden) + 1
        if len(initialisation.layers) != layers:
            expected = f"{layers} tables, one for each layer and the head's last"
            found = [one.name for one in initialisation.layers]
            raise ImpossibleError("initialisation.layers", expected, found)


def _check_loss(head: sections.Head) -> None:
    match head:
        case sections.Softmax(label_smoothing=share, loss=loss) if share and loss != "cross_entropy":
            raise ImpossibleError("head.label_smoothing", "0 without cross_entropy", share)
        case sections.Number(delta=delta, loss=loss) if delta != 1 and loss != "huber":
            raise ImpossibleError("head.delta", "1 without huber", delta)
        case sections.Number(quantile=share, loss=loss) if share != 0.5 and loss != "quantile":
            raise ImpossibleError("head.quantile", "0.5 without the loss of that name", share)


def _check_batches(loop: sections.Loop, network: Mlp | Lstm) -> None:
    # batches are of nearly the same length: of an odd number of rows in twos, one batch has one row
    if isinstance(network, Mlp) and network.batch_norm and loop.batch_size in (1, 2):
        expected = "'full' or at least 3, since batch_norm needs the variance of a batch"
        raise ImpossibleError("loop.batch_size", expected, loop.batch_size)


def _check_schedule(schedule: sections.Schedule, epochs: int) -> None:
    """Refuse changes of rate that the run does not live to see."""
    match schedule:
        case Step(step_size=size) if size >= epochs:
            raise ImpossibleError("schedule.step_size", f"less than the {epochs} epochs", size)
        case MultiStep(milestones=changes):
            _check_changes("schedule.milestones", changes, epochs)
        case PiecewiseConstant(boundaries=changes, factors=factors):
            _check_changes("schedule.boundaries", changes, epochs)
            if len(factors) != len(changes) + 1:
                expected = f"{len(changes) + 1} factors, one more than boundaries"
                raise ImpossibleError("schedule.factors", expected, factors)
        case sections.ReduceOnPlateau(patience=patience) if patience + 2 >= epochs:
            # the first epoch sets the mark, and what follows the last has no rate
            expected = f"at least {patience + 3} for reduce_on_plateau with a patience of {patience}"
            raise ImpossibleError("loop.epochs", expected, epochs)


def _check_rates(schedule: sections.Schedule, highest: float) -> None:
    """Refuse a way down that leads up."""
    match schedule:
        case Cosine(minimum_rate=lowest) | sections.ReduceOnPlateau(minimum_rate=lowest) if lowest >= highest:
            expected = f"less than the learning rate of {highest:g}"
            raise ImpossibleError("schedule.minimum_rate", expected, lowest)
        case OneCycle(base_momentum=low, max_momentum=high) if low > high:
            expected = f"at most max_momentum, {high:g}"
            raise ImpossibleError("schedule.base_momentum", expected, low)


def _check_patience(loop: sections.Loop) -> None:
    # as many as the epochs end no run early, and keep the weights of a good epoch in place of the last
    if loop.patience is not None and loop.patience > loop.epochs:
        raise ImpossibleError("loop.patience", f"at most the {loop.epochs} epochs", loop.patience)


def _check_changes(field: str, changes: list[int], epochs: int) -> None:
    if changes[-1] >= epochs or any(later <= earlier for earlier, later in pairwise(changes)):
        raise ImpossibleError(field, f"rising numbers below the {epochs} epochs", changes)
