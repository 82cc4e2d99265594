"""A connection to the gRPC door by HTTP/2 frames written by hand: calls that no client's library makes."""

import re
import socket
import time

from bench.load import frames
from bench.load.frames import frame, head

INFER = "/inference.GRPCInferenceService/ModelInfer"
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(frames.SETTINGS, 0, 0, b"")
_STATUS = re.compile(rb"grpc-status[\x01\x02](\d+)")
_SECONDS = 10


class Connection:
    """Sends what it is told to, and reads by which status each call ends."""

    def __init__(self, address: str, greeting: bytes = _GREETING) -> None:
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), _SECONDS)
        self.socket.sendall(greeting)
        self._received = b""
        self._stream = -1

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def call(self, path: str = INFER, data: bytes | None = None, *, end: bool = False) -> int:
        """Begin a call of a path, a byte for each character, and return its number."""
        self._stream += 2
        block = head(path).replace(path.encode(), path.encode("latin-1"))
        flags = frames.END_HEADERS | (frames.END_STREAM if end and data is None else 0)
        self.socket.sendall(frame(frames.HEADERS, flags, self._stream, block))
        if data is not None:
            self.socket.sendall(frame(frames.DATA, frames.END_STREAM if end else 0, self._stream, data))
        return self._stream

    def status(self, stream: int) -> int:
        """Return the status by which a call ends."""
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            for kind, _, number, content in self._frames():
                if kind == frames.HEADERS and number == stream and (found := _STATUS.search(content)):
                    return int(found[1])
        raise TimeoutError

    def _frames(self) -> list[tuple[int, int, int, bytes]]:
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionResetError
        self._received += data
        found = []
        while len(self._received) >= 9:
            size = int.from_bytes(self._received[:3], "big")
            if len(self._received) < 9 + size:
                break
            kind, flags = self._received[3:5]
            number = int.from_bytes(self._received[5:9], "big")
            found.append((kind, flags, number, self._received[9 : 9 + size]))
            self._received = self._received[9 + size :]
            if kind == frames.SETTINGS and not flags & frames.ACK:
                self.socket.sendall(frame(frames.SETTINGS, frames.ACK, 0, b""))
        return found
