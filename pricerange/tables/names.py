"""Which of a table's columns are wanted: found by their exact names or else by names like them.

Names are alike that differ in capitals, blanks, underscores and hyphens only, as `RAM` and `Wi-Fi` do.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from pricerange.phone import FEATURE_NAMES
from pricerange.tables.errors import DuplicateColumnError, MissingColumnError

_NOT_COMPARED = re.compile(r"[\s_\-\ufeff]+")
"""Blanks of every kind, no-break ones and the mark at the beginning of a file among them."""
_MOST_SHOWN = 40


def candidates(names: Sequence[str], wanted: Sequence[str] = FEATURE_NAMES) -> dict[str, list[int]]:
    """Return where each of the wanted columns may stand: in one place, unless it is missing or ambiguous."""
    exact: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        exact[name].append(place)
    found = {name: exact.get(name, []) for name in wanted}
    if all(found.values()):
        return found
    alike: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        alike[_compared(name)].append(place)
    return {name: places or alike.get(_compared(name), []) for name, places in found.items()}


def feature_places(names: Sequence[str], wanted: Sequence[str] = FEATURE_NAMES) -> list[int]:
    """Return where the 20 features, or other columns that are wanted, stand among a table's columns.

    Raises `MissingColumnError` or `DuplicateColumnError`.
    """
    found = candidates(names, wanted)
    if missing := [name for name, places in found.items() if not places]:
        known = {place for places in found.values() for place in places}
        present = dict.fromkeys(name for place, name in enumerate(names) if place not in known)
        raise MissingColumnError(missing, list(present))
    if repeated := {name: places for name, places in found.items() if len(places) > 1}:
        columns = dict.fromkeys(names[place] for places in repeated.values() for place in places)
        raise DuplicateColumnError(list(repeated), columns=list(columns))
    return [place for (place,) in found.values()]


def by_place(names: Sequence[str], wanted: Sequence[str] = FEATURE_NAMES) -> dict[int, str]:
    """Return which columns are one of the wanted, each by its place; those that may be several are not."""
    return {places[0]: name for name, places in candidates(names, wanted).items() if len(places) == 1}


def selected(names: Sequence[str], wanted: Sequence[str]) -> set[str]:
    """Return the names, as they stand there, of the columns that are or may be one of the wanted."""
    return {names[place] for places in candidates(names, wanted).values() for place in places}


def read_as(names: Sequence[str], wanted: Sequence[str] = FEATURE_NAMES) -> Iterator[str]:
    """Say of each column that was found by a name like its own what it is read as."""
    for place, name in by_place(names, wanted).items():
        if names[place] != name:
            yield f"{_shown(names[place])} is read as {name}"


def _compared(name: str) -> str:
    return _NOT_COMPARED.sub("", name).casefold()


def _shown(name: str) -> str:
    """Show a name as it is where that can be seen, in ASCII in any case: it may stand in a header of HTTP."""
    plain = name.isascii() and name.isprintable() and name == name.strip() and len(name) <= _MOST_SHOWN
    return name if plain else ascii(name[:_MOST_SHOWN])
