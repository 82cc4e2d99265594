"""Run a command a number of times beside a busy loop on every core: `python tests/hogged.py 3 COMMAND...`.

Ends with the first exit code that is not 0, and prints how long each run took.
"""

import os
import subprocess
import sys
import time


def main(times: int, command: list[str]) -> int:
    busy = [sys.executable, "-c", "while True: pass"]
    hogs = [subprocess.Popen(busy) for _ in range(os.cpu_count() or 1)]
    try:
        for run in range(1, times + 1):
            started = time.monotonic()
            code = subprocess.run(command, check=False).returncode
            print(f"run {run} of {times}: exit code {code}, {time.monotonic() - started:.0f} s", flush=True)
            if code:
                return code
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
