"""Real keys: private ones to sign with, and their public ones in a folder of trusted keys."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


def make_key(folder: Path, name: str, trusted: Path | None = None) -> Path:
    """Write a private key into a folder, and its public one where keys are trusted, if that is named."""
    key = ec.generate_private_key(ec.SECP256R1())
    path = folder / f"{name}.key"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    if trusted:
        trusted.mkdir(exist_ok=True)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (trusted / f"{name}.pub").write_bytes(public)
    return path


def sign_version(version: Path, key: Path) -> None:
    """Sign the version in a folder."""
    from pricerange import bundle
    from pricerange.signature.signing import sign, with_key

    sign(bundle.read(version), with_key(key))
