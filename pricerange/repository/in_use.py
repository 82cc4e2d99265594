"""Which versions of a repository somebody counts on: the one that is taken, and those of rollout.toml."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pricerange import regular_file
from pricerange.bundle import MODEL_NAME
from pricerange.errors import MissingFileError, PriceRangeError, VersionInUseError
from pricerange.signature.trust import Trust, find

ROLLOUT_FILE = "rollout.toml"
MOST_ROLLOUT_BYTES = 1 << 16


def require_unused(models: Path, number: int, trust: Trust | None = None) -> None:
    """Raise `VersionInUseError` for a version that is taken where none is named, or that is named."""
    folder = models / MODEL_NAME
    rollout = folder / ROLLOUT_FILE
    try:
        content, _ = regular_file.read(rollout, MOST_ROLLOUT_BYTES)
        if number in named_in(content):
            raise VersionInUseError(folder / str(number), f"{rollout} names it")
    except MissingFileError:
        pass
    except ValueError as error:
        reason = f"{rollout} is not valid ({error}), so nobody knows which versions it names"
        raise VersionInUseError(folder / str(number), reason) from error
    try:
        taken = find(models, None, trust)
    except PriceRangeError:
        return  # there is none to take
    if taken.name == str(number):
        raise VersionInUseError(taken, "it is the newest promotable one")


def named_in(rollout: bytes) -> set[int]:
    """Return the versions that a rollout.toml names: stable, canary, shadow. Raises `ValueError`."""
    return set(_named_in(tomllib.loads(rollout.decode())))


def _named_in(table: dict[str, Any]) -> Iterator[int]:
    for key, value in table.items():
        if key in {"stable", "version"} and isinstance(value, int):
            yield value
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from _named_in(inner)
