"""A folder of parts: what an interruption leaves, and what the next run makes of it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from corpus import few
from pyarrow import csv
from scoring_tables import FORMATS, SMALL, SMALL_BLOCK_BYTES, digests, read, write

from pricerange.errors import TargetError
from pricerange.predictor import Predictor
from pricerange.tables.csv import file as csv_file
from pricerange.tables.errors import BadRowError, TableFormatError, UnreadableTableError
from pricerange.tables.source import blocks, files, plan
from pricerange.tables.source.blocks import Shard
from scoring.errors import BusyError, ColumnsDifferError, JobDiffersError, UnknownColumnError
from scoring.job.job import part_name
from scoring.job.manifest import NAME as MANIFEST
from scoring.job.manifest import Manifest
from scoring.order import Options
from scoring.score import score
from scoring.target import staging

ROWS = 150


@pytest.fixture(scope="module")
def phones(phones_csv) -> pa.Table:
    table = csv.read_csv(phones_csv).slice(0, ROWS)
    return table.append_column("place", pa.array(range(ROWS)))


def manifest(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / MANIFEST).read_text().splitlines()[1:]]


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


@pytest.mark.parametrize("form", FORMATS)
def test_parts_hold_the_rows_in_order_and_are_those_of_the_manifest(
    tmp_path, model_repository, small_parts, phones, form
):
    sources = [str(write(phones, tmp_path / f"{name}.{form}")) for name in ("1", "2")]
    score(sources, tmp_path / "out", model_repository)
    score(sources, tmp_path / "whole.parquet", model_repository)
    rows = read(tmp_path / "out")
    assert rows == read(tmp_path / "whole.parquet")
    assert [int(row["place"]) for row in rows] == [*range(ROWS)] * 2
    finished = manifest(tmp_path / "out")
    assert len(finished) > 4
    names = sorted(part_name(part["file"], part["number"], "parquet", files=2) for part in finished)
    assert names == sorted(digests(tmp_path / "out"))
    assert not (tmp_path / "out.rejected").exists()
    for part in finished:
        in_part = read(tmp_path / "out" / part_name(part["file"], part["number"], "parquet", files=2))
        assert int(in_part[0]["place"]) == part["first_row"] - 1


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("split_texts", [False, True], ids=["streamed", "planned"])
def test_shards_give_the_same_blocks_from_wherever_they_begin(
    tmp_path, small_parts, phones, form, split_texts
):
    (file,) = files.find([str(write(phones, tmp_path / f"in.{form}"))]).files
    whole = [block for shard in plan.plan([file], split_texts=False) for block in blocks.read(file, shard)]
    planned = plan.plan([file], split_texts)
    assert [block for shard in planned for block in blocks.read(file, shard)] == whole
    assert (len(planned) > 1) == (form == "parquet" or (form in {"csv", "ndjson"} and split_texts))
    rows = [blocks.rows_of(block.content) for block in whole]
    for shard in planned:
        assert shard.first_row == 1 + sum(rows[k] for k, block in enumerate(whole) if block.part < shard.part)
    if form != "parquet":  # whose shards are parts
        for part, stop in {block.part: block.stop for block in whole}.items():
            rest = blocks.read(file, Shard(0, part + 1, stop))
            assert list(rest) == [block for block in whole if block.part > part]


def test_the_same_job_again_does_nothing_and_says_what_was_done(
    tmp_path, model_repository, small_parts, phones
):
    source = str(write(phones, tmp_path / "in.csv"))
    first = score([source], tmp_path / "out", model_repository)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert score([source], tmp_path / "out", model_repository) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet", "arrow"])
def test_a_part_that_is_gone_or_cut_is_made_again(tmp_path, model_repository, small_parts, phones, form):
    source = str(write(phones, tmp_path / f"in.{form}"))
    score([source], tmp_path / "out", model_repository)
    whole = digests(tmp_path / "out")
    parts = sorted((tmp_path / "out").glob("part-*"))
    parts[1].unlink()
    parts[2].write_bytes(parts[2].read_bytes()[:-1])
    score([source], tmp_path / "out", model_repository)
    assert digests(tmp_path / "out") == whole


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet", "feather"])
def test_a_job_that_failed_goes_on_where_it_was(
    tmp_path, model_repository, small_parts, phones, monkeypatch, form
):
    source = str(write(phones, tmp_path / f"in.{form}"))
    score([source], tmp_path / "whole", model_repository)
    answered = 0
    predict = Predictor.predict

    def lost(self, rows):
        nonlocal answered
        answered += len(rows)
        if answered > 2 * ROWS // 3:
            raise UnreadableTableError(source, "the source is lost")
        return predict(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "predict", lost)
        with pytest.raises(UnreadableTableError, match="the source is lost"):
            score([source], tmp_path / "out", model_repository)
    finished = manifest(tmp_path / "out")
    assert 0 < len(finished) < len(digests(tmp_path / "whole"))
    assert left_over(tmp_path) == []
    (tmp_path / "out" / ".writing-part-00000-00009.parquet-0").write_text("of a run that was killed")
    with (tmp_path / "out" / MANIFEST).open("a") as file:
        file.write('{"file": 0, "number"')
    summary = score([source], tmp_path / "out", model_repository)
    assert summary.rows_of_run == ROWS - sum(part["tally"]["rows"] for part in finished)
    assert summary.rows == ROWS
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")
    assert left_over(tmp_path) == []


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
print("begun", flush=True)
score([sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3]), options=Options("reject"))
"""


