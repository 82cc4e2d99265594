"""The routes that browsers ask for."""

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.errors import NoFileError
from service.http.openapi import problem_responses
from service.http.reply import Reply
from service.http.request_state import RequestState
from service.web.asset import Asset
from service.web.files import INDEX, read
from service.web.model_documents import ModelDocuments
from service.web.openapi_route import OpenApi

_MOVED = 307


class Web:
    """The documents for browsers. Those that are `free` of keys tell nothing of answers."""

    def __init__(self, openapi: OpenApi, documents: ModelDocuments, root_path: str, *, page: bool) -> None:
        """Read the files of the documentation and, if there is to be one, of the page."""
        self._openapi = openapi
        self._documents = documents
        self._root_path = root_path
        self._folders = {"docs": read("docs"), **({"page": read("page")} if page else {})}

    @property
    def free(self) -> frozenset[str]:
        """The paths that are answered without a key."""
        named = (f"/{folder}/{name}" for folder, assets in self._folders.items() for name in assets)
        return frozenset(
            {"/openapi.json", "/docs", "/docs/", *named, *(["/"] if "page" in self._folders else [])}
        )

    def add_to(self, router: APIRouter) -> None:
        """Add the routes to a router."""
        for path, endpoint in (
            ("/openapi.json", self._openapi.answer),
            ("/docs", self._of_docs),
            ("/docs/", _to_docs),
            ("/docs/{name}", self._of_docs),
        ):
            router.add_api_route(path, endpoint, include_in_schema=False)
        if "page" in self._folders:
            router.add_api_route("/", self._of_page, include_in_schema=False)
            router.add_api_route("/page/{name:path}", self._of_page, include_in_schema=False)
        for name, endpoint, summary, *media_types in (
            ("card", self._documents.card, "The card of the stable version", "text/html", "text/markdown"),
            ("report", self._documents.report, "The report of its training", "text/html"),
            ("history", self._documents.history, "The figures of each epoch of its training", "text/csv"),
        ):
            router.add_api_route(
                f"/model/{name}",
                endpoint,
                summary=summary,
                response_class=Response,
                responses={
                    200: {"content": {name: {"schema": {"type": "string"}} for name in media_types}},
                    **problem_responses(404, 503),
                },
            )

    async def _of_docs(self, request: Request) -> Response:
        return _file(request, self._folders["docs"])

    async def _of_page(self, request: Request) -> Response:
        path = RequestState.of(request.scope).head.raw_path.decode("latin-1")
        if self._root_path and path == self._root_path:
            # its links are relative, to where it is
            return _moved(path + "/")
        return _file(request, self._folders["page"])


async def _to_docs(request: Request) -> Response:
    return _moved("../docs")


def _moved(location: str) -> Response:
    return Reply.of_head(_MOVED, [(b"location", location.encode()), (b"content-length", b"0")])


def _file(request: Request, assets: Mapping[str, Asset]) -> Response:
    asset = assets.get(request.path_params.get("name", INDEX))
    if asset is None:
        raise NoFileError(request.url.path)
    return asset.answer(RequestState.of(request.scope).head.by_name)
