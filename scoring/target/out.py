"""What an OUT names: a path of this machine, or a key of an object store."""

from pathlib import Path

from pricerange.errors import MissingExtraError, TargetError
from pricerange.tables.errors import UnreadableTableError
from pricerange.tables.source import uri
from scoring.target.local_place import LocalPlace
from scoring.target.place import REJECTED, Place
from scoring.target.staging import require_name
from scoring.target.stream import stream_of


def place_of(target: str | Path, seconds: float) -> Place:
    """Return the place that a path or a URI names; a store is given up after about so many seconds.

    Nothing is asked of a store yet. Raises `TargetError` or `MissingExtraError`.
    """
    if stream := stream_of(target):
        return stream
    text = str(target)
    if isinstance(target, Path) or not uri.is_uri(text):
        return _local(Path(target))
    try:
        named = uri.Uri.of(text)
    except UnreadableTableError as error:
        raise TargetError(error.path, error.reason) from error
    if named.scheme == "file":
        return _local(Path(named.path))
    try:
        from scoring.target.object_place import ObjectPlace
    except ModuleNotFoundError as error:
        raise MissingExtraError("objects", error.name or "obstore") from error
    return ObjectPlace.of(text, named, seconds)


def _local(path: Path) -> LocalPlace:
    require_name(path, REJECTED)
    try:
        place = LocalPlace(path.resolve())
    except OSError as error:
        raise TargetError(path, error.strerror or str(error)) from error
    if not place.name:
        raise TargetError(path, "it has no name")
    return place
