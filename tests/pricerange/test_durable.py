"""Files that are there as a whole, or as they were."""

from pathlib import Path

import pytest

from pricerange import durable


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for content in (b"first", b"2"):
        durable.replace(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        durable.replace(path, b"content")
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_replaces_none(tmp_path: Path) -> None:
    durable.write(tmp_path / "a", b"1")
    with pytest.raises(FileExistsError):
        durable.write(tmp_path / "a", b"2")
