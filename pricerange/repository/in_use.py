"""Which versions of a repository somebody counts on: the one that is taken, and those of rollout.toml."""

from pathlib import Path

from pricerange import bundle
from pricerange.bundle import MODEL_NAME
from pricerange.errors import PriceRangeError, RolloutFileError, VersionInUseError
from pricerange.signature.trust import Trust, find


def require_unused(models: Path, number: int, trust: Trust | None = None) -> None:
    """Raise `VersionInUseError` for a version that is taken where none is named, or that is named."""
    version = models / MODEL_NAME / str(number)
    try:
        rollout = bundle.rollout_of(models)
    except RolloutFileError as error:
        raise VersionInUseError(version, f"nobody knows which versions are named ({error})") from error
    if rollout is not None and number in rollout.versions:
        raise VersionInUseError(version, "rollout.toml names it")
    try:
        taken = find(models, None, trust)
    except PriceRangeError:
        return  # there is none to take
    if taken.name == str(number):
        raise VersionInUseError(taken, "it is the newest promotable one")
