"""Build an image that says where it comes from: `make image`, `make image TAG=pricerange-train TARGET=train`.

Variables: those of containers_check.py that name an engine; BASE, another base than the Dockerfile's, by name
or by digest; SOURCE, the address of the repository, if git does not know it.
"""

import os
import sys

from engine import Engine
from report import CheckError


def main() -> int:
    """Build it, and print what it says."""
    engine = Engine()
    tag, target = os.environ.get("TAG") or "pricerange", os.environ.get("TARGET") or "service"
    try:
        engine.build("--tag", tag, "--target", target)
    except CheckError as error:
        print(error, file=sys.stderr)
        return 1
    for name, value in sorted(engine.labels(tag).items()):
        print(f"{name}={value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
