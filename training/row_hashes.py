"""Short hashes of phones: by them a version knows the rows that it has seen, in whichever file they lie."""

import base64
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pricerange.bundle import Passport
from pricerange.row_digests import row_digests

_BYTES = 6
"""Of a hash, 8 characters as base64. Where a million rows are compared with a million others, the chance that
any two are mistaken for the same is below one in a hundred."""

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Seen:
    """Which of n phones a version was fitted to, and which stopped and calibrated it, bool [n] each."""

    learned: npt.NDArray[np.bool_]
    tuned: npt.NDArray[np.bool_]

    @property
    def new(self) -> npt.NDArray[np.bool_]:
        """Which it has seen in neither way, bool [n]."""
        return ~(self.learned | self.tuned)


def seen(passport: Passport, features: npt.NDArray[np.float32]) -> Seen | None:
    """Say which phones float32 [n, 20] a version has seen; None where it does not keep that."""
    kept = passport.seen_rows
    if kept is None:
        return None
    asked = row_hashes(features)
    return Seen(*(np.isin(asked, of_text(each)) for each in (kept.training, kept.validation)))


def row_hashes(features: npt.NDArray[np.float32]) -> Hashes:
    """Hash n phones float32 [n, 20], their labels left out: uint64 [n] below 2**48.

    Rows of equal numbers have equal hashes.
    """
    return _numbers(row_digests(features, _BYTES))


def as_text(hashes: Hashes) -> str:
    """Write them as base64, sorted, so that they say nothing of the order of the rows."""
    digits = np.sort(hashes).astype(">u8").view(np.uint8).reshape(-1, 8)
    return base64.b64encode(digits[:, -_BYTES:].tobytes()).decode()


def of_text(text: str) -> Hashes:
    """Read what `as_text` has written."""
    return _numbers(base64.b64decode(text))


def _numbers(digests: bytes) -> Hashes:
    digits = np.frombuffer(digests, np.uint8).reshape(-1, _BYTES)
    padded = np.zeros((len(digits), 8), np.uint8)
    padded[:, -_BYTES:] = digits
    return padded.view(">u8")[:, 0].astype(np.uint64)
