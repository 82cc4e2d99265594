"""Memory that processes share. It has no name and stands in no file system.

A container without /dev/shm has it too: it ends with the last process that has it.
"""

import mmap
import os
import sys
import tempfile
import weakref
from multiprocessing.reduction import DupFd
from typing import Any, Self


class SharedMemory:
    """`cells` are the bytes behind a descriptor. Pickled as an argument of a new process, the same there."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)
        self.cells = memoryview(mmap.mmap(descriptor, 0))

    @classmethod
    def zeros(cls, size: int, what: str) -> Self:
        """Return so many bytes; `what` they are is shown where the system lists a process's memory."""
        if sys.platform == "linux":
            descriptor = os.memfd_create(f"pricerange-{what}")
        else:
            with tempfile.TemporaryFile() as file:
                descriptor = os.dup(file.fileno())
        os.truncate(descriptor, size)
        return cls(descriptor)

    def __reduce__(self) -> tuple[Any, ...]:
        return _attached, (DupFd(self.descriptor),)


def _attached(descriptor: Any) -> SharedMemory:
    return SharedMemory(descriptor.detach())
