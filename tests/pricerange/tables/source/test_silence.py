"""Sources that take a connection and never answer: said, given up, and left when a signal comes."""

import signal
import socket
import subprocess
import sys

import pytest
from pyarrow import fs

from pricerange import waiting
from pricerange.tables.errors import UnreadableTableError
from pricerange.tables.source import files, uri
from pricerange.tables.source.files import Reading
from scoring.order import Options
from scoring.score import score

RUN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be ignored
from pricerange.cli import main
main()
"""


@pytest.fixture
def silent():
    """Lend a server that takes connections and says nothing, and the URI of a table there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        port = server.getsockname()[1]
        yield server, f"s3://key:secret@shop/a.csv?endpoint_override=127.0.0.1:{port}&scheme=http&region=here"


@pytest.mark.parametrize("target", ["out", "out.csv"])
def test_a_source_that_does_not_answer_is_said_and_given_up(
    tmp_path, model_repository, silent, monkeypatch, capfd, target
):
    monkeypatch.setattr(waiting, "SECONDS", 0.1)
    with pytest.raises(UnreadableTableError, match="Timeout was reached"):
        score([silent[1]], tmp_path / target, model_repository, options=Options(reading=Reading(3)))
    said = capfd.readouterr().err
    assert said.count("waiting for s3://shop/a.csv?") == 1
    assert "an object store that does not answer is given up after about 3 s" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_a_signal_ends_a_job_whose_source_does_not_answer(tmp_path, model_repository, silent, number, code):
    server, source = silent
    arguments = ["score", source, tmp_path / "out", "--models", model_repository, "--source-timeout", "3600"]
    with (
        subprocess.Popen([sys.executable, "-c", RUN, *arguments], stderr=subprocess.PIPE) as run,
        server.accept()[0],
    ):
        run.send_signal(number)
        _, said = run.communicate(timeout=60)
    assert run.returncode == code
    said = said.decode().splitlines()
    assert said[0] == "interrupted: what is finished is kept; run the same command again to continue"
    assert "Traceback" not in "".join(said)


def test_how_long_a_source_may_take_is_no_part_of_the_job(tmp_path):
    (tmp_path / "a.csv").write_text("")
    first, second = (files.find([str(tmp_path)], Reading(seconds)).files[0] for seconds in (3.0, 60.0))
    assert first.identity() == second.identity()


def test_a_google_bucket_is_given_up_in_time():
    system = uri.file_system("gs://anonymous@shop/a.csv?scheme=http&endpoint_override=127.0.0.1%3A1", 3.0)
    assert isinstance(system, fs.GcsFileSystem)
    with pytest.raises(OSError, match="Retry policy exhausted"):
        system.get_file_info("shop/a.csv")


def test_an_endpoint_may_come_from_the_environment(silent, monkeypatch):
    server, _ = silent
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
    system = uri.file_system("s3://key:secret@shop/from-environment.csv?region=here", 3.0)
    server.close()
    with pytest.raises(OSError, match="NETWORK_CONNECTION"):
        system.get_file_info("shop/from-environment.csv")
