"""Edits of the file: it says what was asked for, what a person wrote stays, and nobody finds half of it."""

import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.errors import RolloutFileError, TargetError
from pricerange.rollout.document import ROLLOUT_FILE, Rollout
from pricerange.rollout.edit import Change, Edit, abort, edit, edited, promote

WRITTEN = """# who serves

stable = 3  # since May
[canary]
# the new one
version = 4  # learned in June
sticky = "x-customer"  # who asks
steps = [
    1,  # carefully
    10,
]
pause = 300

[analysis]
count = 5  # patiently
"""


def anything(rollout: Rollout) -> None:
    """Accept whatever is valid."""


def test_comments_and_order_stay() -> None:
    def after(change: Edit) -> str:
        return edited(WRITTEN.encode(), change, Path(ROLLOUT_FILE)).decode()

    assert after(Change()) == WRITTEN
    assert after(Change(stable=3, canary=4, steps=[1, 10], pause=300, sticky="x-customer")) == WRITTEN
    assert after(Change(stable=2)) == WRITTEN.replace("stable = 3", "stable = 2")
    assert after(Change(pause=60)) == WRITTEN.replace("300", "60")
    begin, rest = WRITTEN.split("steps = [")
    _, end = rest.split("pause = 300\n")
    assert after(abort) == f"{begin}weight = 0\n{end}"
    assert "count = 5  # patiently" in after(promote)
    assert "stable = 4  # since May\n" in after(promote)


def test_a_file_does_not_grow_by_blank_lines_from_rollout_to_rollout() -> None:
    content = b"stable = 3\n"
    for change in (Change(canary=4, weight=1), promote, Change(canary=3, weight=1), promote) * 2:
        content = edited(content, change, Path(ROLLOUT_FILE))
    assert content == b"stable = 3\n"


VERSIONS = st.integers(1, 9)
PERCENT = st.floats(0, 100) | st.integers(0, 100).map(float)
CHANGES = st.builds(
    Change,
    stable=st.none() | VERSIONS,
    canary=st.none() | VERSIONS,
    weight=st.none() | PERCENT,
    steps=st.none() | st.lists(PERCENT, max_size=4),
    pause=st.none() | PERCENT,
    sticky=st.none() | st.sampled_from(["row", "x-a", 'no "header"']),
    shadows=st.lists(st.tuples(VERSIONS, st.floats(0, 1)), max_size=2),
    clear=st.lists(st.sampled_from(["canary", "shadow", "analysis"])),
)
EDITS = CHANGES | st.sampled_from([promote, abort])
USUAL = st.sampled_from(
    [
        "",
        "stable = 3",
        WRITTEN,
        WRITTEN.replace("\n", "\r\n"),
        "stable = 3\ncanary = {version = 4, weight = 1}\nshadow = [{version = 5, share = 0.5}]\n",
    ]
)
SCATTERED = st.sampled_from(
    [
        "stable = 3\ncanary.version = 4\ncanary.weight = 1\n",
        "stable = 3\n[[shadow]]\nversion = 5\nshare = 0.5\n[canary]\nversion = 4\nweight = 1\n[[shadow]]\n"
        "version = 6\nshare = 1",
    ]
)


@given(USUAL, st.lists(EDITS, max_size=3))
def test_a_file_says_what_the_same_edits_make_of_a_dictionary(written: str, edits: list[Edit]) -> None:
    content = written.encode()
    for each in edits:
        wanted = tomllib.loads(content.decode())
        try:
            each(wanted)
        except ValueError:
            with pytest.raises(RolloutFileError):
                edited(content, each, Path(ROLLOUT_FILE))
        else:
            content = edited(content, each, Path(ROLLOUT_FILE))
            assert tomllib.loads(content.decode()) == wanted


