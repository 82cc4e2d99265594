"""Where torch computes, and the same bits from it each time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from training.errors import DeviceError


def find_device(name: str) -> torch.device:
    """Return the device `cpu` or `cuda`. Raises `DeviceError` where it is not there."""
    if name == "cuda" and torch.version.cuda is None:
        raise DeviceError(
            name, f"torch {torch.__version__} was built without CUDA; install a build that has it"
        )
    if name == "cuda" and not torch.cuda.is_available():
        raise DeviceError(name, "torch cannot find an NVIDIA GPU, or its driver")
    if name not in ("cpu", "cuda"):
        raise DeviceError(name, "supported devices are cpu and cuda")
    return torch.device(name)


@contextmanager
def reproducible(seed: int, where: torch.device | None = None) -> Iterator[None]:
    """Make torch give the same bits each time, on the CPU if not told otherwise.

    Every random draw goes through torch's default generators, the only ones that dropout and initialisation
    know. They, the number of threads and the choice of algorithms are given back as they were.
    """
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    gpus = [torch.cuda.current_device()] if where is not None and where.type == "cuda" else []
    if gpus:
        # cuBLAS reads it when it starts, and is deterministic only with a workspace of a fixed size
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with torch.random.fork_rng(devices=gpus):
        try:
            # the order of a sum, and so its last bit, depends on the number of threads
            torch.set_num_threads(1)
            torch.use_deterministic_algorithms(True)
            # a guard for operations that read memory before they write it: none here does, and it costs 5 %
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
            torch.manual_seed(seed)
            yield
        finally:
            torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
            torch.use_deterministic_algorithms(deterministic)
            torch.set_num_threads(threads)
