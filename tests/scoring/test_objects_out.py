"""Jobs whose result goes to an object store: the same bytes as on a disk, whatever comes between."""

import json
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv
from scoring_tables import SMALL, SMALL_BLOCK_BYTES, digests, read, write
from typer.testing import CliRunner
from waiting import wait_until

from pricerange import waiting
from pricerange.cli import app
from pricerange.errors import TargetError
from pricerange.machine.cores import usable_cores
from pricerange.predictor import Predictor
from pricerange.tables.errors import TableNotFoundError, UnreadableTableError
from pricerange.tables.source.files import Reading
from scoring.errors import BusyError, JobDiffersError, LockLostError
from scoring.order import Options
from scoring.score import look, score
from scoring.synth import synth

ROWS = 150
pytestmark = pytest.mark.usefixtures("small_parts", "quick_renewal")


@pytest.fixture(scope="module")
def phones(phones_csv) -> pa.Table:
    """Phones, of which one in seven is bad."""
    table = csv.read_csv(phones_csv).slice(0, ROWS).append_column("place", pa.array(range(ROWS)))
    return table.set_column(0, "battery_power", pa.array([0 if k % 7 == 6 else 900 for k in range(ROWS)]))


@pytest.fixture
def source(tmp_path, phones) -> str:
    return str(write(phones, tmp_path / "in.csv"))


def fetched(s3, key: str, to: Path) -> Path:
    """Copy what is at a key, or below it, onto the disk."""
    for found in s3.keys(key):
        if found == key or found.startswith(f"{key}/"):
            path = Path(f"{to}{found[len(key) :]}")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(s3.get(found))
    return to


def without_notes(folder: Path) -> dict[str, str]:
    notes = [path.name for path in folder.iterdir() if path.name.startswith("_manifest")]
    return digests(folder, [*notes, "summary.json"])


def beside(s3, key: str) -> list[str]:
    """Return what is in the folder of a test, by the names at its top."""
    parent = key.removesuffix("out")
    return sorted({name[len(parent) :].partition("/")[0] for name in s3.keys(parent)})


@pytest.mark.parametrize(
    ("end", "on_bad_row"),
    [
        *((end, on_bad_row) for end in ("", ".csv", ".parquet") for on_bad_row in ("fail", "reject", "null")),
        (".csv.gz", "null"),
        (".csv.zst", "null"),
    ],
)
def test_a_result_is_the_one_of_a_disk(tmp_path, model_repository, s3, key, phones, end, on_bad_row):
    if on_bad_row == "fail":
        phones = phones.filter(pa.array([k % 7 != 6 for k in range(ROWS)]))
    source = write(phones, tmp_path / "in.parquet")
    s3.put(f"{key}-in/a.parquet", source.read_bytes())
    options = Options(on_bad_row)
    score([str(source)], tmp_path / f"local{end}", model_repository, options=options)
    summary = score([s3.uri(f"{key}-in")], s3.uri(f"{key}{end}"), model_repository, options=options)
    assert summary.target == f"s3://shop/{key}{end}"
    rejected = 21 if on_bad_row == "reject" else 0
    assert beside(s3, key) == sorted([f"out{end}", "out-in", *[f"out{end}.rejected"] * bool(rejected)])
    local, remote = tmp_path / f"local{end}", fetched(s3, f"{key}{end}", tmp_path / f"remote{end}")
    assert read(remote) == read(local)
    if not end:
        assert without_notes(remote) == without_notes(local)
        found = json.loads((remote / "summary.json").read_text())
        assert found["rejected"] == (0 if on_bad_row == "fail" else 21)
    elif on_bad_row != "reject":
        assert remote.read_bytes() == local.read_bytes()
    rejects = read(fetched(s3, f"{key}{end}.rejected", tmp_path / f"remote{end}.rejected"))
    assert len(rejects) == rejected
    mine, theirs = f"s3://shop/{key}-in/a.parquet", str(source)
    assert [row | {"file": theirs} for row in rejects] == read(tmp_path / f"local{end}.rejected")
    assert {row["file"] for row in rejects} <= {mine}


CHILD = f"""
import sys
from pathlib import Path
from pricerange.tables.csv import file as csv_file
from scoring.order import Options
from scoring.score import score
from pricerange.tables.source import blocks
for name, value in {SMALL!r}.items():
    setattr(blocks, name, value)
csv_file.BLOCK_BYTES = {SMALL_BLOCK_BYTES}
score([sys.argv[1]], sys.argv[2], Path(sys.argv[3]), options=Options("reject"))
"""


