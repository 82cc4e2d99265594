"""A version comes whole and verified, or not at all: whatever the source holds, and whenever a pull ends."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from live_server import PRICERANGE
from s3_server import S3Server
from signing_keys import make_key, sign_version

from pricerange import bundle
from pricerange.errors import (
    ChecksumError,
    GoldenRowError,
    PassportError,
    PriceRangeError,
    RepositorySourceError,
    TruncatedModelError,
    UnsignedVersionError,
    VersionConflictError,
)
from pricerange.repository.change import LOCK_FILE
from pricerange.repository.pull import Pull
from pricerange.repository.source import Source
from pricerange.signature.trust import Trust

SECONDS = 20.0


def pull(source: Path | str, here: Path, *wanted: int, trust: Trust | None = None) -> list[str]:
    """Pull from the repository around a folder, or that a URI names; return the lines that are told."""
    told: list[str] = []
    named = source if isinstance(source, str) else str(source.parent)
    Pull(Source.of(named, SECONDS), here.parent, trust).run(wanted, told.append)
    return told


def content(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, by their names in it, without the lock."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != LOCK_FILE]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_a_repository_is_pulled_whole_and_a_second_pull_changes_nothing(elsewhere: Path, here: Path) -> None:
    told = pull(elsewhere, here)
    assert [line.split(":")[0] for line in told] == ["version 1", "version 2", "version 10"]
    assert content(here) == content(elsewhere)
    assert bundle.find(here.parent) == here / "10"
    before = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
    assert pull(elsewhere, here) == []
    assert {path: path.stat().st_mtime_ns for path in here.rglob("*")} == before


def test_only_what_is_wanted_and_missing_is_pulled(elsewhere: Path, here: Path) -> None:
    pull(elsewhere, here, 2)
    assert bundle.versions(here.parent) == [2]
    assert pull(f"file://{elsewhere.parent}", here, 1, 2) == [
        f"version 1: {sum(map(len, content(elsewhere / '1').values())):,} bytes"
    ]
    assert bundle.versions(here.parent) == [1, 2]
    with pytest.raises(RepositorySourceError, match="expected a version 7, found none"):
        pull(elsewhere, here, 10, 7)
    assert bundle.versions(here.parent) == [1, 2]


def test_a_bucket_is_pulled(elsewhere: Path, here: Path, s3: S3Server) -> None:
    for name, bytes_ in content(elsewhere).items():
        s3.put(f"pulled/models/phone_price_range/{name}", bytes_)
    s3.put("pulled/models/phone_price_range/11/model.onnx", b"comes first, its passport last")
    pull(s3.uri("pulled/models"), here)
    assert content(here) == content(elsewhere)


def test_a_bucket_without_a_repository_is_an_error_without_secrets(here: Path, s3: S3Server) -> None:
    with pytest.raises(RepositorySourceError) as raised:
        pull(s3.uri("nowhere", user="ada:secret"), here)
    assert str(raised.value) == (
        "s3://shop/nowhere/phone_price_range cannot be taken: expected a version, found none"
    )


def test_a_store_that_does_not_answer_is_given_up(here: Path, s3: S3Server) -> None:
    s3.pause()
    try:
        with pytest.raises(RepositorySourceError):
            Pull(Source.of(s3.uri("paused"), 3.0), here.parent).run((), print)
    finally:
        s3.go_on()


def test_another_version_of_the_same_number_is_an_error_and_nothing_changes(
    elsewhere: Path, here: Path
) -> None:
    shutil.copytree(elsewhere / "2", here / "10")
    before = content(here)
    with pytest.raises(VersionConflictError, match="`pricerange models rm 10` makes room"):
        pull(elsewhere, here)
    assert content(here) == before


def test_a_folder_that_is_no_version_keeps_its_name(elsewhere: Path, here: Path) -> None:
    (here / "2").mkdir(parents=True)
    (here / "2" / "model.onnx").write_bytes(b"somebody is copying it by hand")
    with pytest.raises(VersionConflictError):
        pull(elsewhere, here)
    assert bundle.versions(here.parent) == []


def truncate(version: Path) -> None:
    os.truncate(version / "model.onnx", 100)


def inflate(version: Path) -> None:
    os.truncate(version / "model.onnx", 1 << 40)


def lose_model(version: Path) -> None:
    (version / "model.onnx").unlink()


def change_byte(version: Path) -> None:
    model = bytearray((version / "model.onnx").read_bytes())
    model[-1] ^= 1
    (version / "model.onnx").write_bytes(model)


def change_passport(version: Path, **changes: object) -> None:
    passport = version / "bundle.json"
    passport.write_text(json.dumps(json.loads(passport.read_bytes()) | changes))


def other_golden_row(version: Path) -> None:
    golden = json.loads((version / "bundle.json").read_bytes())["golden_rows"]
    golden[0]["probabilities"].reverse()
    change_passport(version, golden_rows=golden)


def link(version: Path) -> None:
    (version / "MODEL_CARD.md").unlink()
    (version / "MODEL_CARD.md").symlink_to("/etc/passwd")


def a_pipe(version: Path) -> None:
    os.mkfifo(version / "pipe")


def a_terabyte(version: Path) -> None:
    (version / "big.csv").touch()
    os.truncate(version / "big.csv", 1 << 40)


def many_files(version: Path) -> None:
    for number in range(100):
        (version / f"{number}.txt").touch()


def named(name: str) -> Callable[[Path], object]:
    return lambda version: (version / name).touch()


SOURCES = [
    pytest.param(truncate, TruncatedModelError, "is truncated", id="truncated"),
    pytest.param(inflate, TruncatedModelError, "is too long", id="a model of a terabyte"),
    pytest.param(change_byte, ChecksumError, "sha256", id="another model"),
    pytest.param(
        lambda version: (version / "model.onnx").unlink(), TruncatedModelError, "found 0", id="none"
    ),
    pytest.param(lambda version: change_passport(version, extra=1), PassportError, "extra", id="passport"),
    pytest.param(other_golden_row, GoldenRowError, "golden row 0", id="golden row"),
    pytest.param(link, RepositorySourceError, "files alone, found 'MODEL_CARD.md'", id="a link"),
    pytest.param(a_pipe, RepositorySourceError, "files alone, found 'pipe'", id="a pipe"),
    pytest.param(lambda version: (version / "more").mkdir(), RepositorySourceError, "'more'", id="a folder"),
    pytest.param(a_terabyte, RepositorySourceError, "at most 67108864 bytes beside", id="a terabyte"),
    pytest.param(many_files, RepositorySourceError, "at most 100 files", id="many files"),
    pytest.param(named(".hidden"), RepositorySourceError, "plain names.*'.hidden'", id="hidden"),
    pytest.param(named("a b"), RepositorySourceError, "plain names.*'a b'", id="a blank"),
    pytest.param(named("-rf"), RepositorySourceError, "plain names.*'-rf'", id="a flag"),
    pytest.param(named("x" * 101), RepositorySourceError, "plain names", id="a long name"),
]


@pytest.mark.parametrize(("damage", "error", "words"), SOURCES)
def test_what_is_not_a_whole_version_never_comes(
    elsewhere: Path,
    here: Path,
    damage: Callable[[Path], object],
    error: type[PriceRangeError],
    words: str,
) -> None:
    damage(elsewhere / "2")
    with pytest.raises(error, match=words):
        pull(elsewhere, here)
    assert content(here / "1") == content(elsewhere / "1")
    assert {path.name for path in here.iterdir()} == {"1", "config.pbtxt", "labels.txt", LOCK_FILE}


def test_only_what_a_trusted_key_has_signed_comes(elsewhere: Path, here: Path, tmp_path: Path) -> None:
    sign_version(elsewhere / "1", make_key(tmp_path, "release", tmp_path / "trusted"))
    with pytest.raises(UnsignedVersionError):
        pull(elsewhere, here, trust=Trust.of(tmp_path / "trusted"))
    assert bundle.versions(here.parent) == [1]
    assert (here / "1" / "model.sig").is_file()


def test_what_triton_reads_is_kept_where_it_is(elsewhere: Path, here: Path) -> None:
    here.mkdir(parents=True)
    (here / "config.pbtxt").write_text("# ours")
    pull(elsewhere, here)
    assert (here / "config.pbtxt").read_text() == "# ours"
    assert (here / "labels.txt").read_bytes() == (elsewhere / "labels.txt").read_bytes()


def test_the_rollout_comes_when_the_versions_that_it_names_are_here(elsewhere: Path, here: Path) -> None:
    rollout = elsewhere / "rollout.toml"
    rollout.write_text("stable = 1\n[canary]\nversion = 10\nweight = 10\n")
    assert pull(elsewhere, here, 1)[1:] == [
        "rollout.toml is left as it is here: it names version 10, which is not here"
    ]
    assert not (here / "rollout.toml").exists()
    assert pull(elsewhere, here)[-1] == "rollout.toml"
    assert (here / "rollout.toml").read_bytes() == rollout.read_bytes()
    assert pull(elsewhere, here) == []
    rollout.write_text("stable = 10\n")
    assert pull(elsewhere, here) == ["rollout.toml"]
    assert (here / "rollout.toml").read_text() == "stable = 10\n"
    rollout.write_text("stable = \n")
    with pytest.raises(RepositorySourceError, match=r"rollout\.toml cannot be taken"):
        pull(elsewhere, here)
    assert (here / "rollout.toml").read_text() == "stable = 10\n"


def test_two_processes_that_pull_at_once_both_find_all_of_it(elsewhere: Path, here: Path) -> None:
    command = [PRICERANGE, "models", "pull", elsewhere.parent, here.parent]
    pulling = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=60)[0].splitlines() for process in pulling]
    assert [process.returncode for process in pulling] == [0, 0]
    assert sorted(line.split(":")[0] for line in told[0] + told[1]) == [
        "version 1",
        "version 10",
        "version 2",
    ]
    assert content(here) == content(elsewhere)


WAITS = """
import sys, time
from pathlib import Path
from pricerange.repository import pull
from pricerange.repository.source import Source

