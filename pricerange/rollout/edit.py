"""Changes of rollout.toml: its comments and its order stay, and nobody finds half of one."""

import json
import re
import tomllib
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from pricerange import durable, lock
from pricerange.errors import MissingFileError, RolloutFileError, TargetError
from pricerange.rollout.document import Rollout, content_of

Document = MutableMapping[str, Any]
"""What stands in the file: a dictionary, or tomlkit's, which also knows how it is written."""
Edit = Callable[[Document], None]
"""Changes a document; raises `ValueError` of a key, what was expected and what was found."""
_DISPLACED = {"weight": ("steps", "pause"), "steps": ("weight",)}


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be another way: first sections are cleared, then what is given is set; the rest stays.

    A weight takes the place of steps and their pause, and steps that of a weight. `shadows` are versions and
    their shares, in place of those that there were.
    """

    stable: int | None = None
    canary: int | None = None
    weight: float | None = None
    steps: Sequence[float] | None = None
    pause: float | None = None
    sticky: str | None = None
    shadows: Sequence[tuple[int, float]] = ()
    clear: Sequence[str] = ()

    def __call__(self, document: Document) -> None:
        """Change a document."""
        for section in self.clear:
            document.pop(section, None)
        if self.stable is not None:
            _put(document, "stable", self.stable)
        given = {
            "version": self.canary,
            "weight": None if self.weight is None else _short(self.weight),
            "steps": None if self.steps is None else [_short(step) for step in self.steps],
            "pause": None if self.pause is None else _short(self.pause),
            "sticky": self.sticky,
        }
        given = {key: value for key, value in given.items() if value is not None}
        if given:
            document.setdefault("canary", {})
            canary = _canary(document)
            for key in given:
                for displaced in _DISPLACED.get(key, ()):
                    canary.pop(displaced, None)
            for key, value in given.items():
                _put(canary, key, value)
        if self.shadows:
            shadows = [{"version": version, "share": _short(share)} for version, share in self.shadows]
            _put(document, "shadow", shadows)


def promote(document: Document) -> None:
    """Make the canary the stable version."""
    version = _canary(document).get("version")
    if not isinstance(version, int):
        raise ValueError("canary.version", "the number of a version", repr(version))
    # as a plain number: tomlkit's own would bring its comment along
    _put(document, "stable", int(version))
    del document["canary"]


def abort(document: Document) -> None:
    """Take the requests from the canary, and keep it loaded."""
    _canary(document)
    Change(weight=0)(document)


def edit(path: Path, change: Edit, check: Callable[[Rollout], None]) -> tuple[Rollout, bool]:
    """Change a file, or make it, once what it will say is valid and has passed the check.

    Returns that, and whether it is new; else nothing is written. Whoever else changes it is waited for.
    Raises `RolloutFileError`, `UnreadableFileError` or `TargetError`, and as `check` does.
    """
    held = path.with_name(f".lock-{path.name}")
    try:
        descriptor = lock.acquire(held, wait=True)
    except OSError as error:
        raise TargetError(path, error.strerror or str(error)) from error
    try:
        before = _content(path)
        after = edited(before or b"", change, path)
        rollout = Rollout.parse(after, path)
        check(rollout)
        if after != before:
            # a link stays one
            durable.replace(path.resolve(), after)
    except OSError as error:
        raise TargetError(path, error.strerror or str(error)) from error
    finally:
        lock.release(held, descriptor)
    return rollout, after != before


def edited(content: bytes, change: Edit, path: Path) -> bytes:
    """Return what a file will hold; its path is for errors. Raises `RolloutFileError`."""
    try:
        text = content.decode()
        wanted = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise RolloutFileError(path, "", "TOML", str(error)) from error
    try:
        change(wanted)
    except ValueError as error:
        raise RolloutFileError(path, *error.args) from error
    # tomlkit does not cope with all ways to write a table
    try:
        document = tomlkit.parse(text)
        change(document)
        after = tomlkit.dumps(document)
        if not text.endswith("\n\n"):
            after = re.sub(r"\n+\Z", "\n", after)  # the blank line before a table that is gone
        if _as_json(tomllib.loads(after)) == _as_json(wanted):
            return after.encode()
    except (TOMLKitError, LookupError, TypeError, ValueError, AttributeError):
        pass
    expected = "tables as [canary] and [[shadow]], each in one place"
    raise RolloutFileError(path, "", expected, "a way to write them that only a person can change")


def _as_json(document: Document) -> str:
    return json.dumps(document, sort_keys=True, default=str)


def _content(path: Path) -> bytes | None:
    try:
        return content_of(path)
    except MissingFileError:
        return None


def _canary(document: Document) -> Document:
    canary = document.get("canary")
    if not isinstance(canary, MutableMapping):
        raise ValueError("canary", "a canary", "none" if canary is None else repr(canary))
    return canary


def _put(table: Document, key: str, value: object) -> None:
    """Set a key; where it has the value already, the way that it is written stays."""
    if table.get(key) != value:
        table[key] = value


def _short(number: float) -> float:
    """Write 10 as a person does."""
    return int(number) if float(number).is_integer() else number
