"""A new key: its secret on standard error, once, and what a file says of it on standard output."""

import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from live_server import PRICERANGE

from pricerange.errors import SettingsError
from service.http.keys.entry import Entry
from service.http.keys.file import entries_of
from service.http.keys.new import new

PATH = Path("keys.toml")


def test_a_new_key_is_an_entry_of_its_digest() -> None:
    key, text = new("shop", ["predict", "metrics"])
    [made] = entries_of(text.encode(), PATH)
    assert made == Entry("shop", sha256(key.encode()).digest(), frozenset({"predict", "metrics"}))
    assert key not in text
    assert new("shop", ["predict"])[0] != key


@pytest.mark.parametrize(
    ("name", "role", "words"),
    [
        pytest.param("two words", "predict", "--name", id="name"),
        pytest.param("shop", "owner", "predict or metrics or admin", id="role"),
    ],
)
def test_a_new_key_has_a_name_and_known_roles(name: str, role: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        new(name, [role])


def test_the_command_appends_to_a_file(tmp_path: Path) -> None:
    path, keys = tmp_path / "keys.toml", []
    with path.open("a") as file:
        for name in ("shop", "warehouse"):
            command = [PRICERANGE, "keys", "new", "--name", name, "--role", "predict"]
            made = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, text=True, check=True)
            keys.append(made.stderr.strip())
    found = entries_of(path.read_bytes(), path)
    assert [one.digest for one in found] == [sha256(key.encode()).digest() for key in keys]
