"""When to stop, and which weights to keep."""

from torch import Tensor, nn

from training.fit.history import Epoch


class EarlyStopping:
    """Keeps the last weights whose validation loss lies within one standard error of the lowest.

    The lowest itself is a draw from the noise of many epochs, and of two that cannot be told apart the later
    has the lower learning rate behind it (the one-standard-error rule; Breiman et al., "Classification and
    Regression Trees", 1984).
    """

    def __init__(self, network: nn.Module, patience: int | None) -> None:
        """Watch a network; `patience` is the number of epochs without one worth keeping that end the run.

        None switches early stopping off: the run goes on to its end, whose weights are kept.
        """
        self._network = network
        self._patience = patience
        self._lowest: Epoch | None = None
        self._kept: tuple[Epoch, dict[str, Tensor] | None] | None = None

    def is_over_after(self, epoch: Epoch) -> bool:
        """Take note of the epoch that the network has just finished; return whether to stop."""
        if self._lowest is None or epoch.validation_loss < self._lowest.validation_loss:
            self._lowest = epoch
        bound = self._lowest.validation_loss + self._lowest.validation_error
        if self._patience is None:
            # the network itself holds them
            self._kept = epoch, None
            return False
        if self._kept is None or epoch.validation_loss <= bound:
            self._kept = epoch, {name: part.clone() for name, part in self._network.state_dict().items()}
        return epoch.number - self._kept[0].number >= self._patience

    def restore(self) -> Epoch:
        """Give the network the kept weights back and return their epoch; one must have been noted."""
        assert self._kept is not None
        epoch, weights = self._kept
        if weights is not None:
            self._network.load_state_dict(weights)
        return epoch
