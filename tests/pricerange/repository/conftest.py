"""Another repository, to be read from, and one that is empty."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def elsewhere(model_repository: Path, tmp_path: Path) -> Path:
    """The folder of three versions, which differ in a word of their passports."""
    folder = shutil.copytree(model_repository, tmp_path / "elsewhere") / "phone_price_range"
    for number in ("2", "10"):
        shutil.copytree(folder / "1", folder / number)
        passport = folder / number / "bundle.json"
        passport.write_text(passport.read_text().replace('"synthetic', f'"table {number} of synthetic', 1))
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The folder of the model in a repository that does not exist yet."""
    return tmp_path / "models" / "phone_price_range"
