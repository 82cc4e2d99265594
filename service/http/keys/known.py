"""The keys as one process knows them: by the digest of what a request sends."""

from collections.abc import Iterable
from hashlib import sha256

from service.http.keys.entry import MOST_KEYS
from service.http.keys.key import CELLS, Key
from service.http.keys.shared import SharedKeys

SLOTS = CELLS * MOST_KEYS
"""Slots of a row of counters that are taken."""


class KnownKeys:
    """The keys of the generation that is published, read again when that is another."""

    def __init__(self, shared: SharedKeys, row: "memoryview[float]", first: int) -> None:
        """Count in `SLOTS` slots of this process's row of counters, from `first` on."""
        self.publication = shared.publication
        self._limits = shared.limits
        self._row = row
        self._first = first
        self._generation = 0
        self._keys: dict[bytes, Key] = {}

    def find(self, secret: bytes) -> Key | None:
        """Return the key that has a secret.

        The time that a dictionary takes depends on the digest alone. To learn from it about a digest that is
        known would need secrets with digests of one's choice, and would not tell the secret. To compare with
        each of 1,024, as slowly for all, would take a millisecond.
        """
        self._read()
        return self._keys.get(sha256(secret).digest())

    def all(self) -> Iterable[Key]:
        """Return every key."""
        self._read()
        return self._keys.values()

    def _read(self) -> None:
        if self._generation == self.publication.generation:
            return
        generation, published = self.publication.read()
        if generation:
            self._keys = {
                one.entry.digest: Key(one, generation, self._limits, self._row, self._first)
                for one in published
            }
            self._generation = generation
