"""What a person asks, what answers it, and how that is told."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np
import numpy.typing as npt
from rich.console import Console

from pricerange.ask import show
from pricerange.ask.show import Document

Rows = npt.NDArray[np.float32]
_PIECE = 500
"""Phones that are answered before the first of them is told: half a second where they are explained."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is told beside a price range: sets of a level, reasons, averages where features are unknown."""

    sets: float | None = None
    explain: bool = False
    unknown: bool = False


class Answerer(Protocol):
    """Answers valid phones float32 [n, 20], NaN where a feature is unknown."""

    def one(self, phone: Rows) -> Document:
        """Answer one phone, float32 [1, 20], and name the version."""

    def many(self, phones: Rows) -> Sequence[Document]:
        """Answer n phones."""


def tell_one(
    phone: Rows, answering: AbstractContextManager[Answerer], console: Console, *, as_json: bool
) -> None:
    """Answer one phone, float32 [1, 20]. Raises what the answerer raises."""
    with answering as answerer:
        answer = answerer.one(phone)
    with _read():
        if as_json:
            console.file.writelines(show.as_json([answer]))
        else:
            show.one(answer, console)


def tell_many(
    blocks: Iterator[Rows], answering: AbstractContextManager[Answerer], console: Console, *, as_json: bool
) -> None:
    """Answer phones, block by block. Raises what the answerer and the blocks raise."""
    with answering as answerer, _read():
        pieces = (block[start : start + _PIECE] for block in blocks for start in range(0, len(block), _PIECE))
        answers = chain.from_iterable(map(answerer.many, pieces))
        if as_json:
            console.file.writelines(show.as_json(answers))
        else:
            show.many(answers, console)


@contextmanager
def _read() -> Iterator[None]:
    """End as a shell has it of a program that SIGPIPE ends, where no one reads the output any more."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # or Python would complain of it once more at the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
