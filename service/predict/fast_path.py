"""The fast path of `POST /predict`: a request that arrives whole is answered by callbacks, without a task.

A task, its coroutines and ASGI's messages cost more than the checks and the model. Whatever is less plain, as
a body in several parts, goes through ASGI; both call the same functions, and nobody sees a difference.
"""

import asyncio

from pricerange.errors import PriceRangeError
from service.errors import BodyTooLargeError
from service.http import deadline
from service.http.api_keys import ApiKeys
from service.http.body import JSON, media_type_of
from service.http.problems import rejection
from service.http.reply import headers_of_reply
from service.http.request_state import RequestState
from service.model.batcher import PhoneAnswer
from service.predict.endpoint import PATH, PredictEndpoint


class FastPath:
    """Answers the requests of the one route."""

    def __init__(self, endpoint: PredictEndpoint, keys: ApiKeys | None, request_timeout: float) -> None:
        self._endpoint = endpoint
        self._keys = keys
        self._request_timeout = request_timeout

    def takes(self, state: RequestState) -> bool:
        """Return whether a request is of the route, as far as its first line says."""
        return state.path == PATH and state.method == "POST"

    def begin(self, state: RequestState, body: bytes) -> None:
        """Ask for the answer to a request; it is written in a later iteration of the event loop."""
        state.route = PATH
        answer = _FastAnswer(state, self._endpoint)
        try:
            ends = deadline.of(state.headers, self._request_timeout, state.began)
            if self._keys is not None:
                self._keys.check(state)
            media_type_of(state.headers, (JSON,))
            if len(body) > self._endpoint.limit:
                raise BodyTooLargeError(self._endpoint.limit)
            self._endpoint.batcher.submit_phone(body, ends, answer)
        except PriceRangeError as error:
            # later, for it may begin the next request of the connection
            asyncio.get_running_loop().call_soon(answer.set_exception, error)


class _FastAnswer:
    """Takes the answer to a request as a future would, and writes it."""

    __slots__ = ("_endpoint", "_state")

    def __init__(self, state: RequestState, endpoint: PredictEndpoint) -> None:
        self._state = state
        self._endpoint = endpoint

    def done(self) -> bool:
        """Return whether the request is answered."""
        return self._state.recorded

    def set_result(self, answer: PhoneAnswer) -> None:
        """Write the answer."""
        body = self._endpoint.write(answer)
        self._state.answer(200, headers_of_reply(body), body)

    def set_exception(self, error: Exception) -> None:
        """Write the rejection."""
        reply = rejection(error, self._state)
        self._state.answer(reply.status_code, reply.raw_headers, reply.body)
