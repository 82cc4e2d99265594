"""Triton's model repository extension: which versions there are, and loading and unloading the model."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from pricerange import bundle
from service.errors import InferenceInputError, NotReadyError, UnknownModelError
from service.http.body import read
from service.http.lifecycle import Lifecycle
from service.http.reply import Reply
from service.rollout.member import Member
from service.v2.messages import IndexRequest, LoadRequest, UnloadRequest
from service.versions.live import Versions

_MOST_BYTES = 65_536
_UNLOADED = "unloaded"
_NOT_WANTED = "the rollout names other versions"


class ModelControl:
    """The endpoints of the extension. Which versions the model has when it is loaded, the rollout says."""

    def __init__(self, models: Path, versions: Versions, lifecycle: Lifecycle, member: Member) -> None:
        self._models = models
        self._versions = versions
        self._lifecycle = lifecycle
        self._member = member

    async def index(self, request: Request) -> Response:
        """Answer `POST /v2/repository/index`, where an empty body asks for all."""
        body = await read(request, _MOST_BYTES)
        try:
            only_ready = bool(body) and IndexRequest.model_validate_json(body).ready
        except ValidationError as error:
            raise InferenceInputError.of(error) from None
        state = self._lifecycle.state
        loaded = self._versions.live.loaded if self._versions.is_loaded else {}
        ready = list(loaded) if state == "ready" else []
        if only_ready:
            return self._listed(ready, {})
        on_disk = await asyncio.to_thread(bundle.versions, self._models)
        numbers = [str(number) for number in sorted({*on_disk, *map(int, loaded)})]
        if state != "ready":
            return self._listed(ready, dict.fromkeys(numbers, str(NotReadyError(state))))
        standing = await self._member.ask("status")
        otherwise = _NOT_WANTED if loaded else _UNLOADED
        reasons = {
            number: standing.refused.get(number, otherwise)
            for number in numbers
            if number not in loaded and number not in standing.loading
        }
        return self._listed(ready, reasons, standing.loading)

    async def load(self, request: Request) -> Response:
        """Answer `POST /v2/repository/models/NAME/load`: load what the rollout names, and follow it.

        Raises `RolloutError` where that cannot be.
        """
        self._require_named(request)
        body = await read(request, _MOST_BYTES)
        try:
            asked = LoadRequest.model_validate_json(body) if body else LoadRequest()
        except ValidationError as error:
            raise InferenceInputError.of(error) from None
        for name in asked.parameters:
            expected = "none: rollout.toml and the model repository say what is loaded, and how"
            raise InferenceInputError.expected("parameters", expected, name[:40], f"/parameters/{name[:40]}")
        await self._member.ask("load")
        return Reply(b"")

    async def unload(self, request: Request) -> Response:
        """Answer `POST /v2/repository/models/NAME/unload`: no version answers until it is loaded again."""
        self._require_named(request)
        body = await read(request, _MOST_BYTES)
        try:
            UnloadRequest.model_validate_json(body or b"{}")
        except ValidationError as error:
            raise InferenceInputError.of(error) from None
        await self._member.ask("unload")
        return Reply(b"")

    def _require_named(self, request: Request) -> None:
        name = request.path_params["model_name"]
        if name != self._versions.name:
            raise UnknownModelError(self._versions.name, name)

    def _listed(
        self, ready: Iterable[str], reasons: Mapping[str, str], loading: Iterable[str] = ()
    ) -> Response:
        found = [
            *((number, "READY", "") for number in ready),
            *((number, "LOADING", "") for number in loading),
            *((number, "UNAVAILABLE", reason) for number, reason in reasons.items()),
        ]
        entries = [
            {"name": self._versions.name, "version": number, "state": state, "reason": reason}
            for number, state, reason in sorted(found, key=lambda entry: int(entry[0]))
        ]
        return Reply(orjson.dumps(entries))
