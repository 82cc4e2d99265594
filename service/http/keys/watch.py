"""Looks at the file of keys and publishes what it holds, from one process for all."""

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pricerange.errors import SettingsError
from service.http.keys.entry import MOST_KEYS, Entry
from service.http.keys.file import entries_of, read
from service.http.keys.publication import Published
from service.http.keys.shared import SharedKeys

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""Seconds between two looks at the file. Its content is compared: NFS and ConfigMaps tell of no change."""


@dataclass(frozen=True)
class _Wrong:
    """What is wrong with a file, and its content, None where it cannot be read."""

    reason: str
    content: bytes | None


_Found = tuple[Entry, ...] | _Wrong


class Watch:
    """Keeps what is published equal to what the file holds. Raises `SettingsError` where that is no keys."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.shared = SharedKeys()
        self._slots = _Slots()
        self._content = read(path)
        entries = entries_of(self._content, path)
        self._read_as: _Found = entries
        self._found: _Found = entries
        self._taken: _Found = entries
        self._publish(entries)

    def look(self) -> None:
        """Take what the file holds, once two looks in a row find the same: it may be half written.

        What is wrong with it changes nothing but the log and the metrics.
        """
        before, self._found = self._found, self._look()
        if self._found != before or self._found == self._taken:
            return
        self._taken = self._found
        if isinstance(self._found, _Wrong):
            self.shared.publication.say_file_valid(False)
            log.error("the new API keys cannot be used, the old ones stay: %s", self._found.reason)
        else:
            self._publish(self._found)
            log.info("using the new API keys in %s: %d", self._path, len(self._found))

    def _look(self) -> _Found:
        try:
            content = read(self._path)
        except SettingsError as error:
            return _Wrong(str(error), None)
        if content != self._content:
            self._content = content
            try:
                self._read_as = entries_of(content, self._path)
            except SettingsError as error:
                self._read_as = _Wrong(str(error), content)
        return self._read_as

    def _publish(self, entries: Sequence[Entry]) -> None:
        publication = self.shared.publication
        generation = publication.generation + 1
        for slot in self._slots.share_out({entry.name for entry in entries}, generation):
            self.shared.limits.fill(slot)
        publication.publish([Published(entry, *self._slots.of[entry.name]) for entry in entries])
        publication.say_file_valid(True)


class _Slots:
    """Slots for names; a name keeps its own as long as it is there, whatever its key is.

    `of` a name is its slot, and from which generation on.
    """

    def __init__(self) -> None:
        self.of: dict[str, tuple[int, int]] = {}
        self._free = deque(range(MOST_KEYS))

    def share_out(self, names: set[str], generation: int) -> list[int]:
        """Give each name a slot, a new one what has been free for longest; return the slots of new names."""
        for name in self.of.keys() - names:
            self._free.append(self.of.pop(name)[0])
        new = sorted(names - self.of.keys())
        self.of |= {name: (self._free.popleft(), generation) for name in new}
        return [self.of[name][0] for name in new]


@contextlib.contextmanager
def watched(path: Path) -> Iterator[SharedKeys]:
    """Publish the keys of a file, now and whenever it changes. Raises `SettingsError`.

    A thread looks, since a file system may take its time.
    """
    watch = Watch(path)
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(LOOK_SECONDS):
            watch.look()

    threading.Thread(target=run, name="api-keys", daemon=True).start()
    try:
        yield watch.shared
    finally:
        ended.set()
