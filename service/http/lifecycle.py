"""Where the process stands, from starting to draining; `/readyz` tells it."""

from typing import Literal

from service.errors import NotReadyError

State = Literal["starting", "ready", "draining"]


class Lifecycle:
    """The state that the server sets and requests are judged by."""

    def __init__(self) -> None:
        self.state: State = "starting"

    def require_ready(self) -> None:
        """Raise `NotReadyError` where the process is in any other state."""
        if self.state != "ready":
            raise NotReadyError(self.state)
