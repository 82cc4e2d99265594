"""Removing a version on which nobody counts."""

from pathlib import Path

from pricerange import bundle
from pricerange.bundle import MODEL_NAME
from pricerange.repository import change
from pricerange.repository.in_use import require_unused
from pricerange.signature.trust import Trust


def remove(models: Path, number: int, trust: Trust | None = None) -> None:
    """Remove a version; `trust` says which versions can be taken where none is named.

    Raises `ModelNotFoundError`, `VersionInUseError` or `TargetError`.
    """
    version = bundle.find(models, number)
    with change.locked(models / MODEL_NAME):
        require_unused(models, number, trust)
        change.remove(version)
