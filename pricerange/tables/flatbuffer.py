"""FlatBuffers, as far as it takes to tell how large a message of Arrow's is, before it is read."""

import struct
from collections.abc import Iterator


class Table:
    """A table, its fields found by their number. Raises `struct.error` for what lies outside the bytes."""

    def __init__(self, content: bytes | bytearray, place: int) -> None:
        self._content = content
        self._place = place

    @classmethod
    def root(cls, content: bytes | bytearray, begin: int = 0) -> "Table":
        """Return the table that a FlatBuffer is, which begins at that byte."""
        return cls(content, begin)._at(begin)

    def has(self, field: int) -> bool:
        """Return whether a field is there."""
        return self._field(field) > 0

    def number(self, form: str, field: int) -> int:
        """Return a scalar, 0 where it is left out."""
        place = self._field(field)
        return self._read(form, place) if place else 0

    def table(self, field: int) -> "Table":
        """Return the table that a field holds."""
        return self._at(self._field(field))

    def structs(self, form: str, field: int) -> Iterator[tuple[int, ...]]:
        """Yield a vector of structs, each of a form such as `qq`, two int64."""
        place = self._field(field)
        if place:
            place += self._read("I", place)
            count, size = self._read("I", place), struct.calcsize(f"<{form}")
            yield from struct.iter_unpack(
                f"<{form}", bytes(self._content[place + 4 : place + 4 + size * count])
            )

    def _at(self, place: int) -> "Table":
        return Table(self._content, place + self._read("I", place))

    def _field(self, field: int) -> int:
        directory = self._place - self._read("i", self._place)
        if 4 + 2 * field >= self._read("H", directory):
            return 0
        offset = self._read("H", directory + 4 + 2 * field)
        return self._place + offset if offset else 0

    def _read(self, form: str, place: int) -> int:
        if place < 0:
            raise struct.error
        (number,) = struct.unpack_from(f"<{form}", self._content, place)
        return int(number)
