"""Whom a model version is taken from: public keys in a folder, and signatures that they verify."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pricerange import bundle, regular_file
from pricerange.bundle import Bundle
from pricerange.errors import (
    MissingFileError,
    TrustedKeysError,
    UnreadableFileError,
    UnsignedVersionError,
    WrongSignatureError,
)
from pricerange.extras import extra
from pricerange.signature.claim import SIGNATURE_FILE, Claim

if TYPE_CHECKING:
    from pricerange.signature.covered import CoveredFiles

_MOST_KEY_BYTES = 1 << 16
_ENDINGS = (".pem", ".pub")
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
"""NIST's P-256, P-384 and P-521: those that OpenSSF model signing knows."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Signer:
    """Who has signed: the name of the key's file, and the sha256 of the public key as a PEM file holds it."""

    key: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.key} (sha256 {self.fingerprint})"


@dataclass(frozen=True, slots=True)
class Trust:
    """A folder of public keys, read anew for each signature: keys come and go while a service runs."""

    folder: Path

    @classmethod
    def of(cls, folder: Path | None) -> "Trust | None":
        """Return the trust in the keys of a folder, None where no folder is named; log what is no key.

        Raises `MissingExtraError`, or `TrustedKeysError` where no file of it is a key.
        """
        if folder is None:
            return None
        with extra("sign"):
            import model_signing.verifying  # noqa: F401 - what is missing is said before anything is loaded
        trust = cls(folder)
        trust.signers(log.warning)
        return trust

    def signers(self, tell: Callable[[str, Path, Exception], None] = log.debug) -> dict[str, Signer]:
        """Return who may sign, by the fingerprints of their keys; `tell` hears of files that are no keys.

        Raises `TrustedKeysError`.
        """
        try:
            paths = sorted(path for path in self.folder.iterdir() if path.name.endswith(_ENDINGS))
        except OSError as error:
            raise TrustedKeysError(self.folder, error.strerror or str(error)) from error
        found: dict[str, Signer] = {}
        for path in paths:
            try:
                fingerprint = _fingerprint(path)
            except (ValueError, UnreadableFileError, MissingFileError) as error:
                tell("%s is no trusted key: %s", path, error)
            else:
                found[fingerprint] = Signer(path.name, fingerprint)
        if not found:
            raise TrustedKeysError(self.folder, ", ".join(path.name for path in paths) or "none")
        return found

    def require(self, version: Bundle) -> Signer:
        """Return who has signed a version: all of its files, and of them the bytes that were loaded.

        Raises `UnsignedVersionError`, `WrongSignatureError` or `TrustedKeysError`.
        """
        signer, covered = self._verified(version.path)
        if name := covered.other_than(version):
            raise WrongSignatureError(
                version.path / SIGNATURE_FILE, f"{name} was replaced between loading and verifying it"
            )
        return signer

    def refusal(self, version: Path) -> str | None:
        """Say why the version in a folder is not to be taken, None where a trusted key has signed it.

        Nothing but the signature is looked at. Raises `TrustedKeysError`.
        """
        try:
            self._verified(version)
        except (UnsignedVersionError, WrongSignatureError) as error:
            return str(error)
        return None

    def _verified(self, version: Path) -> "tuple[Signer, CoveredFiles]":
        path = version / SIGNATURE_FILE
        signers = self.signers()
        claim = Claim.read(path)
        signer = signers.get(claim.fingerprint)
        if signer is None:
            known = ", ".join(known.key for known in signers.values())
            raise WrongSignatureError(path, f"no key in {self.folder} has made it ({known})")
        from model_signing import verifying

        from pricerange.signature.covered import CoveredFiles

        covered = CoveredFiles()
        verifier = verifying.Config().set_hashing_config(covered)
        try:
            verifier.use_elliptic_key_verifier(public_key=self.folder / signer.key).verify(version, path)
        except Exception as error:  # the library raises what its parsers and the system raise
            if not covered.were_asked_for:
                raise WrongSignatureError(path, f"{signer.key} is named in it and has not made it") from error
            other = claim.other_than(covered.sha256) or str(error)
            raise WrongSignatureError(path, f"{signer.key} has signed other files: {other}") from error
        if name := covered.missing():
            raise WrongSignatureError(path, f"it does not cover {name}")
        return signer, covered


def find(models: Path, version: int | None = None, trust: Trust | None = None) -> Path:
    """Return the folder of a version; where none is named, of the newest promotable one that is trusted.

    Raises what `bundle.find` raises.
    """
    return bundle.find(models, version, trust.refusal) if trust else bundle.find(models, version)


def read(
    models: Path, version: int | None = None, trust: Trust | None = None
) -> tuple[Bundle, Signer | None]:
    """Read the version that `find` finds, and say who has signed it where that is asked for.

    Raises what `find`, `bundle.read` and `Trust.require` raise.
    """
    found = bundle.read(find(models, version, trust))
    return found, trust.require(found) if trust else None


def _fingerprint(path: Path) -> str:
    """Return the sha256 of a public key as signatures name it.

    Raises `ValueError` for what is no such key, `UnreadableFileError` or `MissingFileError`.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    content, _ = regular_file.read(path, _MOST_KEY_BYTES)
    key = serialization.load_pem_public_key(content)
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise ValueError(f"expected a key of one of the curves {', '.join(_CURVES)}")
    return hashlib.sha256(
        key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()
