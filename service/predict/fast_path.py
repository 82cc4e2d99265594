"""The fast path of `POST /predict`: a request that arrives whole is answered by callbacks, without a task.

A task, its coroutines and ASGI's messages cost more than the checks and the model. Whatever is less plain, as
a body that comes in parts or compressed, goes through ASGI; both call the same functions, and nobody sees a
difference.
"""

import asyncio

from pricerange.errors import PriceRangeError
from service.errors import BodyTooLargeError
from service.http import deadline
from service.http.body import JSON, media_type_of
from service.http.framing.head import Head
from service.http.keys.check import ApiKeys
from service.http.keys.key import charge
from service.http.problems import rejection
from service.http.reply import lines_of_reply
from service.http.request_state import RequestState
from service.model.batcher import PhoneAnswer
from service.predict.endpoint import PATH, PredictEndpoint


class FastPath:
    """Answers the requests of the one route."""

    def __init__(self, endpoint: PredictEndpoint, keys: ApiKeys | None, request_timeout: float) -> None:
        self._endpoint = endpoint
        self._keys = keys
        self._request_timeout = request_timeout

    def takes(self, head: Head) -> bool:
        """Return whether a request is of the route, and its body is plain."""
        plain = head.path == PATH and head.method == "POST" and not head.query
        return plain and b"content-encoding" not in head.by_name

    def begin(self, state: RequestState, body: bytes) -> None:
        """Ask for the answer to a request; it is written in a later iteration of the event loop."""
        try:
            seconds = state.head.seconds
            if seconds is None:
                seconds = self._check(state)
            elif self._keys is not None:
                self._keys.check(state)  # a key may be valid no longer
            state.route = PATH
            if state.key is not None:
                charge(state, 1)
            self._endpoint.batcher.submit_phone(_Asked(body, seconds, state, self._endpoint))
        except PriceRangeError as error:
            # later, for it may begin the next request of the connection
            asyncio.get_running_loop().call_soon(_reject, state, error)

    def _check(self, state: RequestState) -> float:
        """Check what a request says before its body; note and return the seconds that it may take."""
        head = state.head
        seconds = deadline.of(head.by_name, self._request_timeout, 0.0).seconds
        if self._keys is not None:
            self._keys.check(state)
        state.route = PATH  # not before: without a key no request gets as far as the router
        media_type_of(head.by_name, (JSON,))
        if head.length is not None and head.length > self._endpoint.limit:
            raise BodyTooLargeError(self._endpoint.limit)
        head.seconds = seconds
        return seconds


class _Asked:
    """One phone that is asked about. It takes the answer as a future would, and writes it."""

    __slots__ = ("_endpoint", "asked", "seconds", "state", "when")

    def __init__(self, body: bytes, seconds: float, state: RequestState, endpoint: PredictEndpoint) -> None:
        self.asked = body
        self.seconds = seconds
        self.when = state.began + seconds
        self.state = state
        self._endpoint = endpoint

    def done(self) -> bool:
        """Return whether the request is answered."""
        return self.state.recorded

    def set_result(self, answer: PhoneAnswer) -> None:
        """Write the answer."""
        body = self._endpoint.write(answer)
        self.state.answer(200, lines_of_reply(body), body)

    def set_exception(self, error: Exception) -> None:
        """Write the rejection."""
        _reject(self.state, error)


def _reject(state: RequestState, error: Exception) -> None:
    reply = rejection(error, state)
    state.answer(reply.status_code, reply.header_lines, reply.body)
