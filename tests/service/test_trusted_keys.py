"""`serve --trusted-keys`: what no trusted key has signed is never served, and who has is told."""

import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from live_server import NO_TLS, Server
from signing_keys import make_key, sign_version

from pricerange import errors
from pricerange.signature.trust import Trust


@pytest.fixture
def versions(model_repository: Path, tmp_path: Path) -> Path:
    """The folder of three versions: 1 is signed, 2 too, by nobody we know, and 3 is not."""
    folder = shutil.copytree(model_repository, tmp_path / "models") / "phone_price_range"
    for number in "23":
        shutil.copytree(folder / "1", folder / number)
    sign_version(folder / "1", make_key(tmp_path, "release", tmp_path / "trusted"))
    sign_version(folder / "2", make_key(tmp_path, "stranger"))
    return folder


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_newest_version_that_is_trusted_is_served_and_names_its_signer(
    versions: Path, tmp_path: Path, workers: str
) -> None:
    flags = ("--trusted-keys", str(tmp_path / "trusted"), "--workers", workers, "--no-access-log")
    server = Server(versions.parent, *flags).wait_until_ready()
    try:
        passport = httpx.get(f"{server.url}/model", verify=NO_TLS).json()
    finally:
        assert server.end() == 0
    [fingerprint] = Trust(tmp_path / "trusted").signers()
    assert passport["version"] == "1"
    assert passport["signer"] == {"key": "release.pub", "fingerprint": fingerprint}
    assert passport["approval"]["why"] == "good enough for tests"
    messages = [line["message"] for line in server.log(level="warning")]
    assert messages[:2] == [
        f"version 3 is passed over for version 1: {versions}/3 is not signed: "
        "`pricerange models sign 3 --key KEY.pem` signs it",
        f"version 2 is passed over for version 1: {versions}/2/model.sig is not valid here: "
        f"no key in {tmp_path}/trusted has made it (release.pub)",
    ]


def test_a_version_whose_signer_nobody_asked_for_names_none(versions: Path) -> None:
    (versions / "3" / "approval.json").unlink()
    server = Server(versions.parent, "--model-version", "3", "--no-access-log").wait_until_ready()
    try:
        passport = httpx.get(f"{server.url}/model", verify=NO_TLS).json()
    finally:
        server.end()
    assert (passport["version"], passport["signer"], passport["approval"]) == ("3", None, None)


def change(version: Path) -> None:
    (version / "MODEL_CARD.md").write_text("A better model")


def nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("number", "tamper", "keys", "error"),
    [
        pytest.param("3", nothing, "trusted", errors.UnsignedVersionError, id="unsigned"),
        pytest.param("2", nothing, "trusted", errors.WrongSignatureError, id="signed by a stranger"),
        pytest.param("1", change, "trusted", errors.WrongSignatureError, id="changed"),
        pytest.param("1", nothing, "nowhere", errors.TrustedKeysError, id="no keys"),
    ],
)
def test_what_is_not_trusted_never_answers(
    versions: Path,
    tmp_path: Path,
    number: str,
    tamper: Callable[[Path], None],
    keys: str,
    error: type[errors.PriceRangeError],
) -> None:
    tamper(versions / number)
    server = Server(versions.parent, "--model-version", number, "--trusted-keys", str(tmp_path / keys))
    assert server.wait() == error.exit_code
    assert not server.log(message="serving")
