"""What a signature says of itself, which is to be verified: who has signed, and which files."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pricerange import regular_file
from pricerange.errors import (
    MissingFileError,
    UnreadableFileError,
    UnsignedVersionError,
    WrongSignatureError,
)

SIGNATURE_FILE = "model.sig"
_MOST_BYTES = 1 << 20
"""Of a signature, which lists the files of a version."""
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """The fingerprint of the key that a signature says it is by, and all that it says."""

    fingerprint: str
    fields: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Claim":
        """Read a signature, a Sigstore bundle. Raises `UnsignedVersionError` or `WrongSignatureError`."""
        try:
            content, size = regular_file.read(path, _MOST_BYTES)
        except MissingFileError as error:
            raise UnsignedVersionError(path.parent) from error
        except UnreadableFileError as error:
            raise WrongSignatureError(path, error.reason) from error
        if size > _MOST_BYTES:
            raise WrongSignatureError(path, f"expected at most {_MOST_BYTES} bytes, found {size}")
        try:
            fields = json.loads(content)
            return cls(str(fields["verificationMaterial"]["publicKey"]["hint"]), fields)
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise WrongSignatureError(path, "it does not say by which key it was made") from error

    def other_than(self, found: Mapping[str, str]) -> str:
        """Say in words which files are not those that were signed; empty where that cannot be told.

        `found` has the sha256 of each file by its name, or nothing where they could not be hashed.
        """
        try:
            payload = json.loads(base64.b64decode(self.fields["dsseEnvelope"]["payload"]))
            signed = {str(file["name"]): str(file["digest"]) for file in payload["predicate"]["resources"]}
        except (ValueError, LookupError, TypeError, RecursionError):
            return ""
        if not found:
            return ""
        kinds = {
            "added": sorted(found.keys() - signed.keys()),
            "missing": sorted(signed.keys() - found.keys()),
            "changed": sorted(name for name in found.keys() & signed.keys() if found[name] != signed[name]),
        }
        return "; ".join(f"{kind} {_listed(names)}" for kind, names in kinds.items() if names)


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
