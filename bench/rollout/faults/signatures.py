"""What can be wrong with the signature of a version, where some keys are trusted."""

from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bench.rollout.faults.spoilt import Spoil
from pricerange import bundle
from pricerange.signature.signing import sign, with_key


class Signatures:
    """A key that is trusted, one that is not, and what can be done with them."""

    def __init__(self, folder: Path) -> None:
        """Make both; the folder of trusted keys is `trusted` in another one."""
        self.trusted = folder / "trusted"
        self.trusted.mkdir(parents=True)
        self._ours, self._strangers = folder / "ours.key", folder / "strangers.key"
        public = _make(self._ours)
        _make(self._strangers)
        (self.trusted / "ours.pub").write_bytes(public)

    def sign(self, version: Path) -> None:
        """Sign a version with the trusted key."""
        _sign(version, self._ours)

    def spoilt(self) -> Mapping[str, Spoil]:
        """Return what is done to versions that nothing is wrong with but the signature."""
        return {
            "not signed": lambda version: None,
            "signed with another key": lambda version: _sign(version, self._strangers),
            "signed, then a file more": lambda version: self._change(version, "notes.txt"),
            "signed, then MODEL_CARD.md changed": lambda version: self._change(version, "MODEL_CARD.md"),
        }

    def _change(self, version: Path, name: str) -> None:
        self.sign(version)
        with (version / name).open("a") as file:
            file.write("one line more\n")


def _sign(version: Path, key: Path) -> None:
    sign(bundle.read(version), with_key(key))


def _make(path: Path) -> bytes:
    """Write a private key and return its public one, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
