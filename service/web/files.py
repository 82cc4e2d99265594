"""The files of this package that browsers ask for: the page, and the documentation of the routes."""

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from service.web.asset import Asset
from service.web.policy import OF_PAGES

INDEX = "index.html"
_COMPRESSED = ".gz"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


def read(folder: str) -> Mapping[str, Asset]:
    """Read a folder of this package, by names; a file `*.gz` is the one without, compressed."""
    return dict(_asset(file) for file in sorted(files("service.web").joinpath(folder).iterdir(), key=_name))


def _asset(file: Traversable) -> tuple[str, Asset]:
    name = file.name.removesuffix(_COMPRESSED)
    media_type = _MEDIA_TYPES[name[name.rindex(".") :]]
    return name, Asset.of(file.read_bytes(), media_type, OF_PAGES, compressed=name != file.name)


def _name(file: Traversable) -> str:
    return file.name
