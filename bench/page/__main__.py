"""The page in a real browser: `python -m bench.page [--only cold] [--screenshots FOLDER]`.

Its files, how soon it paints and answers on a cold load, a slider that moves 60 times a second, and a table
of a million rows that is dropped. With `--screenshots`, pictures of it instead. Needs Debian's Chromium. A
wrong answer ends the program.
"""

import argparse
from pathlib import Path

from bench.load.live import serving
from bench.page.browser import chromium
from bench.page.cold import cold_loads
from bench.page.screenshots import screenshots
from bench.page.slider import slider
from bench.page.table import table
from bench.page.weights import weights
from bench.show.tables import Target, show_targets

_PARTS = ("weights", "cold", "slider", "table")


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--only", choices=_PARTS, action="append")
    parser.add_argument("--loads", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--screenshots", type=Path)
    asked = parser.parse_args()
    parts = asked.only or _PARTS
    targets = list[Target]()
    with serving(asked.models.resolve(), "--no-access-log") as service, chromium() as browser:
        url = f"{service.url}/"
        if asked.screenshots:
            screenshots(browser, url, asked.screenshots)
            return
        if "weights" in parts:
            targets += weights(url)
        if "cold" in parts:
            targets += cold_loads(browser, url, asked.loads)
        if "slider" in parts:
            targets += slider(browser, url, asked.seconds)
        if "table" in parts:
            targets += table(browser, url, asked.models.resolve(), asked.rows)
    show_targets(targets)


if __name__ == "__main__":
    main()
