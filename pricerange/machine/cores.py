"""How many processor cores this process may use, which in a container is fewer than the machine has."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def usable_cores(root: Path = Path("/")) -> int:
    """Return the whole cores that the CPU affinity and the control groups' quota both allow, at least 1.

    A quota of 2.5 cores counts as 2: a third busy thread would stall all of them in every period. `root` is
    where `/proc` and `/sys` lie.
    """
    quotas = [limit for limit in _quotas(root) if limit > 0]
    return max(1, int(min([len(os.sched_getaffinity(0)), *quotas])))


def _quotas(root: Path) -> Iterator[float]:
    """Yield the cores that this process's control groups and all above them allow, -1 for no limit."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        # hierarchy:controllers:path, with 0 and no controllers for version 2
        _, controllers, group = line.split(":", 2)
        if not controllers:
            for folder in _upwards(root / "sys/fs/cgroup", group):
                yield _ratio(*_words(folder / "cpu.max"))
        elif "cpu" in controllers.split(","):
            for folder in _upwards(root / "sys/fs/cgroup" / controllers, group):
                yield _ratio(*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us"))


def _upwards(mount: Path, group: str) -> Iterator[Path]:
    """Yield a group's folder and those above it, up to the mount.

    A container often sees its own group as the mount, and in the path a name that only the host knows.
    """
    inside = PurePosixPath(group).relative_to("/")
    for part in (inside, *inside.parents):
        yield mount / part


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _ratio(quota: str = "max", period: str = "100000") -> float:
    return -1 if quota == "max" else int(quota) / int(period)
