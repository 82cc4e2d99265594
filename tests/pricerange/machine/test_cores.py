import os
from pathlib import Path

import pytest

from pricerange.machine.cores import usable_cores

AFFINITY = {0, 1, 2, 3, 4, 5, 6, 7}


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: AFFINITY)


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V1_FOLDER = "sys/fs/cgroup/cpu,cpuacct"


V2 = {"proc/self/cgroup": "0::/\n"}


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        pytest.param({}, 8, id="no control groups"),
        pytest.param(V2, 8, id="version 2, no quota file"),
        pytest.param(
            V2 | {"sys/fs/cgroup/cpu.max": "max 100000\n"},
            8,
            id="version 2, no limit",
        ),
        pytest.param(
            V2 | {"sys/fs/cgroup/cpu.max": "200000 100000\n"},
            2,
            id="version 2, 2 cores",
        ),
        pytest.param(
            V2 | {"sys/fs/cgroup/cpu.max": "250000 100000\n"},
            2,
            id="a fraction is rounded down",
        ),
        pytest.param(
            V2 | {"sys/fs/cgroup/cpu.max": "50000 100000\n"},
            1,
            id="half a core is one",
        ),
        pytest.param(
            V2 | {"sys/fs/cgroup/cpu.max": "1600000 100000\n"},
            8,
            id="a quota above the affinity",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/jobs/nightly\n",
                "sys/fs/cgroup/jobs/nightly/cpu.max": "max 100000\n",
                "sys/fs/cgroup/jobs/cpu.max": "300000 100000\n",
            },
            3,
            id="the limit of a group above",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "5:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n",
                f"{V1_FOLDER}/docker/1f/cpu.cfs_quota_us": "400000\n",
                f"{V1_FOLDER}/docker/1f/cpu.cfs_period_us": "100000\n",
            },
            4,
            id="version 1",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/docker/1f\n",
                f"{V1_FOLDER}/cpu.cfs_quota_us": "50000\n",
                f"{V1_FOLDER}/cpu.cfs_period_us": "10000\n",
            },
            5,
            id="version 1, seen from inside a container",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/\n",
                f"{V1_FOLDER}/cpu.cfs_quota_us": "-1\n",
                f"{V1_FOLDER}/cpu.cfs_period_us": "100000\n",
            },
            8,
            id="version 1, no limit",
        ),
    ],
)
def test_usable_cores_are_what_affinity_and_quota_both_allow(tmp_path, files, cores):
    assert usable_cores(machine(tmp_path, files)) == cores


def test_usable_cores_of_this_machine_are_at_least_one():
    assert usable_cores() >= 1
