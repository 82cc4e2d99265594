"""A signature is made of what was verified, appears whole, and is what others verify too."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from signing_keys import make_key

from pricerange import bundle
from pricerange.errors import SettingsError, SigningError
from pricerange.signature.claim import SIGNATURE_FILE
from pricerange.signature.signing import sign, with_key
from pricerange.signature.trust import Trust


def test_the_tool_of_openssf_verifies_our_signatures(signed: Path, trust: Trust) -> None:
    tool = [Path(sys.executable).with_name("model_signing"), "verify", "key", signed, "--signature"]
    arguments = [signed / SIGNATURE_FILE, "--public_key", trust.folder / "release.pub"]
    subprocess.run([*tool, *arguments], check=True, capture_output=True)
    (signed / "MODEL_CARD.md").write_text("another")
    assert subprocess.run([*tool, *arguments], check=False, capture_output=True).returncode == 1


def test_a_later_signature_replaces_an_earlier_one(signed: Path, trust: Trust, tmp_path: Path) -> None:
    before = set(signed.parent.rglob("*"))
    sign(bundle.read(signed), with_key(make_key(tmp_path, "other", trust.folder)))
    assert trust.require(bundle.read(signed)).key == "other.pub"
    assert set(signed.parent.rglob("*")) == before


def test_what_was_verified_is_what_is_signed(models: Path, trust: Trust, tmp_path: Path) -> None:
    version = bundle.read(bundle.find(models, 1))
    passport = version.path / "bundle.json"
    passport.write_bytes(passport.read_bytes() + b"\n")
    with pytest.raises(SigningError, match=r"bundle\.json was replaced while it was verified"):
        sign(version, with_key(tmp_path / "release.key"))
    assert not (version.path / SIGNATURE_FILE).exists()


def test_a_link_among_the_files_is_not_signed(models: Path, trust: Trust, tmp_path: Path) -> None:
    version = bundle.read(bundle.find(models, 1))
    shutil.copy(version.path / "MODEL_CARD.md", tmp_path)
    (version.path / "card.md").symlink_to(tmp_path / "MODEL_CARD.md")
    with pytest.raises(SigningError, match="symlink"):
        sign(version, with_key(tmp_path / "release.key"))


def private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="no file"),
        pytest.param(b"", id="empty"),
        pytest.param(private(ec.generate_private_key(ec.SECP256R1()), b"secret"), id="encrypted"),
        pytest.param(private(ec.generate_private_key(ec.SECP256K1())), id="another curve"),
        pytest.param(private(rsa.generate_private_key(65537, 2048)), id="RSA"),
    ],
)
def test_what_is_no_private_key_signs_nothing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"--key: expected a private key \(EC P-256"):
        with_key(path)
