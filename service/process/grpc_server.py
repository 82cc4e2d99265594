"""The server of the second door, in the event loop of the first: it starts, drains and ends with it."""

import asyncio
import logging
from typing import Any

import grpc

from pricerange.errors import SettingsError
from service.grpc.door import GrpcDoor
from service.process.tls import Certificate
from service.settings import Settings

_LIBRARYS_LOG = "grpc._cython.cygrpc"
_FEWEST_CALLS = 256
"""Calls that may be under way in any case, however little memory there is."""
_PER_STREAM = 4
"""Calls for each stream that may be open: whoever opens streams leaves room for calls."""
_HOLDING_BACK = 0.1
"""Seconds for which calls are held back: who asks one after the other, waits meanwhile."""
_GOING_AWAY = 0.02
"""Seconds between the word to clients that connections end, and the refusals."""
_QUIET, _MOST_LOOKS = 20, 1_000
"""Iterations of the event loop in which nobody comes, and how often they are waited for."""


class GrpcServer:
    """Serves the door on a port that was reserved, together with other workers."""

    def __init__(
        self, door: GrpcDoor, address: str, settings: Settings, certificate: Certificate | None, memory: int
    ) -> None:
        """Listen on an address with the port that was reserved; messages on their way may take `memory`."""
        self._door = door
        self._address = address
        self._certificate = certificate
        self._drain_timeout = settings.drain_timeout
        self._most_calls = max(_FEWEST_CALLS, memory // settings.max_body_bytes)
        door.streams.most = self._most_calls // _PER_STREAM
        self._options = (
            ("grpc.so_reuseport", 1),
            ("grpc.max_receive_message_length", settings.max_body_bytes),
            ("grpc.server_handshake_timeout_ms", round(settings.receive_timeout * 1000)),
            ("grpc.max_connection_idle_ms", round(settings.idle_timeout * 1000)),
            # of a client that is gone without a word nothing comes, and its streams have no end
            ("grpc.keepalive_time_ms", round(settings.idle_timeout * 1000)),
            ("grpc.keepalive_timeout_ms", round(settings.receive_timeout * 1000)),
            ("grpc.http2.ping_timeout_ms", round(settings.receive_timeout * 1000)),
            ("grpc.max_concurrent_streams", self._most_calls),
        )
        self._server: grpc.aio.Server | None = None

    @property
    def in_flight(self) -> int:
        """Calls that are being answered."""
        return self._door.calls.in_flight

    async def start(self) -> None:
        """Listen. Raises `SettingsError` where that cannot be."""
        logging.getLogger(_LIBRARYS_LOG).addFilter(_is_ours)
        server = grpc.aio.server(options=self._options, maximum_concurrent_rpcs=self._most_calls)
        server.add_generic_rpc_handlers((self._door,))
        try:
            if self._certificate is None:
                server.add_insecure_port(self._address)
            else:
                server.add_secure_port(self._address, _credentials(self._certificate))
        except RuntimeError as error:
            raise SettingsError("host and grpc_port", "a free address", self._address) from error
        await server.start()
        self._server = server
        self.look()

    def look(self) -> None:
        """Tell those who watch the health where it has changed, and wait for no message that is late."""
        self._door.look()

    async def stop(self) -> None:
        """Take no further call, and let those under way end within `drain_timeout`.

        The library cancels calls that have arrived and that it has not handed over, which no client repeats.
        So those that come now are held back until nobody comes any more, and refused once the connections
        end: a client that repeats them does so by another one.
        """
        if self._server is None:
            return
        door = self._door
        door.closed = True
        await asyncio.sleep(_HOLDING_BACK)
        for _ in range(_MOST_LOOKS):
            before = door.held_back
            for _ in range(_QUIET):
                await asyncio.sleep(0)
            if door.held_back == before:
                break
        loop = asyncio.get_running_loop()
        loop.call_later(min(_GOING_AWAY, self._drain_timeout), door.end)
        leaving = loop.call_later(self._drain_timeout, setattr, door.calls, "leaving", True)
        await self._server.stop(self._drain_timeout)
        leaving.cancel()


def _is_ours(record: logging.LogRecord) -> bool:
    """Return whether a line of the library's is about more than what a stranger has sent.

    Bytes that are not UTF-8 may be a mistyped key; that a call ends while it is answered is no error.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, UnicodeDecodeError | grpc.aio.InternalError)


def _credentials(certificate: Certificate) -> grpc.ServerCredentials:
    """Present what is in the files now to each new connection."""
    presented = certificate.pem

    def renewed() -> Any:
        nonlocal presented
        if certificate.pem == presented:
            return None
        presented = certificate.pem
        return grpc.ssl_server_certificate_configuration([presented])

    first = grpc.ssl_server_certificate_configuration([presented])
    return grpc.dynamic_ssl_server_credentials(first, renewed)
