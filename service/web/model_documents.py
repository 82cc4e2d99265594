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
_MOST_BYTES = 1 << 21
"""Of a document, and of the pictures of a card: what training writes takes a tenth."""
_MOST_CARD_BYTES = 1 << 15
"""Of a card that becomes a page, whose time may grow with the square of its length; a longer one is text."""
_HTML = "text/html; charset=utf-8"

_Make = Callable[[Served], Asset]


class ModelDocuments:
    """Reads the documents of versions, each once."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._made: WeakKeyDictionary[Served, dict[_Make, Asset]] = WeakKeyDictionary()
        self._making = asyncio.Lock()

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
            async with self._making:
                if make not in made:
                    made[make] = await asyncio.to_thread(make, served)
        return made[make].answer(RequestState.of(request.scope).head.by_name)


def _markdown(served: Served) -> Asset:
    content = _read(served, _CARD)
    return Asset.of(content, "text/markdown; charset=utf-8", vary="Accept, Accept-Encoding")


def _card(served: Served) -> Asset:
    from service.web import card

    content = _read(served, _CARD)
    if len(content) > _MOST_CARD_BYTES:
        return _markdown(served)
    left = _MOST_BYTES

    def picture(name: str) -> bytes:
        nonlocal left
        try:
            found = _read(served, name)
        except NoDocumentError:
            return b""
        left -= len(found)
        return found if left >= 0 else b""

    html = card.page(content.decode(errors="replace"), LINKS, picture)
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
