"""Which files of a version its signature covers: all but the signature itself and a person's decision."""

from typing import Any

from model_signing import hashing
from model_signing.manifest import Manifest

from pricerange.approval import APPROVAL_FILE
from pricerange.bundle import MODEL_FILE, PASSPORT_FILE, Bundle
from pricerange.signature.claim import SIGNATURE_FILE


class CoveredFiles(hashing.Config):
    """How model-signing hashes a version, and what it has found: the sha256 of each file, by name.

    Nothing else is left out, not even what is Git's, and a symbolic link is an error.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.set_ignored_paths(paths=(APPROVAL_FILE, SIGNATURE_FILE), ignore_git_paths=False)
        self.were_asked_for = False
        self.sha256: dict[str, str] = {}

    def hash(self, model_path: Any, **options: Any) -> Manifest:
        """Hash the files of a folder: before it is signed, and where a signature is found to be the key's."""
        self.were_asked_for = True
        manifest = super().hash(model_path, **options)
        self.sha256 = {file.identifier: file.digest.digest_hex for file in manifest.resource_descriptors()}
        return manifest

    def missing(self) -> str | None:
        """Name a file without which a signature is worth nothing, None where all of them were hashed."""
        return next((name for name in (MODEL_FILE, PASSPORT_FILE) if name not in self.sha256), None)

    def other_than(self, version: Bundle) -> str | None:
        """Name a file that was loaded with other bytes than those that were hashed, None where none was."""
        loaded = {MODEL_FILE: version.passport.model_sha256, PASSPORT_FILE: version.passport_sha256}
        return next((name for name, sha256 in loaded.items() if self.sha256.get(name) != sha256), None)
