"""Lines of the log: JSON that a terminal shows as it is, whatever a client has sent."""

import json
import re
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_server import Server

from service.telemetry.log_line import formatted, quoted, timestamp


@given(st.text())
def test_a_text_is_written_in_printable_ascii_and_reads_back(text: str) -> None:
    written = quoted(text)
    assert re.fullmatch(rb"[\x20-\x7e]*", written)
    assert json.loads(written) == text


@given(message=st.text(), fields=st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.none())))
def test_a_line_is_one_json_object_in_printable_ascii(message: str, fields: dict[str, object]) -> None:
    line = formatted("info", "a.b", message, {f"field {name}": value for name, value in fields.items()})
    assert re.fullmatch(rb"[\x20-\x7e]*\n", line)
    read = json.loads(line)
    assert read["message"] == message
    assert read.items() >= {f"field {name}": value for name, value in fields.items()}.items()


@given(st.floats(0, 4e9))
def test_a_time_is_told_to_the_millisecond(now: float) -> None:
    told = datetime.fromisoformat(timestamp(now).decode())
    assert abs((told - datetime.fromtimestamp(now, UTC)).total_seconds()) < 0.0011


@pytest.mark.parametrize("path", ["/%C2%9B31m", "/%E2%80%AE", "/%7F", "/%22%5C", "/%0A%0D", "/%1b[2J"])
def test_what_a_client_sends_cannot_move_the_cursor_of_who_reads_the_log(
    server: Server, client: httpx.Client, path: str
) -> None:
    request_id = f"cursor-{path.encode().hex()}"
    client.get(path, headers={"X-Request-Id": request_id})
    [line] = server.log(request_id=request_id)
    assert line["path"] == httpx.URL(path).path
    [raw] = [line for line in server.lines if request_id in line]
    assert raw.isascii()
    assert raw.isprintable()


def test_a_request_id_of_any_printable_characters_is_logged_as_it_is(
    server: Server, client: httpx.Client
) -> None:
    request_id = "".join(map(chr, range(0x21, 0x7F)))
    client.get("/livez", headers={"X-Request-Id": request_id})
    [line] = server.log(request_id=request_id)
    assert line["path"] == "/livez"
