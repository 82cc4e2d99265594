"""`-` in both places: rows come and go in a stream, nothing else does, and it may end at any time."""

import csv
import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from corpus import few
from pyarrow import parquet
from scoring_tables import EXAMPLE

from bench.show import memory
from pricerange.errors import TargetError
from scoring.order import Options
from scoring.score import score

RUN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be ignored
from pricerange import waiting
waiting.SECONDS = 0.1
from pricerange.cli import main
main()
"""
HEADER = f"id,{','.join(EXAMPLE)}\n".encode()
ROW = f"x,{','.join(map(str, EXAMPLE.values()))}\n".encode()
BROKEN_PIPE = 141


def command(models: Path, *arguments: object) -> list[str]:
    return [sys.executable, "-c", RUN, "score", *map(str, arguments), "--models", str(models)]


def run(models: Path, *arguments: object, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(models, *arguments), check=False, input=content, capture_output=True, timeout=60
    )


def test_a_table_streams_through(tmp_path, model_repository, phones_csv):
    score([str(phones_csv)], tmp_path / "out.csv", model_repository)
    done = run(model_repository, "-", "-", content=phones_csv.read_bytes())
    assert done.returncode == 0
    assert done.stdout == (tmp_path / "out.csv").read_bytes()
    said = [line for line in done.stderr.decode().splitlines() if not line.startswith("waiting")]
    assert len(said) in {3, 4}
    assert " answered in /dev/stdout: " in said[2]


def test_standard_output_may_be_parquet(model_repository):
    done = run(model_repository, "-", "-", "--format", "parquet", content=HEADER + ROW * 3)
    table = parquet.read_table(pa.BufferReader(done.stdout))
    assert (table.num_rows, table.column_names[-1]) == (3, "outside")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_reader_that_leaves_ends_the_job_without_a_word(model_repository, form):
    """As `| head` does: the exit code is that of a program which SIGPIPE ends."""
    arguments = command(model_repository, "-", "-", "--format", form)
    with subprocess.Popen(arguments, stdin=-1, stdout=-1, stderr=-1) as running:
        running.stdout.close()
        _, said = running.communicate(HEADER + ROW * 200_000, timeout=60)
    assert running.returncode == BROKEN_PIPE
    assert [line for line in said.splitlines() if not line.startswith(b"waiting")] == []


def test_rows_are_out_before_the_stream_ends(model_repository):
    is_over = threading.Event()

    def write() -> None:
        running.stdin.write(HEADER + ROW * 200_000)
        running.stdin.flush()
        is_over.wait(60)
        running.stdin.write(ROW)
        running.stdin.close()

    with (
        subprocess.Popen(command(model_repository, "-", "-"), stdin=-1, stdout=-1, stderr=-3) as running,
        ThreadPoolExecutor(1) as writer,
    ):
        writing = writer.submit(write)
        lines = [running.stdout.readline() for _ in range(10_000)]
        is_over.set()
        lines += running.stdout.readlines()
        writing.result()
    assert running.returncode == 0
    assert len(lines) == 200_002


def test_a_pipe_that_does_not_block_is_waited_for(tmp_path, model_repository):
    (tmp_path / "in.csv").write_bytes(HEADER + ROW * 20_000)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    arguments = command(model_repository, tmp_path / "in.csv", "-")
    with subprocess.Popen(arguments, stdout=writer, stderr=-1) as running, os.fdopen(reader, "rb") as lines:
        os.close(writer)
        # nothing is read before the job waits, which it says
        assert any(b"waiting" in line for line in running.stderr)
        assert len(lines.readlines()) == 20_001
        running.stderr.read()
    assert running.returncode == 0


def test_memory_does_not_grow_with_the_stream(model_repository):
    # with fewer rows the blocks that are under way are not all there yet
    most = [peak(model_repository, rows) for rows in (450_000, 1_350_000)]
    assert most[1] - most[0] < 30_000_000


def peak(models: Path, rows: int) -> int:
    """Return the most memory that a job over a stream of so many rows held, in bytes."""
    with subprocess.Popen(command(models, "-", "-"), stdin=-1, stdout=-3, stderr=-3) as running:
        running.stdin.write(HEADER)
        for _ in range(rows // 10_000):
            running.stdin.write(ROW * 10_000)
        running.stdin.close()
        most = 0
        while running.poll() is None:
            most = max(most, memory.peak(running.pid))
            time.sleep(0.001)
    assert running.returncode == 0
    assert most > 0
    return most


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_error_in_the_middle_ends_a_stream_that_is_not_whole(model_repository, form):
    content = HEADER + ROW * 200_000 + b"x\n"
    done = run(model_repository, "-", "-", "--format", form, content=content)
    assert done.returncode == 33
    assert b"error: standard input, row 200001: expected 21 cells, found 1" in done.stderr
    if form == "csv":
        lines = done.stdout.splitlines()
        assert 100_000 < len(lines) <= 200_001
        assert {line.count(b",") for line in lines} == {28}
    else:
        # without a footer it is no Parquet
        assert done.stdout.startswith(b"PAR1")
        assert not done.stdout.endswith(b"PAR1")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    "begun",
    few(1, [HEADER + ROW, b"", gzip.compress(HEADER + ROW)[:-20]]),
    ids=["a row", "nothing", "the beginning of gzip"],
)
def test_a_signal_ends_a_job_that_waits_for_standard_input(model_repository, number, begun):
    with subprocess.Popen(command(model_repository, "-", "-"), stdin=-1, stdout=-1, stderr=-1) as running:
        running.stdin.write(begun)
        running.stdin.flush()
        # once it has read of a row, a job says so in other words
        waits = b", or for the reader of /dev/stdout" if begun else b"waiting for standard input"
        assert any(waits in line for line in running.stderr)
        running.send_signal(number)
        said = running.stderr.readlines()
        assert running.wait(60) == 128 + number
    assert said[0] == b"interrupted: the rows that were written are not all\n"
    assert b"Traceback" not in b"".join(said)


@pytest.mark.parametrize(
    ("redirected", "code", "message"),
    [
        ("- - <&-", 32, "standard input cannot be read: it is closed"),
        ("in.csv - >&-", 37, "/dev/stdout cannot be written: it is closed"),
        ("in.csv - > /dev/full", 37, "/dev/stdout cannot be written: No space left on device"),
        ("in.csv - --format parquet > /dev/full", 37, "/dev/stdout cannot be written: No space left"),
        ("- - - < in.csv", 61, "- is named twice"),
        ("in.csv - >> in.csv", 37, "the result would overwrite the input in.csv"),
        ("in.csv - --metrics-textfile in.prom > in.prom", 37, "it is a folder, or part of the result"),
        ("- in.csv < in.csv", 37, "the result would overwrite the input standard input"),
        (
            "- out --engine ray < in.csv",
            37,
            "a folder is resumed by reading IN again, and standard input can",
        ),
        ("in.csv - --engine ray", 37, "a cluster writes parts, so OUT must be a folder"),
    ],
)
def test_what_a_stream_cannot_be_is_said(tmp_path, model_repository, redirected, code, message):
    (tmp_path / "in.csv").write_bytes(HEADER + ROW)
    done = subprocess.run(
        ["bash", "-c", f'"$@" {redirected}', "", *command(model_repository)],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == code
    assert message in done.stderr.decode()
    assert (tmp_path / "in.csv").read_bytes() == HEADER + ROW


@pytest.mark.parametrize(("target", "on_bad_row"), [("out", "fail"), ("-", "reject")])
def test_what_a_stream_cannot_be_is_said_before_anything_has_come(
    tmp_path, model_repository, target, on_bad_row
):
    arguments = command(model_repository, "-", target, "--on-bad-row", on_bad_row)
    with subprocess.Popen(arguments, cwd=tmp_path, stdin=-1, stderr=-1) as running:
        assert running.wait(60) == 37
        assert b"cannot be written" in running.stderr.read()


def test_a_shell_may_put_pipes_in_the_places_of_files(tmp_path, model_repository):
    (tmp_path / "in.csv").write_bytes(HEADER + ROW * 3)
    script = (
        '"$@" <(cat in.csv) >(cat > out.csv); "$@" /dev/stdin /dev/stdout < in.csv > same.csv 2> said; '
        '"$@" /dev/fd/0 /dev/fd/1 < in.csv 2> said | cat > piped.csv; wait'
    )
    subprocess.run(
        ["bash", "-c", script, "", *command(model_repository)], cwd=tmp_path, check=True, timeout=60
    )
    assert (tmp_path / "same.csv").read_bytes().count(b"\n") == 4
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "same.csv").read_bytes()
    assert (tmp_path / "piped.csv").read_bytes() == (tmp_path / "same.csv").read_bytes()


def test_a_line_of_json_on_standard_input_is_a_row(tmp_path, model_repository):
    lines = gzip.compress(b'{"id":"x","ram":1}\n')
    done = run(model_repository, "-", tmp_path / "out.csv", "--on-bad-row", "null", content=lines)
    assert done.returncode == 0
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert row["id"] == "x"
    assert row["error"].startswith("battery_power is missing")


@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz"])
def test_a_line_of_json_is_never_lost_as_a_header(tmp_path, model_repository, name):
    line = b'{"id":"x","ram":1}\n'
    (tmp_path / name).write_bytes(gzip.compress(line) if name.endswith(".gz") else line)
    done = run(model_repository, tmp_path / name, tmp_path / "out.csv", "--on-bad-row", "null")
    assert done.returncode != 0
    assert b"NDJSON" in done.stderr
    assert not (tmp_path / "out.csv").exists()


def test_rejected_rows_have_no_place_beside_a_stream(tmp_path, model_repository):
    (tmp_path / "in.csv").write_bytes(HEADER + ROW)
    with pytest.raises(
        TargetError, match="rejected rows have no place beside a stream; use --on-bad-row null"
    ):
        score([str(tmp_path / "in.csv")], Path("-"), model_repository, options=Options("reject"))


def test_a_dry_run_of_streams_writes_no_rows(model_repository):
    done = run(model_repository, "-", "-", "--dry-run", content=HEADER + ROW * 3)
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "1 files, of a length that is not known, since a stream is among them"
    assert lines[-1].startswith("would be written: /dev/stdout, csv, ")
