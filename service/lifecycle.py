"""Where the process stands, from starting to draining; `/readyz` tells it."""

from typing import Literal

State = Literal["starting", "ready", "draining"]


class Lifecycle:
    """The state that the server sets and requests are judged by."""

    def __init__(self) -> None:
        self.state: State = "starting"
