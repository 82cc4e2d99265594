"""`pricerange models` and what else asks who has signed a version."""

import shutil
import subprocess
from pathlib import Path

import pytest
from live_server import PRICERANGE
from signing_keys import make_key, sign_version

from pricerange import bundle, errors, synthetic
from pricerange.tables.errors import TableNotFoundError


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PRICERANGE, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def models(model_repository: Path, tmp_path: Path) -> Path:
    """Two versions, and `release.key` beside them, whose public key is trusted."""
    models = shutil.copytree(model_repository, tmp_path / "models")
    shutil.copytree(models / "phone_price_range" / "1", models / "phone_price_range" / "2")
    make_key(tmp_path, "release", tmp_path / "trusted")
    return models


def test_a_version_is_signed_and_verified(models: Path, tmp_path: Path) -> None:
    trusted, at = ("--trusted-keys", tmp_path / "trusted"), ("--models", models)
    unsigned = run("models", "verify", "1", *trusted, *at)
    assert unsigned.returncode == errors.UnsignedVersionError.exit_code
    signed = run("models", "sign", "1", "--key", tmp_path / "release.key", *at)
    assert (signed.returncode, signed.stdout) == (0, f"{models}/phone_price_range/1/model.sig\n")
    verified = run("models", "verify", "1", *trusted, *at)
    assert verified.returncode == 0
    assert verified.stdout.startswith("version 1 is signed by release.pub (sha256 ")
    # what stands before the subcommand holds for it
    assert run("models", *at, *trusted, "verify", "1").stdout == verified.stdout
    refused = run("models", *trusted, "pull", models, tmp_path / "here", "--version", "2")
    assert refused.returncode == errors.UnsignedVersionError.exit_code
    listed = run("models", *at, *trusted)
    first, second = listed.stdout.splitlines()
    assert "  signed by release.pub  " in first
    assert first.endswith("(taken)")
    assert "  not signed  " in second
    (models / "phone_price_range" / "1" / "report.html").unlink()
    changed = run("models", "verify", "1", *trusted, *at)
    assert changed.returncode == errors.WrongSignatureError.exit_code
    assert "release.pub has signed other files: missing report.html" in changed.stderr
    assert "  wrongly signed: release.pub has signed other files" in run("models", *at, *trusted).stdout


def test_a_version_that_is_not_whole_is_not_signed(models: Path, tmp_path: Path) -> None:
    (models / "phone_price_range" / "1" / "model.onnx").write_bytes(b"")
    refused = run("models", "sign", "1", "--key", tmp_path / "release.key", "--models", models)
    assert refused.returncode == errors.TruncatedModelError.exit_code
    assert not (models / "phone_price_range" / "1" / "model.sig").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["sign", "1"], "either --key or --sigstore, found 'neither'", id="signed by nobody"),
        pytest.param(["sign", "1", "--key", "k", "--sigstore"], "found 'both'", id="signed twice"),
        pytest.param(["verify", "1"], "either --trusted-keys, or --identity", id="verified by nothing"),
        pytest.param(["verify", "1", "--identity", "ada"], "and --identity-provider", id="no provider"),
    ],
)
def test_who_signs_and_who_is_trusted_is_said_once(models: Path, arguments: list[str], words: str) -> None:
    refused = run("models", *arguments, "--models", models)
    assert refused.returncode == errors.SettingsError.exit_code
    assert words in refused.stderr


def test_score_takes_only_what_is_signed(models: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(synthetic.as_csv(*synthetic.phones(5)))
    command = ["score", tmp_path / "in.csv", tmp_path / "out.csv", "--models", models]
    command += ["--trusted-keys", tmp_path / "trusted"]
    refused = run(*command)
    assert refused.returncode == errors.NoPromotableVersionError.exit_code
    assert not (tmp_path / "out.csv").exists()
    sign_version(models / "phone_price_range" / "1", tmp_path / "release.key")
    scored = run(*command)
    assert scored.returncode == 0
    assert "version 2 is passed over for version 1: " in scored.stderr


def test_versions_are_pulled_compared_and_removed(models: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    pulled = run("models", "pull", models, here, "--version", "1", "--version", "2")
    assert (pulled.returncode, pulled.stderr) == (0, "")
    assert [line.split(":")[0] for line in pulled.stdout.splitlines()] == ["version 1", "version 2"]
    compared = run("models", "--models", here, "diff", "1", "2", "--data", models / "nowhere.csv")
    assert compared.returncode == TableNotFoundError.exit_code
    compared = run("models", "--models", here, "diff", "1", "2")
    assert (compared.returncode, compared.stdout) == (0, "version 1 -> version 2\n")
    in_use = run("models", "rm", "2", "--yes", "--models", here)
    assert in_use.returncode == errors.VersionInUseError.exit_code
    asked = run("models", "rm", "1", "--models", here)
    assert (asked.returncode, "Remove version 1" in asked.stdout) == (1, True)
    assert run("models", "rm", "1", "--yes", "--models", here).returncode == 0
    assert bundle.versions(here) == [2]
    assert run("models", "pull", here, models).returncode == 0
    nowhere = run("models", "pull", tmp_path / "nowhere", models)
    assert nowhere.returncode == errors.RepositorySourceError.exit_code
