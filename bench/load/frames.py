"""Load over gRPC by HTTP/2 frames that are written as bytes: a client that costs less than what it measures.

`python -m bench.load.frames PORT PATH IN_FLIGHT SECONDS < message` calls a method over one connection with
one message, a next one for each that is answered, and prints a line of JSON (`Seen`). What ends without an
answer is counted as failed.
"""

import json
import socket
import sys
from collections import deque
from dataclasses import asdict, dataclass
from time import perf_counter

DATA, HEADERS, RESET, SETTINGS, PING, GO_AWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM = ACK = 1
END_HEADERS = 4
INITIAL_WINDOW_SIZE = 4
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_LARGE_WINDOW = (1 << 31) - 1
_MOST_FRAME = 16_384


@dataclass
class Seen:
    """What a run saw: durations in ms."""

    calls: int
    seconds: float
    p50: float
    p99: float
    failed: int


def frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    """Write a frame (RFC 9113, 4.1)."""
    return b"%b%c%c%b%b" % (len(content).to_bytes(3, "big"), kind, flags, stream.to_bytes(4, "big"), content)


def head(path: str) -> bytes:
    """Write the headers of a call, all literal (RFC 7541, 6.2.2)."""

    def text(value: str) -> bytes:
        return b"%c%b" % (len(value), value.encode())

    named = {"te": "trailers", "content-type": "application/grpc"}
    fields = b"".join(b"\x00" + text(name) + text(value) for name, value in named.items())
    return b"\x83\x86\x04" + text(path) + b"\x01" + text("localhost") + fields


class Load:
    """One connection, on which calls are made and answers counted."""

    def __init__(self, port: int, path: str, message: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = head(path)
        self._body = b"\x00" + len(message).to_bytes(4, "big") + message
        self._received = bytearray()
        self._out = bytearray(_PREFACE)
        window = INITIAL_WINDOW_SIZE.to_bytes(2, "big") + _LARGE_WINDOW.to_bytes(4, "big")
        self._out += frame(SETTINGS, 0, 0, window)
        self._out += frame(WINDOW_UPDATE, 0, 0, (_LARGE_WINDOW - 65_535).to_bytes(4, "big"))
        self._stream = 1
        self._initial = self._window = 65_535
        self._windows: dict[int, int] = {}
        self._unsent: deque[tuple[int, int]] = deque()
        self._began: dict[int, float] = {}
        self._answered: set[int] = set()
        self._unacknowledged = 0
        self.durations: list[float] = []
        self.failed = 0

    def run(self, in_flight: int, seconds: float) -> Seen:
        """Make calls for some seconds, after a first one."""
        self._call()
        while not self.durations:
            self._exchange()
        self.durations.clear()
        began = perf_counter()
        for _ in range(in_flight):
            self._call()
        while perf_counter() - began < seconds:
            for _ in range(self._exchange()):
                self._call()
        took = perf_counter() - began
        ordered = sorted(self.durations)
        p50, p99 = (1e3 * ordered[int(len(ordered) * share)] for share in (0.5, 0.99))
        return Seen(len(ordered), took, p50, p99, self.failed)

    def _call(self) -> None:
        stream, self._stream = self._stream, self._stream + 2
        self._began[stream] = perf_counter()
        self._windows[stream] = self._initial
        self._out += frame(HEADERS, END_HEADERS, stream, self._head)
        self._unsent.append((stream, 0))
        self._send_bodies()

    def _send_bodies(self) -> None:
        """Send as much of the messages as the server has room for, one after the other."""
        for _ in range(len(self._unsent)):
            stream, at = self._unsent.popleft()
            while at < len(self._body):
                size = min(_MOST_FRAME, len(self._body) - at, self._window, self._windows.get(stream, 0))
                if size <= 0:
                    self._unsent.append((stream, at))
                    break
                end = at + size == len(self._body)
                self._out += frame(DATA, END_STREAM if end else 0, stream, self._body[at : at + size])
                at += size
                self._window -= size
                self._windows[stream] -= size

    def _exchange(self) -> int:
        """Send what is due, read what has come, and return how many calls it ended."""
        if self._out:
            self._socket.sendall(self._out)
            self._out.clear()
        received = self._socket.recv(1 << 18)
        if not received:
            sys.exit("the server has closed the connection")
        data = self._received + received
        at, ended = 0, 0
        while len(data) - at >= 9:
            size = int.from_bytes(data[at : at + 3], "big")
            if len(data) - at < 9 + size:
                break
            stream = int.from_bytes(data[at + 5 : at + 9], "big")
            ended += self._take(data[at + 3], data[at + 4], stream, data[at + 9 : at + 9 + size])
            at += 9 + size
        self._received = data[at:]
        if self._unacknowledged > 1 << 20:
            self._out += frame(WINDOW_UPDATE, 0, 0, self._unacknowledged.to_bytes(4, "big"))
            self._unacknowledged = 0
        return ended

    def _take(self, kind: int, flags: int, stream: int, content: bytes) -> int:
        """Take a frame, and return 1 where it ends a call."""
        if kind == DATA:
            self._unacknowledged += len(content)
            self._answered.add(stream)
        elif kind == SETTINGS and not flags & ACK:
            self._take_settings(content)
        elif kind == PING and not flags & ACK:
            self._out += frame(PING, ACK, 0, content)
        elif kind == WINDOW_UPDATE:
            self._take_window(stream, int.from_bytes(content, "big"))
        elif kind == GO_AWAY:
            sys.exit(f"the server ends the connection: {bytes(content[8:])!r}")
        elif (kind == RESET or (kind == HEADERS and flags & END_STREAM)) and stream in self._began:
            self.durations.append(perf_counter() - self._began.pop(stream))
            self.failed += stream not in self._answered
            self._answered.discard(stream)
            del self._windows[stream]
            return 1
        return 0

    def _take_settings(self, content: bytes) -> None:
        for place in range(0, len(content), 6):
            if int.from_bytes(content[place : place + 2], "big") == INITIAL_WINDOW_SIZE:
                initial = int.from_bytes(content[place + 2 : place + 6], "big")
                for stream in self._windows:
                    self._windows[stream] += initial - self._initial
                self._initial = initial
        self._out += frame(SETTINGS, ACK, 0, b"")
        self._send_bodies()

    def _take_window(self, stream: int, more: int) -> None:
        if stream == 0:
            self._window += more
        elif stream in self._windows:
            self._windows[stream] += more
        self._send_bodies()


def main() -> None:
    """Run one load."""
    port, path, in_flight, seconds = sys.argv[1:]
    load = Load(int(port), path, sys.stdin.buffer.read())
    print(json.dumps(asdict(load.run(int(in_flight), float(seconds)))))


if __name__ == "__main__":
    main()
