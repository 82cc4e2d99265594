"""An object store that speaks as much of S3 as it takes to read objects, on a free port of this machine."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ObjectStore(ThreadingHTTPServer):
    """Objects by bucket and key, to be changed while it runs; `sent` counts the bytes that left it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.objects: dict[str, bytes] = {}
        self.sent = 0

    def uri(self, path: str) -> str:
        parameters = f"endpoint_override=127.0.0.1:{self.server_port}&scheme=http&region=here"
        return f"s3://key:secret@{path}?{parameters}"


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ObjectStore

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        content = self.server.objects.get(self.path.partition("?")[0].removeprefix("/"))
        if content is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        length = len(content)
        if wanted:
            content = content[int(wanted[1]) : int(wanted[2] or length) + 1]
        self.send_response(206 if wanted else 200)
        if wanted:
            first = int(wanted[1])
            self.send_header("Content-Range", f"bytes {first}-{first + len(content) - 1}/{length}")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT")
        self.send_header("ETag", f'"{hash(content):x}"')
        self.end_headers()
        if self.command == "GET":
            self.server.sent += len(content)
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[ObjectStore]:
    with ObjectStore() as store:
        thread = threading.Thread(target=store.serve_forever)
        thread.start()
        try:
            yield store
        finally:
            store.shutdown()
            thread.join()
