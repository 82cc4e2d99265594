"""`GET /rollout` and `POST /rollout/reload`."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.http.openapi import problem_responses
from service.http.reply import Reply
from service.rollout.member import Member


def add_rollout(router: APIRouter, member: Member) -> None:
    """Tell how versions serve, and look for new ones at once."""

    @router.get(
        "/rollout",
        summary="Which versions serve whom, how they agree, and where every worker stands",
        responses={200: {"model": dict[str, Any]}, **problem_responses(503, 504)},
    )
    async def rollout(request: Request) -> Response:
        return _json(await member.ask("status"))

    @router.post(
        "/rollout/reload",
        summary="Follow the rollout file now, and answer once every worker does",
        responses={200: {"model": dict[str, Any]}, **problem_responses(409, 503, 504)},
    )
    async def reload(request: Request) -> Response:
        return _json(await member.ask("reload"))


def _json(document: Mapping[str, Any]) -> Response:
    return Reply(orjson.dumps(document))
