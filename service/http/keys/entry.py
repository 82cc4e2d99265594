"""What stands in a file of API keys about one of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Role = Literal["predict", "metrics", "admin"]

MOST_KEYS = 1_024
"""Keys of a file: each has series in the metrics."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An API key by the SHA-256 `digest` of its secret; what need not be known of it is not.

    Several of one name are one to the metrics and to the limit, which is in phones.
    """

    name: str
    digest: bytes
    roles: frozenset[Role]
    expires: datetime | None = None
    rows_per_second: float | None = None