def test_a_run_that_is_killed_is_resumed_to_the_result_of_one_that_was_not(
    tmp_path, model_repository, s3, key, phones, short_lease
):
    source = tmp_path / "in.csv"
    write(pa.concat_tables([phones] * 4), source)
    s3.put(f"{key}-in.csv", source.read_bytes())
    options = Options("reject")
    score([str(source)], tmp_path / "local", model_repository, options=options)
    parts = len(without_notes(tmp_path / "local"))
    arguments = [s3.uri(f"{key}-in.csv"), s3.uri(key), model_repository]
    with subprocess.Popen([sys.executable, "-c", CHILD, *arguments]) as run:
        wait_until(lambda: len(s3.keys(f"{key}/part-")) > parts // 4, 60)
        run.kill()
    assert run.returncode == -signal.SIGKILL
    noted = sum(s3.get(name).count(b"\n") for name in s3.keys(f"{key}/_manifest-"))
    assert 0 < noted <= len(s3.keys(f"{key}/part-")) < parts
    summary = score(arguments[:1], arguments[1], model_repository, options=options)
    assert summary.rows == 4 * ROWS
    assert summary.rows_of_run < 4 * ROWS
    for end in ("", ".rejected"):
        remote = fetched(s3, key + end, tmp_path / f"remote{end}")
        rows = [row | {"file": str(source)} if end else row for row in read(remote)]
        assert rows == read(tmp_path / f"local{end}")
    assert without_notes(tmp_path / "remote") == without_notes(tmp_path / "local")
    assert beside(s3, key) == ["out", "out-in.csv", "out.rejected"]


def test_one_object_of_a_run_that_is_killed_is_not_there(
    tmp_path, model_repository, s3, key, phones, short_lease
):
    source = write(pa.concat_tables([phones] * 6), tmp_path / "in.csv")
    lock = key.removesuffix("out") + ".lock-out.csv"
    command = [sys.executable, "-c", CHILD, source, s3.uri(f"{key}.csv"), model_repository]
    with subprocess.Popen(command) as run:
        wait_until(lambda: s3.keys(lock), 60)
        run.kill()
    assert beside(s3, key) == [".lock-out.csv"]
    score([str(source)], s3.uri(f"{key}.csv"), model_repository, options=Options("reject"))
    score([str(source)], tmp_path / "local.csv", model_repository, options=Options("reject"))
    assert s3.get(f"{key}.csv") == (tmp_path / "local.csv").read_bytes()
    assert beside(s3, key) == ["out.csv", "out.csv.rejected"]


def test_a_run_that_is_asked_to_end_lets_go_of_its_lock_and_is_resumed(
    model_repository, s3, key, phones, tmp_path
):
    source = str(write(pa.concat_tables([phones] * 4), tmp_path / "in.csv"))
    arguments = [source, s3.uri(key), model_repository]
    with subprocess.Popen([sys.executable, "-c", CHILD, *arguments]) as run:
        wait_until(lambda: len(s3.keys(f"{key}/part-")) > 3, 60)
        run.terminate()
    assert run.returncode == 143
    assert ".lock-out" not in beside(s3, key)
    noted = sum(s3.get(name).count(b"\n") for name in s3.keys(f"{key}/_manifest-"))
    # what was there was noted, but for parts that appeared as the signal came
    assert len(s3.keys(f"{key}/part-")) - noted in range(usable_cores() + 1)
    assert score([source], arguments[1], model_repository, options=Options("reject")).rows == 4 * ROWS


@pytest.mark.parametrize("end", ["", ".csv"])
def test_a_run_whose_lock_is_taken_writes_no_more(model_repository, s3, key, source, monkeypatch, end):
    lock = f"{key.removesuffix('out')}.lock-out{end}"
    predict = Predictor.predict

    def overtaken(self, rows):
        s3.put(lock, b"of another run")
        answers = predict(self, rows)
        # until a renewal has found that out
        wait_until(lambda: "renew" not in {thread.name.partition(" ")[0] for thread in threading.enumerate()})
        return answers

    monkeypatch.setattr(Predictor, "predict", overtaken)
    with pytest.raises(LockLostError, match="may be written by another run") as lost:
        score([source], s3.uri(f"{key}{end}"), model_repository, options=Options("null"))
    assert lost.value.exit_code == 68
    assert s3.keys(f"{key}{end}/part-") == []
    assert s3.keys(key.removesuffix("out")) == [lock, *s3.keys(f"{key}/_manifest")]


@pytest.mark.parametrize("end", ["", ".csv"])
def test_of_two_at_once_one_runs(tmp_path, model_repository, s3, key, source, monkeypatch, end):
    one_was_refused = threading.Event()
    predict = Predictor.predict

    def patient(self, rows):
        assert one_was_refused.wait(20)
        return predict(self, rows)

    monkeypatch.setattr(Predictor, "predict", patient)

    def run(_: int) -> str:
        try:
            summary = score([source], s3.uri(f"{key}{end}"), model_repository, options=Options("null"))
        except BusyError as error:
            one_was_refused.set()
            return str(error)
        return str(summary.rows)

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(run, range(2)))
    assert said == [str(ROWS), f"s3://shop/{key}{end} is being written by another run"]
    assert len(read(fetched(s3, f"{key}{end}", tmp_path / f"remote{end}"))) == ROWS


