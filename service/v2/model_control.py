"""The endpoints of Triton's model repository extension."""

from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from service.errors import InferenceInputError
from service.http.body import read
from service.http.reply import Reply
from service.open_inference.repository import Repository
from service.v2.messages import IndexRequest, LoadRequest, UnloadRequest

_MOST_BYTES = 65_536

Message = TypeVar("Message", bound=BaseModel)


class ModelControl:
    """The endpoints, where an empty body is as good as an empty object."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def index(self, request: Request) -> Response:
        """Answer `POST /v2/repository/index`."""
        asked = await _read(request, IndexRequest)
        return Reply(orjson.dumps(await self._repository.index(only_ready=asked.ready)))

    async def load(self, request: Request) -> Response:
        """Answer `POST /v2/repository/models/NAME/load`. Raises `RolloutError` where that cannot be."""
        name = request.path_params["model_name"]
        self._repository.require_named(name)
        asked = await _read(request, LoadRequest)
        await self._repository.load(name, asked.parameters)
        return Reply(b"")

    async def unload(self, request: Request) -> Response:
        """Answer `POST /v2/repository/models/NAME/unload`."""
        name = request.path_params["model_name"]
        self._repository.require_named(name)
        await _read(request, UnloadRequest)
        await self._repository.unload(name)
        return Reply(b"")


async def _read(request: Request, message: type[Message]) -> Message:
    """Read a body. Raises `InferenceInputError` where it is no such message."""
    body = await read(request, _MOST_BYTES)
    try:
        return message.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise InferenceInputError.of(error) from None
