"""A line for each check, and what checks ask with: HTTP, patience, programs."""

import json
import shlex
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

ROOT = Path(__file__).parent.parent


class CheckError(Exception):
    """What was looked for is not so."""


class Report:
    """Prints a line for each check and counts the failures."""

    def __init__(self) -> None:
        self.failures = 0

    @contextmanager
    def check(self, words: str, vital: bool = False) -> Iterator[Callable[[str], None]]:
        """Report the block under it; what it notes follows the words. After a `vital` failure all ends."""
        notes: list[str] = []
        try:
            yield notes.append
        except (CheckError, OSError, ValueError, LookupError) as error:
            self.failures += 1
            print(f"FAIL  {words}: {error}", flush=True)
            if vital:
                sys.exit(1)
        else:
            print(f"ok    {': '.join([words, *notes])}", flush=True)

    def end(self) -> int:
        """Print the sum of it and return the exit code."""
        print(f"{self.failures} failed" if self.failures else "all well")
        return 1 if self.failures else 0


def expect(so: bool, found: str) -> None:
    """Fail unless it is so."""
    if not so:
        raise CheckError(found)


def eventually(
    seconds: float, look: Callable[[], object], last_words: Callable[[], str] = lambda: ""
) -> None:
    """Look until it is true; what went wrong on the way is told at the end."""
    deadline = monotonic() + seconds
    last: object = "not so"
    while monotonic() < deadline:
        try:
            if look():
                return
        except (OSError, LookupError) as error:
            last = error
        sleep(0.05)
    raise CheckError(f"not within {seconds:.0f} s: {last}{last_words()}")


def get(url: str) -> Any:
    """GET a JSON document."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def post(url: str, body: object) -> Any:
    """POST JSON and return the JSON answer."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def run(command: list[str], environment: Mapping[str, str] | None = None, given: str | None = None) -> str:
    """Run a program in the repository and return what it prints; fail with its last words."""
    done = subprocess.run(
        command, cwd=ROOT, env=environment, input=given, capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = f"`{shlex.join(command)[:200]}` ended with {done.returncode}"
        raise CheckError(words + indented(done.stderr or done.stdout))
    return done.stdout


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def indented(text: str) -> str:
    """Set the last lines of a program's words under ours."""
    return "".join(f"\n      {line}" for line in text.strip().splitlines()[-12:])
