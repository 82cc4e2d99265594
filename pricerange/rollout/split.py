"""Who answers whom: each phone, or each value of a header, has a fixed place among 2**64 for a version.

A version's share is the places below a limit, so that a larger share keeps all whom a smaller one had, no
matter which worker or replica is asked. The version's number is the salt: who gets one canary is not who gets
the next.
"""

import hashlib
import math

import numpy as np
import numpy.typing as npt

from pricerange.row_digests import row_digests

PLACES = 2**64
_BYTES = 8


def limit(share: float) -> int:
    """Return how many of the places a share of 0 to 1 has, exactly: those below."""
    return math.ceil(share * PLACES)


def points(rows: npt.NDArray[np.float32], version: int) -> npt.NDArray[np.uint64]:
    """Return the places of phones float32 [n, 20] for a version, uint64 [n]."""
    return np.frombuffer(row_digests(rows, _BYTES, _salt(version)), "<u8")


def in_share(rows: npt.NDArray[np.float32], version: int, share: float) -> npt.NDArray[np.bool_]:
    """Say which phones float32 [n, 20] are in a version's share, bool [n]."""
    if not (below := limit(share)):
        return np.zeros(len(rows), np.bool_)
    return points(rows, version) <= np.uint64(below - 1)


def text_in_share(value: bytes, version: int, share: float) -> bool:
    """Say whether those who send a value of a header are in a version's share."""
    digest = hashlib.blake2b(value, digest_size=_BYTES, salt=_salt(version)).digest()
    return int.from_bytes(digest, "little") < limit(share)


def _salt(version: int) -> bytes:
    return version.to_bytes(hashlib.blake2b.SALT_SIZE, "little")
