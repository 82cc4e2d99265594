"""The server of the second door, in the event loop of the first: it starts, drains and ends with it."""

import asyncio
from typing import Any

import grpc

from pricerange.errors import SettingsError
from service.grpc.door import GrpcDoor
from service.process.tls import Certificate
from service.settings import Settings

_FEWEST_CALLS = 256
"""Calls that may be under way in any case, however little memory there is."""
_REFUSING = 0.3
"""Seconds for which calls are refused as unavailable, which clients repeat elsewhere or later, before the
connections end."""
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
        self._options = (
            ("grpc.so_reuseport", 1),
            ("grpc.max_receive_message_length", settings.max_body_bytes),
            ("grpc.max_connection_idle_ms", round(settings.idle_timeout * 1000)),
            ("grpc.max_concurrent_streams", self._most_calls),
        )
        self._server: grpc.aio.Server | None = None

    @property
    def in_flight(self) -> int:
        """Calls that are being answered."""
        return self._door.calls.in_flight

    async def start(self) -> None:
        """Listen. Raises `SettingsError` where that cannot be."""
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
        """Tell those who watch the health where it has changed."""
        self._door.health.look()

    async def stop(self) -> None:
        """Take no further call, and let those under way end within `drain_timeout`.

        The library cancels calls that have arrived and that it has not handed over, which no client repeats.
        So they are refused first, for long enough that all who would come have heard of it, and until one
        moment in which nobody comes.
        """
        if self._server is not None:
            self._door.closed = True
            await asyncio.sleep(_REFUSING)
            for _ in range(_MOST_LOOKS):
                before = self._door.turned_away
                for _ in range(_QUIET):
                    await asyncio.sleep(0)
                if self._door.turned_away == before:
                    break
            loop = asyncio.get_running_loop()
            leaving = loop.call_later(self._drain_timeout, setattr, self._door.calls, "leaving", True)
            await self._server.stop(self._drain_timeout)
            leaving.cancel()


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
