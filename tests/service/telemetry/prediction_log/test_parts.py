"""A folder of parts: they appear whole, the oldest leave, and nothing is touched that is not ours."""

import fcntl
import math
import os
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.telemetry.prediction_log.parts import Parts

DAY = 86_400.0
OLD = "predictions-20200101T000000.000000Z-00000000.parquet"
FUTURE = "predictions-20990101T000000.000000Z-00000000.parquet"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_part_has_its_bytes_and_a_name_that_tells_its_time(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "log", 1_000, DAY)
    parts.add(b"first")
    parts.add(b"second")
    found = sorted((tmp_path / "log").iterdir())
    assert [path.read_bytes() for path in found] == [b"first", b"second"]
    today = time.strftime("predictions-%Y%m%dT", time.gmtime())
    assert all(path.name.startswith(today[:-3]) for path in found)


def test_the_oldest_make_room_and_there_are_never_more_bytes(tmp_path: Path) -> None:
    parts = Parts(tmp_path, 100, DAY)
    for number in range(10):
        parts.add(bytes([number]) * 30)
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 100
    assert [path.read_bytes()[0] for path in sorted(tmp_path.iterdir())] == [7, 8, 9]


def test_what_is_too_old_leaves_also_where_nothing_comes(tmp_path: Path) -> None:
    parts = Parts(tmp_path, 1_000, DAY)
    (tmp_path / OLD).write_bytes(b"old")
    parts.add(b"new")
    assert OLD not in names(tmp_path)
    (tmp_path / OLD).write_bytes(b"old")
    parts.remove_old()
    assert len(names(tmp_path)) == 1


def test_age_is_told_by_the_name_to_the_second_and_may_be_without_end(tmp_path: Path) -> None:
    def part(age: float) -> str:
        written = datetime.fromtimestamp(time.time() - age, UTC)
        return written.strftime("predictions-%Y%m%dT%H%M%S.%fZ-00000000.parquet")

    younger, older = part(DAY - 30), part(DAY + 30)
    for name in (OLD, older, younger, FUTURE):
        (tmp_path / name).touch()
    Parts(tmp_path, 1_000, math.inf).remove_old()
    assert names(tmp_path) == [OLD, older, younger, FUTURE]
    Parts(tmp_path, 1_000, DAY).remove_old()
    assert names(tmp_path) == [younger, FUTURE]


def test_nothing_of_others_is_removed(tmp_path: Path) -> None:
    others = [
        "notes.txt",
        OLD + ".bak",
        "x" + OLD,
        ".writing-notes",
        "predictions-2020.parquet",
        f"copy {OLD}",
    ]
    for name in others:
        (tmp_path / name).write_bytes(b"x" * 1_000)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / OLD).write_bytes(b"theirs")
    link = tmp_path / OLD.replace("00000000.", "11111111.")
    link.symlink_to(tmp_path / "elsewhere" / OLD)
    (tmp_path / OLD.replace("00000000.", "22222222.")).mkdir()
    before = names(tmp_path)
    parts = Parts(tmp_path, 100, 1.0)
    parts.tidy()
    parts.remove_old()
    assert names(tmp_path) == before
    parts.add(b"ours")
    assert len(names(tmp_path)) == len(before) + 1
    assert (tmp_path / "elsewhere" / OLD).read_bytes() == b"theirs"


def test_a_clock_that_went_back_removes_no_part_but_for_room(tmp_path: Path) -> None:
    (tmp_path / FUTURE).write_bytes(b"from the future")
    parts = Parts(tmp_path, 100, DAY)
    parts.add(b"now")
    assert FUTURE in names(tmp_path)


def test_drafts_of_the_dead_are_tidied_away_and_those_of_the_living_stay(tmp_path: Path) -> None:
    dead, alive = tmp_path / f".writing-{OLD}", tmp_path / f".writing-{FUTURE}"
    dead.write_bytes(b"half")
    alive.write_bytes(b"half")
    descriptor = os.open(alive, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    Parts(tmp_path, 1_000, DAY).tidy()
    assert names(tmp_path) == [alive.name]
    os.close(descriptor)
    Parts(tmp_path, 1_000, DAY).tidy()
    assert names(tmp_path) == []


def test_a_folder_that_is_gone_is_made_again_and_one_whose_place_is_gone_is_an_error(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "outer" / "log", 1_000, DAY)
    parts.tidy()
    parts.remove_old()
    with pytest.raises(FileNotFoundError):
        parts.add(b"lost")
    (tmp_path / "outer").mkdir()
    parts.add(b"written")
    (path,) = (tmp_path / "outer" / "log").iterdir()
    path.unlink()
    path.parent.rmdir()
    parts.add(b"written again")
    assert len(names(tmp_path / "outer" / "log")) == 1


def test_a_write_that_is_refused_halfway_leaves_nothing(tmp_path: Path) -> None:
    # a limit of the process stands for a disk that is full: part of the bytes is written, then an error
    program = (
        "import resource, signal, sys, pathlib\n"
        "from service.telemetry.prediction_log.parts import Parts\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))\n"
        "Parts(pathlib.Path(sys.argv[1]), 1 << 24, 1e9).add(bytes(100_000))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=False
    )
    assert "File too large" in ended.stderr
    assert names(tmp_path) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
