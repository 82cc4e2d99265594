"""What became of rollouts, a line of JSON each: what people decided, and what the service found."""

import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from pricerange import durable, regular_file
from pricerange.errors import MissingFileError

HISTORY_FILE = "rollout-history.jsonl"
MOST_LINES = 1_000
MOST_BYTES = 1 << 20
MOST_CHARACTERS = 2_000
"""Of a reason: the history of a day is not spent on one line."""

log = logging.getLogger(__name__)


class Event(BaseModel):
    """What happened to a rollout, known by its digest, when, by whom, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: AwareDatetime
    what: str
    digest: str
    who: str
    why: str = ""

    @classmethod
    def now(cls, what: str, digest: str, who: str, why: str = "") -> Self:
        """Return what happens now."""
        when = datetime.now(UTC).replace(microsecond=0)
        return cls(when=when, what=what, digest=digest, who=who, why=why[:MOST_CHARACTERS])


def append(folder: Path, event: Event) -> None:
    """Add a line; beyond the bounds, the older half of them goes. Raises `OSError`."""
    line = event.model_dump_json().encode() + b"\n"
    path = folder / HISTORY_FILE
    with path.open("ab+") as file:
        size = file.tell()
        if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
            line = b"\n" + line  # behind half a line, as a loss of power leaves it
        file.write(line)
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    if len(lines) > MOST_LINES or len(content) > MOST_BYTES:
        durable.replace(path, b"".join(_latest(lines)))


def read(folder: Path) -> list[Event]:
    """Return what is known, the oldest first; lines that are damaged are left out, and the log says so.

    Raises `UnreadableFileError`.
    """
    path = folder / HISTORY_FILE
    try:
        content, _ = regular_file.read(path, 2 * MOST_BYTES)
    except MissingFileError:
        return []
    events = []
    damaged = 0
    for line in content.splitlines():
        try:
            events.append(Event.model_validate_json(line))
        except ValidationError:
            damaged += 1
    if damaged:
        log.warning("%s: damaged lines are left out: %d", path, damaged)
    return events


def _latest(lines: list[bytes]) -> list[bytes]:
    kept = lines[-MOST_LINES // 2 :]
    while sum(map(len, kept)) > MOST_BYTES // 2:
        kept = kept[len(kept) // 2 + 1 :]
    return kept
