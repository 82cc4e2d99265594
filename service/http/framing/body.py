"""The body of a request as it arrives: as many bytes as its head says, or chunks until the last one."""

from service.http.framing.chunked import ChunkedDecoder


class BodyReader:
    """Takes from the bytes of a connection what belongs to one body."""

    __slots__ = ("_chunks", "_left", "done")

    def __init__(self, length: int | None) -> None:
        """Read `length` bytes, chunks where it is None."""
        self._left = length or 0
        self._chunks = ChunkedDecoder() if length is None else None
        self.done = length == 0

    @property
    def left(self) -> int | None:
        """How many bytes are still to come, None where nobody knows."""
        return self._left if self._chunks is None else None

    def feed(self, data: bytes, at: int) -> tuple[bytes, int]:
        """Take bytes from a place on; return the content in them, and the place up to which they were taken.

        Raises `MalformedRequestError`.
        """
        if self._chunks is not None:
            content, at = self._chunks.feed(data, at)
            self.done = self._chunks.done
            return content, at
        content = data[at : at + self._left]
        self._left -= len(content)
        self.done = not self._left
        return content, at + len(content)
