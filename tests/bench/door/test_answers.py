"""What a server sent, read as answers."""

import pytest

from bench.door.answers import MalformedAnswerError, Status, statuses

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 422 Unprocessable\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(GOOD + CHUNKED, [Status(200, True), Status(422, True)], id="two answers"),
        pytest.param(CONTINUE, [], id="only a continue"),
        pytest.param(CONTINUE + GOOD, [Status(200, True)], id="a continue before"),
        pytest.param(GOOD[:-1], [Status(200, False)], id="a body cut off"),
        pytest.param(GOOD + GOOD[:20], [Status(200, True), Status(0, False)], id="a head cut off"),
    ],
)
def test_answers_are_read(data, expected):
    assert statuses(data) == expected


def test_an_answer_to_head_has_no_body():
    head = GOOD.removesuffix(b"hi")
    assert statuses(head + GOOD + head, asked_head=True) == [Status(200, True)] * 3
    assert statuses(head) == [Status(200, False)]


@pytest.mark.parametrize("asked_head", [False, True])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"hello\r\n\r\n", id="no status line"),
        pytest.param(GOOD + b"rest\r\n", id="more than the length says"),
        pytest.param(GOOD.replace(b"content-length: 2", b"content-length: x"), id="no length"),
        pytest.param(GOOD.replace(b": 2", b": 2\r\ncontent-length: 3"), id="two lengths"),
        pytest.param(CHUNKED.replace(b"2\r\nno", b"z\r\nno"), id="no chunk"),
    ],
)
def test_what_is_no_answer_is_malformed(data, asked_head):
    with pytest.raises(MalformedAnswerError):
        statuses(data, asked_head)
