"""What is wanted: rollout.toml, and without one the newest promotable version; and since when."""

from pathlib import Path
from typing import NamedTuple

from pricerange import bundle
from pricerange.approval import APPROVAL_FILE
from pricerange.errors import MissingFileError, PriceRangeError, RolloutFileError
from pricerange.rollout.document import ROLLOUT_FILE, Rollout
from pricerange.signature.claim import SIGNATURE_FILE
from pricerange.signature.trust import Trust, find
from service.settings import Settings

_WATCHED = (bundle.PASSPORT_FILE, bundle.MODEL_FILE, APPROVAL_FILE, SIGNATURE_FILE)
"""Files of a version that say whether it may serve, and whether it is here as a whole."""

_SETTLED = 0.2
"""Seconds that a file has to be the same for: it may be written in pieces."""


class Look(NamedTuple):
    """What was found: what is wanted or, where that cannot be told, why not.

    Two looks of the same `stamp` find the same.
    """

    stamp: object
    rollout: Rollout | None
    problem: str | None


class Desired:
    """Looks for what is wanted; what has not changed is not read again, but for rollout.toml itself."""

    def __init__(self, settings: Settings) -> None:
        """Raise what `Trust.of` raises."""
        self._trust = Trust.of(settings.trusted_keys)
        self._models = settings.models
        self._pinned = settings.model_version
        self._folder = settings.models / bundle.MODEL_NAME
        self._is_named = settings.rollout is not None
        self.path = settings.rollout or self._folder / ROLLOUT_FILE
        self._last: tuple[object, Rollout] | None = None

    @property
    def is_fixed(self) -> bool:
        """Whether the settings name the version, so that nothing changes."""
        return self._pinned is not None

    def require(self) -> Rollout:
        """Return what is wanted at the start. Raises what `bundle.find` raises, and `RolloutFileError`."""
        if self._pinned is not None:
            bundle.find(self._models, self._pinned)
            return Rollout(stable=self._pinned)
        self._last = _, rollout = self._found()
        return rollout

    def look(self) -> Look:
        """Look, without an error."""
        if self._pinned is not None:
            return Look(self._pinned, Rollout(stable=self._pinned), None)
        try:
            self._last = stamp, rollout = self._found()
        except (PriceRangeError, OSError) as error:
            # looked at again the next time: rights and mounts change no stamp
            return Look(str(error), None, str(error))
        return Look(stamp, rollout, None)

    def _found(self) -> tuple[object, Rollout]:
        """Return a stamp, and what is wanted. Raises as `require`, and `OSError`."""
        rollout = self._read()
        watched = bundle.versions(self._models) if rollout is None else sorted(rollout.versions)
        digest = "" if rollout is None else rollout.digest
        stamp = (digest, *(_stamp(self._folder / str(number)) for number in watched), *watched)
        if self._last is not None and self._last[0] == stamp:
            return self._last
        return stamp, self._checked(rollout)

    def _read(self) -> Rollout | None:
        """Read the file, None where there is none. Raises `RolloutFileError` and the like."""
        try:
            return Rollout.read(self.path)
        except MissingFileError as error:
            if self._is_named:
                raise RolloutFileError(self.path, "", "a file, since a setting names it", "none") from error
            return None

    def _checked(self, rollout: Rollout | None) -> Rollout:
        """Raise where a version that is wanted is not there, or not promotable."""
        if rollout is None:
            return Rollout(stable=int(find(self._models, None, self._trust).name))
        for key, number in rollout.named:
            bundle.require_promotable(self._folder, key, number, self.path)
        return rollout


class Watch:
    """Says when to follow what is found: not while it is being written."""

    def __init__(self, desired: Desired, seconds: float) -> None:
        self._desired = desired
        self._seconds = seconds
        self._look_at = 0.0
        self._followed: object = None
        self._settling: object = None

    def now(self) -> Look:
        """Return what is found now; it counts as followed."""
        look = self._desired.look()
        self._followed = look.stamp
        return look

    def again(self) -> None:
        """Have what is found next followed, even if it is the same."""
        self._followed = None

    def settled(self, now: float) -> Look | None:
        """Look every so many seconds; return what is new and has settled, which counts as followed.

        The time is on the monotonic clock.
        """
        if self._desired.is_fixed or now < self._look_at:
            return None
        look = self._desired.look()
        settling, self._settling = self._settling, None
        self._look_at = now + self._seconds
        if look.stamp == self._followed:
            return None
        if look.stamp == settling:
            self._followed = look.stamp
            return look
        self._settling = look.stamp
        self._look_at = now + min(_SETTLED, self._seconds)
        return None


def _stamp(version: Path) -> object:
    """Return what changes where a file of a version does."""
    found: list[tuple[int, int, int] | None] = []
    for name in _WATCHED:
        try:
            status = (version / name).stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)
