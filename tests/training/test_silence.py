"""Object stores that take a connection and never answer: said, given up, and left when a signal comes."""

import io
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from corpus import few
from rich.console import Console

from pricerange import waiting
from pricerange.tables.errors import UnreadableTableError
from pricerange.tables.source.files import Reading
from training import data

RUN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be ignored
from pricerange.cli import main
main()
"""


@pytest.fixture
def silent() -> Iterator[tuple[socket.socket, str]]:
    """Lend a server that takes connections and says nothing, and the URI of a table there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        port = server.getsockname()[1]
        yield server, f"s3://key:secret@shop/a.csv?endpoint_override=127.0.0.1:{port}&scheme=http&region=here"


def test_a_source_that_does_not_answer_is_said_and_given_up(
    silent: tuple[socket.socket, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SECONDS", 0.1)
    said = io.StringIO()
    with pytest.raises(UnreadableTableError, match="Timeout was reached"):
        data.load([silent[1]], Reading(3), Console(file=said))
    assert said.getvalue().startswith("waiting for s3://shop/a.csv?")
    assert said.getvalue().endswith("an object store that does not answer is given up after about 3 s\n")
    assert "secret" not in said.getvalue()


@pytest.mark.parametrize(
    ("command", "number", "code"),
    few(
        2,
        [
            pytest.param(["train"], signal.SIGINT, 130, id="train, SIGINT"),
            pytest.param(["evaluate"], signal.SIGTERM, 143, id="evaluate, SIGTERM"),
            pytest.param(["compare"], signal.SIGINT, 130, id="compare, SIGINT"),
            pytest.param(
                ["search", "--trials", "1", "--storage", "sqlite://"],
                signal.SIGTERM,
                143,
                id="search, SIGTERM",
            ),
        ],
    ),
)
def test_a_signal_ends_a_command_whose_source_does_not_answer(
    tmp_path: Path,
    model_repository: Path,
    silent: tuple[socket.socket, str],
    command: list[str],
    number: signal.Signals,
    code: int,
) -> None:
    server, source = silent
    arguments = [*command, "--data", source, "--source-timeout", "3600"]
    if command == ["evaluate"]:
        arguments += ["--models", str(model_repository)]
    run = subprocess.Popen([sys.executable, "-c", RUN, *arguments], cwd=tmp_path, stderr=subprocess.PIPE)
    with run, server.accept()[0]:
        run.send_signal(number)
        _, said = run.communicate(timeout=60)
    assert run.returncode == code
    assert b"Traceback" not in said