@given(SCATTERED, EDITS)
def test_a_file_written_in_an_unusual_way_is_edited_rightly_or_not_at_all(written: str, each: Edit) -> None:
    wanted = tomllib.loads(written)
    with suppress(RolloutFileError):
        content = edited(written.encode(), each, Path(ROLLOUT_FILE))
        each(wanted)
        assert tomllib.loads(content.decode()) == wanted


def test_what_cannot_be_edited_without_loss_is_left_to_a_person(tmp_path: Path) -> None:
    path = tmp_path / ROLLOUT_FILE
    path.write_text("stable = 3\ncanary.version = 4\ncanary.steps = [1]\ncanary.pause = 5\n")
    with pytest.raises(RolloutFileError, match="a way to write them that only a person can change"):
        edit(path, abort, anything)
    assert "canary.pause = 5" in path.read_text()


def test_what_it_would_say_is_valid_and_has_passed_the_check_before_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / ROLLOUT_FILE
    assert edit(path, Change(stable=3), anything) == (Rollout.read(path), True)
    assert edit(path, Change(stable=3), anything) == (Rollout.read(path), False)

    def refuse(rollout: Rollout) -> None:
        raise RolloutFileError(path, "stable", "a better one", str(rollout.stable))

    for change, check in (
        (Change(canary=4), anything),
        (Change(canary=3, weight=1), anything),
        (Change(canary=4, weight=float("nan")), anything),
        (promote, anything),
        (abort, anything),
        (Change(stable=2), refuse),
    ):
        with pytest.raises(RolloutFileError):
            edit(path, change, check)
    assert path.read_text() == "stable = 3\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"stable = \n", "TOML", id="not TOML"),
        pytest.param(b"\xff", "TOML", id="not text"),
        pytest.param(b"#" * (1 << 17), "at most 65536 bytes", id="too long"),
        pytest.param(b"stable = 3\ncanary = 4\n", "canary: expected a canary, found 4", id="another type"),
        pytest.param(b"stabel = 3\n", "stabel", id="misspelt"),
    ],
)
def test_a_file_that_is_wrong_is_left_to_a_person(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / ROLLOUT_FILE
    path.write_bytes(content)
    with pytest.raises(RolloutFileError, match=words):
        edit(path, Change(canary=5, weight=1), anything)
    assert path.read_bytes() == content


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="No such file"):
        edit(tmp_path / "nowhere" / ROLLOUT_FILE, Change(stable=3), anything)


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("stable = 3\n")
    (tmp_path / ROLLOUT_FILE).symlink_to("real.toml")
    edit(tmp_path / ROLLOUT_FILE, Change(stable=4), anything)
    assert (tmp_path / ROLLOUT_FILE).is_symlink()
    assert (tmp_path / "real.toml").read_text() == "stable = 4\n"


def test_of_many_writers_none_undoes_what_another_has_done_and_readers_find_it_whole(tmp_path: Path) -> None:
    path = tmp_path / ROLLOUT_FILE
    path.write_text("stable = 1\n# 0\n")

    def increment(document: Any) -> None:
        document["stable"] = document["stable"] + 1

    def work(change: Callable[[], object]) -> None:
        for _ in range(20):
            change()

    tasks = [lambda: edit(path, increment, anything)] * 3 + [lambda: Rollout.read(path)]
    failures: list[BaseException] = []

    def guarded(change: Callable[[], object]) -> None:
        try:
            work(change)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not failures
    assert path.read_text() == "stable = 61\n# 0\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_is_killed_leaves_the_file_whole_and_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / ROLLOUT_FILE
    path.write_text("stable = 1\n" + "# " + "x" * 10_000 + "\n")
    code = """
import sys
from itertools import count
from pathlib import Path
from pricerange.rollout.edit import Change, edit
for number in count(1):
    edit(Path(sys.argv[1]), Change(stable=number), lambda rollout: None)
    print(number, flush=True)
"""
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(20):
                process.stdout.readline()
            process.kill()
        assert Rollout.read(path).stable >= 20
        edit(path, Change(stable=1), anything)
    assert path.read_text().startswith("stable = 1\n# xxx")
