"""The first bytes of a body, which tell whether it is of another form than its request says."""

from collections.abc import AsyncIterator

from pricerange import foreign
from pricerange.phone import Problem
from service.batch.document import ARROW
from service.errors import InvalidInputError


async def recognised(received: AsyncIterator[bytes], form: str) -> AsyncIterator[bytes]:
    """Yield the parts of a body, unless its first bytes are those of another form: `InvalidInputError`."""
    begin: bytes | None = b""
    async for part in received:
        if begin is None:
            yield part
            continue
        begin += part
        if len(begin) >= foreign.BEGIN_BYTES:
            _recognise(begin, form)
            yield begin
            begin = None
    if begin:
        _recognise(begin, form)
        yield begin


def _recognise(begin: bytes, form: str) -> None:
    found = foreign.named(begin)
    if found is not None and not (form == ARROW and begin.startswith(b"\xff")):
        detail = f"the body is not {form}, but {found.what}: {found.body}"
        raise InvalidInputError([Problem(detail, "")], 1)
