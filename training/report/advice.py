"""What to change in a recipe, by its keys, for each way in which a run can go wrong.

Each function returns sentences, the one that helps most often first, without what the recipe already does.
"""

from training.network.initialise import RELU_FAMILY
from training.recipe.recipe import Recipe
from training.recipe.sections import ByRule, Lstm, Mlp

_GENTLE_DROPOUT = 0.1
"""A network of a few dozen units loses accuracy to more than that."""


def on_exploding_gradients(recipe: Recipe) -> list[str]:
    """Make steps smaller and the signal's size the same in all layers."""
    said = [_start(recipe), _normalise(recipe)]
    if recipe.loop.clip_norm is None:
        said.append(
            "Set `loop.clip_norm` (1.0 is typical): it shortens large steps and keeps their direction."
        )
    said.append(f"Lower `optimiser.learning_rate` (now {recipe.optimiser.learning_rate:g}).")
    return _given(said)


def on_dead_units(recipe: Recipe) -> list[str]:
    """Let units start where they answer, and keep an answer below zero alive."""
    said = []
    network = recipe.network
    if isinstance(network, Mlp):
        if network.batch_norm and network.batch_norm_bias < 0:
            said.append(
                f"Raise `network.batch_norm_bias` (now {network.batch_norm_bias:g}) to 0 or above: at 3 all "
                "units start active."
            )
        said.append(_normalise(recipe))
        if "relu" in network.activations:
            said.append('Set `network.activation` to "leaky_relu": it also passes a gradient below zero.')
        if network.input_sparsity:
            said.append(f"Lower `network.input_sparsity` (now {network.input_sparsity:g}).")
    said.append(f"Lower `optimiser.learning_rate` (now {recipe.optimiser.learning_rate:g}).")
    return _given(said)


def on_little_signal(name: str) -> list[str]:
    """Look at the rows: no recipe learns what they do not say."""
    if name == "too few phones":
        return ["Train on more phones, or raise `split.test`."]
    return [
        "Check that each `price_range` stands beside its own phone: a column that was sorted or shuffled "
        "without the others says nothing.",
        "Check that no feature which matters, such as `ram`, was lost or filled in with one value.",
    ]


def on_vanishing_gradients(recipe: Recipe) -> list[str]:
    """Keep the signal's size from layer to layer, with fewer layers to pass."""
    said = [_start(recipe)]
    network = recipe.network
    if isinstance(network, Mlp):
        flat = sorted(set(network.activations) - {*RELU_FAMILY, "maxout"})
        if flat:
            said.append(
                f'Set `network.activation` to "relu" (now "{", ".join(flat)}", whose slope is far below 1 '
                "almost everywhere)."
            )
        said.append(_normalise(recipe))
        if len(network.hidden) > 2:
            said.append(f"Use fewer layers in `network.hidden` (now {len(network.hidden)} layers).")
        if len(network.hidden) > 2 and not network.residual and len(set(network.hidden)) == 1:
            said.append("Set `network.residual` to true: what comes into a block also goes past it.")
        if not network.linear_skip:
            said.append("Set `network.linear_skip` to true: the inputs bypass the layers and reach the head.")
    else:
        said.append('Set `network.name` to "mlp": backpropagation through a sequence of 20 is long.')
    return _given(said)


def on_underfitting(recipe: Recipe) -> list[str]:
    """Take away what holds the network back, then give it more steps and more units."""
    network = recipe.network
    said = []
    dropout = max(network.dropout) if isinstance(network, Mlp) else network.dropout
    if dropout > _GENTLE_DROPOUT:
        said.append(f"Lower `network.dropout` (now up to {dropout:g}) to {_GENTLE_DROPOUT:g} or less.")
    if recipe.optimiser.name in {"sgd", "momentum", "nesterov"}:
        said.append(
            f'Set `optimiser.name` to "adamw" (now "{recipe.optimiser.name}"): its rate needs no tuning.'
        )
    if recipe.schedule.name != "one_cycle":
        said.append(
            f'Set `schedule.name` to "one_cycle" (now "{recipe.schedule.name}") and raise '
            f"`optimiser.learning_rate` (now {recipe.optimiser.learning_rate:g})."
        )
    said.append(f"Raise `loop.epochs` (now {recipe.loop.epochs}).")
    if isinstance(network, Mlp) and network.input_sparsity:
        said.append(f"Lower `network.input_sparsity` (now {network.input_sparsity:g}).")
    if recipe.optimiser.weight_decay:
        said.append(f"Lower `optimiser.weight_decay` (now {recipe.optimiser.weight_decay:g}).")
    said.append(f"Use wider layers in `network.hidden` (now {network.hidden}).")
    return _given(said)


def on_overfitting(recipe: Recipe) -> list[str]:
    """Leave the network less capacity to memorise rows."""
    network = recipe.network
    said = []
    if isinstance(network, Mlp):
        said.append(
            f"Raise `network.input_sparsity` (now {network.input_sparsity:g}; 0.03 drops uninformative "
            "features)."
        )
    dropout = min(network.dropout) if isinstance(network, Mlp) else network.dropout
    if dropout < _GENTLE_DROPOUT:
        said.append(f"Raise `network.dropout` (now from {dropout:g}) towards {_GENTLE_DROPOUT:g}.")
    said.append(f"Raise `optimiser.weight_decay` (now {recipe.optimiser.weight_decay:g}).")
    said.append(f"Use narrower layers in `network.hidden` (now {network.hidden}).")
    if recipe.loop.patience is None:
        said.append("Set `loop.patience`: it ends the run once no recent validation loss is near the lowest.")
    said.append("Train on more phones.")
    return said


def _start(recipe: Recipe) -> str:
    name = recipe.initialisation.name
    if isinstance(recipe.initialisation, ByRule):
        return ""
    return f'Set `initialisation.name` to "auto" (now "{name}"): it derives the spread from the layer widths.'


def _normalise(recipe: Recipe) -> str:
    if isinstance(recipe.network, Lstm) or recipe.network.batch_norm:
        return ""
    return "Set `network.batch_norm` to true: it brings every layer's inputs to the same scale."


def _given(said: list[str]) -> list[str]:
    return [sentence for sentence in said if sentence]
