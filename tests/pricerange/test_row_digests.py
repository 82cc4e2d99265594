"""One hash of a phone: by its numbers and a salt alone."""

import hashlib

import numpy as np

from pricerange import synthetic
from pricerange.row_digests import row_digests

ROWS = synthetic.phones(50)[0].astype(np.float32)


def test_it_is_blake2b_of_the_little_endian_bytes() -> None:
    expected = [hashlib.blake2b(row.astype("<f4").tobytes(), digest_size=8, salt=b"4") for row in ROWS]
    assert row_digests(ROWS, 8, b"4") == b"".join(each.digest() for each in expected)
    assert row_digests(ROWS[:0], 8) == b""


def test_of_another_salt_all_are_others() -> None:
    with_salt, without = (row_digests(ROWS, 6, salt) for salt in (b"4", b""))
    pairs = zip(*(np.frombuffer(each, "V6").tolist() for each in (with_salt, without)), strict=True)
    assert all(one != other for one, other in pairs)


def test_zeros_of_both_signs_are_the_same() -> None:
    assert row_digests(np.zeros((1, 20), np.float32), 8) == row_digests(-np.zeros((1, 20), np.float32), 8)