@pytest.mark.parametrize("is_folder", few(1, [True, False]), ids=["many small files", "a file"])
def test_runs_that_are_killed_at_any_moment_end_in_the_result_of_one_that_was_not(
    tmp_path, model_repository, small_parts, phones, is_folder
):
    bad = phones.set_column(0, "battery_power", pa.array([0 if k % 7 == 0 else 900 for k in range(ROWS)]))
    source = tmp_path / "in.csv"
    if is_folder:
        source.mkdir()
        for number in range(3 * ROWS):
            columns = bad.column_names if number % 50 else bad.column_names[:-1]
            small = bad.select(columns).slice(number % ROWS, 2)
            write(small, source / f"{number:05d}.{'parquet' if number % 7 == 0 else 'csv'}")
    else:
        write(pa.concat_tables([bad] * 20), source)
    score([str(source)], tmp_path / "whole", model_repository, options=Options("reject"))
    killed = 0
    moment = random.Random(1)
    command = [sys.executable, "-c", CHILD, source, tmp_path / "out", model_repository]
    while True:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as run:
            assert run.stdout.readline()
            time.sleep(moment.uniform(0.02, 0.15))
            run.kill()
        if run.returncode == 0:
            break
        killed += 1
        if killed == 3:
            subprocess.run(command, check=True)
            break
    assert killed > 0
    for name in ("", ".rejected"):
        assert digests(tmp_path / f"out{name}") == digests(tmp_path / f"whole{name}")
    assert left_over(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param({"options": Options("null")}, "--on-bad-row", id="way with bad rows"),
        pytest.param({"options": Options(form="csv")}, "--format", id="format"),
        pytest.param({"options": Options(columns=("place",))}, "--columns", id="columns"),
        pytest.param({"sources": ["other.csv"]}, "input", id="input"),
        pytest.param({"touch": True}, "input", id="changed input"),
        pytest.param({"models": "other"}, "model", id="model"),
    ],
)
def test_another_job_is_refused_a_folder_that_holds_parts_of_one(
    tmp_path, model_repository, small_parts, phones, monkeypatch, change, what
):
    monkeypatch.chdir(tmp_path)
    write(phones, Path("in.csv"))
    write(phones, Path("other.csv"))
    score(["in.csv"], Path("out"), model_repository)
    before = digests(Path("out"), ())
    models = model_repository
    if "models" in change:
        models = Path("models")
        shutil.copytree(model_repository, models)
        (version,) = (path for path in (models / "phone_price_range").iterdir() if path.is_dir())
        version.rename(version.with_name("7"))
    if "touch" in change:
        os.utime("in.csv", (1, 1))
    with pytest.raises(
        JobDiffersError, match=rf"out contains parts of another job, with a different {what}: "
    ):
        score(
            change.get("sources", ["in.csv"]),
            Path("out"),
            models,
            options=change.get("options", Options()),
        )
    assert digests(Path("out"), ()) == before


