"""A result in an object store: a key, what is beside it, and the keys that begin with it."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pricerange.errors import TargetError
from pricerange.tables.source.uri import Uri
from scoring.target import lease
from scoring.target.bucket import Bucket
from scoring.target.place import Draft, Held

if TYPE_CHECKING:
    from obstore import UpdateVersion

_MOST_KEY_BYTES = 1024 - 100
"""Bytes of a key: of those that S3 allows, the name of a part in a folder of rejects takes the others."""
_AT_ONCE = 16
"""Pieces of a log that are fetched at the same time."""


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """A key of the bucket that the URI `system` names; the URI may hold secrets, and is never shown."""

    scheme: str
    bucket: str
    key: str
    system: str = field(repr=False)
    seconds: float

    @classmethod
    def of(cls, system: str, named: Uri, seconds: float) -> "ObjectPlace":
        """Return the place of a URI. Raises `TargetError` for a key that obstore would not take as it is."""
        bucket, _, key = named.path.partition("/")
        place = cls(named.scheme, bucket, key, system, seconds)
        parts = key.split("/")
        if not key:
            raise TargetError(str(place), "it has no name")
        if {"", ".", ".."} & {*parts} or not key.isprintable():
            raise TargetError(str(place), "a part of its key is empty, `.` or `..`, or cannot be printed")
        if len(key.encode()) > _MOST_KEY_BYTES:
            raise TargetError(
                str(place), f"its key has {len(key.encode())} bytes, expected at most {_MOST_KEY_BYTES}"
            )
        return place

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def is_stream(self) -> bool:
        """It is none."""
        return False

    @property
    def at(self) -> tuple[str, str]:
        """The scheme, and the bucket with the key."""
        return self.scheme, f"{self.bucket}/{self.key}"

    def _within(self, seconds: float) -> Bucket:
        return Bucket(self.system, f"{self.scheme}://{self.bucket}", seconds)

    @property
    def _bucket(self) -> Bucket:
        return self._within(self.seconds)

    def _of(self, key: str) -> "ObjectPlace":
        return ObjectPlace(self.scheme, self.bucket, key, self.system, self.seconds)

    def __truediv__(self, name: str) -> "ObjectPlace":
        return self._of(f"{self.key}/{name}")

    def beside(self, end: str) -> "ObjectPlace":
        """Return the key with `end` behind it."""
        return self._of(self.key + end)

    def require_parent(self) -> None:
        """Do nothing: a key needs no folder."""

    def is_folder(self) -> bool:
        """Whether the keys of others begin with this one and a slash."""
        return any(True for _ in self._bucket.below(self.key))

    def make_folder(self) -> None:
        """Do nothing: there are no folders."""

    def remove_empty(self) -> None:
        """Do nothing: there are no folders."""

    def sizes(self) -> dict[str, int]:
        """Return the objects below, by what their keys have behind this one, and their bytes."""
        return dict(self._bucket.below(self.key))

    def read(self) -> bytes | None:
        """Return the object, None where there is none."""
        found = self._bucket.get(self.key)
        return found and found[0]

    def write(self, content: bytes) -> None:
        """Put the object."""
        self._bucket.put(self.key, content)

    @contextmanager
    def staged(self, *before: "ObjectPlace") -> Iterator[list[Draft]]:
        """Lend uploads, which become objects at the end."""
        uploads = [self._bucket.upload(place.key) for place in (*before, self)]
        try:
            yield [*uploads]
            for upload in uploads:
                upload.commit()
        except BaseException:
            # a store that does not answer is not waited for again
            if not any(upload.is_unheard for upload in uploads):
                for upload in uploads:
                    upload.abort()
            raise

    def log(self) -> "ObjectLog":
        """Return the log that begins with this object."""
        return ObjectLog(self._bucket, self.key)

    def sweep(self) -> None:
        """Do nothing: nothing is to be seen of an upload that was left."""

    def sweep_folder(self) -> None:
        """Do nothing: nothing is to be seen of an upload that was left."""

    @contextmanager
    def locked(self) -> Iterator[Held]:
        """Hold the lock beside the key, which has to be renewed."""
        path = PurePosixPath(self.key)
        bucket = self._within(min(self.seconds, lease.LEASE_SECONDS / 3))
        with lease.leased(bucket, str(path.with_name(f".lock-{path.name}")), str(self)) as held:
            yield held


class ObjectLog:
    """An object, and beside it one for each time that lines were added: an object cannot grow."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket = bucket
        self._key = key
        self._folder, _, name = key.rpartition("/")
        self._stem, _, self._end = name.rpartition(".")
        self._version: UpdateVersion | None = None
        self._added = 0

    def read(self) -> bytes | None:
        """Return all lines."""
        begun = self._bucket.get(self._key)
        if begun is None:
            return None
        content, self._version = begun
        names = [name for name, _ in self._bucket.below(self._folder)]
        added = re.compile(rf"{re.escape(self._stem)}-(\d+)\.{re.escape(self._end)}")
        numbers = sorted(int(found[1]) for found in map(added.fullmatch, names) if found)
        self._added = max(numbers, default=0)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            pieces = threads.map(lambda number: self._bucket.get(self._piece(number)), numbers)
            return content + b"".join(piece[0] for piece in pieces if piece)

    def begin(self, content: bytes) -> None:
        """Put the first object, where there is none but what was read."""
        if self._version is None:
            self._create(self._key, content)
        elif not self._bucket.replace(self._key, content, self._version):
            self._refuse(self._key)

    def append(self, lines: bytes) -> None:
        """Put lines as an object of their own."""
        self._added += 1
        self._create(self._piece(self._added), lines)

    def _piece(self, number: int) -> str:
        return f"{self._folder}/{self._stem}-{number:06d}.{self._end}"

    def _create(self, key: str, content: bytes) -> None:
        if self._bucket.create(key, content):
            return
        # the answer to this very request may have been lost, and it was sent again
        if (found := self._bucket.get(key)) is None or found[0] != content:
            self._refuse(key)

    def _refuse(self, key: str) -> None:
        raise TargetError(self._bucket.shown(key), "another run has written it in the meantime")
