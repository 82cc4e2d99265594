"""What was guessed of the files that were read: said once for all that are alike."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import TypeAlias

from pricerange.phone import FEATURE_NAMES
from pricerange.tables.csv.dialect import Dialect
from pricerange.tables.csv.file import TextBlock
from pricerange.tables.guessed import EMPTY_END, guessed
from pricerange.tables.json.file import LineBlock
from pricerange.tables.source.blocks import Content
from pricerange.tables.source.files import InputFile

_MOST_SAID = 20
"""Kinds of guesses that are said of many."""

Found: TypeAlias = dict[str, set[int]]
"""What was guessed, and the places of the files of which it was."""


def guess_of(content: Content, asked: Dialect, wanted: Sequence[str] = FEATURE_NAMES) -> str:
    """Say in one line what had to be guessed to read some columns of a block, empty where nothing had."""
    if isinstance(content, TextBlock):
        return guessed(content.header, content.dialect, asked, wanted)
    # the fields of JSON have the names that they have
    return "" if isinstance(content, LineBlock) else guessed(content.schema.names, wanted=wanted)


def skipped_behind(content: Content) -> str:
    """Say that lines behind a block are skipped, where they are."""
    return EMPTY_END if isinstance(content, TextBlock) and content.end_before_empty else ""


class Guesses:
    """What was guessed of which files; many threads may add to it."""

    def __init__(self) -> None:
        self._found: Found = defaultdict(set)
        self._lock = Lock()

    @property
    def found(self) -> Found:
        """What was found, to be added to another's."""
        with self._lock:
            return {guess: set(places) for guess, places in self._found.items()}

    def add(self, guess: str, places: Sequence[int] | set[int]) -> None:
        """Note a guess of some files, where there is one."""
        if guess:
            with self._lock:
                self._found[guess].update(places)

    def lines(self, files: Sequence[InputFile]) -> Iterator[str]:
        """Yield a line for each kind of guess, in the order of the files; it names the first of them."""
        found = sorted(self.found.items(), key=lambda item: min(item[1]))
        for guess, places in found[:_MOST_SAID]:
            yield f"{files[min(places)].name}{and_more(len(places) - 1)}: {guess}"
        if left := set[int]().union(*(places for _, places in found[_MOST_SAID:])):
            yield f"{files[min(left)].name}{and_more(len(left) - 1)}: guessed in the same ways"


def and_more(count: int) -> str:
    """Say behind the name of a file that so many others are like it."""
    return f" and {count:,} more {'file' if count == 1 else 'files'}" if count else ""
