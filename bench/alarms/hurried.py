"""The alert rules, in a world where an hour lasts a minute."""

import re
from pathlib import Path

TIMES_AS_FAST = 60
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"(?P<before>\[|\bfor: |\boffset )(?P<count>\d+)(?P<unit>[smhd])\b")


def hurried(rules: str) -> str:
    """Shorten the windows, the waits and the offsets of a file of rules; what series are called stays."""

    def shorter(found: re.Match[str]) -> str:
        seconds = int(found["count"]) * _SECONDS[found["unit"]] // TIMES_AS_FAST
        return f"{found['before']}{max(seconds, 1)}s"

    return _DURATION.sub(shorter, rules)


def write(source: Path, target: Path) -> None:
    """Write all files of rules in a folder, shortened, into another one."""
    target.mkdir()
    for path in source.glob("*.yml"):
        (target / path.name).write_text(hurried(path.read_text()))
