"""Where long answers wait: what is odd about the folder is said once; a bound on how much is taken."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from live_server import Server

from pricerange.machine.memory import usable_memory
from service.batch.spool_folder import default_spool, in_memory

MEMORY = Path("/dev/shm")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_folder_that_is_none_is_said_once(
    start: Callable[..., Server], model_repository: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere/at/all")
    server = start(model_repository, "--workers", workers).wait_until_ready()
    [line] = server.log(level="warning", logger="service.batch.spool_folder")
    assert line["message"].startswith("TMPDIR is /nowhere/at/all, which is not a folder that can be written")
    assert line["message"].endswith("buffered in /tmp")
    assert server.end() == 0


def test_a_folder_that_can_be_used_is_not_spoken_of(
    start: Callable[..., Server], model_repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", f"{tmp_path}/")
    server = start(model_repository).wait_until_ready()
    assert server.end() == 0
    assert server.log(logger="service.batch.spool_folder") == []


def test_a_folder_in_memory_is_said(
    start: Callable[..., Server], model_repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(MEMORY))
    server = start(model_repository).wait_until_ready()
    [line] = server.log(level="warning", logger="service.batch.spool_folder")
    assert line["message"] == "long answers are buffered in /dev/shm, which is in memory: they count as such"
    assert server.end() == 0


def test_what_is_in_memory_is_told_from_what_is_not() -> None:
    assert in_memory(MEMORY)
    assert not in_memory(Path("/proc"))
    assert not in_memory(Path("/nowhere/at/all"))


def default_in(folder: Path, workers: int) -> int:
    """What a process of its own finds: Python looks for the folder once."""
    program = f"from service.batch.spool_folder import default_spool; print(default_spool({workers}))"
    return int(subprocess.check_output([sys.executable, "-c", program], env={"TMPDIR": str(folder)}))


def test_by_default_half_of_the_disk_is_taken_and_less_of_the_memory(tmp_path: Path) -> None:
    assert default_spool(10**9) == 64 << 20
    for workers in (1, 1_000):
        assert workers * default_in(MEMORY, workers) <= usable_memory() // 4
    assert default_in(tmp_path, 1) >= default_in(tmp_path, 2) >= 64 << 20
