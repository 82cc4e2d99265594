"""The objects of a bucket, by obstore: put under a condition, or in pieces that appear together or never."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import obstore
import pyarrow as pa
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from pricerange.errors import TargetError
from scoring.target.connection import connected

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutResult, UpdateVersion, WritableFile

PIECE_BYTES = 16 << 20
"""Bytes of a piece of an object: few enough to hold several, enough for large objects."""
_MOST_BYTES = 10_000 * PIECE_BYTES
"""Bytes of an object: S3 takes 10,000 pieces."""
_PIECES_AT_ONCE = 2
_NO_BUCKET = "NoSuchBucket"
_UNHEARD = "error sending request"
"""What obstore says, among other things, where no answer came."""


class Bucket:
    """The bucket of a URI; `name` is what people call it. What cannot be done is a `TargetError`."""

    def __init__(self, system: str, name: str, seconds: float) -> None:
        self._name = name
        self.seconds = seconds
        with self.said("", ""):
            self._store = connected(system, seconds)

    def shown(self, key: str) -> str:
        """Return what people call a key."""
        return f"{self._name}/{key}" if key else self._name

    def create(self, key: str, content: bytes) -> "UpdateVersion | None":
        """Put an object where there is none, and return its version; None where there is one."""
        with self.said(key):
            try:
                return _version(obstore.put(self._store, key, content, mode="create"))
            except AlreadyExistsError:
                return None

    def replace(self, key: str, content: bytes, version: "UpdateVersion") -> "UpdateVersion | None":
        """Put an object in the place of a version of it, and return the new; None where that one is gone."""
        with self.said(key):
            try:
                return _version(obstore.put(self._store, key, content, mode=version))
            except PreconditionError:
                return None
            except FileNotFoundError as error:
                if _NO_BUCKET in str(error):
                    raise
                return None

    def put(self, key: str, content: bytes) -> None:
        """Put an object, whatever is there."""
        with self.said(key):
            obstore.put(self._store, key, content, use_multipart=False)

    def get(self, key: str) -> "tuple[bytes, UpdateVersion] | None":
        """Return an object and its version, None where there is none."""
        with self.said(key, "it cannot be read: "):
            try:
                found = obstore.get(self._store, key)
                return bytes(found.bytes()), _version(found.meta)
            except FileNotFoundError as error:
                if _NO_BUCKET in str(error):
                    raise
                return None

    def delete(self, key: str) -> None:
        """Remove an object, where there is one."""
        with self.said(key, "it cannot be removed: "), suppress(FileNotFoundError):
            obstore.delete(self._store, key)

    def below(self, key: str) -> Iterator[tuple[str, int]]:
        """Yield the objects whose keys begin with this one and a slash, without those, and their bytes."""
        with self.said(key, "its files cannot be listed: "):
            for found in obstore.list(self._store, key):
                for each in found:
                    # a folder that a console made is an object of its name
                    if each["path"] != key:
                        yield each["path"][len(key) + 1 :], each["size"]

    def upload(self, key: str) -> "Upload":
        """Begin an object that is written piece by piece."""
        return Upload(self, self._store, key)

    @contextmanager
    def said(self, key: str, doing: str = "") -> Iterator[None]:
        """Raise what a store answers, or does not, as `TargetError`, in words."""
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            raise TargetError(self.shown(key), doing + self._reason(error)) from error

    def _reason(self, error: Exception) -> str:
        text = str(error)
        code, message = (re.search(f"<{tag}>([^<]*)</{tag}>", text) for tag in ("Code", "Message"))
        if (code and code[1] == _NO_BUCKET) or (isinstance(error, FileNotFoundError) and not code):
            return f"there is no bucket {self._name}"
        if code:
            return f"{message[1].rstrip('.')} ({code[1]})" if message else code[1]
        if cause := re.search(r'(?:message|error): "([^"]+)"', text):
            return cause[1]
        if _UNHEARD in text:  # the requests, and what is written, are sent again until then
            return f"no answer within {self.seconds:g} s"
        return text.partition("\n")[0].rpartition(" - ")[2]


class Upload:
    """An object that is being written: it is there from `commit` on, and before that nothing is.

    A run that is killed leaves pieces that no one sees; a bucket's rules can have them removed after a while.
    """

    closed = False

    def __init__(self, bucket: Bucket, store: "obstore.store.ObjectStore", key: str) -> None:
        self.size = 0
        self._bucket = bucket
        self._store = store
        self._key = key
        self._writer: WritableFile | None = None
        self._failure: TargetError | None = None
        self.is_unheard = False
        """Whether the store has not answered."""

    def open(self) -> pa.NativeFile:
        """Begin the object."""
        self._writer = obstore.open_writer(
            self._store, self._key, buffer_size=PIECE_BYTES, max_concurrency=_PIECES_AT_ONCE
        )
        return pa.PythonFile(self, mode="w")

    def write(self, content: bytes) -> int:
        """Append bytes; a store that has failed is not asked again."""
        if self._failure:
            raise self._failure
        with self._failing():
            if self.size + len(content) > _MOST_BYTES:
                raise ValueError(f"an object has at most {_MOST_BYTES >> 30} GiB; use a folder as OUT")
            assert self._writer is not None
            self._writer.write(bytes(content))  # Arrow's buffers are of signed bytes, which it does not take
        self.size += len(content)
        return len(content)

    def flush(self) -> None:
        """Keep what is no whole piece yet."""

    def close(self) -> None:
        """Wait for `commit`: who writes closes the file after an error too."""

    def commit(self) -> None:
        """Let the object appear; where none was begun, let one that was there go."""
        if self._writer is None:
            self._bucket.delete(self._key)
            return
        with self._failing():
            self._writer.close()
        self._writer = None

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            with self._bucket.said(self._key):
                yield
        except TargetError as error:
            self._failure = error
            self.is_unheard = _UNHEARD in str(error.__cause__)
            raise

    def abort(self) -> None:
        """Let go of an object that was begun."""
        if self._writer is not None:
            with suppress(BaseError, OSError):
                self._writer.__exit__(TargetError, TargetError(self._key, "it was left"), None)


def _version(found: "PutResult | ObjectMeta") -> "UpdateVersion":
    version: UpdateVersion = {}
    if found["e_tag"] is not None:
        version["e_tag"] = found["e_tag"]
    if found["version"] is not None:
        version["version"] = found["version"]
    return version
