"""Work on a stream of items ahead of who takes the results, on threads, in the order of the items."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

from pricerange.errors import PriceRangeError

In = TypeVar("In")
Out = TypeVar("Out")


def in_order(threads: Executor, work: Callable[[In], Out], items: Iterator[In], most: int) -> Generator[Out]:
    """Yield what the work makes of each item, in order, while it goes on on up to `most` later ones.

    An error of the items comes after what was made of those before it.
    """
    coming: deque[Future[Out]] = deque()
    failure = None
    try:
        while failure is None:
            try:
                coming.append(threads.submit(work, next(items)))
            except StopIteration:
                break
            except PriceRangeError as error:
                failure = error
            if len(coming) > most:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
        if failure:
            raise failure
    finally:
        for future in coming:
            future.cancel()
