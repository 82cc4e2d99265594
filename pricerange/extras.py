"""Libraries that only some installations have, since an extra of the package brings them."""

from collections.abc import Iterator
from contextlib import contextmanager

from pricerange.errors import MissingExtraError


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say which extra of the package an import needs that fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(name, error.name or "?") from error
