"""A version that somebody counts on stays; any other goes at once, as a whole."""

from pathlib import Path

import pytest
from signing_keys import make_key, sign_version

from pricerange import bundle
from pricerange.approval import Approval
from pricerange.errors import ModelNotFoundError, VersionInUseError
from pricerange.repository.change import LOCK_FILE
from pricerange.repository.remove import remove
from pricerange.signature.trust import Trust


def test_a_version_on_which_nobody_counts_goes(elsewhere: Path) -> None:
    remove(elsewhere.parent, 2)
    assert bundle.versions(elsewhere.parent) == [1, 10]
    assert {path.name for path in elsewhere.iterdir()} == {"1", "10", "config.pbtxt", "labels.txt", LOCK_FILE}
    with pytest.raises(ModelNotFoundError):
        remove(elsewhere.parent, 2)


def test_the_version_that_is_taken_stays(elsewhere: Path, tmp_path: Path) -> None:
    with pytest.raises(VersionInUseError, match="10 is in use: it is the newest promotable one"):
        remove(elsewhere.parent, 10)
    sign_version(elsewhere / "1", make_key(tmp_path, "release", tmp_path / "trusted"))
    with pytest.raises(VersionInUseError, match="1 is in use"):
        remove(elsewhere.parent, 1, Trust.of(tmp_path / "trusted"))
    Approval.now("rejected", "too old").write(elsewhere / "10")
    remove(elsewhere.parent, 10)
    assert bundle.versions(elsewhere.parent) == [1, 2]


def test_versions_that_the_rollout_names_stay(elsewhere: Path) -> None:
    rollout = elsewhere / "rollout.toml"
    rollout.write_text("stable = 2\n[[shadow]]\nversion = 1\nshare = 0.5\n")
    for number in (1, 2):
        with pytest.raises(VersionInUseError, match=rf"{number} is in use: rollout\.toml names it"):
            remove(elsewhere.parent, number)
    rollout.write_text("stable = ")
    with pytest.raises(VersionInUseError, match="nobody knows which versions are named"):
        remove(elsewhere.parent, 1)
    assert bundle.versions(elsewhere.parent) == [1, 2, 10]


def test_a_broken_version_can_be_removed(elsewhere: Path) -> None:
    for number in "1", "2", "10":
        (elsewhere / number / "bundle.json").write_bytes(b"{")
        (elsewhere / number / "approval.json").unlink()
    remove(elsewhere.parent, 10)
    assert bundle.versions(elsewhere.parent) == [1, 2]
