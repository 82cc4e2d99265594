"""How the server starts, and how it ends without losing a request."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from socket import socket
from time import monotonic
from typing import Protocol, cast

import uvicorn

from service.http.connection import HttpConnection
from service.http.lifecycle import Lifecycle
from service.process.acceptor import Acceptor
from service.process.listener import refuse_newcomers, waiting
from service.process.tls import Certificate
from service.telemetry.log_level import LogLevel
from service.telemetry.shared_counters import Gauge, SharedCounters

log = logging.getLogger(__name__)

LOG_LEVEL_SIGNALS = {signal.SIGUSR1: -1, signal.SIGUSR2: 1}
"""Signals that change the log level, and by how many steps. To the parent they are for all workers."""

_HANDSHAKES = 0.2
"""Seconds that connections half made have to be made, between the last newcomer and the listener's end."""

_CERTIFICATE_TICKS = 10
"""Ticks of 0.1 s between two looks at the files of the certificate."""

_HANDSHAKE_SECONDS = 1.0
"""Seconds that a connection accepted last has for its TLS handshake."""

_TICK_SECONDS = 0.5

_LINGER, _FIRST_REQUEST = 0.5, 2.0
"""Seconds between the listener's end and the close of idle connections, and of those whose client has yet to
ask for the first time: requests on their way arrive."""
_LOOK_SECONDS = 0.05


class SecondDoor(Protocol):
    """A server beside this one, in the same event loop."""

    @property
    def in_flight(self) -> int:
        """Return how many requests are being answered."""

    async def start(self) -> None:
        """Accept connections."""

    def look(self) -> None:
        """Tell who wants to know where the process stands."""

    async def stop(self) -> None:
        """End what is in flight, within the time for that."""


class DrainingServer(uvicorn.Server):
    """A uvicorn server that drains on SIGTERM and then exits with 0.

    First readiness ends while requests are still answered, each with `Connection: close`, so that a load
    balancer has time to look away; then the listener closes and what is in flight is finished.
    SIGINT, a person's Ctrl-C, skips the wait; a second one leaves at once.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        config: uvicorn.Config,
        listener: socket,
        lifecycle: Lifecycle,
        drain_delay: float,
        parent: Connection | None,
        counters: SharedCounters,
        certificate: Certificate | None,
        begun: Callable[[], None],
        look: Callable[[], None],
        second: SecondDoor | None = None,
    ) -> None:
        """Call `begun` in the event loop once connections are accepted, and `look` with each tick.

        A `second` door opens, drains and closes with this one.
        """
        super().__init__(config)
        self._begun = begun
        self._look = look
        self._second = second
        self._lifecycle = lifecycle
        self._drain_delay = drain_delay
        self._parent = parent
        self._last_on_the_port = parent is None
        self._counters = counters
        self._row = counters.row
        self._listener = listener
        self._acceptor: Acceptor | None = None
        self._certificate = certificate

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Accept connections and turn ready; a parent process hears of it, and its end ends us."""
        await super().startup([])  # nothing for uvicorn to listen on: it takes what it cannot serve
        self._acceptor = Acceptor(self._listener, self._counters, self._accept)
        self.server_state.connections = self._acceptor.connections
        self._lifecycle.state = "ready"
        if self._second is not None:
            await self._second.start()
        self._begun()
        if self._parent:
            with contextlib.suppress(BrokenPipeError):
                self._parent.send("ready")
            asyncio.get_running_loop().add_reader(self._parent.fileno(), self._parent_leaves)

    async def on_tick(self, counter: int) -> bool:
        """Do what is due every 0.1 s: give a sign of life, look after a fifth of the clients."""
        self._measure()
        if self._certificate is not None and counter % _CERTIFICATE_TICKS == 0:
            self._certificate.refresh()
        for connection in self._connections:
            if hash(connection) % 5 == counter % 5:
                connection.check_timeouts()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Close the listener, answer what is still on its way, then close the connections."""
        self._lifecycle.state = "draining"
        alive = asyncio.create_task(self._stay_alive())
        ends = [self._end(sockets)]
        if self._second is not None:
            ends.append(self._second.stop())
        # an error at one door cuts nobody off at the other
        errors = await asyncio.gather(*ends, return_exceptions=True)
        alive.cancel()
        for error in errors:
            if error is not None:
                raise error

    async def _end(self, sockets: list[socket] | None) -> None:
        if self._last_on_the_port:
            refuse_newcomers(self._listener)
            await asyncio.sleep(_HANDSHAKES)
        if self._acceptor is not None:
            await self._acceptor.close(_HANDSHAKE_SECONDS)
        late = waiting(self._listener)
        await asyncio.gather(*(self._accept(connection, _HANDSHAKE_SECONDS) for connection in late))
        self._listener.close()
        closed = monotonic()
        if self._connections:
            await asyncio.sleep(_LINGER)
        while any(one.expects_first_request for one in self._connections):
            if self.force_exit or monotonic() - closed >= _FIRST_REQUEST:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        await super().shutdown(sockets)

    async def _accept(self, connection: socket, handshake: float | None = None) -> None:
        """Serve a connection; one that breaks off at once is nobody's loss."""
        loop = asyncio.get_running_loop()
        tls = None if self._certificate is None else self._certificate.context
        limit = {"ssl_handshake_timeout": handshake} if tls else {}
        with contextlib.suppress(OSError):
            await loop.connect_accepted_socket(self._protocol, connection, ssl=tls, **limit)

    async def _stay_alive(self) -> None:
        """Do what a tick does, for as long as the end takes."""
        while True:
            self._measure()
            for connection in self._connections:
                connection.check_timeouts()
            await asyncio.sleep(_TICK_SECONDS)

    def _measure(self) -> None:
        self._row[Gauge.HEARTBEAT] = monotonic()
        in_flight = sum(connection.busy for connection in self._connections)
        if self._second is not None:
            in_flight += self._second.in_flight
            self._second.look()
        self._row[Gauge.REQUESTS_IN_FLIGHT] = in_flight
        self._look()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Drain on signals; uvicorn would raise them again at the end, which is no exit code 0."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._drain)
        loop.add_signal_handler(signal.SIGINT, self._stop_now)
        if self._parent is None:
            level = LogLevel(self._counters)
            for number, steps in LOG_LEVEL_SIGNALS.items():
                loop.add_signal_handler(number, level.change, steps)
        # a worker is started with both held back, so that none ends it while it loads
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
            loop.remove_signal_handler(signal.SIGINT)
            for number in LOG_LEVEL_SIGNALS:
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_IGN)  # or one that comes late would end the process

    def _drain(self) -> None:
        if self._lifecycle.state == "draining":
            return
        self._lifecycle.state = "draining"
        for connection in self._connections:
            connection.drain()
        if self._second is not None:
            self._second.look()
        log.info("draining: no longer ready, the port closes in %g s", self._drain_delay)
        asyncio.get_running_loop().call_later(self._drain_delay, self._stop)

    def _parent_leaves(self) -> None:
        """The parent says that all workers end, or is gone itself."""
        assert self._parent is not None
        asyncio.get_running_loop().remove_reader(self._parent.fileno())
        self._last_on_the_port = True
        self._drain()

    def _stop(self) -> None:
        self.should_exit = True

    def _stop_now(self) -> None:
        self._lifecycle.state = "draining"
        self.force_exit = self.should_exit
        self.should_exit = True

    @property
    def _connections(self) -> list[HttpConnection]:
        return cast("list[HttpConnection]", list(self.server_state.connections))

    def _protocol(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(server_state=self.server_state)
