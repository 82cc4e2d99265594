"""`GET /rollout` and `POST /rollout/reload`."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.http.openapi import problem_responses
from service.http.reply import Reply
from service.rollout.document import RolloutDocument
from service.rollout.member import Member


def add_rollout(router: APIRouter, member: Member) -> None:
    """Tell how versions serve, and look for new ones at once."""

    @router.get(
        "/rollout",
        summary="Which versions serve whom, how they agree, and where every worker stands",
        response_model=RolloutDocument,
        responses=problem_responses(503, 504),
    )
    async def rollout(request: Request) -> Response:
        return _json(await member.ask("status"))

    @router.post(
        "/rollout/reload",
        summary="Follow the rollout file now, and answer once every worker does",
        response_model=RolloutDocument,
        responses=problem_responses(401, 403, 409, 503, 504),
    )
    async def reload(request: Request) -> Response:
        return _json(await member.ask("reload"))


def _json(document: RolloutDocument) -> Response:
    return Reply(document.model_dump_json().encode())
