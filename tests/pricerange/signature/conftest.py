"""A version that a trusted key has signed, in a repository of its own."""

import shutil
from pathlib import Path

import pytest
from signing_keys import make_key

from pricerange import bundle
from pricerange.signature.signing import sign, with_key
from pricerange.signature.trust import Trust


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    """Trust in one key, `release.pub`; `release.key` beside its folder is the private one."""
    make_key(tmp_path, "release", tmp_path / "trusted")
    return Trust(tmp_path / "trusted")


@pytest.fixture
def models(model_repository: Path, tmp_path: Path) -> Path:
    return shutil.copytree(model_repository, tmp_path / "models")


@pytest.fixture
def signed(models: Path, trust: Trust) -> Path:
    """The folder of version 1."""
    folder = bundle.find(models, 1)
    sign(bundle.read(folder), with_key(trust.folder.parent / "release.key"))
    return folder
