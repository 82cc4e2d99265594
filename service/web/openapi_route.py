"""`GET /openapi.json`: the document of the routes, with the prefix under which they are reached."""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from service.http.request_state import RequestState
from service.settings import PREFIX
from service.telemetry.forwarded import Proxies
from service.web.asset import Asset

_MOST_PREFIX = 200


class OpenApi:
    """Writes the document, for each prefix once.

    It is `root_path`, or what a trusted proxy says in X-Forwarded-Prefix.
    """

    def __init__(
        self, document: Callable[[], dict[str, Any]], root_path: str, proxies: Proxies | None
    ) -> None:
        self._document = document
        self._root_path = root_path
        self._proxies = proxies
        self._written = lru_cache(maxsize=16)(self._write)

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        state = RequestState.of(request.scope)
        # made of all models of bodies: 0.1 s, the first time
        asset = await asyncio.to_thread(self._written, self._prefix(state))
        return asset.answer(state.head.by_name)

    def _prefix(self, state: RequestState) -> str:
        told = state.head.by_name.get(b"x-forwarded-prefix")
        if told is None or self._proxies is None or not self._proxies.trust(state.client):
            return self._root_path
        prefix = told.decode("latin-1").rstrip("/")
        return prefix if len(prefix) <= _MOST_PREFIX and PREFIX.fullmatch(prefix) else self._root_path

    def _write(self, prefix: str) -> Asset:
        document = self._document()
        if prefix:
            document = {**document, "servers": [{"url": prefix}]}
        vary = "Accept-Encoding" if self._proxies is None else "Accept-Encoding, X-Forwarded-Prefix"
        return Asset.of(orjson.dumps(document), "application/json", vary=vary)
