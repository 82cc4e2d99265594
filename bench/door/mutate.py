"""Valid bytes made invalid: a few random changes each, the same for the same seed."""

import re
import struct
from collections.abc import Callable
from random import Random

NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"2147483648",
    b"4294967296",
    b"9223372036854775807",
    b"1e999",
    b"-1e999",
    b"NaN",
)
"""What is written in place of a number in text: where integers and floats end."""
WORDS = (0, 1, -1, 2**31 - 1, -(2**31), 2**32, 2**63 - 1, -(2**63))
"""What is written over aligned binary words."""
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?")
_TOKEN = re.compile(rb"[A-Za-z0-9_-]{3,}")
_MOST_BYTES = 1 << 20

Change = Callable[[bytes, bytes, Random], bytes]
"""Bytes, other valid bytes and chance in; changed bytes out."""


def flip(data: bytes, _: bytes, random: Random) -> bytes:
    """Flip one bit."""
    place = random.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]


def insert(data: bytes, _: bytes, random: Random) -> bytes:
    """Put some random bytes, or one that means something, anywhere."""
    place = random.randrange(len(data) + 1)
    new = random.choice(
        [random.randbytes(random.randint(1, 8)), b"\r\n", b"\0", b":", b" ", b"\n", b",", b"["]
    )
    return data[:place] + new + data[place:]


def delete(data: bytes, _: bytes, random: Random) -> bytes:
    """Take some bytes out."""
    place = random.randrange(len(data))
    return data[:place] + data[place + random.randint(1, 8) :]


def duplicate(data: bytes, _: bytes, random: Random) -> bytes:
    """Write some bytes twice."""
    place = random.randrange(len(data))
    piece = data[place : place + random.randint(1, 64)]
    return data[:place] + piece + data[place:]


def truncate(data: bytes, _: bytes, random: Random) -> bytes:
    """Leave out the end."""
    return data[: random.randrange(len(data)) + 1]


def splice(data: bytes, other: bytes, random: Random) -> bytes:
    """Go on as other bytes go on."""
    return data[: random.randrange(len(data)) + 1] + other[random.randrange(len(other)) :]


def swap_lines(data: bytes, _: bytes, random: Random) -> bytes:
    """Let two lines change places, the first one among them."""
    lines = data.split(b"\r\n")
    one, another = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[another] = lines[another], lines[one]
    return b"\r\n".join(lines)


def other_number(data: bytes, _: bytes, random: Random) -> bytes:
    """Write an interesting number over one in text."""
    found = list(_NUMBER.finditer(data))
    if not found:
        return insert(data, b"", random)
    number = random.choice(found)
    return data[: number.start()] + random.choice(NUMBERS) + data[number.end() :]


def other_word(data: bytes, _: bytes, random: Random) -> bytes:
    """Write an interesting number over an aligned binary word."""
    form, size = random.choice([("<i", 4), ("<q", 8)])
    place = random.randrange(len(data) // 4 + 1) * 4
    word = struct.pack("<q", random.choice(WORDS))[: struct.calcsize(form)]
    return data[:place] + word + data[place + size :]


def overlong(data: bytes, _: bytes, random: Random) -> bytes:
    """Write a token hundreds or tens of thousands of times."""
    found = list(_TOKEN.finditer(data))
    if not found:
        return duplicate(data, b"", random)
    token = random.choice(found)
    return data[: token.start()] + token[0] * random.choice([10, 300, 10_000]) + data[token.end() :]


CHANGES: tuple[Change, ...] = (
    flip,
    insert,
    delete,
    duplicate,
    truncate,
    splice,
    swap_lines,
    other_number,
    other_word,
    overlong,
)


def mutated(seeds: list[bytes], random: Random) -> bytes:
    """Take one of some valid bytes and change it in one to three ways."""
    data = random.choice(seeds)
    for _ in range(random.choice([1, 1, 2, 3])):
        data = random.choice(CHANGES)(data or b"\0", random.choice(seeds), random)[:_MOST_BYTES]
    return data


def fragments(data: bytes, random: Random) -> list[bytes]:
    """Cut bytes into one to five pieces, as a network might."""
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.choice([0, 0, 1, 2, 4])))
    pieces = [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return [piece for piece in pieces if piece]
