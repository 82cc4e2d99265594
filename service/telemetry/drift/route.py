"""`GET /drift`."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pricerange.bundle import Bundle
from service.errors import NoDriftReferenceError
from service.http.openapi import problem_responses
from service.http.reply import Reply
from service.telemetry.drift.document import DriftDocument
from service.telemetry.drift.windows import Windows


def add_drift(router: APIRouter, version: Bundle, windows: Windows | None) -> None:
    """Tell what is in the windows; a version without any, which keeps no reference, cannot tell."""

    @router.get(
        "/drift",
        summary="How what is asked differs from what was learned",
        response_model=DriftDocument,
        responses=problem_responses(404),
    )
    async def drift(request: Request) -> Response:
        if windows is None:
            raise NoDriftReferenceError(version.version)
        return Reply(DriftDocument.of(version, windows).model_dump_json().encode())
