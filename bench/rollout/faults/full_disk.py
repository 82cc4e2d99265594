"""A disk that is full: the canary goes on, the reason is told, and what was missed is kept later.

The disk is a tmpfs with the model repository, the file and the state on it; to mount it needs permission.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import uvloop

from bench.load.live import serving
from bench.rollout.crowd import HEAD, under_load
from bench.rollout.faults.scene import CONNECTIONS, FLAGS, Scene
from bench.rollout.repository import copy, status, until, want
from bench.show.tables import Target, show
from pricerange.bundle import MODEL_NAME
from pricerange.rollout.document import ROLLOUT_FILE

_BYTES = 8 << 20
_STEPS = [10, 20, 50, 100]


def measure(scene: Scene) -> list[Target]:
    """Print what was told, and return what is wanted."""
    known, told = scene.known(), dict[str, dict[str, Any]]()
    with _disk() as disk:
        models, ballast = disk / "models", disk / "ballast"
        for version in (scene.stable, scene.other):
            copy(scene.models, version, models, version)
        path = models / MODEL_NAME / ROLLOUT_FILE
        content = f"stable = {scene.stable}\n[canary]\nversion = {scene.other}\nsteps = {_STEPS}\npause = 3\n"
        want(models, content)
        with serving(models, *FLAGS) as running:

            async def fill() -> None:
                told["room"] = await status(running.url)
                _fill(ballast)
                told["full"] = await until(running.url, lambda told: told["canary"]["step"] == 2)
                told["full, later"] = await until(running.url, _is_over)
                ballast.unlink()
                told["room again"] = await until(running.url, lambda told: told["state_kept"])

            seen = uvloop.run(under_load(running.url, known, CONNECTIONS, fill()))
        _fill(ballast)
        ended = _set(models)
        unchanged = path.read_text() == content
        ballast.unlink()
        with serving(models, *FLAGS) as running:
            told["after a restart"] = uvloop.run(status(running.url))
    show(
        "A disk with the versions, the file and the state on it.",
        ("the disk has", "step", "weight", "status", "state kept"),
        [(name, *(str(each) for each in _standing(one))) for name, one in told.items()],
    )
    show("Clients meanwhile.", ("connections", *HEAD), [(str(CONNECTIONS), *seen.row())])
    print(f"\nOn the full disk: {told['full']['state_problem']}".replace(str(disk), ""))
    print(f"`rollout set` there: exit code {ended.returncode}, {ended.stderr.strip()}".replace(str(disk), ""))
    refused = ended.returncode != 0 and "No space left" in ended.stderr and unchanged
    return [
        Target("full disk: lost or wrong answers", len(seen.lost + seen.wrong), most=0),
        Target("full disk: told while nothing can be kept", not told["full"]["state_kept"], least=1),
        Target("full disk: `rollout set` refused, the file as it was", refused, least=1),
        Target("full disk: canary after a restart as before", _same(told), least=1),
    ]


def _standing(told: dict[str, Any]) -> tuple[object, ...]:
    canary = told["canary"]
    return canary["step"], canary["weight"], canary["status"], told["state_kept"]


def _same(told: dict[str, dict[str, Any]]) -> bool:
    return _standing(told["room again"]) == _standing(told["after a restart"])


def _is_over(told: dict[str, Any]) -> bool:
    return bool(told["canary"]["status"] == "successful")


def _fill(ballast: Path) -> None:
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 16)):
            pass


def _set(models: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("pricerange")
    command = [program, "rollout", "set", "--weight", "30", "--models", models]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@contextmanager
def _disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-rollout-disk-") as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_BYTES}", "tmpfs", place], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", place], check=True)
