"""The numbers that a network has learned, tensor by tensor."""

from dataclasses import dataclass

from torch import Tensor

from pricerange.phone import FEATURE_NAMES
from training.network.mlp import Mlp
from training.network.network import Network, PhoneModel

SHOWN = 2_000
"""Numbers that a page shows one by one: those of the shipped recipe's network and some more."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A tensor of parameters by its place in the model; `zeros` is the share that is exactly 0.

    `values` are its rows, None where the page has no room for them; `columns` names what each column weighs.
    """

    name: str
    shape: tuple[int, ...]
    mean: float
    deviation: float
    least: float
    greatest: float
    zeros: float
    columns: list[str]
    values: list[list[float]] | None


def weights(model: PhoneModel) -> list[Weights]:
    """Return all tensors in the order of the layers, with values as far as there is room."""
    named = _named_columns(model)
    found, room = [], SHOWN
    for name, parameter in model.named_parameters():
        values = parameter.detach().double()
        fits = values.numel() <= room
        room -= values.numel() if fits else 0
        matrix = values.reshape(-1, values.shape[-1])
        found.append(
            Weights(
                name=name.removeprefix("network."),
                shape=tuple(values.shape),
                mean=values.mean().item(),
                deviation=values.std(correction=0).item(),
                least=values.min().item(),
                greatest=values.max().item(),
                zeros=(values == 0).double().mean().item(),
                columns=named.get(name, [str(number) for number in range(1, matrix.shape[1] + 1)]),
                values=matrix.tolist() if fits else None,
            )
        )
    return found


def _named_columns(model: PhoneModel) -> dict[str, list[str]]:
    """Name the columns of weights that stand on features: of an MLP's first layer, and of its skip."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    networks = [model.network] if isinstance(model.network, Network) else model.network.networks
    found: dict[str, list[str]] = {}
    for network in networks:
        if not isinstance(network.body, Mlp) or model.preprocess.directions is not None:
            continue
        found[names[network.body.layers[0].weights[0]]] = list(FEATURE_NAMES)
        if network.body.skipped:
            units = network.body.width - network.body.skipped
            found[names[network.head.linear.weight]] = [*map(str, range(1, units + 1)), *FEATURE_NAMES]
    return found
