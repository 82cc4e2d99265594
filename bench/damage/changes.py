"""What may become of a file's bytes on a disk or on their way: cut short, or a few bits flipped."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

MOST_FLIPS = 8


@dataclass(frozen=True, slots=True)
class Damaged:
    """Bytes that are no longer what they were, and the places of those that differ, but for what is gone."""

    content: bytes
    places: tuple[int, ...] = ()


def truncated(content: bytes, random: Random) -> Damaged:
    """Leave out the end, any length of it."""
    return Damaged(content[: _place(content, random)])


def flipped(content: bytes, random: Random) -> Damaged:
    """Flip one to eight bits."""
    changed, places = bytearray(content), set()
    for _ in range(random.randint(1, MOST_FLIPS)):
        place = _place(content, random)
        changed[place] ^= 1 << random.randrange(8)
        places.add(place)
    return Damaged(
        bytes(changed), tuple(place for place in sorted(places) if changed[place] != content[place])
    )


CHANGES: dict[str, Callable[[bytes, Random], Damaged]] = {"truncated": truncated, "flipped": flipped}


def _place(content: bytes, random: Random) -> int:
    """Draw a byte: any, or one near the beginning or the end, where a format says what the rest is."""
    near = int(len(content) ** random.random()) - 1
    return random.choice([random.randrange(len(content)), near, len(content) - 1 - near])
