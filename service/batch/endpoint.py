"""`POST /predict/batch`: many phones, answered in order and in the form that they are sent in, or in another.

CSV, NDJSON and Arrow may have any length. They are read, checked and answered block by block while they
arrive; the answer is kept until the last row is known to be good, so that its status is true and a client may
send all of its body before it reads.
"""

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator, Sequence
from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pricerange.bundle import Bundle
from pricerange.machine import descriptors
from service.batch.answering import Answering, Tools
from service.batch.answers import (
    COLUMNS,
    MEMBERS,
    ArrowWriter,
    CsvWriter,
    JsonWriter,
    NdjsonWriter,
    Told,
    Writer,
)
from service.batch.bodies.arrow_body import arrow_blocks
from service.batch.bodies.csv_body import csv_blocks
from service.batch.bodies.json_body import JsonReader
from service.batch.bodies.ndjson_body import ndjson_blocks
from service.batch.bodies.recognised import recognised
from service.batch.bodies.rows import BlockWork, OnBadRow
from service.batch.document import ARROW, CSV, FORMS, NDJSON, READ_AS, TSV, answer_document, request_document
from service.batch.kept import Kept
from service.batch.query import Asked, asked_of, form_of_answer
from service.batch.spool import Spool
from service.errors import NoDescriptorError
from service.http.body import JSON, media_type_of
from service.http.budget import Budget
from service.http.openapi import problem_responses
from service.http.request_state import RequestState
from service.model.batcher import Batcher
from service.model.decoded import parts, whole
from service.model.explaining import Explanation
from service.model.sets import SETS_HEADER
from service.model.time_slices import TimeSlices
from service.settings import Settings

_PROBLEMS = (400, 408, 413, 415, 422, 503, 504, 507)
_STREAM_BYTES = 2 << 20
"""Memory of a request of any length: a block, its rows, its answers, and what is not yet on the disk."""
_JSON_TIMES = 12
"""How many times its size a body of JSON takes once it is parsed."""
_FILES_OF_AN_IMPORT = 8
"""File descriptors that an import needs at once, and some more for other threads."""


def add_batch(router: APIRouter, endpoint: "BatchEndpoint") -> None:
    """Add the route to a router."""
    router.add_api_route(
        "/predict/batch",
        endpoint.predict,
        methods=["POST"],
        summary="Price ranges of many phones",
        responses={200: answer_document(), **problem_responses(*_PROBLEMS)},
        openapi_extra=request_document(),
    )


class BatchEndpoint:
    """Answers batches, all of them in time slices."""

    def __init__(
        self,
        batcher: Batcher,
        slices: TimeSlices,
        settings: Settings,
        spool_budget: Budget,
        explanation: Explanation,
    ) -> None:
        self._explanation = explanation
        self._batcher = batcher
        self._slices = slices
        self._settings = settings
        self._spool_budget = spool_budget
        self._json = JsonReader(settings.max_rows)

    async def predict(self, request: Request) -> Response:
        """Answer a request."""
        state = RequestState.of(request.scope)
        headers = state.head.by_name
        form = media_type_of(headers, (*FORMS, TSV))
        form = CSV if form == TSV else form
        answer_form = form_of_answer(headers, form)
        asked = asked_of(request, form)
        live = self._batcher.versions.live
        tools = Tools(self._batcher, self._slices, self._explanation)
        # a parameter that the stable version cannot take is refused before any row is read
        told = tools.told(asked, live.stable)
        # what only a setting adds is no name of an answer's without it
        taken = (*COLUMNS, *told.beside.names) if answer_form in (CSV, ARROW) else (*MEMBERS, *told.members)
        kept = Kept(asked.columns, taken) if asked.columns else None
        if ARROW in (form, answer_form) or form == CSV:
            await _load_arrow()
        state.hold(_STREAM_BYTES)
        spool = Spool(self._spool_budget)
        try:
            said: list[str] = []
            blocks = self._blocks(request, state, form, asked, kept, said)
            writer_of = partial(_writer, answer_form, asked.on_bad_row, kept)
            list_at = "/phones" if form == JSON else ""
            answering = Answering(tools, state, asked, live, told, writer_of, list_at)
            await answering.work(blocks, kept, spool)
            return await spool.response(answer_form.encode(), _headers(said, answering.told))
        except BaseException:
            spool.close()
            raise

    async def _blocks(  # noqa: PLR0913, PLR0917
        self,
        request: Request,
        state: RequestState,
        form: str,
        asked: Asked,
        kept: Kept | None,
        said: list[str],
    ) -> AsyncIterator[BlockWork]:
        unknown = asked.unknown
        if form == JSON:
            body = await whole(request, self._settings.max_body_bytes, self._slices)
            state.hold(_JSON_TIMES * len(body))
            yield partial(self._json.block_of, body, asked.on_bad_row, kept, unknown)
            return
        received = recognised(parts(request, self._settings.max_stream_bytes, self._slices), form)
        if form == CSV:
            blocks = csv_blocks(received, kept, asked.dialect, said, unknown)
        elif form == NDJSON:
            blocks = ndjson_blocks(received, asked.on_bad_row, kept, unknown)
        else:
            blocks = arrow_blocks(received, state, kept, said, unknown)
        async for work in blocks:
            yield work


def _writer(form: str, on_bad_row: OnBadRow, kept: Kept | None, told: Told, version: Bundle) -> Writer:
    if form == CSV:
        return CsvWriter(kept, told)
    if form == ARROW:
        return ArrowWriter(kept, told)
    if form == NDJSON:
        return NdjsonWriter(kept, on_bad_row == "null", told)
    return JsonWriter(version, kept, on_bad_row == "null", told)


def _headers(said: Sequence[str], told: Told) -> list[tuple[bytes, bytes]]:
    """Return the headers that say what was guessed, and what sets promise, if there are any."""
    guesses = "; ".join(filter(None, said))
    read_as = [(READ_AS.lower().encode(), guesses.encode())] if guesses else []
    return read_as + ([(SETS_HEADER.lower().encode(), told.sets.header)] if told.sets else [])


async def _load_arrow() -> None:
    """Import Arrow for the first request that needs it, on a thread: it takes a tenth of a second.

    Raises `NoDescriptorError`, since an import that breaks off halfway may not be begun again.
    """
    for module in ("pyarrow.csv", "pyarrow.ipc", "pyarrow.compute"):
        if module not in sys.modules:
            if descriptors.left() < _FILES_OF_AN_IMPORT:
                raise NoDescriptorError(descriptors.limit())
            await asyncio.to_thread(importlib.import_module, module)