def test_the_same_job_again_does_nothing_and_another_is_refused(model_repository, s3, key, source):
    target = s3.uri(key)
    first = score([source], target, model_repository, options=Options("null"))
    before = {name: s3.get(name) for name in s3.keys(key)}
    assert score([source], target, model_repository, options=Options("null")) == first
    with pytest.raises(JobDiffersError, match=rf"s3://shop/{key} contains .* a different --on-bad-row"):
        score([source], target, model_repository, options=Options("reject"))
    assert {name: s3.get(name) for name in s3.keys(key)} == before
    assert "secret" not in "".join(map(str, before.values()))


def test_a_part_that_is_gone_or_cut_is_made_again(tmp_path, model_repository, s3, key, source):
    score([source], s3.uri(key), model_repository, options=Options("null"))
    before = {name: s3.get(name) for name in s3.keys(f"{key}/part-")}
    first, second, *_ = before
    s3.remove(first)
    s3.put(second, before[second][:-1])
    score([source], s3.uri(key), model_repository, options=Options("null"))
    assert {name: s3.get(name) for name in s3.keys(f"{key}/part-")} == before


def test_a_folder_of_something_else_is_not_written_into(model_repository, s3, key, source):
    s3.put(f"{key}/mine", b"1")
    with pytest.raises(TargetError, match="it exists and was not created by a scoring job"):
        score([source], s3.uri(key), model_repository, options=Options("null"))
    s3.put(f"{key}.csv/mine", b"1")  # a folder, whatever its name ends in
    with pytest.raises(TargetError, match="it exists and was not created by a scoring job"):
        score([source], s3.uri(f"{key}.csv"), model_repository, options=Options("null"))
    assert s3.keys(key) == [f"{key}.csv/mine", f"{key}/mine"]


@pytest.mark.parametrize(
    ("source", "target", "error", "message"),
    [
        ("in", "in/out", TargetError, "s3://shop/{}/in/out cannot be written: it is inside the input folder"),
        ("in/", "in/out.csv", TargetError, "it is inside the input folder s3://shop/{}/in"),
        ("in/a.csv", "in/a.csv", TargetError, "would overwrite the input s3://shop/{}/in/a.csv"),
        ("in/*.csv", "in", TargetError, "would overwrite the input s3://shop/{}/in/a.csv"),
        ("gone.csv", "out", TableNotFoundError, "no such file"),
    ],
)
def test_a_place_that_would_be_in_the_way_is_refused(
    model_repository, s3, key, source, target, error, message
):
    folder = key.removesuffix("/out")
    s3.put(f"{folder}/in/a.csv", b"a\n1\n")
    with pytest.raises(error, match=message.format(folder)):
        score([s3.uri(f"{folder}/{source}")], s3.uri(f"{folder}/{target}"), model_repository)
    assert s3.keys(folder) == [f"{folder}/in/a.csv"]


def test_a_dry_run_tells_the_place_and_writes_nothing(model_repository, s3, key, source):
    for end, what in (("", "a folder of parquet parts"), (".csv", "csv")):
        told = look([source], s3.uri(f"{key}{end}"), model_repository, options=Options("reject"))
        assert f"would be written: s3://shop/{key}{end}, {what}, answered by" in told
    assert beside(s3, key) == []


