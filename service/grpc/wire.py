"""Protobuf's wire format, where to write it costs less than to build a message (protobuf.dev, Encoding)."""

LENGTH_DELIMITED = 2


def field(number: int, content: bytes) -> bytes:
    """Write a field of bytes, a text or a message, in a message; its number is below 16."""
    return b"%c%b%b" % (number << 3 | LENGTH_DELIMITED, varint(len(content)), content)


def varint(number: int) -> bytes:
    """Write a number from 0 on, 7 bits a byte, the lowest first."""
    if number < 128:
        return b"%c" % number
    parts = bytearray()
    while number >= 128:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)