def wait(folder, trust):
    print(folder, flush=True)
    time.sleep(600)

pull.verified_in = wait
pull.Pull(Source.of(sys.argv[1], 60.0), Path(sys.argv[2])).run((), print)
"""


def test_a_pull_that_is_killed_leaves_no_version_and_the_next_one_cleans_up(
    elsewhere: Path, here: Path
) -> None:
    command = [sys.executable, "-c", WAITS, elsewhere.parent, here.parent]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        staging = Path(process.stdout.readline().strip())
        process.kill()
    assert content(staging) == content(elsewhere / "1")
    assert bundle.versions(here.parent) == []
    pull(elsewhere, here)
    assert content(here) == content(elsewhere)
    assert not staging.parent.exists()


def test_a_file_that_changes_while_it_is_read_is_an_error(elsewhere: Path) -> None:
    source = Source.of(str(elsewhere.parent), SECONDS)
    size = source.files(1)["model.onnx"]
    for told in (size - 1, size + 1):
        with pytest.raises(RepositorySourceError, match=f"expected {told} bytes, found others"):
            list(source.parts("1/model.onnx", told))
    read = b"".join(source.parts("1/model.onnx", size))
    assert hashlib.sha256(read).digest() == hashlib.sha256((elsewhere / "1/model.onnx").read_bytes()).digest()
    with pytest.raises(RepositorySourceError):
        list(source.parts("1/nothing", 0))
