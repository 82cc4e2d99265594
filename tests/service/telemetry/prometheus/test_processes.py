"""What the system says of processes: beside psutil, and with one that ends meanwhile."""

import os
import subprocess
import sys

import psutil
import pytest
from prometheus_client import CollectorRegistry

from service.telemetry.prometheus.processes import Processes
from service.telemetry.shared_counters import Gauge, SharedCounters

BUSY = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ntime.sleep(60)"


def told(processes: Processes) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(processes)
    return {sample.name: sample.value for family in registry.collect() for sample in family.samples}


def test_one_process_tells_what_psutil_does() -> None:
    [counters] = SharedCounters.of(1)
    found, process = told(Processes(counters)), psutil.Process()
    assert found["process_resident_memory_bytes"] == pytest.approx(process.memory_info().rss, rel=0.05)
    assert found["process_virtual_memory_bytes"] == pytest.approx(process.memory_info().vms, rel=0.05)
    assert found["process_start_time_seconds"] == pytest.approx(process.create_time(), abs=1)
    assert found["process_open_fds"] == pytest.approx(process.num_fds(), abs=1)
    assert found["process_max_fds"] == process.rlimit(psutil.RLIMIT_NOFILE)[0]
    times = process.cpu_times()
    both = times.user + times.system + times.children_user + times.children_system
    assert found["process_cpu_seconds_total"] == pytest.approx(both, abs=0.2)


def test_the_processor_time_of_a_worker_that_is_gone_is_not_lost() -> None:
    worker, _, parent = SharedCounters.of(2)
    processes = Processes(parent)
    before = told(processes)
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as busy:
        worker.row[Gauge.PID] = busy.pid
        assert busy.stdout is not None
        busy.stdout.readline()
        running = told(processes)
        busy.kill()
    ended = told(processes)  # its row still names it
    worker.end()
    gone = told(processes)
    name = "process_cpu_seconds_total"
    assert running[name] >= before[name] + 0.25
    assert running[name] <= ended[name] <= gone[name]
    assert running["process_resident_memory_bytes"] > gone["process_resident_memory_bytes"]
    assert running["process_start_time_seconds"] == gone["process_start_time_seconds"]
    assert parent.row[Gauge.PID] == os.getpid()
