"""The network of a recipe in words."""

from training.recipe.recipe import Recipe
from training.recipe.sections import Lstm, Mlp


def described(recipe: Recipe) -> str:
    """Say what the network is made of, as the middle of a sentence."""
    one = _of_lstm(recipe.network) if isinstance(recipe.network, Lstm) else _of_mlp(recipe.network)
    if not recipe.bagging:
        return one
    return f"the mean over {recipe.networks} networks, each trained on a bootstrap sample, of {one}"


def _of_mlp(network: Mlp) -> str:
    alike = len(set(network.activations)) == 1
    norm = ["BatchNorm1d"] if network.batch_norm else []
    block = ", ".join(["Linear", *norm, network.activations[0] if alike else "activation", "Dropout"])
    widths = [
        str(width) if alike else f"{width} {name}"
        for width, name in zip(network.hidden, network.activations, strict=True)
    ]
    around = ", each from the second on added to its input" if network.residual else ""
    skip = ", a linear skip from the inputs" if network.linear_skip else ""
    return f"blocks of {block} with {', '.join(widths)} units{around}{skip}"


def _of_lstm(network: Lstm) -> str:
    cut = (
        f", errors propagated back through the last {network.truncation} of them,"
        if network.truncation
        else ""
    )
    return f"an LSTM over the features{cut} with {network.layers} layers of {network.hidden} units"
