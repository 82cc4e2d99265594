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


def test_until_it_is_whole_a_file_is_where_it_is_staged(tmp_path: Path) -> None:
    """So that a run that is killed leaves nothing in a folder of which every file counts."""
    version, around = tmp_path / "around" / "1", tmp_path / "around"
    version.mkdir(parents=True)
    (version / "a.json").mkdir()
    around.chmod(0o755)
    with pytest.raises(IsADirectoryError):
        durable.replace(version / "a.json", b"content", staged_in=around)
    durable.replace(version / "b.json", b"content", staged_in=around)
    assert {path.name for path in around.rglob("*")} == {"1", "a.json", "b.json"}


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
