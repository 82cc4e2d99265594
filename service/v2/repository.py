"""What the service tells about itself and its model: health, metadata, configuration."""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from service.errors import UnknownModelError
from service.http.reply import Reply
from service.open_inference.description import Description
from service.v2.paths import VERSION


class RepositoryEndpoints:
    """The endpoints that describe; the server's own and those of the model."""

    def __init__(self, description: Description) -> None:
        self._description = description

    async def live(self, request: Request) -> Response:
        """Answer `GET /v2/health/live`."""
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:
        """Answer `GET /v2/health/ready`. Raises `NotReadyError` and `ModelUnloadedError`."""
        self._description.require_ready()
        return _json({"ready": True})

    async def server(self, request: Request) -> Response:
        """Answer `GET /v2`."""
        return _json(self._description.server())

    async def model_ready(self, request: Request) -> Response:
        """Answer `GET .../ready` of the model.

        Raises `NotReadyError`, `ModelUnloadedError` and `UnknownVersionError`.
        """
        self._description.require_version_ready(self._description.name, _version(request))
        return _json({"name": self._description.name, "ready": True})

    async def metadata(self, request: Request) -> Response:
        """Answer `GET` of the model itself, or of one of its versions.

        Raises `ModelUnloadedError` and `UnknownVersionError`, as do the next two.
        """
        return _json(self._description.metadata(_version(request)))

    async def config(self, request: Request) -> Response:
        """Answer `GET .../config`."""
        return _json(self._description.config(_version(request)))

    async def statistics(self, request: Request) -> Response:
        """Answer `GET .../stats`."""
        return _json(self._description.statistics(_version(request)))

    async def all_statistics(self, request: Request) -> Response:
        """Answer `GET /v2/models/stats`."""
        return _json(self._description.all_statistics())

    async def other_model(self, request: Request) -> Response:
        """Refuse what is asked of any other model. Raises `UnknownModelError`."""
        raise UnknownModelError(self._description.name, request.path_params["model_name"])


def _version(request: Request) -> str | None:
    """Return the version that a path names."""
    return request.path_params.get(VERSION)


def _json(content: object) -> Response:
    return Reply(orjson.dumps(content))
