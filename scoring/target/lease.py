"""The lock of an object store: an object that its owner renews, and that others may take once it does not."""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pricerange.errors import TargetError
from scoring.errors import BusyError, LockLostError
from scoring.target.bucket import Bucket
from scoring.target.place import Held

if TYPE_CHECKING:
    from obstore import UpdateVersion

RENEW_SECONDS = 5.0
"""How often a lock is renewed: as soon as that, a second run knows that the first is alive."""
LEASE_SECONDS = 30.0
"""How long a lock holds without being renewed: a few requests may fail, a dead run is soon replaced."""
_POLLS = 5
"""How often a lock is looked at in the time in which it should be renewed."""


@contextmanager
def leased(bucket: Bucket, key: str, target: str) -> Iterator[Held]:
    """Hold the lock at a key for whoever writes `target`, and lend what tells whether it still holds.

    No clock is compared with another: a run takes the lock of one that was killed after it has seen it
    unchanged for `LEASE_SECONDS`, and a run that could not renew its own stops as many seconds after it
    last began to.

    Raises `BusyError` where another run renews it, and `TargetError`.
    """
    lease = _Lease(bucket, key, target)
    lease.take()
    renewing = threading.Thread(target=lease.renew, name="renew", daemon=True)
    renewing.start()
    try:
        yield lease.require
    finally:
        lease.over.set()
        renewing.join()
        lease.release()


class _Lease:
    def __init__(self, bucket: Bucket, key: str, target: str) -> None:
        self.over = threading.Event()
        self._bucket = bucket
        self._key = key
        self._target = target
        self._run = uuid.uuid4().hex
        self._renewals = 0
        self._version: UpdateVersion = {}
        self._until = 0.0

    def take(self) -> None:
        """Take the lock. Raises `BusyError`."""
        seen: UpdateVersion | None = None
        since = time.monotonic()
        while True:
            if self._create():
                return
            began = time.monotonic()
            found = self._bucket.get(self._key)
            if found is None:
                continue
            if self._is_ours(found[0]):
                self._hold(found[1], since)
                return
            if seen is None:
                seen, since = found[1], time.monotonic()
            elif found[1] != seen:
                raise BusyError(self._target)
            elif began - since > LEASE_SECONDS:
                self._replace(seen)
                return
            time.sleep(RENEW_SECONDS / _POLLS)

    def _create(self) -> bool:
        began = time.monotonic()
        if not (version := self._bucket.create(self._key, self._content())):
            return False
        self._hold(version, began)
        if self._bucket.create(self._key, self._content()):
            raise TargetError(
                self._target,
                "the store takes no condition (If-None-Match), so two runs could write at the same time",
            )
        return True

    def _replace(self, seen: "UpdateVersion") -> None:
        """Take the lock of a run that gave no sign of life."""
        began = time.monotonic()
        version = self._bucket.replace(self._key, self._content(), seen)
        if version is None:
            raise BusyError(self._target)
        self._hold(version, began)

    def _hold(self, version: "UpdateVersion", began: float) -> None:
        self._version = version
        self._until = began + LEASE_SECONDS

    def _content(self) -> bytes:
        return f"run {self._run}, renewed {self._renewals} times\n".encode()

    def _is_ours(self, content: bytes) -> bool:
        """Whether this run put the object: the answer to that may have been lost."""
        return self._run.encode() in content

    def renew(self) -> None:
        """Renew the lock until it is over, or another's."""
        while not self.over.wait(RENEW_SECONDS):
            began = time.monotonic()
            self._renewals += 1
            with suppress(TargetError):  # it may succeed the next time
                version = self._bucket.replace(self._key, self._content(), self._version)
                if version is None:
                    found = self._bucket.get(self._key)
                    version = found[1] if found and self._is_ours(found[0]) else None
                if version is None:
                    self._until = 0.0
                    return
                self._hold(version, began)

    def require(self) -> None:
        """Raise `LockLostError` where the lock may be another's."""
        if time.monotonic() > self._until:
            raise LockLostError(self._target, LEASE_SECONDS)

    def release(self) -> None:
        """Remove the lock, unless another may have taken it before that arrives."""
        if self._until - time.monotonic() > self._bucket.seconds:
            with suppress(TargetError):
                self._bucket.delete(self._key)
