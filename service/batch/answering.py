"""A batch on its way: its blocks are answered one after the other, all by one version."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic

import numpy as np
import numpy.typing as npt

from pricerange.answer.applicability import WithinRange
from pricerange.answer.columns import Worth
from pricerange.answer.prediction_sets import abstains
from pricerange.answer.reasons import Explanations
from pricerange.bundle import Bundle
from pricerange.phone import LABELS, Problem
from pricerange.predictor import Prediction
from pricerange.tables.errors import BrokenBlockError
from service.batch.answers import BlockAnswers, Told, Writer
from service.batch.averaged import AveragedPhones
from service.batch.bodies.rows import Block, BlockWork, CheckedRows, of_row
from service.batch.kept import TIMES_WRITTEN, Kept
from service.batch.query import Asked
from service.batch.spool import Spool
from service.errors import ClientDisconnectedError, InvalidInputError, OutOfRangeError
from service.http import deadline
from service.http.keys.key import charge_in_turn
from service.http.request_state import RequestState
from service.model.batcher import Batcher
from service.model.explaining import Explanation
from service.model.in_pieces import predict_in_pieces
from service.model.sets import AskedSets
from service.model.time_slices import TimeSlices
from service.model.unknown import require_averages
from service.versions.live import Choice, Live
from service.versions.served import Served

_REASONS_A_SLICE = 16
"""Bad rows whose reasons are told in one time slice: as long as many good ones take."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What answers blocks."""

    batcher: Batcher
    slices: TimeSlices
    explanation: Explanation

    def told(self, asked: Asked, served: Served) -> Told:
        """Return what a version tells beside its answers. Raises `InvalidInputError`."""
        if asked.unknown:
            require_averages(served)
        return Told(
            served.region,
            self.batcher.out_of_range == "flag",
            None if asked.sets is None else AskedSets(served, asked.sets),
            self.batcher.deciding,
            self.explanation.of(served) if asked.explain else None,
            unknown=asked.unknown,
        )


class Answering:
    """Answers the blocks of one request. Who does is known with the first phone; `told` is what it tells."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        tools: Tools,
        state: RequestState,
        asked: Asked,
        live: Live,
        told: Told,
        writer: Callable[[Told, Bundle], Writer],
        list_at: str,
    ) -> None:
        """Begin with what the stable version tells; the list of rows stands at `list_at` in the body."""
        self.told = told
        self._batcher, self._slices = tools.batcher, tools.slices
        self._tools = tools
        self._state = state
        self._asked = asked
        self._live = live
        self._make_writer = writer
        self._list_at = list_at
        self._choice: Choice | None = None
        self._rows = 0

    async def work(self, blocks: AsyncIterator[BlockWork], kept: Kept | None, spool: Spool) -> None:
        """Answer the blocks into the spool, as long as somebody waits for them."""
        state, writer = self._state, None
        try:
            async for work in blocks:
                if state.disconnected:
                    raise ClientDisconnectedError(0)
                block, cells = await self._slices.run(partial(self._checked, work), begun=self._rows > 0)
                await charge_in_turn(state, len(block.rows), begun=self._rows > 0)
                if self.told.explaining:
                    self.told.explaining.require_few(self._rows + len(block.rows))
                held = 0
                if kept is not None and cells is not None:
                    kept.count(cells, state.received)
                    held = TIMES_WRITTEN * cells.size
                    state.hold(held)
                reasons = {}
                if not block.valid.all():
                    if self._asked.on_bad_row == "fail":
                        raise _bad_row(block, self._rows, self._list_at)
                    reasons = await self._reasons(block)
                prediction, served = await self._predict(block)
                if writer is None:
                    writer = self._make_writer(self.told, served.bundle)
                    await spool.write(writer.head())
                worth = replace(
                    await self._worth(block, prediction),
                    explanations=await self._explanations(block, prediction),
                )
                answers = BlockAnswers(prediction, reasons, cells, worth, block.rows)
                await spool.write(await self._slices.run(partial(writer.block, answers), begun=True))
                state.release(held)
                self._rows += len(block.rows)
                deadline.renew(monotonic())
        except BrokenBlockError as error:
            raise _broken(error, self._rows) from error
        if writer is None:
            writer = self._make_writer(self.told, self._live.stable.bundle)
            await spool.write(writer.head())
        await spool.write(writer.tail())

    def _checked(self, work: BlockWork) -> Block:
        """Read and check a block, and choose who answers if it is the first.

        Phones that are not in range are bad rows where they are refused.
        """
        block, cells = work()
        if self._choice is None:
            self._choose(self._live.of_request(block.rows[block.valid][:1], self._state))
        if self._batcher.out_of_range != "refuse":
            return Block(block, cells)
        within = WithinRange(block, self.told.region)
        self._batcher.count(within.phones)
        return Block(within, cells)

    def _choose(self, choice: Choice) -> None:
        self._choice = choice
        self._state.answerer = choice.served.seat
        self.told = self._tools.told(self._asked, choice.served)
        self._averaged = AveragedPhones(choice.served.averages if self.told.unknown else None)

    async def _predict(self, block: CheckedRows) -> tuple[Prediction, Served]:
        """Answer a block's phones, and say who did; a row that is none has 0 throughout.

        The first block may be answered by the version instead, and all others then too.
        """
        assert self._choice is not None
        first = self._rows == 0
        self._averaged.count(block.rows, self._state.received)
        choice = self._choice if first else Choice(self._choice.served)
        phones = block.rows if block.valid.all() else block.rows[block.valid]
        prediction, served = await predict_in_pieces(
            self._batcher, phones, choice, unknown=self.told.unknown, patient=not first
        )
        if served is not choice.served:
            self._choose(Choice(served))
            self._averaged.count(block.rows, self._state.received)
        if len(phones) < len(block.rows):
            prediction = _spread(prediction, block.valid)
        self._batcher.log(
            "batch", self._state, block.rows, prediction, served, first=self._rows + 1, valid=block.valid
        )
        return prediction, served

    async def _worth(self, block: CheckedRows, prediction: Prediction) -> Worth:
        if not self.told.unknown:
            return _worth(self.told, block, prediction, None)
        # distances of phones with gaps take a while
        work = partial(_worth, self.told, block, prediction, np.isnan(block.rows))
        return await self._slices.run(work, begun=True)

    async def _explanations(self, block: CheckedRows, prediction: Prediction) -> Explanations | None:
        """Explain the answers to a block's phones, if asked for; a row that is none has 0 throughout."""
        if self.told.explaining is None:
            return None
        phones, price_range = block.rows[block.valid], prediction.price_range[block.valid]
        found = await self.told.explaining.many(self._state, phones, price_range, begun=self._rows > 0)
        return found.spread(block.valid)

    async def _reasons(self, block: CheckedRows) -> dict[int, str]:
        reasons: dict[int, str] = {}
        bad = np.flatnonzero(~block.valid).tolist()
        for start in range(0, len(bad), _REASONS_A_SLICE):
            some = bad[start : start + _REASONS_A_SLICE]
            reasons |= await self._slices.run(partial(_details, block, some), begun=True)
        return reasons


def _spread(found: Prediction, valid: npt.NDArray[np.bool_]) -> Prediction:
    """Return answers to n rows of which those are known that are phones, bool [n]."""
    probabilities = np.zeros((len(valid), len(LABELS)), np.float32)
    price_range = np.zeros(len(valid), np.int64)
    probabilities[valid], price_range[valid] = found.probabilities, found.price_range
    return Prediction(probabilities, price_range)


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
