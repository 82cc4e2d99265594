"""Names of columns: of those that stand beside others, and of a form that has each name once."""

from collections.abc import Sequence


def renamed(names: Sequence[str], taken: Sequence[str]) -> tuple[str, ...]:
    """Return the names that columns have beside others: `input_` stands before one that is taken."""
    known = {*names, *taken}
    found = []
    for name in names:
        free = name
        if name in taken:
            free = f"input_{name}"
            while free in known:
                free = f"input_{free}"
            known.add(free)
        found.append(free)
    return tuple(found)


def distinct(names: Sequence[str]) -> list[str]:
    """Return names of which none is empty or there twice: `column_3` for the third, `note_2` for a second.

    A file of Parquet or NDJSON could have others, but hardly anything could read it.
    """
    taken, found = set(names), list[str]()
    seen = {""}
    for place, name in enumerate(names, 1):
        stem, number = (name, 2) if name else ("column", place)
        free = name
        while free in seen or (free != name and free in taken):
            free, number = f"{stem}_{number}", number + 1
        seen.add(free)
        found.append(free)
    return found
