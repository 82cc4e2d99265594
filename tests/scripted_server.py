"""A real HTTP server that answers what a test has written down, and remembers what it was asked."""

import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Answer:
    """An answer; its body is sent in `parts`, with a pause before each."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: int = 1
    pause: float = 0.0


@dataclass(frozen=True)
class Asked:
    """A request, when it came, and the port that it came from."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    when: float
    port: int


class Drop:
    """Instead of an answer: the connection breaks off."""


class ScriptedServer:
    """Answers one request after the other by a list, the last of which is repeated."""

    def __init__(self, answers: Sequence[Answer | type[Drop]]) -> None:
        self.asked: list[Asked] = []
        self._answers = list(answers)
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.path, headers, body, time.monotonic(), self.client_address[1])
                server.asked.append(asked)
                answer = server.next_answer()
                if isinstance(answer, Answer):
                    self._write(answer)
                else:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)

            def _write(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                size = -(-len(answer.body) // answer.parts) or 1
                for start in range(0, len(answer.body), size):
                    self.wfile.flush()
                    time.sleep(answer.pause)
                    self.wfile.write(answer.body[start : start + size])

            do_GET = do_POST = handle_any  # noqa: N815

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def next_answer(self) -> Answer | type[Drop]:
        return self._answers[min(len(self.asked), len(self._answers)) - 1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
