"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, overload

import httpx

from pricerange_client import batch, call
from pricerange_client.answers import Answer, Curve, RowAnswer, WhatIf, Within
from pricerange_client.attempts import Attempts, may_pass
from pricerange_client.call import BatchOptions, Call, CallOptions, ExplainOptions, PredictOptions, Received
from pricerange_client.connection import DEFAULT_RETRIES, DEFAULT_TIMEOUT, Connection
from pricerange_client.errors import ClientError
from pricerange_client.phone import PhoneLike
from pricerange_client.tables import ArrowTable, TableKind, kind_of
from pricerange_client.versions import Model, Rollout

T = TypeVar("T")
Table = TypeVar("Table", bound=ArrowTable)


class AsyncClient:
    """Asks the service as `Client` does, without holding up the event loop meanwhile."""

    def __init__(  # noqa: PLR0913
        self,
        base_url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        retries: int = DEFAULT_RETRIES,
        verify: bool | str | SSLContext = True,
        headers: Mapping[str, str] | None = None,
        connections: int = 100,
    ) -> None:
        """Take what `Client` takes."""
        self._connection = Connection(
            base_url,
            api_key=api_key,
            timeout=timeout,
            retries=retries,
            verify=verify,
            headers=headers,
            connections=connections,
        )
        self._http = httpx.AsyncClient(**self._connection.options)

    async def predict(self, phone: PhoneLike, **options: Unpack[PredictOptions]) -> Answer:
        """Return the price range of a phone."""
        return await self.send(call.predict(phone, options))

    @overload
    def predict_batch(self, phones: Table, **options: Unpack[BatchOptions]) -> Awaitable[Table]: ...
    @overload
    def predict_batch(  # type: ignore[overload-overlap]
        self, phones: Sequence[PhoneLike], **options: Unpack[BatchOptions]
    ) -> Awaitable[list[RowAnswer]]: ...
    @overload
    def predict_batch(
        self, phones: Iterable[Table] | AsyncIterable[Table], **options: Unpack[BatchOptions]
    ) -> AsyncIterator[Table]: ...
    @overload
    def predict_batch(
        self, phones: Iterable[PhoneLike] | AsyncIterable[PhoneLike], **options: Unpack[BatchOptions]
    ) -> AsyncIterator[RowAnswer]: ...
    def predict_batch(self, phones: Any, **options: Unpack[BatchOptions]) -> Any:
        """Return the price ranges of many phones, in their order, as `Client.predict_batch` does.

        Tables and lists are awaited; of any other iterable, asynchronous or not, answers are iterated over.
        """
        call.common(options, BatchOptions)  # at once, not with the first answer
        if kind := kind_of(phones):
            return self._table(kind, phones, options)
        batch.require_phones(phones)
        answers = self._stream(phones, options)
        return _list(answers) if isinstance(phones, Sequence) else answers

    async def explain(self, phone: PhoneLike, **options: Unpack[ExplainOptions]) -> Answer:
        """Return the price range of a phone, and why it is that: what each feature adds to the answer."""
        return await self.send(call.explain(phone, options))

    async def what_if(
        self,
        phone: PhoneLike,
        price_range: int,
        features: Sequence[str] | None = None,
        **options: Unpack[CallOptions],
    ) -> WhatIf:
        """Return the smallest changes, of these features if named, that move a phone to a price range."""
        return await self.send(call.what_if(phone, price_range, features, options))

    async def curve(
        self,
        phone: PhoneLike,
        feature: str,
        points: int = 50,
        within: Within = "training_range",
        **options: Unpack[CallOptions],
    ) -> Curve:
        """Return how the answer to a phone runs over the values of a feature."""
        return await self.send(call.curve(phone, feature, points, within, options))

    async def model(self, **options: Unpack[CallOptions]) -> Model:
        """Return which version is served, the stable one, and what it says of itself."""
        return await self.send(call.model(options))

    async def rollout(self, **options: Unpack[CallOptions]) -> Rollout:
        """Return which versions serve whom, how they agree, and where every worker stands."""
        return await self.send(call.rollout(options))

    async def reload_rollout(self, **options: Unpack[CallOptions]) -> Rollout:
        """Have the rollout file followed now, as `Client.reload_rollout` does."""
        return await self.send(call.reload_rollout(options))

    async def is_ready(self, **options: Unpack[CallOptions]) -> bool:
        """Whether the service answers now; it is not waited for."""
        try:
            await self.send(call.ready(options))
        except ClientError as error:
            if not may_pass(error):
                raise
            return False
        return True

    async def send(self, asked: Call[T]) -> T:
        """Make a call of `pricerange_client.call`, in as many attempts as it takes. Raises `ClientError`."""
        attempts = self._connection.attempts(asked)
        while True:
            try:
                return self._connection.result(asked, await self._received(asked, attempts))
            except httpx.RequestError as failure:
                error = attempts.failed(failure)
            except TimeoutError:
                raise attempts.timed_out() from None
            except ClientError as failure:
                error = failure
            await asyncio.sleep(attempts.pause(error, retried=asked.retried))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _table(self, kind: TableKind, table: Any, options: BatchOptions, before: int = 0) -> Any:
        calls = batch.of_table(kind, table, options, before)
        return kind.joined([await self.send(one) for one in calls])

    async def _stream(
        self, phones: Iterable[Any] | AsyncIterable[Any], options: BatchOptions
    ) -> AsyncIterator[Any]:
        before = 0
        async for group in batch.groups_of_stream(_asynchronous(phones), options):
            if kind := kind_of(group):
                yield await self._table(kind, group, options, before)
            else:
                for answer in await self.send(batch.of_phones(group, options, before)):
                    yield answer
            before += len(group)

    async def _received(self, asked: Call[Any], attempts: Attempts) -> Received:
        request = self._connection.request(self._http, asked, attempts)
        async with asyncio.timeout(attempts.left):
            response = await self._http.send(request)
        return Received(str(request.url), response.status_code, response.headers, response.content)


async def _list(answers: AsyncIterator[T]) -> list[T]:
    return [one async for one in answers]


async def _asynchronous(phones: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if isinstance(phones, AsyncIterable):
        async for phone in phones:
            yield phone
    else:
        for phone in phones:
            yield phone
