"""What counts as a fault, of an answer and of the log."""

import pytest

from bench.door.verdict import Seen, faults_of_log

SENT = b"POST /predict HTTP/1.1\r\n\r\n"
GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"
LATE = b"HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "received", "ended_it", "faults"),
    [
        pytest.param(SENT, GOOD, False, 0, id="an answer"),
        pytest.param(SENT, b"", False, 0, id="closed"),
        pytest.param(SENT, GOOD + BROKEN, False, 1, id="500"),
        pytest.param(SENT, LATE, False, 1, id="504"),
        pytest.param(SENT + b"X-Request-Timeout-Ms: 1", LATE, False, 0, id="504 as asked"),
        pytest.param(SENT, b"hello\r\n\r\n", False, 1, id="malformed"),
        pytest.param(SENT, GOOD[:-9], False, 1, id="cut off"),
        pytest.param(SENT, GOOD[:-9], True, 0, id="cut off by the client's end"),
    ],
)
def test_a_fault_is_counted_and_its_bytes_are_kept(tmp_path, sent, received, ended_it, faults):
    seen = Seen("HTTP", tmp_path)
    seen.judge(sent, received, ended_it)
    assert seen.faults.total() == faults
    kept = [file.read_bytes() for file in tmp_path.iterdir()]
    assert len(kept) == faults
    assert all(data.startswith(sent) for data in kept)


def test_a_log_is_json_without_errors():
    good = '{"level":"info","message":"request"}'
    bad = ["no JSON", "[]", '{"level":"error","message":"failed"}', '{"level":"info","traceback":"x"}']
    assert faults_of_log([good, *bad, good]) == bad
