"""What is wanted is found anew where a file has changed, and followed once it is whole."""

import os
from pathlib import Path

import pytest
from rollout_world import INTERVAL, VERSIONS, add_version

from pricerange.approval import Approval
from pricerange.bundle import MODEL_FILE, MODEL_NAME, PASSPORT_FILE
from pricerange.errors import ModelNotFoundError, RolloutFileError
from pricerange.rollout.document import ROLLOUT_FILE
from service.rollout.desired import Desired, Watch
from service.settings import Settings


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for number in VERSIONS:
        add_version(tmp_path / "models", number)
    return tmp_path / "models"


@pytest.fixture
def file(models: Path) -> Path:
    path = models / MODEL_NAME / ROLLOUT_FILE
    path.write_text("stable = 1\n")
    return path


def desired(models: Path, **others: object) -> Desired:
    return Desired(Settings(models=models, **others))


def test_two_looks_at_the_same_find_the_same(models: Path, file: Path) -> None:
    looking = desired(models)
    first = looking.look()
    assert first.rollout is not None
    assert first.rollout.stable == 1
    assert looking.look() == first
    os.utime(file)
    assert looking.look() == first


@pytest.mark.parametrize("name", [PASSPORT_FILE, MODEL_FILE, "approval.json"])
def test_a_file_of_a_version_that_is_wanted_makes_a_difference(models: Path, file: Path, name: str) -> None:
    looking = desired(models)
    before = looking.look()
    (models / MODEL_NAME / "2" / name).unlink()
    assert looking.look().stamp == before.stamp
    path = models / MODEL_NAME / "1" / name
    path.with_suffix(".draft").write_bytes(path.read_bytes())
    path.with_suffix(".draft").replace(path)
    assert looking.look().stamp != before.stamp


def test_without_a_file_every_version_makes_a_difference(models: Path) -> None:
    looking = desired(models)
    before = looking.look()
    assert before.rollout is not None
    assert (before.rollout.stable, before.rollout.digest) == (4, "")
    Approval.now("rejected", "for tests").write(models / MODEL_NAME / "1")
    after = looking.look()
    assert after.stamp != before.stamp
    assert after.rollout == before.rollout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("stabel = 1\n", "stabel", id="unknown-key"),
        pytest.param("stable = 7\n", "stable: expected a folder that contains bundle.json", id="no-version"),
        pytest.param("stable = 1\n[canary]\nversion = 8\nweight = 1\n", "canary.version", id="no-canary"),
        pytest.param("stable = [\n", "rollout.toml", id="no-toml"),
    ],
)
def test_what_cannot_be_wanted_is_a_problem_and_no_error(
    models: Path, file: Path, content: str, words: str
) -> None:
    looking = desired(models)
    good = looking.look()
    file.write_text(content)
    look = looking.look()
    assert look.rollout is None
    assert words in str(look.problem)
    with pytest.raises(RolloutFileError, match=r"rollout\.toml"):
        desired(models).require()
    file.write_text("stable = 1\n")
    assert looking.look() == good


def test_a_version_that_may_not_serve_is_looked_at_again(models: Path, file: Path) -> None:
    approval = models / MODEL_NAME / "1" / "approval.json"
    content = approval.read_bytes()
    looking = desired(models)
    assert looking.look().rollout is not None
    when = approval.stat().st_mtime_ns
    inode = approval.stat().st_ino
    approval.write_bytes(b"?" * len(content))
    os.utime(approval, ns=(when + 1, when + 1))
    assert looking.look().rollout is None
    # the same file with the same times, as after a mount or a change of rights
    approval.write_bytes(content)
    os.utime(approval, ns=(when + 1, when + 1))
    assert approval.stat().st_ino == inode
    assert looking.look().rollout is not None


def test_an_error_of_the_file_system_is_a_problem(models: Path, file: Path) -> None:
    looking = desired(models)
    assert looking.look().rollout is not None
    (models / MODEL_NAME).rename(models / "elsewhere")
    (models / MODEL_NAME).symlink_to(MODEL_NAME)
    look = looking.look()
    assert look.rollout is None
    assert look.problem


def test_an_empty_repository_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError):
        desired(tmp_path).require()
    assert desired(tmp_path).look().rollout is None


def test_a_file_that_a_setting_names_has_to_be_there(models: Path, tmp_path: Path) -> None:
    named = tmp_path / "elsewhere.toml"
    looking = desired(models, rollout=named)
    with pytest.raises(RolloutFileError, match="a file, since a setting names it"):
        looking.require()
    assert looking.look().rollout is None
    named.write_text("stable = 2\n")
    assert looking.require().stable == 2


def test_a_version_that_a_setting_names_needs_no_file(models: Path, file: Path) -> None:
    looking = desired(models, model_version=3)
    assert looking.is_fixed
    assert looking.require().stable == 3
    file.write_text("?")
    look = looking.look()
    assert look.rollout is not None
    assert look.rollout.stable == 3
    with pytest.raises(ModelNotFoundError):
        desired(models, model_version=7).require()


def test_what_is_new_is_followed_once_it_has_settled(models: Path, file: Path) -> None:
    watch = Watch(desired(models), INTERVAL)
    assert watch.settled(0.0) is None
    found = watch.settled(0.2)
    assert found is not None
    assert [watch.settled(now) for now in (0.4, 2.0, 2.3, 4.5)] == [None] * 4
    file.write_text("stable = 2\n")
    assert [watch.settled(now) for now in (4.6, 6.0)] == [None] * 2
    assert watch.settled(6.6) is None
    assert watch.settled(6.7) is None
    new = watch.settled(6.81)
    assert new is not None
    assert new.rollout is not None
    assert new.rollout.stable == 2


def test_what_is_being_written_is_not_followed(models: Path, file: Path) -> None:
    watch = Watch(desired(models), INTERVAL)
    watch.now()
    now = 0.0
    for number in range(20):
        file.write_text(f"stable = 2\n# {number}\n")
        now += 0.25
        assert watch.settled(now) is None
    now += 0.25
    assert watch.settled(now) is not None


def test_a_file_that_is_gone_for_a_moment_is_not_missed(models: Path, file: Path) -> None:
    watch = Watch(desired(models), INTERVAL)
    watch.now()
    file.unlink()
    assert watch.settled(0.0) is None
    file.write_text("stable = 1\n")
    assert [watch.settled(0.1 * number) for number in range(60)] == [None] * 60


def test_what_is_followed_is_followed_again_where_that_is_wanted(models: Path, file: Path) -> None:
    watch = Watch(desired(models), INTERVAL)
    first = watch.now()
    watch.again()
    assert [watch.settled(0.1 * number) for number in range(4)].count(None) == 3
    watch.again()
    assert watch.now() == first
    assert watch.settled(10.0) is None
