"""A model repository of 50 versions: what it costs to look at it, idle and when asked."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from statistics import median

import httpx
import psutil

from bench.load.live import Running, serving
from bench.rollout.faults.scene import LOOK_SECONDS, Scene
from bench.rollout.repository import copied, copy
from bench.show.tables import Target, show
from service.rollout.desired import Desired
from service.settings import Settings

VERSIONS = 50
IDLE_SECONDS = 20.0
_TIMES = 20
_NOTHING = "nothing (--model-version)"
_NEWEST = "the newest promotable version"


def measure(scene: Scene) -> list[Target]:
    """Print the table and return what is wanted."""
    with copied(scene.models, [scene.stable]) as models:
        numbers = [number for number in range(1, VERSIONS + 1) if number != scene.stable]
        for number in numbers:
            copy(scene.models, scene.other, models, number)
        stable, all_of_it = (models.parent / name for name in ("stable.toml", "all.toml"))
        stable.write_text(f"stable = {scene.stable}\n")
        all_of_it.write_text(
            f"stable = {scene.stable}\n[canary]\nversion = {VERSIONS}\nweight = 10\n"
            f"[[shadow]]\nversion = {VERSIONS - 1}\nshare = 0.1\n[analysis]\n"
        )
        cases = {
            _NOTHING: Settings(models=models, model_version=scene.stable),
            _NEWEST: Settings(models=models),
            "a file: stable": Settings(models=models, rollout=stable),
            "a file: stable, canary, shadow": Settings(models=models, rollout=all_of_it),
        }
        looks = {name: _milliseconds(Desired(settings).look) for name, settings in cases.items()}
        with ExitStack() as stack:
            servers = {
                name: stack.enter_context(serving(models, *_flags(settings)))
                for name, settings in cases.items()
            }
            answers = {name: _answers(server) for name, server in servers.items()}
            cpu = _cpu_idle(servers)
    show(
        f"{VERSIONS} versions, one worker. CPU while nobody asks, of {IDLE_SECONDS:g} s, a look every "
        f"{LOOK_SECONDS:g} s.",
        ("looks for", "look ms", "CPU ms/s", "GET /rollout ms", "index ms", "/metrics ms"),
        [(name, *(f"{number:.2f}" for number in (looks[name], cpu[name], *answers[name]))) for name in cases],
    )
    return [
        Target(f"a look at {VERSIONS} versions, at most", max(looks.values()), most=20, unit=" ms"),
        Target("CPU a second for the looks", max(cpu.values()) - cpu[_NOTHING], most=10, unit=" ms"),
    ]


def _flags(settings: Settings) -> tuple[str, ...]:
    flags = ("--no-access-log", "--drain-delay", "0", "--rollout-interval", str(LOOK_SECONDS))
    if settings.model_version is not None:
        return (*flags, "--model-version", str(settings.model_version))
    return flags if settings.rollout is None else (*flags, "--rollout", str(settings.rollout))


def _milliseconds(call: Callable[[], object]) -> float:
    """Return what a call takes, the median of some; the first one, which reads most, is not among them."""
    call()
    took = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return 1e3 * median(took)


def _answers(server: Running) -> tuple[float, ...]:
    with httpx.Client(base_url=server.url) as client:
        return tuple(
            _milliseconds(partial(client.request, method, path))
            for method, path in (("GET", "/rollout"), ("POST", "/v2/repository/index"), ("GET", "/metrics"))
        )


def _cpu_idle(servers: Mapping[str, Running]) -> dict[str, float]:
    """Return milliseconds of CPU a second of servers that nobody asks, all in the same seconds."""
    processes = {name: psutil.Process(server.process.pid) for name, server in servers.items()}
    before = {name: _cpu_seconds(process) for name, process in processes.items()}
    time.sleep(IDLE_SECONDS)
    return {
        name: 1e3 * (_cpu_seconds(process) - before[name]) / IDLE_SECONDS
        for name, process in processes.items()
    }


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
