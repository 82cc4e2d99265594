"""What people read of the version that serves: its card, the report of its training, each epoch's figures."""

import asyncio
from collections.abc import Callable
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import Response

from pricerange import regular_file
from pricerange.errors import PriceRangeError
from service.errors import NoDocumentError
from service.http.accept import weights
from service.http.request_state import RequestState
from service.versions.live import Versions
from service.versions.served import Served
from service.web import policy
from service.web.asset import Asset

_CARD, _REPORT, _HISTORY = "MODEL_CARD.md", "report.html", "history.csv"
LINKS = {_REPORT: "report", _HISTORY: "history"}
"""Where the files are that the card names, seen from the card."""
_MOST_BYTES = 1 << 23
"""Of a document: what training writes takes a fortieth."""
_HTML = "text/html; charset=utf-8"

_Make = Callable[[Served], Asset]


class ModelDocuments:
    """Reads the documents of versions, each once."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._made: WeakKeyDictionary[Served, dict[_Make, Asset]] = WeakKeyDictionary()

    async def card(self, request: Request) -> Response:
        """Answer with the card: as a page, or as Markdown where no page is asked for."""
        accepted = weights(RequestState.of(request.scope).head.by_name.get(b"accept", b"").decode("latin-1"))
        html = accepted.get("text/html", 0.0)
        is_page = html > 0 and html >= accepted.get("text/markdown", 0.0)
        return await self._answer(request, _card if is_page else _markdown)

    async def report(self, request: Request) -> Response:
        """Answer with the report."""
        return await self._answer(request, _report)

    async def history(self, request: Request) -> Response:
        """Answer with the figures of each epoch."""
        return await self._answer(request, _history)

    async def _answer(self, request: Request, make: _Make) -> Response:
        served = self._versions.live.stable
        made = self._made.setdefault(served, {})
        if make not in made:
            made[make] = await asyncio.to_thread(make, served)
        return made[make].answer(RequestState.of(request.scope).head.by_name)


def _markdown(served: Served) -> Asset:
    content = _read(served, _CARD)
    return Asset.of(content, "text/markdown; charset=utf-8", vary="Accept, Accept-Encoding")


def _card(served: Served) -> Asset:
    from service.web import card

    markdown = _read(served, _CARD).decode(errors="replace")
    html = card.page(markdown, LINKS, lambda name: _read(served, name))
    return Asset.of(html.encode(), _HTML, policy.of_report(html), vary="Accept, Accept-Encoding")


def _report(served: Served) -> Asset:
    html = _read(served, _REPORT).decode(errors="replace")
    return Asset.of(html.encode(), _HTML, policy.of_report(html))


def _history(served: Served) -> Asset:
    return Asset.of(_read(served, _HISTORY), "text/csv; charset=utf-8")


def _read(served: Served, name: str) -> bytes:
    """Read a document. Raises `NoDocumentError` where there is none, or none that a person could read."""
    try:
        content, size = regular_file.read(served.bundle.path / name, _MOST_BYTES)
    except PriceRangeError as error:
        raise NoDocumentError(served.version, name) from error
    if size > _MOST_BYTES:
        raise NoDocumentError(served.version, name)
    return content
