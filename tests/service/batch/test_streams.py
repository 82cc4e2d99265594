"""Bodies of any length: constant memory, no traces, no harm to others."""

import asyncio
import gc
import io
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pyarrow as pa
import pytest
from live_server import NO_TLS, Server
from phone_tables import ARROW, CSV, as_arrow, as_csv
from pyarrow import ipc
from starlette.types import Message
from waiting import wait_until

from pricerange.phone import FEATURE_NAMES, FEATURES
from service.batch.bodies.arrow_body import arrow_blocks
from service.batch.spool import MEMORY_BYTES, Spool
from service.errors import SpoolBudgetError
from service.http.budget import Budget, MemoryBudget
from service.http.framing.head import Head
from service.http.request_state import Requests

PHONE = {feature.name: feature.example for feature in FEATURES}
HEADER, LINE = (line + b"\n" for line in as_csv([PHONE]).splitlines())
MIB = 1 << 20


@pytest.fixture
def spool_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def own(start: Callable[..., Server], spool_folder: Path, model_repository: Path) -> Server:
    """A server whose answers wait in a folder of their own, and that has read all three forms before."""
    server = start(model_repository).wait_until_ready()
    for form, body in ((CSV, HEADER + LINE), (ARROW, as_arrow([PHONE], compression="zstd"))):
        assert post(server, form, body).status_code == 200
    return server


def post(server: Server, form: str, body: bytes, query: str = "") -> httpx.Response:
    headers = {"Content-Type": form}
    return httpx.post(
        f"{server.url}/predict/batch{query}", content=body, headers=headers, timeout=60, verify=NO_TLS
    )


