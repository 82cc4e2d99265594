"""What the system says of the processes of the service, all of them together, under the usual names."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from service.telemetry.shared_counters import Gauge as Slot
from service.telemetry.shared_counters import SharedCounters

_PROC = Path("/proc")
_LOOKS = 4
"""Times that it is looked again where a process has ended meanwhile."""


class _Process(NamedTuple):
    """A line of /proc/PID/stat (proc(5)): seconds of the processor, of ended children too, and bytes."""

    pid: int
    own_seconds: float
    seconds_of_ended: float
    started: float
    virtual: int
    resident: int

    @classmethod
    def of(cls, pid: int) -> "_Process":
        """Look at a process. Raises `OSError` where there is none."""
        # the name may hold blanks and brackets; what follows it are numbers, from the third field on
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        user, system, of_user, of_system = (int(fields[place]) for place in range(11, 15))
        hertz = os.sysconf("SC_CLK_TCK")
        return cls(
            pid,
            (user + system) / hertz,
            (of_user + of_system) / hertz,
            int(fields[19]) / hertz,
            int(fields[20]),
            int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
        )


class Processes(Collector):
    """Tells of the workers and their parent; nothing where there is no /proc.

    The processor's seconds of workers that have ended are the parent's, as those of its children: none is
    lost, and the counter does not fall.
    """

    def __init__(self, counters: SharedCounters) -> None:
        """Have the others find this process, too."""
        self._counters = counters
        counters.row[Slot.PID] = os.getpid()

    def collect(self) -> Iterator[Metric]:
        """Describe every number for prometheus-client."""
        found = self._settled()
        if not found:
            return
        about = "User and system time of all processes, those that have ended too, in seconds"
        seconds = sum(process.own_seconds + process.seconds_of_ended for process in found)
        yield Counter("process_cpu_seconds", about, seconds)
        about = "Resident memory of all processes; what they share counts for each"
        yield Gauge("process_resident_memory_bytes", about, sum(process.resident for process in found))
        about = "Virtual memory of all processes"
        yield Gauge("process_virtual_memory_bytes", about, sum(process.virtual for process in found))
        about = "When the first process began, in seconds since the epoch"
        started = _booted() + min(process.started for process in found)
        yield Gauge("process_start_time_seconds", about, started)
        of_each = [_descriptors(process.pid) for process in found]
        yield Gauge("process_open_fds", "File descriptors that are open", sum(taken for taken, _ in of_each))
        yield Gauge("process_max_fds", "File descriptors that may be open", sum(most for _, most in of_each))

    def _settled(self) -> list[_Process]:
        """Look twice, and again where one has ended in between: it would count twice, or not at all."""
        found = self._look()
        for _ in range(_LOOKS):
            before, found = found, self._look()
            if [(one.pid, one.seconds_of_ended) for one in before] == [
                (one.pid, one.seconds_of_ended) for one in found
            ]:
                break
        return found

    def _look(self) -> list[_Process]:
        found = []
        for [pid] in self._counters.columns(Slot.PID, 1).tolist():
            try:
                found.append(_Process.of(int(pid)))
            except OSError:  # no worker has the row now
                continue
        return found


def _descriptors(pid: int) -> tuple[int, float]:
    """Return how many a process has open and may open; zeros where it has ended."""
    folder = _PROC / str(pid)
    try:
        limits = (folder / "limits").read_text().splitlines()
        [limit] = [line.split()[3] for line in limits if line.startswith("Max open files")]
        taken = sum(1 for _ in (folder / "fd").iterdir())
        return taken, float(limit.replace("unlimited", "inf"))
    except OSError:
        return 0, 0.0


def _booted() -> float:
    lines = (_PROC / "stat").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("btime "))
