"""All that a door of the protocol needs."""

from dataclasses import dataclass

from service.open_inference.description import Description
from service.open_inference.inference import Inference
from service.open_inference.repository import Repository


@dataclass(frozen=True)
class OpenInference:
    """What describes the server and its model, what lists and loads its versions, and what answers."""

    description: Description
    repository: Repository
    inference: Inference
