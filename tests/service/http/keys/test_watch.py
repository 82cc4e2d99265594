"""The file of keys is looked at: what is in it counts once it rests, and what is wrong changes nothing."""

import logging
from pathlib import Path

import pytest
from api_keys import entry, secret, write

from pricerange.errors import SettingsError
from service.http.keys.entry import MOST_KEYS
from service.http.keys.watch import Watch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "keys.toml", entry("shop"))


def names(watch: Watch) -> list[str]:
    return [one.entry.name for one in watch.shared.publication.read()[1]]


def looked(watch: Watch, times: int = 2) -> Watch:
    for _ in range(times):
        watch.look()
    return watch


def test_a_file_that_is_wrong_at_first_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        Watch(tmp_path / "keys.toml")


def test_what_two_looks_find_is_taken(path: Path) -> None:
    watch = Watch(path)
    write(path, entry("shop"), entry("warehouse"))
    assert names(looked(watch, 1)) == ["shop"]
    assert names(looked(watch, 1)) == ["shop", "warehouse"]
    assert watch.shared.publication.generation == 2
    assert names(looked(watch, 5)) == ["shop", "warehouse"]
    assert watch.shared.publication.generation == 2


def test_a_comment_changes_nothing(path: Path) -> None:
    watch = Watch(path)
    for k in range(3):
        write(path, f"# {k}", entry("shop"))
        looked(watch)
    assert watch.shared.publication.generation == 1


def test_a_file_half_written_is_not_taken(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(path)
    text = entry("shop") + entry("warehouse")
    for written in (0, len(entry("shop")) // 2, len(text) - 5, len(text)):
        path.write_text(text[:written])
        assert names(looked(watch, 1)) == ["shop"]
    assert names(looked(watch, 1)) == ["shop", "warehouse"]
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


@pytest.mark.parametrize("wrong", [None, "", "[[key]]\n", entry("shop", "expires = 1")])
def test_a_wrong_file_changes_nothing_but_the_log_once_and_the_flag(
    path: Path, caplog: pytest.LogCaptureFixture, wrong: str | None
) -> None:
    watch = Watch(path)
    assert watch.shared.publication.file_valid
    if wrong is None:
        path.unlink()
    else:
        write(path, wrong)
    assert names(looked(watch, 5)) == ["shop"]
    assert not watch.shared.publication.file_valid
    [line] = [line.getMessage() for line in caplog.records if line.levelno >= logging.ERROR]
    assert line.startswith("the new API keys cannot be used, the old ones stay: api_keys_file: expected")
    assert secret("shop") not in line
    write(path, entry("shop"))
    looked(watch)
    assert watch.shared.publication.file_valid
    assert names(watch) == ["shop"]


def test_a_name_keeps_its_slot_and_a_new_one_gets_that_which_is_free_for_longest(path: Path) -> None:
    def slots() -> dict[str, tuple[int, int]]:
        found = looked(watch).shared.publication.read()[1]
        return {one.entry.name: (one.slot, one.since) for one in found}

    watch = Watch(path)
    first = slots()["shop"]
    write(path, entry("shop", key=secret("rotated")), entry("warehouse"))
    assert slots()["shop"] == first
    write(path, *(entry(f"n{k}") for k in range(MOST_KEYS)))
    all_new = slots()
    assert len({slot for slot, _ in all_new.values()}) == MOST_KEYS
    assert {since for _, since in all_new.values()} == {3}
    assert first[0] in {all_new[name][0] for name in sorted(all_new)[-2:]}


def test_a_new_name_has_no_debt_of_an_old_one(path: Path) -> None:
    watch = Watch(path)
    limits = watch.shared.limits
    assert limits.take(0, 1_000, 1.0) == 0
    write(path, *(entry(f"n{k}") for k in range(MOST_KEYS)))
    looked(watch)
    assert limits.take(0, 1, 1.0) == 0
