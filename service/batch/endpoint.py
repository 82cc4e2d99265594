"""`POST /predict/batch`: many phones, answered in order and in the form that they are sent in, or in another.

CSV, NDJSON and Arrow may have any length. They are read, checked and answered block by block while they
arrive; the answer is kept until the last row is known to be good, so that its status is true and a client may
send all of its body before it reads.
"""

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pricerange.answer.applicability import WithinRange
from pricerange.answer.columns import Worth
from pricerange.answer.prediction_sets import abstains
from pricerange.answer.reasons import Explanations
from pricerange.bundle import Bundle
from pricerange.machine import descriptors
from pricerange.phone import LABELS, Problem
from pricerange.predictor import Prediction
from pricerange.tables.errors import BrokenBlockError
from service.batch.answers import (
    COLUMNS,
    MEMBERS,
    ArrowWriter,
    BlockAnswers,
    CsvWriter,
    JsonWriter,
    NdjsonWriter,
    Told,
    Writer,
)
from service.batch.averaged import AveragedPhones
from service.batch.bodies.arrow_body import arrow_blocks
from service.batch.bodies.csv_body import csv_blocks
from service.batch.bodies.json_body import JsonReader
from service.batch.bodies.ndjson_body import ndjson_blocks
from service.batch.bodies.recognised import recognised
from service.batch.bodies.rows import Block, BlockWork, CheckedRows, OnBadRow, of_row
from service.batch.document import ARROW, CSV, FORMS, NDJSON, READ_AS, TSV, answer_document, request_document
from service.batch.kept import TIMES_WRITTEN, Kept
from service.batch.query import Asked, asked_of, form_of_answer
from service.batch.spool import Spool
from service.errors import (
    ClientDisconnectedError,
    InvalidInputError,
    NoDescriptorError,
    OutOfRangeError,
)
from service.http import deadline
from service.http.body import JSON, media_type_of
from service.http.budget import Budget
from service.http.keys.key import charge_in_turn
from service.http.openapi import problem_responses
from service.http.request_state import RequestState
from service.model.batcher import Batcher
from service.model.decoded import parts, whole
from service.model.explaining import Explaining, require
from service.model.in_pieces import predict_in_pieces
from service.model.sets import SETS_HEADER, AskedSets
from service.model.time_slices import TimeSlices
from service.model.unknown import is_asked
from service.settings import Settings

_PROBLEMS = (400, 408, 413, 415, 422, 503, 504, 507)
_STREAM_BYTES = 2 << 20
"""Memory of a request of any length: a block, its rows, its answers, and what is not yet on the disk."""
_JSON_TIMES = 12
"""How many times its size a body of JSON takes once it is parsed."""
_FILES_OF_AN_IMPORT = 8
"""File descriptors that an import needs at once, and some more for other threads."""
_REASONS_A_SLICE = 16
"""Bad rows whose reasons are told in one time slice: as long as many good ones take."""


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

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        batcher: Batcher,
        slices: TimeSlices,
        version: Bundle,
        settings: Settings,
        spool_budget: Budget,
        explaining: Explaining | None,
    ) -> None:
        self._explaining = explaining
        self._batcher = batcher
        self._slices = slices
        self._version = version
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
        told = self._told(asked)
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
            writer = self._writer(answer_form, asked.on_bad_row, kept, told)
            list_at = "/phones" if form == JSON else ""
            await self._work(state, blocks, writer, asked.on_bad_row, kept, told, list_at, spool)
            return await spool.response(answer_form.encode(), _headers(said, told))
        except BaseException:
            spool.close()
            raise

    async def _work(  # noqa: PLR0913, PLR0917
        self,
        state: RequestState,
        blocks: AsyncIterator[BlockWork],
        writer: Writer,
        on_bad_row: OnBadRow,
        kept: Kept | None,
        told: Told,
        list_at: str,
        spool: Spool,
    ) -> None:
        """Answer the blocks one after the other, into the spool, as long as somebody waits for them."""
        rows = 0
        begun = False
        averaged = AveragedPhones(self._batcher.averages if told.unknown else None)
        try:
            async for work in blocks:
                if state.disconnected:
                    raise ClientDisconnectedError(0)
                block, cells = await self._slices.run(self._within_range(work), begun=rows > 0)
                await charge_in_turn(state, len(block.rows), begun=rows > 0)
                if told.explaining:
                    told.explaining.require_few(rows + len(block.rows))
                held = 0
                if kept is not None and cells is not None:
                    kept.count(cells, state.received)
                    held = TIMES_WRITTEN * cells.size
                    state.hold(held)
                reasons = {}
                if not block.valid.all():
                    if on_bad_row == "fail":
                        raise _bad_row(block, rows, list_at)
                    reasons = await self._reasons(block)
                averaged.count(block.rows, state.received)
                prediction = await self._predict(block, told.unknown, patient=rows > 0)
                self._batcher.log("batch", state, block.rows, prediction, first=rows + 1, valid=block.valid)
                if not begun:
                    await spool.write(writer.head())
                    begun = True
                worth = replace(
                    await self._worth(told, block, prediction),
                    explanations=await _explanations(state, told, block, prediction, begun=rows > 0),
                )
                answers = BlockAnswers(prediction, reasons, cells, worth, block.rows)
                await spool.write(await self._slices.run(partial(writer.block, answers), begun=True))
                state.release(held)
                rows += len(block.rows)
                deadline.renew(monotonic())
        except BrokenBlockError as error:
            raise _broken(error, rows) from error
        if not begun:
            await spool.write(writer.head())
        await spool.write(writer.tail())

    async def _blocks(  # noqa: PLR0913, PLR0917
        self,
        request: Request,
        state: RequestState,
        form: str,
        asked: Asked,
        kept: Kept | None,
        said: list[str],
    ) -> AsyncIterator[BlockWork]:
        unknown = asked.unknown is not None
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

    def _told(self, asked: Asked) -> Told:
        """Return what is told beside the answers. Raises `InvalidInputError`."""
        sets = None if asked.sets is None else AskedSets(self._version, asked.sets)
        explaining = require(self._explaining, self._version.version) if asked.explain else None
        unknown = is_asked(asked.unknown, self._version)
        applicability = self._batcher.out_of_range == "flag"
        return Told(
            self._batcher.region, applicability, sets, self._batcher.deciding, explaining, unknown=unknown
        )

    def _within_range(self, work: BlockWork) -> BlockWork:
        """Have phones that are not in range taken for bad rows, where they are refused."""
        if self._batcher.out_of_range != "refuse":
            return work

        def checked() -> Block:
            block, cells = work()
            within = WithinRange(block, self._batcher.region)
            self._batcher.count(within.phones)
            return Block(within, cells)

        return checked

    def _writer(self, form: str, on_bad_row: OnBadRow, kept: Kept | None, told: Told) -> Writer:
        if form == CSV:
            return CsvWriter(kept, told)
        if form == ARROW:
            return ArrowWriter(kept, told)
        if form == NDJSON:
            return NdjsonWriter(kept, on_bad_row == "null", told)
        return JsonWriter(self._version, kept, on_bad_row == "null", told)

    async def _predict(self, block: CheckedRows, unknown: bool, patient: bool) -> Prediction:
        """Answer a block's phones; a row that is none has 0 throughout."""
        ask = partial(predict_in_pieces, self._batcher, unknown=unknown, patient=patient)
        if block.valid.all():
            return await ask(block.rows)
        probabilities = np.zeros((len(block.rows), len(LABELS)), np.float32)
        price_range = np.zeros(len(block.rows), np.int64)
        if block.valid.any():
            found = await ask(block.rows[block.valid])
            probabilities[block.valid], price_range[block.valid] = found.probabilities, found.price_range
        return Prediction(probabilities, price_range)

    async def _worth(self, told: Told, block: CheckedRows, prediction: Prediction) -> Worth:
        if not told.unknown:
            return _worth(told, block, prediction, None)
        # distances of phones with gaps take a while
        work = partial(_worth, told, block, prediction, np.isnan(block.rows))
        return await self._slices.run(work, begun=True)

    async def _reasons(self, block: CheckedRows) -> dict[int, str]:
        reasons: dict[int, str] = {}
        bad = np.flatnonzero(~block.valid).tolist()
        for start in range(0, len(bad), _REASONS_A_SLICE):
            some = bad[start : start + _REASONS_A_SLICE]
            reasons |= await self._slices.run(partial(_details, block, some), begun=True)
        return reasons


