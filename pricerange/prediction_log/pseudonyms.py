"""What stands in the prediction log for a value that nobody shall read: its hash under a secret key.

A hash without a key would hide nothing: all values that a feature may have are hashed in a second.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pricerange.errors import SettingsError

if TYPE_CHECKING:
    import pyarrow as pa

LEAST_KEY_BYTES = 16
_DIGEST_BYTES = 16
_MARK = b"pricerange.key"
"""Metadata of a column that is hashed: by which key."""


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Hashes under one key: keyed BLAKE2b (RFC 7693) of a column's name and a value's text, 128 bits."""

    key: bytes

    @classmethod
    def read(cls, path: Path, setting: str) -> Self:
        """Take the key from a file that a setting names, blanks around it aside. Raises `SettingsError`."""
        try:
            content = path.read_bytes().strip()
        except OSError as error:
            raise SettingsError(setting, "a file with a key", f"{path}: {error.strerror}") from error
        if len(content) < LEAST_KEY_BYTES:
            expected = f"a key of at least {LEAST_KEY_BYTES} bytes in {path}"
            raise SettingsError(setting, expected, f"{len(content)} bytes")
        return cls(hashlib.blake2b(content, digest_size=32, person=b"key").digest())

    @property
    def fingerprint(self) -> str:
        """What tells this key from another, and does not tell the key."""
        return hashlib.blake2b(key=self.key, digest_size=4, person=b"fingerprint").hexdigest()

    @property
    def metadata(self) -> dict[bytes, bytes]:
        """What a field of Arrow says of a column that is hashed."""
        return {_MARK: self.fingerprint.encode()}

    def of(self, name: str, column: "pa.Array") -> "pa.Array":
        """Hash a column of this name: text in hexadecimal, null where there is no value."""
        import pyarrow as pa

        begun = hashlib.blake2b(name.encode() + b"\0", key=self.key, digest_size=_DIGEST_BYTES)

        def hashed(text: str) -> str:
            digest = begun.copy()
            digest.update(text.encode())
            return digest.hexdigest()

        # each value once: features repeat, and whoever hashes keeps the interpreter from the event loop
        coded = column.cast(pa.string()).dictionary_encode()
        return pa.array(map(hashed, coded.dictionary.to_pylist()), pa.string()).take(coded.indices)


def fingerprint_of(metadata: Mapping[bytes, bytes] | None) -> str | None:
    """Return by which key a column of a file is hashed, None where it is not; given its field's metadata."""
    mark = (metadata or {}).get(_MARK)
    return None if mark is None else mark.decode(errors="replace")
