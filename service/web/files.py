"""The files of this package that browsers ask for: the page, and the documentation of the routes."""

from collections.abc import Iterator, Mapping
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
    """Read a folder of this package, by paths in it; a file `*.gz` is the one without, compressed."""
    return dict(_assets(files("service.web").joinpath(folder), ""))


def _assets(folder: Traversable, beginning: str) -> Iterator[tuple[str, Asset]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _assets(entry, f"{beginning}{entry.name}/")
        else:
            name = entry.name.removesuffix(_COMPRESSED)
            media_type = _MEDIA_TYPES[name[name.rindex(".") :]]
            asset = Asset.of(entry.read_bytes(), media_type, OF_PAGES, compressed=name != entry.name)
            yield beginning + name, asset
