"""The short way of `POST /predict`: a request that arrives whole is answered by callbacks, without a task.

A task, its coroutines and ASGI's messages cost more than the checks and the model. Whatever is not as plain,
as a body in several parts, goes the long way; both ask the same functions, and nobody sees a difference.
"""

import asyncio

from starlette.types import Scope

from pricerange.errors import PriceRangeError
from service.errors import BodyTooLargeError
from service.http.api_keys import Keys
from service.http.body import JSON, media_type_of, refuse_upgrade
from service.http.connection import Wire
from service.http.reply import headers_of_reply
from service.http.router import DirectRoute
from service.model.batcher import PhoneAnswer
from service.predict.endpoint import Single
from service.telemetry.middleware import Observe


class Express:
    """Answers the requests of one route."""

    def __init__(self, route: DirectRoute, single: Single, keys: Keys | None, observe: Observe) -> None:
        self._route = route
        self._single = single
        self._keys = keys
        self._observe = observe

    def takes(self, scope: Scope) -> bool:
        """Return whether a request is of the route, as far as its first line says."""
        return bool(scope["path"] == self._route.path) and scope["method"] == "POST"

    def begin(self, scope: Scope, wire: Wire, body: bytearray) -> None:
        """Ask for the answer to a request; it is written in a later turn of the event loop."""
        exchange = _Exchange(scope, wire, self._single, self._observe)
        scope["route"] = self._route
        try:
            deadline = self._observe.begin(scope)
            if self._keys is not None:
                self._keys.check(scope)
            headers = scope["state"]["headers"]
            media_type_of(headers, (JSON,))
            refuse_upgrade(headers)
            if len(body) > self._single.limit:
                raise BodyTooLargeError(self._single.limit)
            self._single.gatherer.submit_phone(body, deadline, exchange)
        except PriceRangeError as error:
            # later, for it may begin the next request of the connection
            asyncio.get_running_loop().call_soon(exchange.set_exception, error)


class _Exchange:
    """A request and the way back; takes its answer as a future would."""

    __slots__ = ("_observe", "_scope", "_single", "_wire")

    def __init__(self, scope: Scope, wire: Wire, single: Single, observe: Observe) -> None:
        self._scope = scope
        self._wire = wire
        self._single = single
        self._observe = observe

    def done(self) -> bool:
        """Return whether the request is answered."""
        return self._wire.answered

    def set_result(self, answer: PhoneAnswer) -> None:
        """Write the answer."""
        body = self._single.write(answer)
        self._observe.finish(self._scope, self._wire, 200, headers_of_reply(body), body)

    def set_exception(self, error: Exception) -> None:
        """Write the refusal."""
        reply = self._observe.refusal(error, self._scope["state"]["request_id"])
        self._observe.finish(self._scope, self._wire, reply.status_code, reply.raw_headers, reply.body)