def _worth(
    told: Told, block: CheckedRows, prediction: Prediction, unknown: npt.NDArray[np.bool_] | None
) -> Worth:
    sets = told.sets.of(prediction.probabilities, unknown) if told.sets else None
    costs = told.deciding.costs
    return Worth(
        told.region.of(block.rows) if told.applicability else None,
        sets,
        abstains(sets) if sets is not None and told.deciding.abstain else None,
        costs.decide(prediction.probabilities) if costs else None,
        unknown=unknown,
    )


async def _explanations(
    state: RequestState, told: Told, block: CheckedRows, prediction: Prediction, *, begun: bool
) -> Explanations | None:
    """Explain the answers to a block's phones, if that is asked for; a row that is none has 0 throughout."""
    if told.explaining is None:
        return None
    phones, price_range = block.rows[block.valid], prediction.price_range[block.valid]
    found = await told.explaining.many(state, phones, price_range, begun=begun)
    return found.spread(block.valid)


def _headers(said: Sequence[str], told: Told) -> list[tuple[bytes, bytes]]:
    """Return the headers that say what was guessed, and what sets promise, if there are any."""
    guesses = "; ".join(filter(None, said))
    read_as = [(READ_AS.lower().encode(), guesses.encode())] if guesses else []
    return read_as + ([(SETS_HEADER.lower().encode(), told.sets.header)] if told.sets else [])


def _bad_row(block: CheckedRows, before: int, list_at: str) -> InvalidInputError:
    """Name the first bad row of a block by its number, and each of its values that is wrong.

    The list of rows stands at `list_at` in the body.
    """
    place = int(np.argmin(block.valid))
    problems = of_row(before + place, block.problems(place), list_at)
    is_refused = isinstance(block, WithinRange) and block.is_refused(place)
    return (OutOfRangeError if is_refused else InvalidInputError)(problems, len(problems))


def _broken(error: BrokenBlockError, before: int) -> InvalidInputError:
    problems = [Problem(error.reason, "")]
    return InvalidInputError(problems if error.row is None else of_row(before + error.row, problems), 1)


def _details(block: CheckedRows, rows: Sequence[int]) -> dict[int, str]:
    return {row: block.detail(row) for row in rows}


async def _load_arrow() -> None:
    """Import Arrow for the first request that needs it, on a thread: it takes a tenth of a second.

    Raises `NoDescriptorError`, since an import that breaks off halfway may not be begun again.
    """
    for module in ("pyarrow.csv", "pyarrow.ipc", "pyarrow.compute"):
        if module not in sys.modules:
            if descriptors.left() < _FILES_OF_AN_IMPORT:
                raise NoDescriptorError(descriptors.limit())
            await asyncio.to_thread(importlib.import_module, module)
