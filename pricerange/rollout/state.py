"""What a service keeps of a rollout, so that a restart changes nothing."""

import logging
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from pricerange import durable, regular_file
from pricerange.errors import MissingFileError, UnreadableFileError, place
from pricerange.rollout import history
from pricerange.rollout.document import Rollout
from pricerange.rollout.history import Event
from pricerange.rollout.progress import Progress

STATE_FILE = "rollout-state.json"
_MOST_BYTES = 1 << 20

log = logging.getLogger(__name__)


class RolloutState:
    """A folder with the progress of the latest rollout, and the history of all.

    `trouble` says why the progress of now is not kept, None where it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trouble: str | None = None
        self._unrecorded: str | None = None

    def load(self, rollout: Rollout) -> Progress | None:
        """Return how far a rollout has come, None where nothing of it is kept.

        What is kept and cannot be read is said in the log, and is nothing.
        """
        path = self.folder / STATE_FILE
        try:
            content, _ = regular_file.read(path, _MOST_BYTES)
            progress = Progress.model_validate_json(content)
        except MissingFileError:
            return None
        except UnreadableFileError as error:
            log.warning("%s; the analysis begins anew", error)
            return None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            reason = f"{place(first['loc'])}: {first['msg']}"
            log.warning("%s is not a valid state, the analysis begins anew: %s", path, reason)
            return None
        if progress.digest != rollout.digest:
            return None
        steps = len(rollout.canary.weights) if rollout.canary else 1
        if progress.step >= steps:
            log.warning("%s: step %d of %d; the analysis begins anew", path, progress.step + 1, steps)
            return None
        return progress

    def keep(self, progress: Progress) -> str | None:
        """Keep how far a rollout has come in place of what was kept.

        Returns why that cannot be done, once for each reason; the service goes on without.
        """
        content = progress.model_dump_json(indent=1).encode() + b"\n"
        before, self.trouble = (
            self.trouble,
            self._done(lambda: durable.replace(self.folder / STATE_FILE, content)),
        )
        return self.trouble if self.trouble != before else None

    def record(self, event: Event) -> str | None:
        """Add to the history. Returns as `keep` does."""
        before, self._unrecorded = self._unrecorded, self._done(lambda: history.append(self.folder, event))
        return self._unrecorded if self._unrecorded not in {before, self.trouble} else None

    def _done(self, write: Callable[[], None]) -> str | None:
        """Write, or return why that cannot be done."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write()
        except OSError as error:
            return f"nothing can be kept of a rollout in {self.folder}: {error.strerror or error}"
        return None
