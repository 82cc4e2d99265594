"""A lock: one holds it, others wait or are told, and the end of a process lets go of it."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pricerange import lock


def test_one_holds_it_at_a_time_and_nothing_stays(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    held = lock.acquire(path, wait=False)
    with pytest.raises(BlockingIOError):
        lock.acquire(path, wait=False)
    lock.release(path, held)
    assert not path.exists()
    lock.release(path, lock.acquire(path, wait=False))


def test_who_waits_gets_it_in_turn(tmp_path: Path) -> None:
    path, inside, most = tmp_path / ".lock", 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            held = lock.acquire(path, wait=True)
            inside += 1
            most = max(most, inside)
            inside -= 1
            lock.release(path, held)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert (inside, most) == (0, 1)
    assert not path.exists()


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    code = (
        "import pathlib, sys, time; from pricerange import lock; "
        "lock.acquire(pathlib.Path(sys.argv[1]), wait=False); print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(BlockingIOError):
            lock.acquire(path, wait=False)
        process.kill()
    lock.release(path, lock.acquire(path, wait=False))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        lock.acquire(tmp_path / ".lock", wait=False)
    assert not (tmp_path / "elsewhere").exists()
