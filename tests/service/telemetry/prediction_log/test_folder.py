"""The folder that the settings name is one that can be written to, or the start ends."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pricerange.errors import SettingsError
from service.telemetry.prediction_log.folder import require


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Do without the rights of root, who may write everywhere."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_a_folder_that_may_not_be_written_to_is_refused() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o555)
        with _as_nobody(), pytest.raises(SettingsError, match="that this process may write to") as refused:
            require(folder)
        assert refused.value.found == name


def test_a_folder_is_made_with_those_above_it_and_may_be_there(tmp_path: Path) -> None:
    require(tmp_path / "outer" / "log")
    require(tmp_path / "outer" / "log")
    assert (tmp_path / "outer" / "log").is_dir()
