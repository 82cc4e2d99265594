"""A process's memory over time, and whether it grows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from bench.startup import pss


def peak(pid: int) -> int:
    """Return the most bytes that a process has had in memory, 0 where it has ended.

    What the system says of resources counts a process from before it became a program of its own: it is never
    less than what its parent had.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return 1024 * int(found[1]) if found else 0


class Sample(NamedTuple):
    """Memory of a process and its children in MB, `seconds` after the start."""

    seconds: float
    rss: float
    pss: float

    @classmethod
    def of(cls, process: psutil.Process, seconds: float) -> "Sample":
        """Look now."""
        family = [process, *process.children(recursive=True)]
        rss = sum(member.memory_info().rss for member in family) / 1e6
        return cls(seconds, rss, sum(pss(member.pid) for member in family))


@dataclass(frozen=True, slots=True)
class Slope:
    """MB an hour of a straight line through samples, and its standard error."""

    mb_an_hour: float
    error: float

    @property
    def is_noise(self) -> bool:
        """Whether no growth is as likely as any: at most two standard errors above 0."""
        return self.mb_an_hour <= 2 * self.error

    def __str__(self) -> str:
        verdict = "within noise" if self.is_noise else "GROWS"
        return f"{self.mb_an_hour:+.2f} ± {self.error:.2f} MB an hour: {verdict}"


def slope_of(samples: Sequence[Sample]) -> Slope:
    """Fit the PSS by least squares.

    What memory is now it mostly is a second later, so samples say less than their number: the error is
    that of n (1 - r) / (1 + r) independent ones, r the correlation of neighbouring residuals (Santer et al.
    2000, doi:10.1029/1999JD901105).
    """
    hours = np.array([sample.seconds for sample in samples]) / 3600
    megabytes = np.array([sample.pss for sample in samples])
    centred = hours - hours.mean()
    slope = float(centred @ megabytes / (centred @ centred))
    residuals = megabytes - megabytes.mean() - slope * centred
    squares = float(residuals @ residuals)
    r = float(residuals[1:] @ residuals[:-1]) / squares if squares else 0.0
    independent = max(len(samples) * (1 - max(r, 0)) / (1 + max(r, 0)), 3.0)
    return Slope(slope, float(np.sqrt(squares / (independent - 2) / (centred @ centred))))
