"""The client for threads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ssl import SSLContext
from time import sleep
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


class Client:
    """Asks the service; safe to be shared by threads. Its connections stay open until it is closed.

    A call ends within its timeout, all attempts together, and tells the service so. It is tried again where
    the connection fails, and where the service says that it has too much to do (503, 429), after the pause
    that it asks for, unless that is longer than the time left. All errors are a `ClientError`.
    """

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
        """Ask the service at a URL, which may have a path.

        `timeout` are the seconds of a call, `retries` how many times it is tried again at most. `verify` may
        name a file of certificates that are trusted (PEM). `headers` go with each request; `connections` are
        open at once at most. Raises `ValueError` for what is no URL of HTTP, or no key.
        """
        self._connection = Connection(
            base_url,
            api_key=api_key,
            timeout=timeout,
            retries=retries,
            verify=verify,
            headers=headers,
            connections=connections,
        )
        self._http = httpx.Client(**self._connection.options)

    def predict(self, phone: PhoneLike, **options: Unpack[PredictOptions]) -> Answer:
        """Return the price range of a phone."""
        return self.send(call.predict(phone, options))

    @overload
    def predict_batch(self, phones: Table, **options: Unpack[BatchOptions]) -> Table: ...
    @overload
    def predict_batch(  # type: ignore[overload-overlap]
        self, phones: Sequence[PhoneLike], **options: Unpack[BatchOptions]
    ) -> list[RowAnswer]: ...
    @overload
    def predict_batch(self, phones: Iterable[Table], **options: Unpack[BatchOptions]) -> Iterator[Table]: ...
    @overload
    def predict_batch(
        self, phones: Iterable[PhoneLike], **options: Unpack[BatchOptions]
    ) -> Iterator[RowAnswer]: ...
    def predict_batch(self, phones: Any, **options: Unpack[BatchOptions]) -> Any:
        """Return the price ranges of many phones, in their order.

        Of a table a table of the same kind, the columns of answers; of pandas with the same index. Of a list
        a list. Of any other iterable, of any length, an iterator: phones are taken from it while answers are
        taken from that, `rows_a_request` at a time; it may yield tables too, each answered by a table.

        Each piece is a call with a timeout of its own, and is answered by one version.
        """
        call.common(options, BatchOptions)  # at once, not with the first answer
        if kind := kind_of(phones):
            return self._table(kind, phones, options)
        batch.require_phones(phones)
        answers = self._stream(phones, options)
        return list(answers) if isinstance(phones, Sequence) else answers

    def explain(self, phone: PhoneLike, **options: Unpack[ExplainOptions]) -> Answer:
        """Return the price range of a phone, and why it is that: what each feature adds to the answer."""
        return self.send(call.explain(phone, options))

    def what_if(
        self,
        phone: PhoneLike,
        price_range: int,
        features: Sequence[str] | None = None,
        **options: Unpack[CallOptions],
    ) -> WhatIf:
        """Return the smallest changes, of these features if named, that move a phone to a price range."""
        return self.send(call.what_if(phone, price_range, features, options))

    def curve(
        self,
        phone: PhoneLike,
        feature: str,
        points: int = 50,
        within: Within = "training_range",
        **options: Unpack[CallOptions],
    ) -> Curve:
        """Return how the answer to a phone runs over the values of a feature."""
        return self.send(call.curve(phone, feature, points, within, options))

    def model(self, **options: Unpack[CallOptions]) -> Model:
        """Return which version is served, the stable one, and what it says of itself."""
        return self.send(call.model(options))

    def rollout(self, **options: Unpack[CallOptions]) -> Rollout:
        """Return which versions serve whom, how they agree, and where every worker stands."""
        return self.send(call.rollout(options))

    def reload_rollout(self, **options: Unpack[CallOptions]) -> Rollout:
        """Have the rollout file followed now, and return how versions serve then.

        It is sent once, whatever becomes of it, and needs an API key with the role admin where there are any.
        """
        return self.send(call.reload_rollout(options))

    def is_ready(self, **options: Unpack[CallOptions]) -> bool:
        """Whether the service answers now; it is not waited for."""
        try:
            self.send(call.ready(options))
        except ClientError as error:
            if not may_pass(error):
                raise
            return False
        return True

    def send(self, asked: Call[T]) -> T:
        """Make a call of `pricerange_client.call`, in as many attempts as it takes. Raises `ClientError`."""
        attempts = self._connection.attempts(asked)
        while True:
            try:
                return self._connection.result(asked, self._received(asked, attempts))
            except httpx.RequestError as failure:
                error = attempts.failed(failure)
            except ClientError as failure:
                error = failure
            sleep(attempts.pause(error, retried=asked.retried))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _table(self, kind: TableKind, table: Any, options: BatchOptions, before: int = 0) -> Any:
        calls = batch.of_table(kind, table, options, before)
        return kind.joined([self.send(one) for one in calls])

    def _stream(self, phones: Iterable[Any], options: BatchOptions) -> Iterator[Any]:
        before = 0
        for group in batch.groups(phones, options):
            if kind := kind_of(group):
                yield self._table(kind, group, options, before)
            else:
                yield from self.send(batch.of_phones(group, options, before))
            before += len(group)

    def _received(self, asked: Call[Any], attempts: Attempts) -> Received:
        request = self._connection.request(self._http, asked, attempts)
        request.extensions["trace"] = attempts.bounding(request.extensions["timeout"])
        response = self._http.send(request, stream=True)
        try:
            parts = []
            for part in response.iter_bytes():
                parts.append(part)
                if attempts.left <= 0:
                    raise attempts.timed_out()
        finally:
            response.close()
        return Received(str(request.url), response.status_code, response.headers, b"".join(parts))
