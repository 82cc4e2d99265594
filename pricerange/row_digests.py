"""One hash of a phone for all who need one: rows of equal numbers have the same, on every machine."""

import hashlib

import numpy as np
import numpy.typing as npt

_ZERO = np.float32(0)
_LITTLE_ENDIAN = np.dtype("<f4")


def row_digests(features: npt.NDArray[np.float32], size: int, salt: bytes = b"") -> bytes:
    """Return the BLAKE2b digests of n phones float32 [n, 20], `size` bytes each, one after the other.

    -0 is 0, and the bytes that are hashed are little-endian. Of another salt, at most 16 bytes, all digests
    are others.
    """
    rows = (features + _ZERO).astype(_LITTLE_ENDIAN, copy=False).tobytes()
    width = features.shape[1] * _LITTLE_ENDIAN.itemsize
    blake2b = hashlib.blake2b
    return b"".join(
        [
            blake2b(rows[start : start + width], digest_size=size, salt=salt).digest()
            for start in range(0, len(rows), width)
        ]
    )
