"""Where a result may not be: where it would be read, or written over what is read."""

import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from pricerange.errors import TargetError
from pricerange.tables.source import uri
from pricerange.tables.source.files import Found
from scoring.target.local_place import LocalPlace
from scoring.target.place import REJECTED, Place, inside


def require_apart(sources: Sequence[str], found: Found, target: Place, metrics: Path | None) -> None:
    """Raise `TargetError` where nothing can be written, and where what is read would be written over.

    Neither may a folder that is searched hold the target: the next run would find it there. A bucket is told
    by its name, whatever store has it.
    """
    written = [target, target.beside(REJECTED)]
    if metrics:
        textfile = LocalPlace(metrics.resolve())
        is_part = textfile.at in [place.at for place in written] or inside(textfile.at, target.at)
        if textfile.is_folder() or is_part:
            raise TargetError(metrics, "it is a folder, or part of the result")
        written.append(textfile)
    read = list(_read(found))
    folders = list(_searched(sources, found, read))
    for place in written:
        place.require_parent()
        for folder in folders:
            if inside(place.at, folder):
                raise TargetError(str(place), f"it is inside the input folder {_shown(folder)}")
    for file, at in zip(found.files, read, strict=True):
        if any(at == place.at or inside(at, place.at) for place in written):
            raise TargetError(str(target), f"the result would overwrite the input {file.name}")


def _read(found: Found) -> Iterator[tuple[str, str]]:
    """Yield where each file is, as a place tells it."""
    scheme = cache(lambda system: uri.Uri.of(system).scheme)
    for file in found.files:
        # of many files a Path each would take longer than to read them
        yield (scheme(file.system), file.path) if file.system else ("", os.path.realpath(file.path))


def _searched(
    sources: Sequence[str], found: Found, read: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yield the folders in which files were looked for."""
    yield from (("", str(folder)) for folder in found.folders)
    for source in filter(uri.is_uri, sources):
        named = uri.Uri.of(source)
        folder = named.scheme, named.path
        if named.scheme != "file" and any(inside(at, folder) for at in read):
            yield folder


def _shown(place: tuple[str, str]) -> str:
    scheme, path = place
    return f"{scheme}://{path}" if scheme else path