@pytest.mark.parametrize("target", ["out", "out.csv"])
def test_a_second_run_at_the_same_time_says_so_and_stops(tmp_path, model_repository, phones, target):
    source = str(write(phones, tmp_path / "in.csv"))
    with staging.locked(tmp_path / target), pytest.raises(BusyError, match="is being written by another run"):
        score([source], tmp_path / target, model_repository)
    assert left_over(tmp_path) == []
    score([source], tmp_path / target, model_repository)
    assert len(read(tmp_path / target)) == ROWS


def test_the_lock_of_a_run_that_was_killed_does_not_hold(tmp_path, model_repository, phones):
    source = str(write(phones, tmp_path / "in.csv"))
    holding = """
import pathlib, sys, time
from scoring.target.staging import locked
with locked(pathlib.Path(sys.argv[1])):
    print(flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", holding, tmp_path / "out"], stdout=subprocess.PIPE) as run:
        assert run.stdout.readline()
        with pytest.raises(BusyError):
            score([source], tmp_path / "out", model_repository)
        run.kill()
    score([source], tmp_path / "out", model_repository)
    assert left_over(tmp_path) == []


def test_the_error_is_that_of_the_first_part_that_fails(tmp_path, model_repository, small_parts, phones):
    ram = [4 if place in {80, 140} else 2800 for place in range(ROWS)]
    table = phones.set_column(phones.column_names.index("ram"), "ram", pa.array(ram))
    source = str(write(table, tmp_path / "in.parquet"))
    for _ in range(5):
        with pytest.raises(BadRowError, match="row 81: ram must be"):
            score([source], tmp_path / "out", model_repository)
        shutil.rmtree(tmp_path / "out")


def test_files_of_different_columns_go_into_a_folder_but_not_into_a_file(tmp_path, model_repository, phones):
    write(phones, tmp_path / "1.parquet")
    write(phones.rename_columns({"place": "position"}), tmp_path / "2.parquet")
    sources = [str(tmp_path / name) for name in ("1.parquet", "2.parquet")]
    for target in ("out.csv", "out.parquet"):
        with pytest.raises(
            ColumnsDifferError, match=r"2\.parquet has different columns .*position.*lacks place"
        ):
            score(sources, tmp_path / target, model_repository)
        assert not (tmp_path / target).exists()
    write(phones.select([*reversed(phones.column_names)]), tmp_path / "3.parquet")
    with pytest.raises(
        ColumnsDifferError, match=r"3\.parquet .*: it has them in a different order; use a folder"
    ):
        score([sources[0], str(tmp_path / "3.parquet")], tmp_path / "out.csv", model_repository)
    score(sources, tmp_path / "out", model_repository)
    first, second = sorted((tmp_path / "out").glob("part-*"))
    assert "place" in read(first)[0]
    assert "position" in read(second)[0]


@pytest.mark.parametrize("form", ["parquet", "csv.gz", "arrow", "feather"])
def test_a_file_that_is_cut_short_is_named_and_leaves_no_half_part(
    tmp_path, model_repository, small_parts, phones, form
):
    source = write(phones, tmp_path / f"in.{form}")
    source.write_bytes(source.read_bytes()[:-20])
    for target in ("out", "out.csv"):
        if form == "arrow" and target == "out.csv":
            continue
        with pytest.raises(UnreadableTableError, match=rf"in\.{form} cannot be read: "):
            score([str(source)], tmp_path / target, model_repository)
        assert left_over(tmp_path) == []


def test_a_rejects_folder_of_something_else_is_not_written_into(tmp_path, model_repository, phones):
    source = str(write(phones, tmp_path / "in.csv"))
    (tmp_path / "out.rejected").mkdir()
    (tmp_path / "out.rejected" / "mine").write_text("")
    with pytest.raises(TargetError, match=r"out\.rejected cannot be written: it exists"):
        score([source], tmp_path / "out", model_repository, options=Options("reject"))
    # where nothing is rejected it is none of the job's
    score([source], tmp_path / "out", model_repository)
    assert left_over(tmp_path) == []
    assert [path.name for path in (tmp_path / "out.rejected").iterdir()] == ["mine"]


def test_a_run_is_not_disturbed_by_one_into_a_name_that_begins_alike(tmp_path, model_repository, phones):
    source = str(write(phones, tmp_path / "in.csv"))
    other = tmp_path / f".writing-out.csv.gz-{'a' * 32}"
    own = tmp_path / f".writing-out.csv-{'b' * 32}"
    for path in (other, own):
        path.write_text("half")
    score([source], tmp_path / "out.csv", model_repository)
    assert left_over(tmp_path) == [other.name]


def test_a_result_that_vanishes_while_it_is_written_is_an_error(tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("older")
    with pytest.raises(TargetError, match="No such file"), staging.staged(target) as (path,):
        assert not path.exists()
    assert target.read_text() == "older"


def test_a_folder_is_one_by_whatever_link_it_is_named(tmp_path, model_repository, phones):
    source = str(write(phones, tmp_path / "in.csv"))
    (tmp_path / "link").symlink_to(tmp_path / "out")
    with staging.locked(tmp_path / "out"), pytest.raises(BusyError):
        score([source], tmp_path / "link", model_repository)
    score([source], tmp_path / "link", model_repository)
    assert len(read(tmp_path / "out")) == ROWS


def test_parts_are_in_order_by_their_names_however_many_files_there_are():
    for count in (1, 100_000, 100_001, 2_000_000):
        names = [part_name(file, 0, "parquet", count) for file in (0, count // 2, count - 1)]
        assert names == sorted(names)
    assert part_name(99_999, 0, "csv", 100_000) == "part-99999-00000.csv"


def test_a_part_that_is_lost_in_the_meantime_keeps_a_job_from_being_finished(
    tmp_path, model_repository, small_parts, phones, monkeypatch
):
    source = str(write(phones, tmp_path / "in.csv"))
    add = Manifest.add

    def losing(self, part):
        add(self, part)
        (tmp_path / "out" / part_name(0, 0, "parquet", files=1)).unlink(missing_ok=True)

    monkeypatch.setattr(Manifest, "add", losing)
    with pytest.raises(TargetError, match=r"part-00000-00000\.parquet .*it was finished, but is now missing"):
        score([source], tmp_path / "out", model_repository)
    assert not (tmp_path / "out" / "summary.json").exists()


def test_a_job_that_failed_before_its_first_part_may_be_put_right(tmp_path, model_repository, phones):
    source = str(write(phones, tmp_path / "in.csv"))
    with pytest.raises(UnknownColumnError, match=r"in\.csv lacks shop, which is among the columns to keep"):
        score([source], tmp_path / "out", model_repository, options=Options(columns=("shop",)))
    score([source], tmp_path / "out", model_repository, options=Options(columns=("place",)))
    assert [*read(tmp_path / "out")[0]][:2] == ["place", "price_range"]


def test_a_run_that_was_killed_before_it_had_begun_is_none(tmp_path, model_repository, phones):
    source = str(write(phones, tmp_path / "in.csv"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f".writing-{MANIFEST}-{'a' * 32}").write_text("half")
    score([source], tmp_path / "out", model_repository)
    assert left_over(tmp_path) == []
    assert len(read(tmp_path / "out")) == ROWS


@pytest.mark.parametrize("content", ["", "[]\n", '{"input"', '{}\n{"file": 0}\n', "{}\nnothing\n"])
def test_a_manifest_that_no_job_left_so_is_said_to_be_damaged(tmp_path, model_repository, phones, content):
    source = str(write(phones, tmp_path / "in.csv"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MANIFEST).write_text(content)
    with pytest.raises(TargetError, match="it is corrupted; remove the folder to start over"):
        score([source], tmp_path / "out", model_repository)
    assert (tmp_path / "out" / MANIFEST).read_text() == content


@pytest.mark.parametrize("content", ["", "{}", "nothing"])
def test_a_summary_that_no_job_left_so_is_written_again(tmp_path, model_repository, phones, content):
    source = str(write(phones, tmp_path / "in.csv"))
    score([source], tmp_path / "out", model_repository)
    (tmp_path / "out" / "summary.json").write_text(content)
    assert score([source], tmp_path / "out", model_repository).rows == ROWS
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["rows"] == ROWS


def test_rejects_of_others_stay_where_nothing_is_rejected(tmp_path, model_repository, phones):
    source = str(write(phones, tmp_path / "in.csv"))
    (tmp_path / "out.csv.rejected").write_text("mine")
    score([source], tmp_path / "out.csv", model_repository)
    assert (tmp_path / "out.csv.rejected").read_text() == "mine"


@pytest.mark.parametrize(
    ("source", "target", "metrics", "message"),
    [
        ("file://{}/in.csv", "in.csv", None, r"would overwrite the input /.*/in\.csv"),
        ("in.csv", "out.csv", "in.csv", "would overwrite the input in.csv"),
        ("in.csv", "out.csv", "out.csv", "it is a folder, or part of the result"),
        ("in.csv", "out", "out/score.prom", "it is a folder, or part of the result"),
        ("in.csv", "out", ".", "it is a folder, or part of the result"),
        ("in.csv", "out", "gone/score.prom", "gone does not exist"),
        (".", "out", None, "it is inside the input folder"),
        ("in.csv", "/", None, "it has no name"),
        ("in.csv", "out.csv", "s3://key:hidden@shop/m.prom", "^s3://shop/m.prom .* file of this machine$"),
        ("in.csv", "out.csv.bz2", None, "the name must end in"),
        ("in.csv", f"{'n' * 225}.csv", None, "its name has 229 bytes, expected at most 204"),
    ],
)
def test_a_place_that_would_be_in_the_way_is_refused_before_anything_is_written(
    tmp_path, model_repository, phones, monkeypatch, source, target, metrics, message
):
    monkeypatch.chdir(tmp_path)
    write(phones, tmp_path / "in.csv")
    before = digests(tmp_path)
    options = Options(metrics=metrics)
    with pytest.raises((TargetError, TableFormatError), match=message):
        score([source.format(tmp_path)], Path(target), model_repository, options=options)
    assert digests(tmp_path) == before


def test_sigterm_ends_a_job_with_its_parts_and_nothing_beside_them(tmp_path, model_repository, phones):
    source = write(pa.concat_tables([phones] * 20), tmp_path / "in.csv")
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, source, tmp_path / "out", model_repository], stdout=subprocess.PIPE
    ) as run:
        assert run.stdout.readline()
        while not (tmp_path / "out").exists() or len(list((tmp_path / "out").iterdir())) < 3:
            time.sleep(0.001)
        run.send_signal(signal.SIGTERM)
    assert run.returncode in {143, 0}
    assert left_over(tmp_path) == []
    assert csv_file.BLOCK_BYTES == 1 << 20


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('{"number": "../../x"}', id="text for a number"),
        pytest.param('{"rows": 999999}', id="rows that nothing adds up to"),
        pytest.param("1e999", id="a number beyond all"),
        pytest.param("[" * 100_000, id="depth without end"),
        pytest.param('{"file": 1e999}', id="a file beyond all"),
        pytest.param('{"start": -1}', id="before the beginning"),
        pytest.param('{"tally": {}}', id="no counts"),
    ],
)
def test_a_manifest_that_was_tampered_with_is_an_error_in_words(
    tmp_path, model_repository, small_parts, phones, line
):
    source = str(write(phones, tmp_path / "in.parquet"))
    score([source], tmp_path / "out", model_repository)
    manifest = tmp_path / "out" / MANIFEST
    first, *parts = manifest.read_text().splitlines()
    part = json.loads(parts[0])
    try:
        changes = json.loads(line)
    except (ValueError, RecursionError):
        changes = None
    if isinstance(changes, dict):
        rows = changes.pop("rows", None)
        part |= changes
        if rows is not None:
            part["tally"]["rows"] = rows
        line = json.dumps(part)
    manifest.write_text("\n".join([first, line, ""]))
    with pytest.raises(TargetError, match="corrupted"):
        score([source], tmp_path / "out", model_repository)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path, model_repository, phones):
    source = str(write(phones, tmp_path / "in.csv"))
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / ".lock-out.csv").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TargetError):
        score([source], tmp_path / "out.csv", model_repository)
    assert (tmp_path / "elsewhere").read_text() == "mine"