def spooled(server: Server, folder: Path) -> list[str]:
    """Return the files in a folder that a server holds open, also those without a name."""
    links = []
    for entry in Path(f"/proc/{server.process.pid}/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
    return [link for link in links if link.startswith(str(folder))]


def memory(server: Server) -> int:
    return psutil.Process(server.process.pid).memory_info().rss


class Peak(threading.Thread):
    """Looks at a server's memory every few milliseconds."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server
        self._ended = threading.Event()
        self._before = memory(server)
        self.growth = 0

    def run(self) -> None:
        while not self._ended.wait(0.005):
            self.growth = max(self.growth, memory(self._server) - self._before)

    def __enter__(self) -> "Peak":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def send_all(server: Server, form: str, body: bytes) -> socket.socket:
    """Write a whole request before anything is read."""
    connection = open_request(server, form, len(body))
    connection.sendall(body)
    return connection


def open_request(server: Server, form: str, length: int) -> socket.socket:
    url = httpx.URL(server.url)
    connection = socket.create_connection((url.host, url.port or 80), timeout=60)
    head = (
        f"POST /predict/batch HTTP/1.1\r\nHost: a\r\nContent-Type: {form}\r\nContent-Length: {length}\r\n\r\n"
    )
    connection.sendall(head.encode())
    return connection


def lines_of_answer(connection: socket.socket) -> Iterator[bytes]:
    """Read a response, check its head, yield the lines of its body."""
    with connection, connection.makefile("rb") as file:
        assert file.readline().split()[1] == b"200"
        headers = dict(line.rstrip().split(b": ", 1) for line in iter(file.readline, b"\r\n"))
        left = int(headers[b"content-length"])
        while left:
            line = file.readline()
            left -= len(line)
            yield line


def test_a_million_rows_sent_before_any_is_read_take_constant_memory(own: Server, spool_folder: Path) -> None:
    other = LINE.replace(b"2800", b"400")
    body = HEADER + (LINE * 999 + other) * 1_000
    with Peak(own) as peak:
        answers = lines_of_answer(send_all(own, CSV, body))
        assert next(answers).startswith(b"price_range,label,probability_0")
        good, odd = (
            post(own, CSV, HEADER + line).content.splitlines(keepends=True)[1] for line in (LINE, other)
        )
        assert good != odd
        count = 0
        for count, answer in enumerate(answers, 1):
            assert answer == (odd if count % 1_000 == 0 else good)
    assert count == 1_000_000
    # the body has 55 MB, the answer 40 MB
    assert len(body) > 50e6
    assert peak.growth < 30e6
    assert spooled(own, spool_folder) == []
    assert list(spool_folder.iterdir()) == []


def test_a_long_arrow_stream_takes_constant_memory(own: Server, spool_folder: Path) -> None:
    table = pa.table({name: pa.array([float(PHONE[name])] * 500_000) for name in FEATURE_NAMES})
    body = as_arrow(table, rows=10_000)
    assert len(body) > 80e6
    with Peak(own) as peak:
        response = post(own, ARROW, body)
    assert ipc.open_stream(response.content).read_all().num_rows == 500_000
    assert peak.growth < 25e6
    assert spooled(own, spool_folder) == []


@pytest.mark.parametrize("when", ["sending", "receiving"])
def test_a_client_that_leaves_leaves_no_file(own: Server, spool_folder: Path, when: str) -> None:
    rows = 200_000
    connection = open_request(own, CSV, len(HEADER) + rows * len(LINE) + (when == "sending"))
    connection.sendall(HEADER + LINE * rows)
    wait_until(lambda: len(spooled(own, spool_folder)) == 1)
    if when == "receiving":
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    connection.close()
    wait_until(lambda: spooled(own, spool_folder) == [])
    assert list(spool_folder.iterdir()) == []
    assert post(own, CSV, HEADER + LINE).status_code == 200


def test_a_full_disk_is_said_and_leaves_no_file(own: Server, spool_folder: Path) -> None:
    psutil.Process(own.process.pid).rlimit(psutil.RLIMIT_FSIZE, (2 * MIB, 2 * MIB))
    response = post(own, CSV, HEADER + LINE * 200_000)
    assert response.status_code == 507
    assert response.json()["type"] == "urn:pricerange:problem:no-space"
    assert str(spool_folder) in response.json()["detail"]
    assert spooled(own, spool_folder) == []
    assert post(own, CSV, HEADER + LINE * 10_000).status_code == 200


def spool_held(server: Server) -> float:
    lines = httpx.get(f"{server.url}/metrics", verify=NO_TLS).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("pricerange_spool_held_bytes "))


def test_answers_that_nobody_reads_take_no_more_disk_than_they_may(
    start: Callable[..., Server], spool_folder: Path, model_repository: Path
) -> None:
    limit = 26 * MIB
    server = start(model_repository, "--max-spool-bytes", str(limit)).wait_until_ready()
    body = HEADER + LINE * 200_000  # 9 to 13 MiB of answers, as the model has it
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(send_all(server, CSV, body))
        wait_until(lambda: spool_held(server) > 2 * 8 * MIB)
        refused = post(server, CSV, body)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["title"] == "Out of space for answers"
        assert refused.json()["type"] == "urn:pricerange:problem:spool-budget"
        assert 0 < spool_held(server) <= limit
        assert post(server, CSV, HEADER + LINE * 1_000).status_code == 200  # in memory
    wait_until(lambda: spool_held(server) == 0)
    assert spooled(server, spool_folder) == []
    assert post(server, CSV, body).status_code == 200
    wait_until(lambda: spool_held(server) == 0)
    assert server.end() == 0


def test_an_answer_that_is_longer_than_all_may_be_is_a_507_and_no_promise_of_later(
    start: Callable[..., Server], model_repository: Path
) -> None:
    server = start(model_repository, "--max-spool-bytes", str(4 * MIB)).wait_until_ready()
    refused = post(server, CSV, HEADER + LINE * 200_000)
    assert refused.status_code == 507
    assert "retry-after" not in refused.headers
    assert f"longer than {4 * MIB} bytes (setting max_spool_bytes)" in refused.json()["detail"]
    wait_until(lambda: spool_held(server) == 0)
    assert post(server, CSV, HEADER + LINE * 10_000).status_code == 200


def test_a_bad_last_row_of_a_long_body_refuses_all_of_it(own: Server, spool_folder: Path) -> None:
    response = post(own, CSV, HEADER + LINE * 200_000 + LINE.replace(b"2800", b"1"))
    assert response.status_code == 422
    assert response.json()["detail"].startswith("row 200001: ram must be")
    assert spooled(own, spool_folder) == []


def test_others_are_answered_while_many_streams_stand_still(own: Server) -> None:
    half = HEADER + LINE * 5_000
    with ExitStack() as stack:
        length = 2 * len(half) - len(HEADER)
        connections = [stack.enter_context(open_request(own, CSV, length)) for _ in range(10)]
        for connection in connections:
            connection.sendall(half)
        assert httpx.post(f"{own.url}/predict", json=PHONE, verify=NO_TLS).status_code == 200
        assert post(own, CSV, HEADER + LINE).status_code == 200
        for connection in connections:
            connection.sendall(half[len(HEADER) :])
        for connection in connections:
            assert len(list(lines_of_answer(connection))) == 10_001


def test_a_stream_waits_for_room_in_a_full_queue_and_leaves_some_to_single_phones(
    start: Callable[..., Server], model_repository: Path
) -> None:
    server = start(model_repository, "--max-rows", "8", "--max-queue-rows", "8").wait_until_ready()
    pieces, rows = 10, 2_000  # more than a block each
    connection = open_request(server, CSV, len(HEADER) + pieces * rows * len(LINE))
    connection.sendall(HEADER + LINE * rows)
    # only a body of which rows are answered already waits for room
    wait_until(
        lambda: "pricerange_rows_total 0" not in httpx.get(f"{server.url}/metrics", verify=NO_TLS).text
    )
    ended = threading.Event()
    answered = [0] * 4

    def hammer(number: int) -> set[int]:
        statuses = set()
        with httpx.Client(timeout=60, verify=NO_TLS) as client:
            while not ended.is_set():
                status = client.post(f"{server.url}/predict", json=PHONE).status_code
                statuses.add(status)
                answered[number] += status == 200
        return statuses

    with ThreadPoolExecutor() as pool:
        hammers = [pool.submit(hammer, number) for number in range(4)]
        try:
            for _ in range(pieces - 1):
                before = list(answered)
                connection.sendall(LINE * rows)
                # while the stream goes on, each of the four gets answers
                wait_until(lambda before=before: all(map(int.__gt__, answered, before)), 60)
            assert len(list(lines_of_answer(connection))) == pieces * rows + 1
        finally:
            ended.set()
        for hammer_ in hammers:
            assert 200 in hammer_.result() <= {200, 503}


# streams made to fill the memory


def zeros() -> bytes:
    """A column of zeros: 100 MB that zstd makes small."""
    table = pa.table({name: pa.array([PHONE[name]], pa.float64()) for name in FEATURE_NAMES})
    table = table.append_column("tail", pa.array([b"\0" * 100_000_000], pa.large_binary()))
    return as_arrow(table, compression="zstd")


def rows_of_nothing() -> bytes:
    schema = pa.schema([(name, pa.null()) for name in FEATURE_NAMES])
    batch = pa.RecordBatch.from_arrays([pa.nulls(2**30)] * len(FEATURE_NAMES), schema=schema)
    return bytes(schema.serialize()) + bytes(batch.serialize())


def announced_gigabytes() -> bytes:
    """A record batch whose body is said to have 2^40 bytes."""
    sound = bytearray(as_arrow([PHONE] * 300))
    length = len(sound) - 8 - sound.rindex(b"\xff\xff\xff\xff", 0, len(sound) - 8)
    metadata = struct.unpack_from("<i", sound, len(sound) - 8 - length + 4)[0]
    body = struct.pack("<q", length - 8 - metadata)
    place = sound.index(body, len(sound) - 8 - length)
    sound[place : place + 8] = struct.pack("<q", 2**40)
    return bytes(sound) + bytes(10_000_000)


def texts_in_a_dictionary() -> bytes:
    """1,000 rows of one text of a megabyte: small, until each has its own copy."""
    columns = {name: pa.array([PHONE[name]] * 1_000, pa.float64()) for name in FEATURE_NAMES}
    places = pa.array([0] * 1_000, pa.int8())
    columns["ram"] = pa.DictionaryArray.from_arrays(places, pa.array(["9" * 1_000_000]))
    return as_arrow(pa.table(columns), rows=1_000)


def many_dictionaries() -> bytes:
    """Deltas, each small, that add up."""
    schema = pa.schema([(name, pa.dictionary(pa.int32(), pa.string())) for name in FEATURE_NAMES])
    sink = io.BytesIO()
    with ipc.new_stream(sink, schema, options=ipc.IpcWriteOptions(emit_dictionary_deltas=True)) as writer:
        texts: list[str] = []
        for _ in range(20):
            texts = [*texts, *(f"{len(texts) + k:0100d}" for k in range(100))]
            column = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array(texts))
            writer.write_batch(pa.RecordBatch.from_arrays([column] * len(FEATURE_NAMES), schema=schema))
    return sink.getvalue()


def one_text_in_views() -> bytes:
    """1,000 views of one text of a megabyte."""
    columns = {name: pa.array([PHONE[name]] * 1_000, pa.float64()) for name in FEATURE_NAMES}
    views = struct.pack("<i4sii", 1_000_000, b"9999", 0, 0) * 1_000
    buffers = [None, pa.py_buffer(views), pa.py_buffer(b"9" * 1_000_000)]
    columns["ram"] = pa.Array.from_buffers(pa.string_view(), 1_000, buffers)
    return as_arrow(pa.table(columns), rows=1_000)


def one_text_in_a_run() -> bytes:
    columns = {name: pa.array([PHONE[name]] * 1_000, pa.float64()) for name in FEATURE_NAMES}
    columns["ram"] = pa.RunEndEncodedArray.from_arrays([1_000], ["9" * 1_000_000])
    return as_arrow(pa.table(columns), rows=1_000)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        pytest.param(zeros, 422, "a record batch has 1000", id="zstd bomb"),
        pytest.param(rows_of_nothing, 422, "cannot hold 1073741824 rows", id="rows without bytes"),
        pytest.param(
            announced_gigabytes, 422, "a record batch has 1099511627776 bytes", id="announced gigabytes"
        ),
        pytest.param(texts_in_a_dictionary, 200, "131072 MB, got infinity", id="long text in a dictionary"),
        pytest.param(one_text_in_views, 422, "bytes per cell, found 1000000 bytes", id="long text in views"),
        pytest.param(one_text_in_a_run, 200, "131072 MB, got infinity", id="long text in a run"),
        pytest.param(
            many_dictionaries, 422, "send such columns without a dictionary", id="growing dictionaries"
        ),
    ],
)
def test_a_small_stream_cannot_fill_the_memory(
    own: Server, body: Callable[[], bytes], status: int, words: str
) -> None:
    content = body()
    with Peak(own) as peak:
        response = post(own, ARROW, content, "?on_bad_row=null")
    assert response.status_code == status
    assert words in response.text
    assert peak.growth < 60e6


def test_a_long_text_is_not_read_again_for_each_view_that_shares_it(server: Server) -> None:
    """30 MB that show a terabyte: to read all of it would outlast the request."""
    rows, length = 100_000, 12_000_000
    columns = {name: pa.array([float(PHONE[name])] * rows) for name in FEATURE_NAMES}
    views = struct.pack("<i4sii", length, b"\xc3\xa9" * 2, 0, 0) * rows
    buffers = [None, pa.py_buffer(views), pa.py_buffer("é".encode() * (length // 2))]
    columns["ram"] = pa.Array.from_buffers(pa.string_view(), rows, buffers)
    response = post(server, ARROW, as_arrow(pa.table(columns), rows=rows))
    assert response.status_code == 422
    assert f"found {length} bytes" in response.text


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"phones":[%b]}', id="alone"),
        pytest.param(b'{"phones":[%b,NaN]}', id="no number"),
        pytest.param(b'{"phones":[%b' + b",0" * 999 + b"]}", id="among many"),
    ],
)
@pytest.mark.parametrize("mode", ["fail", "null"])
def test_an_object_of_very_many_fields_is_not_looked_into(own: Server, mode: str, body: bytes) -> None:
    fields = b",".join(b'"k%d":1' % number for number in range(75_000))
    with Peak(own) as peak:
        response = post(own, "application/json", body % (b"{%b}" % fields), f"?on_bad_row={mode}")
    assert response.status_code == (422 if mode == "fail" else 200)
    assert "expected the 20 fields of a phone, found 75000" in response.text
    assert peak.growth < 80e6


def test_a_long_answer_is_not_read_for_a_client_that_is_gone() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        gone.set()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def answer() -> None:
        spool = Spool(Budget(16 * MIB, SpoolBudgetError, held.append))
        for _ in range(8):
            await spool.write(b"x" * MEMORY_BYTES)
        response = await spool.response(CSV.encode())
        await response({"type": "http"}, receive, send)

    held: list[int] = []
    gone = asyncio.Event()
    asyncio.run(answer())
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert max(held) == 8 * MIB
    assert held[-1] == 0


def test_a_stream_that_was_read_is_let_go() -> None:
    """Arrow's readers live where the garbage collector does not look: a cycle with one of them is a leak."""
    body = as_arrow([PHONE])

    async def read_once() -> int:
        async def parts() -> AsyncIterator[bytes]:
            yield body

        requests = Requests(10.0, MemoryBudget(1 << 20, lambda _: None), lambda _: None)
        state = requests.open(Head("POST", b"/predict/batch", "1.1", [], True, 0), None, None)
        return len([work() async for work in arrow_blocks(parts(), state, None, [])])

    assert [asyncio.run(read_once()) for _ in range(3)] == [1, 1, 1]
    gc.collect()
    assert not [thing for thing in gc.get_objects() if type(thing) is pa.RecordBatchStreamReader]