@pytest.mark.parametrize("end", ["", ".csv"])
def test_what_a_store_refuses_is_said_before_any_work(model_repository, s3, key, source, monkeypatch, end):
    monkeypatch.setattr(Predictor, "__init__", None)
    reader, writer = s3.user("s3:GetObject", "s3:ListBucket"), s3.user("s3:*")
    with pytest.raises(TargetError, match="there is no bucket s3://elsewhere"):
        score([source], s3.uri(f"out{end}", bucket="elsewhere"), model_repository)
    s3.check_keys()
    try:
        for user, message in (
            (reader, r"Access Denied \(AccessDenied\)"),
            (f"{writer}x", r"signature we calculated .* \(SignatureDoesNotMatch\)"),
            ("nobody:secret", r"does not exist in our records \(InvalidAccessKeyId\)"),
        ):
            target = s3.uri(f"{key}{end}", user)
            told = CliRunner().invoke(
                app, ["score", source, target, "--models", str(model_repository), "--on-bad-row", "null"]
            )
            assert isinstance(told.exception, TargetError), told.output
            assert told.exception.exit_code == 37
            with pytest.raises(TargetError, match=message) as refused:
                score([source], target, model_repository)
            assert str(refused.value).startswith("s3://shop/")
            assert "\n" not in str(refused.value)
            assert user.partition(":")[2] not in str(refused.value)
    finally:
        s3.check_keys(False)
    assert beside(s3, key) == []


@pytest.mark.parametrize("end", ["", ".csv"])
def test_a_store_that_stops_answering_is_given_up(
    tmp_path, model_repository, s3, key, source, monkeypatch, capfd, end
):
    monkeypatch.setattr(waiting, "SECONDS", 0.1)
    options = Options("null", reading=Reading(2.0))
    predict = Predictor.predict

    def silenced(self, rows):
        s3.pause()
        return predict(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "predict", silenced)
        try:
            with pytest.raises(TargetError, match="no answer within 2 s"):
                score([source], s3.uri(f"{key}{end}"), model_repository, options=options)
        finally:
            s3.go_on()
    said = capfd.readouterr().err
    assert f"waiting for {source} and s3://shop/{key}{end}?" in said
    assert "secret" not in said
    score([source], s3.uri(f"{key}{end}"), model_repository, options=options)
    assert len(read(fetched(s3, f"{key}{end}", tmp_path / f"remote{end}"))) == ROWS


def test_ctrl_c_ends_a_job_whose_store_does_not_answer(model_repository, source):
    run = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be ignored
from pricerange.cli import main
main()
"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        place = f"endpoint_override=127.0.0.1:{server.getsockname()[1]}&scheme=http&region=here"
        arguments = ["score", source, f"s3://key:secret@shop/out?{place}", "--source-timeout", "3600"]
        command = [sys.executable, "-c", run, *arguments, "--models", model_repository]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as child, server.accept()[0]:
            child.send_signal(signal.SIGINT)
            _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert said.decode().splitlines()[0].startswith("interrupted: what is finished is kept; run the same")
    assert b"Traceback" not in said


def test_an_error_in_a_row_leaves_nothing_of_an_object(model_repository, s3, key, source):
    with pytest.raises(Exception, match="row 7"):
        score([source], s3.uri(f"{key}.parquet"), model_repository)
    assert beside(s3, key) == []
    assert [name for name in s3.unfinished() if name.startswith(key)] == []


@pytest.mark.parametrize("end", [".csv", ".parquet"])
def test_generated_phones_go_to_a_store_too(tmp_path, s3, key, end):
    assert synth(100, s3.uri(f"{key}{end}")) == synth(100, tmp_path / f"local{end}")
    assert s3.get(f"{key}{end}") == (tmp_path / f"local{end}").read_bytes()
    told = CliRunner().invoke(app, ["synth", "1", s3.uri(f"{key}{end}")])
    assert told.output.startswith(f"1 phones, {len(s3.get(f'{key}{end}')):,} bytes in s3://shop/{key}{end}?")


def test_what_cannot_be_read_from_a_store_is_no_fault_of_the_target(model_repository, s3, key, source):
    with pytest.raises(UnreadableTableError):
        score([s3.uri("x.csv", bucket="elsewhere") + "&rogion=x"], s3.uri(key), model_repository)
