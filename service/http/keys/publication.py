"""The keys that are valid now, in memory that all processes share: all change with the same store."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from service.http.keys.entry import MOST_KEYS, Entry
from service.shared_memory import SharedMemory

_MOST_BYTES = 1_024 * MOST_KEYS
"""Bytes of all keys as they are published; the longest take a third of it."""
_DIGEST_BYTES = 32
_GENERATION, _FILE_VALID, _FIRST_LENGTH = range(3)
"""Cells of 8 bytes at the beginning; behind them the lengths of both editions."""
_HEAD_BYTES = 64
_EDITION_BYTES = _DIGEST_BYTES + _MOST_BYTES
_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Published:
    """A key, and the slot of its name in what is shared, which is its own since a generation."""

    entry: Entry
    slot: int
    since: int


class Publication:
    """Has one writer. An edition is written beside the one before, and is valid with the generation's store.

    Pickled as an argument of a new process, it shares the memory.
    """

    def __init__(self, memory: SharedMemory | None = None) -> None:
        self._memory = memory or SharedMemory.zeros(_HEAD_BYTES + 2 * _EDITION_BYTES, "api-keys")
        self._cells = self._memory.cells[:_HEAD_BYTES].cast("Q")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._memory,)

    @property
    def generation(self) -> int:
        """How many editions there have been."""
        return self._cells[_GENERATION]

    @property
    def file_valid(self) -> bool:
        """Whether the keys are those that the file holds now."""
        return bool(self._cells[_FILE_VALID])

    def say_file_valid(self, valid: bool) -> None:
        """Say whether the keys are those that the file holds now."""
        self._cells[_FILE_VALID] = valid

    def publish(self, keys: Sequence[Published]) -> None:
        """Make these the keys that are valid, with one store."""
        content = msgspec.json.encode(keys)
        generation = self._cells[_GENERATION] + 1
        begin = _begin(generation)
        self._memory.cells[begin : begin + _DIGEST_BYTES] = sha256(content).digest()
        self._memory.cells[begin + _DIGEST_BYTES : begin + _DIGEST_BYTES + len(content)] = content
        self._cells[_FIRST_LENGTH + generation % 2] = len(content)
        self._cells[_GENERATION] = generation

    def read(self) -> tuple[int, list[Published]]:
        """Return the generation and its keys.

        What is being written is never returned; where nothing else is found it is generation 0 without keys.
        """
        for _ in range(_ATTEMPTS):
            generation = self._cells[_GENERATION]
            begin = _begin(generation)
            length = min(self._cells[_FIRST_LENGTH + generation % 2], _MOST_BYTES)
            digest = bytes(self._memory.cells[begin : begin + _DIGEST_BYTES])
            content = bytes(self._memory.cells[begin + _DIGEST_BYTES : begin + _DIGEST_BYTES + length])
            # some processors let a later store be seen before an earlier one: the digest tells
            if sha256(content).digest() == digest and generation == self._cells[_GENERATION]:
                return generation, msgspec.json.decode(content, type=list[Published])
        return 0, []


def _begin(generation: int) -> int:
    return _HEAD_BYTES + generation % 2 * _EDITION_BYTES
